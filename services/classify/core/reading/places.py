"""States, adjectives of states and cities in a text, and where an article plays."""

import itertools
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from operator import itemgetter
from typing import NamedTuple

from services.classify.core.reading.gazetteer import City, Gazetteer, SpecialPlace, best_city
from services.classify.core.reading.lexicon import Lexicon
from services.classify.core.reading.scan import Hit, Hits
from services.classify.core.reading.text import Folded, fold_term
from services.contracts.report import SiteKind

_ARTICLES_MAX = 4


class Place(NamedTuple):
    """A named place: `states` are ISO codes it may mean; `cities` the cities, largest first; or a special place."""

    start: int
    end: int
    kind: str
    states: tuple[str, ...] = ()
    cities: tuple[City, ...] = ()
    special: SpecialPlace | None = None
    prefix: str = ""

    @property
    def area(self) -> SpecialPlace | None:
        """The diplomatic quarter, or the street, hotel or district, if it is one."""
        return self.special if self.special and self.special.kind in (None, SiteKind.DIPLOMATIC_QUARTER) else None


@dataclass(frozen=True, slots=True)
class Focus:
    """Where an article plays: the states it names, weighed, and the dateline's city."""

    states: tuple[str, ...] = ()
    city: City | None = None
    hint: str | None = None

    @property
    def near(self) -> frozenset[str]:
        return frozenset(self.states[:3]) | ({self.hint} if self.hint else frozenset())


def find_places(
    folded: Folded, hits: Hits, places: Hits, lexicon: Lexicon, gazetteer: Gazetteer, hint: str | None
) -> list[Place]:
    """Every state, adjective of a state, city and special place in the text, in order, without overlaps."""
    found: list[Place] = []
    for layer in ("state", "adjective"):
        grouped: dict[tuple[int, int, str], list[str]] = {}
        for hit in hits.all(layer):
            if not lexicon.spaced and _is_across_site(folded, hits, hit, lexicon):
                continue
            grouped.setdefault((hit.start, hit.end, hit.prefix), []).extend(hit.value.split("/"))
        found.extend(
            Place(start, end, layer, tuple(dict.fromkeys(codes)), prefix=prefix)
            for (start, end, prefix), codes in grouped.items()
        )
    shouting = folded.clean.isupper()
    edges = {edge for layer in _INCIDENT_LAYERS for hit in hits.all(layer) for edge in (hit.start, hit.end)}
    found.extend(
        Place(hit.start, hit.end, "city", cities=gazetteer.candidates(hit.value), prefix=hit.prefix)
        for hit in places.all("city")
        if _is_city(folded, hit, lexicon, gazetteer, shouting)
        and not ((hit.start in edges or hit.end in edges) and _is_inside_term(hits, hit))
    )
    found.extend(_specials(folded, places.all("special"), found, gazetteer, hint))
    rank = {"special": 0, "state": 1, "adjective": 2, "city": 3}
    found.sort(key=lambda place: (place.start, -place.end, rank[place.kind]))
    kept: list[Place] = []
    for place in found:
        if kept and place.start < kept[-1].end:
            # "Mexico City" beats "Mexico", "New Delhi" beats "Delhi".
            if place.end - place.start > kept[-1].end - kept[-1].start:
                kept[-1] = place
            continue
        kept.append(place)
    return _with_capitals(folded, hits, kept, lexicon, gazetteer)


def _specials(
    folded: Folded, named: list[Hit], others: list[Place], gazetteer: Gazetteer, hint: str | None
) -> Iterator[Place]:
    """The curated places named. A name that means other things too ("green zone") counts where its city or state is
    told; any other has a capital letter where the script has them."""
    if not named:
        return
    cities = {city for place in others for city in place.cities}
    states = {state for place in others for state in place.states} | {city.state for city in cities} | {hint}
    for hit in named:
        written = folded.clean[hit.start : hit.end]
        is_name = written.lower() == written.upper() or any(letter.isupper() for letter in written)
        possible = [
            special
            for special in gazetteer.specials[hit.value]
            if (is_name if hit.value not in special.local_names else special.state in states)
        ]
        if possible:
            # Baghdad's Green Zone or Kabul's: the one whose city is told.
            best = max(possible, key=lambda special: (special.city in cities, special.state in states))
            yield Place(hit.start, hit.end, "special", special=best, prefix=hit.prefix)


