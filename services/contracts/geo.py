"""Distances on the ground."""

import math

from services.contracts.report import PlacePrecision

EARTH_RADIUS_M = 6_371_008.8
"""Mean radius of the Earth (IUGG)."""

# A city's centre stands for all of it, a country's for nothing: from there no distance can be told.
LOCATED = frozenset({PlacePrecision.SITE, PlacePrecision.QUARTER, PlacePrecision.CITY})


def distance_m(lat: float, lon: float, other_lat: float, other_lon: float) -> float:
    """Great-circle distance in metres of two points in degrees (haversine)."""
    phi, other_phi = math.radians(lat), math.radians(other_lat)
    a = (
        math.sin((other_phi - phi) / 2) ** 2
        + math.cos(phi) * math.cos(other_phi) * math.sin(math.radians(other_lon - lon) / 2) ** 2
    )
    return 2 * EARTH_RADIUS_M * math.asin(math.sqrt(min(1.0, a)))
