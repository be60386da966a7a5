"""Towns that no gazetteer lists, by the words that name them ("in the town of X"), regions named like a city, and
cities that are not named ("in the capital").
"""

import re
from bisect import bisect_left
from collections.abc import Iterator
from functools import lru_cache
from itertools import pairwise

from services.classify.core.reading.gazetteer import City, Gazetteer, is_one_town
from services.classify.core.reading.lexicon import Lexicon
from services.classify.core.reading.places import Focus, Place, is_known, is_located
from services.classify.core.reading.scan import Hit, Hits
from services.classify.core.reading.text import Folded

_NAME_WORDS = 4
_NAME_REACH = 48
_WORD = re.compile(r"[\w'’-]+")
_LAYERS = ("date", "roles", "events", "weak_events", "casualties", "victims", "actors", "sources", "sites", "state")


def without_regions(folded: Folded, places: list[Place], lexicon: Lexicon) -> list[Place]:
    """The places, with no city where the text names a region, a street or a quarter: "Antioquia department".

    A region tells its state where something else in the text names that state too.
    """
    if not (lexicon.regions or lexicon.streets):
        return places
    named = {state for place in places if place.kind != "city" for state in place.states}
    cities = list(dict.fromkeys(place.cities for place in places if place.kind == "city"))[:_MOST_CITIES]
    kept = []
    for place in places:
        if place.kind == "city" and (_is_street(folded, place, lexicon) or _is_quarter(folded, place, lexicon, cities)):
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


_MOST_CITIES = 32


def _is_quarter(folded: Folded, place: Place, lexicon: Lexicon, cities: list[tuple[City, ...]]) -> bool:
    """ "La Victoria district", in an article about Lima; a district of its own, far from every city named, is none."""
    if is_known(place.cities[0]) or not _is_called(folded, place, lexicon.districts, lexicon):
        return False  # "a Bogota suburb"
    others = [other[0] for other in cities if other != place.cities]
    states = {other.state for other in others}
    own = [city for city in place.cities if city.state in states]
    return bool(others) and all(any(is_one_town(city, other) for other in others) for city in own)


def _is_called(folded: Folded, place: Place, words: frozenset[str], lexicon: Lexicon) -> bool:
    """Whether one of `words` stands right behind a name, or before it with or without a word for "of"; not where
    it goes on itself: "the Bogota suburb of X"."""
    after = folded.norm[place.end : place.end + 24].split()
    if _word_after(folded, place) in words:
        return len(after) < 2 or after[1] not in lexicon.of
    before = folded.norm[max(0, place.start - 24) : place.start].split()
    if before and before[-1] in lexicon.of and before[-1] not in words:
        before.pop()
    return bool(before) and before[-1] in words


def _is_region(folded: Folded, place: Place, lexicon: Lexicon) -> bool:
    if _word_after(folded, place) in lexicon.regions:
        return True
    before = folded.norm[max(0, place.start - 24) : place.start].split()
    return len(before) > 1 and before[-1] in lexicon.of and before[-2] in lexicon.regions


def with_namesakes(
    folded: Folded, hits: Hits, places: list[Place], lexicon: Lexicon, focus: Focus, dateline_end: int
) -> list[Place]:
    """The places, with no small city of a state that nothing else names: many towns are called San Pablo.

    A mission's city is left alone, it mostly stands in a state that needs no naming; so are names in other scripts,
    which mean what the gazetteer says.
    """
    home = _home(folded, places, lexicon, focus)
    if home is None:
        return places
    named = {state for place in places if place.kind != "city" for state in place.states}
    named |= {place.cities[0].state for place in places if place.kind == "city" and is_known(place.cities[0])}
    return [
        _at_home(folded, place, home)
        if place.kind == "city"
        and place.start >= dateline_end
        and not any(is_known(city) or city.state in named for city in place.cities)
        and folded.norm[place.start : place.end].isascii()
        and is_located(folded, place, lexicon)
        and not hits.within("sites", place.start - _SITE_REACH, place.start)
        else place
        for place in places
    ]


_SITE_REACH = 40


def _at_home(folded: Folded, place: Place, home: str) -> Place:
    return place._replace(cities=(_town(folded.clean[place.start : place.end], home),))


def _town(name: str, state: str) -> City:
    return City(name.title() if name.isupper() else name, state, 0.0, 0.0, 0, listed=False)


