"""Towns that no gazetteer lists, by the words that name them ("in the town of X"), and regions named like a city."""

import re
from bisect import bisect_left
from collections.abc import Iterator

from services.classify.core.reading.gazetteer import City
from services.classify.core.reading.lexicon import Lexicon
from services.classify.core.reading.places import Focus, Place
from services.classify.core.reading.scan import Hits
from services.classify.core.reading.text import Folded

_NAME_WORDS = 4
_NAME_REACH = 48
_WORD = re.compile(r"[\w'’-]+")
_LAYERS = ("date", "roles", "events", "weak_events", "casualties", "victims", "actors", "sources", "sites", "state")


def without_regions(folded: Folded, places: list[Place], lexicon: Lexicon) -> list[Place]:
    """The places, with no city where the text names a region or a street: "Antioquia department", "Paris Street".

    A region tells its state where something else in the text names that state too.
    """
    if not (lexicon.regions or lexicon.streets):
        return places
    named = {state for place in places if place.kind != "city" for state in place.states}
    kept = []
    for place in places:
        if place.kind == "city" and _is_street(folded, place, lexicon):
            continue
        if place.kind == "city" and _is_region(folded, place, lexicon):
            state = next((city.state for city in place.cities if city.state in named), None)
            if state is not None:
                kept.append(place._replace(kind="state", states=(state,), cities=()))
            continue
        kept.append(place)
    return kept


def _word_after(folded: Folded, place: Place) -> str:
    after = folded.norm[place.end : place.end + 24].split()
    return after[0] if after and not folded.clean[place.end : place.end + 1].strip() else ""


def _is_street(folded: Folded, place: Place, lexicon: Lexicon) -> bool:
    return _word_after(folded, place) in lexicon.streets


def _is_region(folded: Folded, place: Place, lexicon: Lexicon) -> bool:
    if _word_after(folded, place) in lexicon.regions:
        return True
    before = folded.norm[max(0, place.start - 24) : place.start].split()
    return len(before) > 1 and before[-1] in lexicon.of and before[-2] in lexicon.regions


def with_unlisted(folded: Folded, hits: Hits, places: list[Place], lexicon: Lexicon, focus: Focus) -> list[Place]:
    """The places, and the towns that only words name: in the state told right after them, else in the article's."""
    words = [hit for hit in hits.all("roles") if hit.value == "settlements"]
    if not words or not focus.states:
        return places
    starts = [place.start for place in places]
    gone: set[int] = set()
    towns: list[Place] = []
    for word in words:
        span = _name_after(folded, hits, lexicon, word.end)
        if span is None or (towns and span[0] < towns[-1].end):
            continue
        start, end = span
        # Places do not overlap, so only the one before and those that begin inside can meet the name.
        near = range(max(0, bisect_left(starts, start) - 1), bisect_left(starts, end))
        known = [index for index in near if start < places[index].end]
        # Where all words are in capitals nothing tells how long the name goes on.
        shouting = folded.clean[start:end].isupper()
        if any(places[i].kind != "city" or places[i].end >= end or shouting for i in known):
            continue
        after = bisect_left(starts, end)
        following = places[after : after + 1]
        own = [p.states[0] for p in following if p.kind == "state" and p.start - end <= _TO_STATE]
        name = folded.clean[start:end]
        city = City(name.title() if shouting else name, (own or focus.states)[0], 0.0, 0.0, 0, listed=False)
        gone.update(known)
        towns.append(Place(start, end, "city", cities=(city,)))
    kept = [place for index, place in enumerate(places) if index not in gone]
    return sorted((*kept, *towns), key=lambda place: place.start)


_TO_STATE = 3
"""Characters between a town and the state it is said to lie in: "the town of X, Peru"."""


def _name_after(folded: Folded, hits: Hits, lexicon: Lexicon, start: int) -> tuple[int, int] | None:
    """The name that begins at `start`: words with a capital, up to a word of the language or a term."""
    first = last = None
    for match in _words(folded, start):
        word = folded.norm[match.start() : match.end()]
        small = word in lexicon.words or word in lexicon.in_ or word in lexicon.articles
        if not match.group()[0].isupper() or small or _means(hits, match.start()):
            break
        first, last = (match.start() if first is None else first), match.end()
    return (first, last) if first is not None and last is not None else None


def _words(folded: Folded, start: int) -> Iterator[re.Match[str]]:
    """The next words, as long as only spaces stand between them."""
    position = start
    for match in _WORD.finditer(folded.clean, start, start + _NAME_REACH):
        if folded.clean[position : match.start()].strip() or match.start() - start > _NAME_REACH:
            return
        yield match
        position = match.end()


def _means(hits: Hits, start: int) -> bool:
    """Whether a term of the lexicon begins here."""
    return any(hit.start == start for layer in _LAYERS for hit in hits.within(layer, start, start + _NAME_REACH)[:1])
