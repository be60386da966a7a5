"""Cities and special places, and the automaton that finds their names in any of the languages."""

import datetime as dt
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from services.classify.core.lexicon import Entry, Matcher
from services.contracts.report import SiteKind


@dataclass(frozen=True, slots=True)
class City:
    """A city: English name, state, WGS 84 degrees, inhabitants."""

    name: str
    state: str
    lat: float
    lon: float
    population: int
    capital: bool = False


@dataclass(frozen=True, slots=True)
class SpecialPlace:
    """A curated place: a diplomatic quarter, an office known by its own name, a palace that is a residence.

    `kind` None marks a plain area of a city (a district). `sending_state` is set where the name implies it.
    """

    name: str
    kind: SiteKind | None
    state: str | None
    city: str | None
    sending_state: str | None
    lat: float | None
    lon: float | None

    @property
    def as_city(self) -> City | None:
        """Its city, at its own coordinates."""
        if not (self.city and self.state):
            return None
        return City(self.city, self.state, self.lat or 0.0, self.lon or 0.0, 0)


@dataclass(frozen=True, slots=True)
class Seat:
    """Where the missions of `sending_state` (None: of all) to `host` stood from `since` to before `until`."""

    host: str
    sending_state: str | None
    city: City
    since: dt.date | None
    until: dt.date | None


@dataclass(frozen=True, slots=True)
class Gazetteer:
    """All places. Matches of `matcher` have layer `city` or `special`; the value is the name's key.

    `city_names` maps a folded name to the cities that bear it, largest first; `specials` maps it to a place.
    """

    matcher: Matcher
    cities: tuple[City, ...]
    city_names: Mapping[str, tuple[int, ...]]
    specials: Mapping[str, SpecialPlace]
    capitals: Mapping[str, City]
    seats: tuple[Seat, ...] = ()

    def seat(self, host: str, sender: str | None, on: dt.date | None) -> City | None:
        """The city of an embassy to `host` on a day (None: now): the last seat that fits, else the capital."""
        day = on or dt.date.max
        for seat in reversed(self.seats):
            open_then = (seat.since or dt.date.min) <= day and (seat.until is None or day < seat.until)
            if seat.host == host and seat.sending_state in (None, sender) and open_then:
                return seat.city
        return self.capitals.get(host)

    def has_seat(self, host: str, city: City) -> bool:
        """Whether missions to `host` stand, or stood, in a city of another state."""
        return any(seat.host == host and seat.city == city for seat in self.seats)

    def candidates(self, key: str) -> tuple[City, ...]:
        return tuple(self.cities[index] for index in self.city_names.get(key, ()))


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


def best_city(cities: Sequence[City], host: str | None, avoid: str | None, near: frozenset[str]) -> City | None:
    """The city meant: in the host state if that is known, never in the sending state, else by context and size."""
    if host:
        return next((city for city in cities if city.state == host), None)
    possible = [city for city in cities if city.state != avoid]
    inside = [city for city in possible if city.state in near]
    return (inside or possible or [None])[0]  # type: ignore[list-item]