def with_unlisted(folded: Folded, hits: Hits, places: list[Place], lexicon: Lexicon, focus: Focus) -> list[Place]:
    """The places, and the towns that only words name: in the state told right after them, else in the article's."""
    if not focus.states:
        return places
    starts = [place.start for place in places]
    gone: set[int] = set()
    towns: list[Place] = []
    for start, end in _town_names(folded, hits, lexicon):
        if towns and start < towns[-1].end:
            continue
        # Places do not overlap, so only the one before and those that begin inside can meet the name.
        near = range(max(0, bisect_left(starts, start) - 1), bisect_left(starts, end))
        known = [index for index in near if start < places[index].end]
        if any(places[i].kind != "city" or (places[i].end >= end and _is_near(places[i], focus)) for i in known):
            continue
        name = folded.clean[start:end]
        shouting = name.isupper()
        # Where all words are in capitals only a mark tells how long the name goes on.
        if known and shouting and not _ends_at_mark(folded, end):
            continue
        after = bisect_left(starts, end)
        following = (
            p for p in places[after : after + _LISTED_BEHIND] if p.kind == "state" and p.start - end <= _TO_STATE
        )
        own = [p.states[0] for p in following if not _ends_sentence(folded, end, p.start)]
        city = _town(name, (own or focus.states)[0])
        gone.update(known)
        towns.append(Place(start, end, "city", cities=(city,)))
    kept = [place for index, place in enumerate(places) if index not in gone]
    return _with_repeated(folded, sorted((*kept, *towns), key=lambda place: place.start), towns)


_MOST_REPEATED = 16


def _with_repeated(folded: Folded, places: list[Place], towns: list[Place]) -> list[Place]:
    """The places, and the towns wherever else their names stand: "in the village of X ... X residents"."""
    named = {folded.norm[town.start : town.end]: town for town in towns[:_MOST_REPEATED]}
    if not named:
        return places
    pattern = re.compile(rf"\b(?:{'|'.join(map(re.escape, sorted(named, key=len, reverse=True)))})\b")
    starts = [place.start for place in places]
    again = []
    for match in pattern.finditer(folded.norm):
        index = bisect_left(starts, match.end())
        if folded.clean[match.start()].isupper() and (not index or places[index - 1].end <= match.start()):
            again.append(named[match.group()]._replace(start=match.start(), end=match.end()))
    return sorted((*places, *again), key=lambda place: place.start) if again else places


_LISTED_BEHIND, _TO_STATE = 3, 60
"""Places and characters between a town and the state it is said to lie in: "X, Y department, in eastern Peru"."""


def _ends_sentence(folded: Folded, start: int, end: int) -> bool:
    return ". " in folded.clean[start:end] or "\n" in folded.clean[start:end]


def _is_near(place: Place, focus: Focus) -> bool:
    return any(city.state in focus.near for city in place.cities)


def _town_names(folded: Folded, hits: Hits, lexicon: Lexicon) -> list[tuple[int, int]]:
    """Where words name a town: after "town of", or after "in" with a region or a distance behind the name."""
    found = set()
    for word in hits.all("roles"):
        if word.value == "settlements":
            span = name_after(folded, hits, lexicon, word.end)
            if span:
                found.add(span)
    for match in _inside(lexicon.in_ - lexicon.ways).finditer(folded.norm):
        span = name_after(folded, hits, lexicon, match.end())
        if span and span[0] == match.end() and _is_called_town(folded, lexicon, span[1]):
            found.add(span)
    return sorted(found)


@lru_cache(maxsize=64)
def _inside(words: frozenset[str]) -> re.Pattern[str]:
    return re.compile(rf"\b(?:{'|'.join(map(re.escape, sorted(words))) or '(?!)'}) ")


def _ends_at_mark(folded: Folded, end: int) -> bool:
    return folded.clean[end : end + 1] in (",", ".", "(", ";", ")") or folded.clean[end : end + 2] == " ("


_TO_UNIT, _TO_REGION = 4, 5
"""Words from the comma behind a name to the unit of a distance, to the word for a region."""

_APPOSITION = re.compile(r"(?:,| ?\() ?([^,.;()]{2,40})")