def _with_capitals(
    folded: Folded, hits: Hits, places: list[Place], lexicon: Lexicon, gazetteer: Gazetteer
) -> list[Place]:
    """ "The Lebanese capital", "la capitale du Liban": a word for capital beside a state names a city."""
    leading = not lexicon.spaced or (lexicon.order == "sov" and bool(lexicon.in_after))
    for word in hits.all("roles", "capital"):
        following = bisect_left(places, word.start, key=_BEGIN)
        ways = range(following, len(places))[:_PLACES], range(following)[-_PLACES:]
        # What follows the word comes first: "the Russian embassy in the Afghan capital" has a state on either side
        # where adjectives follow their nouns; where they never do, what stands before it.
        for index in itertools.chain(*(reversed(ways) if leading else ways)):
            place = places[index]
            if place.kind not in ("state", "adjective") or place.states[0] not in gazetteer.capitals:
                continue
            first, last = (place, word) if place.end <= word.start else (word, place)
            gap = folded.norm[first.end : last.start].split()
            joined = all(w in lexicon.of or w in lexicon.articles for w in gap)
            if (
                joined
                and 0 <= last.start - first.end < _CAPITAL_REACH
                and "," not in folded.clean[first.end : last.start]
            ):
                city = gazetteer.capitals[place.states[0]]
                prefix = place.prefix if first is place else word.prefix
                places[index] = Place(first.start, last.end, "city", cities=(city,), prefix=prefix)
                break
    return places


_CAPITAL_REACH = 16
"""Characters between a state and the word for its capital, less one."""
_PLACES = _CAPITAL_REACH
"""Places that may stand so close: none is shorter than a character."""
_BEGIN = itemgetter(0)


_INCIDENT_LAYERS = ("events", "weak_events", "weapons")


_NOUN_REACH = 12
"""Characters by which a site noun may go on behind a state's short name."""


def _is_across_site(folded: Folded, hits: Hits, state: Hit, lexicon: Lexicon) -> bool:
    """Whether a state's short name begins before the site noun that it is written into: the end of another name.

    The marker of a host is both names' own: 美驻 and 驻伊使馆.
    """
    return any(
        state.start < site.start < state.end <= site.end and folded.norm[site.start : state.end] not in lexicon.in_
        for site in hits.within("sites", state.start + 1, state.end + _NOUN_REACH)
    )


def _is_inside_term(hits: Hits, city: Hit) -> bool:
    """ "Petrol bombs" is no bomb in a town named Petrol."""
    return any(
        (hit.start == city.start and city.end < hit.end) or (hit.start < city.start and city.end == hit.end)
        for layer in _INCIDENT_LAYERS
        for hit in hits.within(layer, city.start - 40, city.end + 40)
    )


def _is_city(folded: Folded, hit: Hit, lexicon: Lexicon, gazetteer: Gazetteer, shouting: bool) -> bool:
    """Ordinary words are cities' names too: ask for a capital letter where the script has them."""
    word = folded.clean[hit.start : hit.end]
    name = folded.norm[hit.start : hit.end]
    if {name, hit.value} & lexicon.words or {name, hit.value} & lexicon.not_cities:
        return False
    first = word[0]
    if not first.isalpha() or not lexicon.spaced or first.lower() == first.upper():
        return True
    if not first.isupper():
        return False
    following = folded.clean[hit.end : hit.end + 2]
    if len(following) == 2 and following[0] in " -" and following[1].isupper() and not shouting and following[0] == "-":
        return False
    if shouting or (word.isupper() and len(word) > 3):
        return _is_plain(gazetteer.candidates(hit.value), hit.value)
    return True


