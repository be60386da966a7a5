"""Where a telling plays: the city or state, and the quarter, that its words put it in."""

from services.classify.core.reading.gist import CLAUSE_END, Gist
from services.classify.core.reading.places import Place, is_located
from services.classify.core.reading.scan import Hit
from services.classify.core.reading.site_mentions import SiteMention
from services.classify.core.reading.text import Sentence


def scene_of(
    gist: Gist, sentence: Sentence, start: int, end: int, site: SiteMention | None, trigger: Hit
) -> tuple[Place | None, Place | None]:
    """The city or state, and the quarter, that a mention plays in, outside what composes its site."""
    area = None
    best: tuple[float, Place] | None = None
    town = outside = None
    for place in gist.places_within(sentence.start, sentence.end):
        if place.area is not None:
            area = place
            continue
        if place.kind == "adjective" or (site and site.start <= place.start < site.end):
            continue
        if place.start < gist.dateline_end:
            continue
        may_lie_in = best is not None and best[1].kind == "state" and place.kind == "city" and town is None
        if best is not None and abs(place.start - trigger.start) >= best[0] and not may_lie_in:
            continue  # nothing makes it nearer than what was found
        linked = _is_where(gist, place)
        if site is None and _is_apart(gist, place):
            outside = outside or place
            continue
        speech = gist.hits.values("roles", place.end, place.end + 20, "speech")
        if (speech and (not linked or _is_subject_of(gist, place, speech[0]))) or _is_where_told(gist, place):
            continue
        if not linked and gist.hits.values("roles", place.start - 20, place.start, "agent"):
            continue  # "led by Washington" names a government
        if site is None and _is_seat(gist, place):
            continue
        if (
            site is None
            and not linked
            and (place.kind == "state" or not _is_at_home(gist, place) or _is_no_scene(gist, place))
        ):
            continue  # a person's name, or a foreign government
        if site is not None and place.kind == "state" and place.start > site.end and not linked:
            continue  # "the embassies of Albania, Argentina and ...": the others of a list
        inside = start <= place.start < end
        cost = abs(place.start - trigger.start) + (0 if linked else 60) + (0 if inside else 60)
        cost += 0 if place.kind == "city" else 20
        if best is None or cost < best[0]:
            best = (cost, place)
        if linked and place.kind == "city" and town is None:
            town = place
    chosen = best[1] if best else None
    if chosen and chosen.kind == "state" and town and any(city.state in chosen.states for city in town.cities):
        chosen = town  # "killed in Colombia during an attack on a councilman in Medellin"
    if chosen is None and outside is not None:
        chosen = outside._replace(kind="state", states=(outside.cities[0].state,), cities=())
    return chosen, area


def _is_subject_of(gist: Gist, place: Place, speech: Hit) -> bool:
    """ "Police sources in Cartagena reported": where those are who speak; not "the blast in Cali, police said"."""
    return gist.lexicon.order == "svo" and gist.lexicon.spaced and speech.start <= place.end + 1


def _is_where(gist: Gist, place: Place) -> bool:
    """Whether the words before a place say that something is there, not on its way there or from there."""
    before = gist.folded.norm[max(0, place.start - 12) : place.start].split()
    if before and before[-1] in gist.lexicon.ways:
        return False
    return is_located(gist.folded, place, gist.lexicon) or _is_settlement(gist, place) or _lies_in_next(gist, place)


def _lies_in_next(gist: Gist, place: Place) -> bool:
    """ "Shook Medellin in northwestern Colombia": a city with the state it lies in right behind it."""
    following = gist.places_within(place.end, place.end + _TO_STATE)[:1]
    if place.kind != "city" or not following or following[0].kind != "state":
        return False
    between = gist.folded.norm[place.end : following[0].start].split()
    joins = gist.lexicon.in_ | gist.lexicon.directions | gist.lexicon.articles
    return any(city.state in following[0].states for city in place.cities) and all(word in joins for word in between)