def _is_called_town(folded: Folded, lexicon: Lexicon, end: int) -> bool:
    """ "X village", "X, Y department", "X (Y department)", "X, 20 km north of Y": what follows a name says that it is
    a place."""
    following = folded.norm[end : end + 24].split(maxsplit=1)
    if following and following[0] in lexicon.towns:
        return True
    match = _APPOSITION.match(folded.clean, end)
    if match is None:
        return False
    words = folded.norm[match.start(1) : match.end(1)].split()
    units = lexicon.numbers.not_counts
    distance = any(word.isdecimal() and unit in units for word, unit in pairwise(words[:_TO_UNIT]))
    return distance or any(word in lexicon.regions or word in lexicon.towns for word in words[:_TO_REGION])


def name_after(folded: Folded, hits: Hits, lexicon: Lexicon, start: int) -> tuple[int, int] | None:
    """The name that begins at `start`: words with a capital, up to a word of the language or a term."""
    first = last = None
    for match in _words(folded, start):
        word = folded.norm[match.start() : match.end()]
        small = (
            word in lexicon.words
            or word in lexicon.in_
            or word in lexicon.towns
            or (word in lexicon.articles and first is not None)
        )
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


def with_references(
    folded: Folded, hits: Hits, places: list[Place], lexicon: Lexicon, focus: Focus, gazetteer: Gazetteer
) -> list[Place]:
    """The places, and the cities that are only referred to: "in the capital", "in this city"."""
    found = []
    starts = [place.start for place in places]
    words = [hit for hit in hits.all("roles") if hit.value in ("capital", "this_city")]
    home = (_home(folded, places, lexicon, focus) or _only_state(places)) if words else None
    capital = gazetteer.capitals.get(home) if home else None
    for word in words:
        if word.value == "capital" and _is_bare_capital(folded, word, lexicon, places, starts):
            city = capital
        elif word.value == "this_city":
            index = bisect_left(starts, word.start)
            before = reversed(places[max(0, index - _PLACES_BACK) : index])
            last = next((place.cities[0] for place in before if place.kind == "city"), None)
            city = focus.city if focus.city and focus.city.state == home else last
        else:
            continue
        if city is not None:
            found.append(
                Place(_with_article(folded, word, lexicon), word.end, "city", cities=(city,), prefix=word.prefix)
            )
    return sorted((*places, *found), key=lambda place: place.start) if found else places


def _with_article(folded: Folded, word: Hit, lexicon: Lexicon) -> int:
    """Where the phrase begins: what stands before "the capital" tells where it is meant."""
    before = folded.norm[max(0, word.start - 8) : word.start].split()
    is_article = before and before[-1] in lexicon.articles
    return folded.norm.rfind(before[-1], 0, word.start) if is_article else word.start


_PLACES_BACK = 8


_NEAREST, _NEAREST_UNSPACED = 16, 4
"""Characters between a word for capital and what it may be the capital of."""


def _is_bare_capital(folded: Folded, word: Hit, lexicon: Lexicon, places: list[Place], starts: list[int]) -> bool:
    """ "The capital" with no state, city or region beside it that it might be the capital of."""
    before = folded.norm[max(0, word.start - _NEAREST) : word.start].split()
    # Where what says "in" follows its noun, nothing need stand before it.
    led = word.prefix or lexicon.in_after or (before and before[-1] in (lexicon.articles | lexicon.in_))
    if not led:
        return False
    after = folded.norm[word.end : word.end + _NEAREST].split()
    owns = folded.clean[word.end : word.end + 1] in ("'", "’")
    if after and not owns and (after[0] in lexicon.of or after[0] in lexicon.regions):
        return False
    index = bisect_left(starts, word.start)
    reach = _NEAREST if lexicon.spaced else _NEAREST_UNSPACED
    return not any(
        place.start < word.end + reach and word.start - reach < place.end
        for place in places[max(0, index - 1) : index + 1]
    )


def _home(folded: Folded, places: list[Place], lexicon: Lexicon, focus: Focus) -> str | None:
    """The state that the article is most about, of those it plays in."""
    states = [place for place in places if place.kind == "state"]
    inside = {place.cities[0].state for place in places if place.kind == "city" and is_known(place.cities[0])}
    inside |= {place.states[0] for place in states if is_located(folded, place, lexicon)}
    return next((state for state in focus.states if state in inside), None)


def _only_state(places: list[Place]) -> str | None:
    """The state named, where no other is."""
    named = {place.states for place in places if place.kind == "state"}
    return next(iter(named))[0] if len(named) == 1 else None