def _is_plain(cities: tuple[City, ...], name: str) -> bool:
    """Whether capitals may stand for a city: by its own name, or by another one if it is very large.

    Where no small letter tells names from words, "turn", "side" and "the bridge" are names of towns somewhere.
    """
    if any(fold_term(city.name) == name and city.population >= 50_000 for city in cities):
        return True
    return any(is_known(city) and name.startswith(fold_term(city.name)[:4]) for city in cities)


_KNOWN_CITY = 300_000


def without_stray_cities(
    folded: Folded, places: list[Place], lexicon: Lexicon, hint: str | None, dateline_end: int
) -> list[Place]:
    """The places without small cities that nothing else supports: "sur la rive du Tigre" is no town in Argentina.

    A city stays when it is large, a capital, the dateline's, told with a word for "in", or in a state that something
    else in the article names; or when the article names no other place.
    """
    if not lexicon.spaced:
        return places
    named = {state for place in places if place.kind != "city" for state in place.states}
    named.update(city.state for place in places for city in place.cities[:1] if is_known(city))
    named.update(place.special.state for place in places if place.special and place.special.state)
    if hint:
        named.add(hint)
    if not named:
        return places
    return [
        place
        for place in places
        if place.kind != "city"
        or place.start < dateline_end
        or any(is_known(city) or city.state in named for city in place.cities)
        or is_located(folded, place, lexicon)
    ]


def is_known(city: City) -> bool:
    return city.capital or city.population >= _KNOWN_CITY


def is_located(folded: Folded, place: Place, lexicon: Lexicon) -> bool:
    """Whether a word for "in" stands right before or after a place."""
    if place.prefix in lexicon.in_prefixes:
        return True
    if not lexicon.spaced:
        lead = folded.norm[max(0, place.start - 4) : place.start]
        return lead.endswith(tuple(lexicon.scenes)) or folded.norm.startswith(tuple(lexicon.in_after), place.end)
    before = folded.norm[max(0, place.start - 20) : place.start].split()
    after = folded.norm[place.end : place.end + 24].split()
    if len(before) > 1 and before[-1] in lexicon.directions:
        before.pop()  # "in northern Lima"
    return bool(before and before[-1] in lexicon.in_) or bool(after and after[0] in lexicon.in_after)


_DATELINE, _LOCATED, _NAMED, _BARE = 10, 6, 3, 1
"""What a place, a state's name or adjective, and a name that may be somebody's say of where an article plays."""

_TO_SITE = 24
"""Characters between an adjective and the beginning of the site that it only says the sender of."""


def article_focus(
    folded: Folded, hits: Hits, places: list[Place], lexicon: Lexicon, hint: str | None, dateline_end: int
) -> Focus:
    """The states an article is about: cities and states told with "in" count most, then what is said to be of a state.

    The dateline counts as one of them: an agency's bureau may write of another country.
    """
    weights: Counter[str] = Counter()
    dateline: City | None = None
    named = {place.states[0] for place in places if place.kind == "state" and len(place.states) == 1}
    for place in places:
        inside = place.start < dateline_end
        if place.kind == "city":
            city = place.cities[0]
            if not is_known(city):
                city = next((one for one in place.cities if one.state in named), city)
            if dateline is None and inside:
                dateline = best_city(place.cities, hint, None, frozenset()) or city
                weights[dateline.state] += _DATELINE
            elif not inside:
                weights[city.state] += _LOCATED if is_located(folded, place, lexicon) else _BARE
        elif inside:
            continue
        elif place.kind == "state" and len(place.states) == 1:
            weights[place.states[0]] += _LOCATED if is_located(folded, place, lexicon) else _NAMED
        elif place.kind == "special" and place.special and place.special.state:
            weights[place.special.state] += _LOCATED
        elif place.kind == "adjective" and len(place.states) == 1:
            sends = hits.within("sites", place.start - _TO_SITE, place.end + _TO_SITE)
            weights[place.states[0]] += _BARE if sends else _NAMED
    if hint:
        weights[hint] += 4
    return Focus(tuple(state for state, _ in weights.most_common(6)), dateline, hint)