_TO_STATE = 32
"""Characters between a city and the beginning of its state's name."""


def _is_no_scene(gist: Gist, place: Place) -> bool:
    """ "Ruben Zamora", "the Medellin cartel", "the mayor of Cali", "40 km south of Lima": no place of what happened."""
    folded, lexicon = gist.folded, gist.lexicon
    if place.kind != "city":
        return False
    after = gist.hits.within("actors", place.end, place.end + 16)
    if any(hit.value not in ("property", "civilians") and hit.start <= place.end + 1 for hit in after):
        return True
    before = folded.norm[max(0, place.start - 24) : place.start].split()
    if not before or not lexicon.spaced:
        return False
    if before[-1] in lexicon.ways:
        return True
    if before[-1] in lexicon.of and len(before) > 1:
        of = folded.norm.rfind(before[-1], 0, place.start)
        offices = gist.hits.within("actors", of - 24, of)
        return before[-2] in lexicon.directions or any(hit.value == "persons" and hit.end >= of - 1 for hit in offices)
    return _is_surname(gist, place, before[-1])


def _is_apart(gist: Gist, place: Place) -> bool:
    """ "22 km south of Lima": in its state, but not there."""
    folded, lexicon = gist.folded, gist.lexicon
    before = folded.norm[max(0, place.start - 40) : place.start].split()
    while before and (before[-1] in lexicon.of or before[-1] in lexicon.ways or before[-1] in lexicon.articles):
        before.pop()
    while before and (before[-1] in lexicon.directions or before[-1] in lexicon.articles or before[-1] in lexicon.ways):
        before.pop()
    measured = len(before) > 1 and before[-1] in lexicon.numbers.not_counts and before[-2].isdecimal()
    return place.kind == "city" and measured


def _is_surname(gist: Gist, place: Place, word: str) -> bool:
    """Whether a name in capitals stands right before a city's: a person's."""
    folded, lexicon = gist.folded, gist.lexicon
    start = place.start - 1 - len(word)
    first = folded.clean[start : start + 1]
    if start <= 0 or folded.norm[start : place.start - 1] != word or not first.isupper():
        return False
    if word in lexicon.words or word in lexicon.in_ or word in lexicon.articles or word in lexicon.directions:
        return False
    layers = ("date", "roles", "events", "weak_events", "casualties", "actors", "sources", "cues", "adjective", "sites")
    return not any(
        hit.start <= start < hit.end for name in layers for hit in gist.hits.within(name, start - 20, place.start)
    )


def _is_settlement(gist: Gist, place: Place) -> bool:
    """ "The town of X": somewhere to be in."""
    words = gist.hits.values("roles", place.start - 16, place.start, "settlements")
    return bool(words) and words[-1].end >= place.start - 2


def _is_seat(gist: Gist, place: Place) -> bool:
    """ "The ambassador in Lima": where an envoy is whom the incident does not concern."""
    words = gist.folded.norm[max(0, place.start - 16) : place.start].split()
    if not words or words[-1] not in gist.lexicon.in_:
        return False
    position = gist.folded.norm.rfind(words[-1], 0, place.start)
    envoys = gist.hits.values("sites", position - 40, position, "staff")
    return bool(envoys) and envoys[-1].end >= position - 1


def _is_where_told(gist: Gist, place: Place) -> bool:
    """ "It was reported in Bogota", "said on arriving in Madrid": where somebody spoke."""
    hits = gist.hits.values("roles", place.start - 24, place.start, "speech")
    if not hits or CLAUSE_END.search(gist.folded.clean, hits[-1].end, place.start):
        return False
    return 1 <= gist.words_between(hits[-1].end, place.start) <= _SPEECH_TO_PLACE


_SPEECH_TO_PLACE = 2


def _is_at_home(gist: Gist, place: Place) -> bool:
    """Whether a place may lie in the state that the article is most about."""
    home = gist.focus.states[0] if gist.focus.states else None
    return home is None or home in place.states or any(city.state == home for city in place.cities)
