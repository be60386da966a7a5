"""Where scenarios are: those of the package by name, anybody's own by path."""

import tomllib
from pathlib import Path

from services.replay.core.scenario import BadScenario, Scenario, scenario_of

DIRECTORY = Path(__file__).parent.parent / "scenarios"
MOST_BYTES = 5_000_000


def names() -> list[str]:
    """Of the scenarios that come with the release."""
    return sorted(path.stem for path in DIRECTORY.glob("*.toml"))


def named(which: str) -> tuple[str, Scenario]:
    """A scenario, by the name of one that comes with the release or by the path of a file; and its name. Raises
    BadScenario."""
    if which in names():
        return which, read(DIRECTORY / f"{which}.toml")
    path = Path(which)
    if path.suffix != ".toml":
        raise BadScenario(f"no scenario {which!r}: there are {', '.join(names())}; or give a file, as mine.toml")
    return path.stem, read(path)


def read(path: Path) -> Scenario:
    """Raises BadScenario."""
    try:
        with path.open("rb") as file:
            raw = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise BadScenario(f"{path}: cannot be read: {error.strerror or error}") from None
    if len(raw) > MOST_BYTES:
        raise BadScenario(f"{path}: is longer than {MOST_BYTES:,} bytes")
    try:
        said = tomllib.loads(raw.decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadScenario(f"{path}: is no TOML in UTF-8: {error}") from None
    return scenario_of(str(path), said)
