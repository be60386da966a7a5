"""Cities and special places, and the automaton that finds their names in any of the languages."""

import datetime as dt
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from services.classify.core.reading.language import Script
from services.classify.core.reading.matcher import Entry, Matcher
from services.classify.core.reading.text import fold_term
from services.contracts.bulk import building
from services.contracts.report import PlacePrecision, SiteKind


@dataclass(frozen=True, slots=True)
class City:
    """A city: English name, state, WGS 84 degrees, inhabitants."""

    name: str
    state: str
    lat: float
    lon: float
    population: int
    capital: bool = False
    listed: bool = True
    """False for a town that only the text names: it has no coordinates of its own."""


_TOWN_DEGREES = 0.3


def is_one_town(first: City, second: City) -> bool:
    """Delhi and New Delhi, a capital and its suburb."""
    return first.name == second.name or (
        first.state == second.state
        and abs(first.lat - second.lat) < _TOWN_DEGREES
        and abs(first.lon - second.lon) < _TOWN_DEGREES
    )


@dataclass(frozen=True, slots=True)
class SpecialPlace:
    """A curated place: a diplomatic quarter, an office known by its own name, a palace that is a residence.

    `kind` None marks a plain area of a city (a district, a street, a hotel). `state` is where it stands, None for an
    office found in many cities; `host` whom a mission is accredited to, mostly the same. `sending_state` is set where
    the name implies it. `local_names` (folded) mean other things too: they count where its city or state is told.
    """

    name: str
    kind: SiteKind | None
    state: str | None
    city: City | None
    sending_state: str | None
    lat: float | None
    lon: float | None
    precision: PlacePrecision = PlacePrecision.SITE
    host: str | None = None
    since: dt.date | None = None
    until: dt.date | None = None
    local_names: frozenset[str] = frozenset()

    @property
    def is_office(self) -> bool:
        """Whether the name is one of many offices', whose place the text has to tell."""
        return self.kind is not None and self.state is None

    def was_open(self, on: dt.date | None) -> bool:
        """Whether it stood on a day; None is now."""
        return is_between(self.since, on, self.until)


def is_between(since: dt.date | None, on: dt.date | None, until: dt.date | None) -> bool:
    """Whether a day (None: now) lies from `since` to before `until`; None is open."""
    day = on or dt.date.max
    return (since or dt.date.min) <= day and (until is None or day < until)


@dataclass(frozen=True, slots=True)
class Seat:
    """Where the missions of `sending_state` (None: of all) to `host` stood from `since` to before `until`."""

    host: str
    sending_state: str | None
    city: City
    since: dt.date | None
    until: dt.date | None


MissionKey = tuple[SiteKind, str | None, str | None, str]
"""Kind, sending state, host, name of the city."""

Names = Callable[[Script], Iterable[tuple[str, int]]]
"""The names of cities in a script, as written, each with its city's index; the city meant first, then by size."""


class Part:
    """The names of places in one script. Matches have layer `city` or `special`; the value is the name's key."""

    def __init__(self, names: Iterable[tuple[str, int]], specials: Iterable[str], forms: "Forms") -> None:
        index: dict[str, list[int]] = {}
        for name, position in names:
            key = fold_term(name)
            if key:
                bucket = index.setdefault(key, [])
                if position not in bucket:
                    bucket.append(position)
        self.index: Mapping[str, Sequence[int]] = index
        self.matcher = build_matcher(forms.of(index), forms.of(specials), forms.prefixes)


class Forms:
    """How a name may stand in a text: inflected by the tables of endings (Cyrillic), with a clitic (Arabic)."""

    def __init__(self, endings: Sequence[Mapping[str, Sequence[str]]], prefixes: Sequence[str]) -> None:
        self.prefixes = tuple(map(fold_term, prefixes))
        self._endings = [
            sorted(
                ((fold_term(ending), tuple(map(fold_term, values))) for ending, values in table.items()),
                key=lambda pair: -len(pair[0]),
            )
            for table in endings
        ]

    def of(self, keys: Iterable[str]) -> dict[str, str]:
        """Form -> key: each folded name as it is, and its case forms."""
        forms = {key: key for key in keys}
        for key in list(forms):
            if key.startswith("ال") and " " in key:
                forms.setdefault(key.removeprefix("ال"), key)  # the article falls out after ل: للمنطقة الخضراء
            if "Ѐ" <= key[0] <= "ӿ":
                for table in self._endings:
                    for form in _inflected(key, table):
                        forms.setdefault(form, key)
        return forms


def _inflected(key: str, table: Sequence[tuple[str, Sequence[str]]]) -> list[str]:
    """Case forms of a name: the longest ending of the table that fits is replaced by each of its values."""
    for ending, values in table:
        if key.endswith(ending) and len(key) - len(ending) >= 2:
            stem = key[: len(key) - len(ending)]
            return [stem + value for value in values]
    return []


