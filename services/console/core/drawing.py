"""Pictures of numbers and places, as the texts that SVG takes."""

from collections.abc import Iterable, Sequence

MAP_DEGREES = 1.5
"""Side of the squares that land is drawn in."""


def polyline(values: Sequence[float | None], width: float, height: float) -> list[str]:
    """The points of a line for each stretch of known values, the first at the left edge, the last at the right; from 0
    at the bottom to the greatest at the top."""
    top = max((value for value in values if value is not None), default=0) or 1
    step = width / max(len(values) - 1, 1)
    stretches: list[list[str]] = [[]]
    for n, value in enumerate(values):
        if value is None:
            stretches.append([])
        else:
            stretches[-1].append(f"{n * step:.1f},{height - height * value / top:.1f}")
    return [" ".join(points if len(points) > 1 else points * 2) for points in stretches if points]


def squares(places: Iterable[tuple[float, float]]) -> str:
    """The squares that hold any of the places (degrees of latitude and longitude), as one SVG path in degrees: east to
    the right, north up."""
    found = {(round(lat / MAP_DEGREES), round(lon / MAP_DEGREES)) for lat, lon in places}
    side = MAP_DEGREES * 0.72
    return "".join(
        f"M{column * MAP_DEGREES:g} {-row * MAP_DEGREES:g}h{side:g}v{side:g}h-{side:g}z"
        for row, column in sorted(found)
    )