class Gazetteer:
    """All places. The names of a script are prepared when a text in it is first read; nothing else changes."""

    def __init__(
        self, cities: tuple[City, ...], names: Names, specials: Mapping[str, Sequence[SpecialPlace]],
        capitals: Mapping[str, City], seats: tuple[Seat, ...], forms: Forms, missions: Sequence[SpecialPlace] = (),
    ) -> None:  # fmt: skip
        self.cities, self.specials, self.capitals, self.seats = cities, specials, capitals, seats
        self._names, self._forms = names, forms
        self._parts: dict[Script, Part] = {}
        self.missions: dict[MissionKey, list[SpecialPlace]] = {}
        for place in missions:
            if place.kind and place.city and place.lat is not None:
                key = (place.kind, place.sending_state, place.host, place.city.name)
                self.missions.setdefault(key, []).append(place)

    def part(self, script: Script) -> Part:
        """The places by their names in `script`."""
        part = self._parts.get(script)
        if part is None:
            specials = [name for name in self.specials if name_script(name) is script]
            with building():
                part = self._parts[script] = Part(self._names(script), specials, self._forms)
        return part

    def seat(self, host: str, sender: str | None, on: dt.date | None) -> City | None:
        """The city of an embassy to `host` on a day (None: now): the last seat that fits, else the capital."""
        for seat in reversed(self.seats):
            if seat.host == host and seat.sending_state in (None, sender) and is_between(seat.since, on, seat.until):
                return seat.city
        return self.capitals.get(host)

    def mission(self, key: "MissionKey", on: dt.date | None) -> SpecialPlace | None:
        """The curated place that a mission composed from the text must be: the first that stood on that day."""
        found = self.missions.get(key, ())
        return next((place for place in found if place.was_open(on)), None)

    def has_seat(self, host: str, city: City) -> bool:
        """Whether missions to `host` stand, or stood, in a city of another state."""
        return any(seat.host == host and seat.city == city for seat in self.seats)

    def candidates(self, key: str) -> tuple[City, ...]:
        """The cities of a folded name: a capital of that very name first, else the largest."""
        if not key:
            return ()
        found = [self.cities[index] for index in self.part(name_script(key)).index.get(key, ())]
        if len(found) > 1:
            # Islamabad is no district of a larger town that once bore the name.
            found.sort(key=lambda city: not (city.capital and fold_term(city.name) == key))
        return tuple(found)


def build_matcher(city_forms: Mapping[str, str], special_forms: Mapping[str, str], prefixes: Sequence[str]) -> Matcher:
    """`city_forms`, `special_forms`: a folded form as it may stand in text -> the key it stands for.

    Forms in scripts without spaces match inside a run of characters, all others as whole words; those in Arabic script
    also with one of `prefixes` fused to them.
    """
    terms: dict[str, list[Entry]] = {}
    for layer, forms in (("city", city_forms), ("special", special_forms)):
        for form, key in forms.items():
            prefixed = "؀" <= form[0] <= "ۿ"
            literal = form if _unspaced(form) else f"{form} " if prefixed else f" {form} "
            terms.setdefault(literal, []).append(Entry(layer, key, prefixed=prefixed))
    return Matcher(terms, spaced=False, prefixes=prefixes)


_HAN = re.compile("[⺀-鿿豈-﫿]")


def _unspaced(form: str) -> bool:
    return not form.isascii() and _HAN.search(form) is not None


_SCRIPTS = (
    ("\u0250", Script.LATIN),
    ("\u0400", None),
    ("\u0530", Script.CYRILLIC),
    ("\u0600", None),
    ("\u0780", Script.ARABIC),
)
_LATIN_ADDITIONAL = ("\u1e00", "\u1eff")


def name_script(name: str) -> Script:
    """The script of a name, by its first letter; `other` for one that no lexicon is written in."""
    if name.isascii():
        return Script.LATIN
    if _unspaced(name):
        return Script.HAN
    first = next((letter for letter in name if letter.isalpha()), "")
    if _LATIN_ADDITIONAL[0] <= first <= _LATIN_ADDITIONAL[1]:
        return Script.LATIN
    return next((script or Script.OTHER for end, script in _SCRIPTS if first < end), Script.OTHER)


def best_city(cities: Sequence[City], host: str | None, avoid: str | None, near: frozenset[str]) -> City | None:
    """The city meant: in the host state if that is known, never in the sending state, else by context and size."""
    if host:
        return next((city for city in cities if city.state == host), None)
    possible = [city for city in cities if city.state != avoid]
    inside = [city for city in possible if city.state in near]
    return (inside or possible or [None])[0]  # type: ignore[list-item]
