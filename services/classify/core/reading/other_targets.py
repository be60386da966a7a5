"""Events that have a target or a place of their own, so that no site beside them is theirs."""

import re

from services.classify.core.reading.gist import CLAUSE_END, Gist
from services.classify.core.reading.places import Place, is_located
from services.classify.core.reading.scan import Hit
from services.classify.core.reading.site_mentions import ABROAD, SiteMention
from services.classify.core.reading.speakers import is_governed
from services.classify.core.reading.text import Sentence
from services.contracts.report import SiteKind

_OBJECT_REACH = 30


_STOP = re.compile(r"[,،，;:!?]|\.\s")


def until_stop(gist: Gist, start: int, reach: int) -> int:
    """The end of a reach that no sentence's end lies in. A column's line break ends nothing."""
    sentence = gist.sentence_at(start)
    end = min(start + reach, sentence.end) if sentence and sentence.end > start else start + reach
    stop = _STOP.search(gist.folded.clean, start, end)
    return stop.start() if stop else end


def has_own_object(gist: Gist, trigger: Hit) -> bool:
    """ "... the murder of a priest", "an attack on a market": what it was done to follows, and is no site."""
    end = until_stop(gist, trigger.end, _OBJECT_REACH)
    following = gist.folded.norm[trigger.end : end].split()
    if not following or any(hit.end == trigger.end for hit in gist.hits.values("roles", *trigger[:2], "agent")):
        return False  # "occupied by some of them": who did it follows
    against = [] if _kills(gist, trigger) else gist.hits.values("roles", trigger.end, trigger.end + 12, "against")
    people = gist.hits.values("victims", trigger.end, trigger.end + 2, "one", "many")  # "killed Congressman X"
    if not (against and against[0].start <= trigger.end + 1) and not people and following[0] not in gist.lexicon.of:
        return False
    layers = ("sites", "weapons", "date", "events", "weak_events")
    return not any(gist.hits.within(layer, trigger.end, end) for layer in layers)


def _kills(gist: Gist, trigger: Hit) -> bool:
    """Whether an event is somebody's death or wound: "killed *on* the square" (Russian на) tells where, not whom."""
    return any(hit.start == trigger.start for hit in gist.hits.values("casualties", *trigger[:2], "killed", "wounded"))


_FAR_OBJECT_REACH = 90


def _has_far_object(gist: Gist, trigger: Hit) -> bool:
    """ "The raid staged by rebels on a hotel": what was hit, and is no site, follows in the trigger's clause."""
    # Where the verb closes its clause, the next one begins without a comma.
    end = until_stop(gist, trigger.end, _OBJECT_REACH if gist.lexicon.order == "sov" else _FAR_OBJECT_REACH)
    against = gist.hits.values("roles", trigger.end, end, "against")
    targets = gist.hits.values("roles", trigger.end, end, "other_targets")
    if _kills(gist, trigger) or not against or not targets or gist.hits.within("sites", trigger.end, end):
        return False
    return any(
        hit.end <= target.start and gist.words_between(hit.end, target.start) <= 3
        for hit in against
        for target in targets[:2]
    )


def _has_object_before(gist: Gist, sentence: Sentence, site: SiteMention, trigger: Hit) -> bool:
    """ "Gunmen, during a visit of the envoy, on the university fired": where the verb comes last, its object too."""
    if gist.lexicon.order != "sov" or not gist.lexicon.closing:
        return False
    told = gist.hits.within("events", site.end, gist.clause_at(sentence, max(site.end, trigger.start))[1])
    targets = gist.hits.values("roles", site.end, told[-1].start, "other_targets") if told else []
    if not targets or gist.words_between(targets[-1].end, told[-1].start) > _OBJECT_TO_VERB:
        return False
    return any(
        hit.end == targets[-1].start - 1 for hit in gist.hits.values("roles", site.end, targets[-1].start, "against")
    )


_OBJECT_TO_VERB = 3
_OWN_PLACE_REACH = 40


def _is_told_of(gist: Gist, trigger: Hit, place: Place) -> bool:
    """Whether a place right after an event is where it was: "in Paris", "of Paris", "ببيروت", "تفجيرات بروكسل"."""
    link = gist.folded.norm[trigger.end : place.start].split()
    if not link:
        if place.prefix in gist.lexicon.in_prefixes:
            return True
        # A city right behind may also be a government that attacks: "against" would follow.
        return place.kind == "city" and not gist.hits.values("roles", place.end, place.end + 12, "against")
    links = gist.lexicon.of | gist.lexicon.in_ | gist.lexicon.articles
    return len(link) <= 2 and all(word in links for word in link)


def _is_in_other_clause(gist: Gist, sentence: Sentence, site: SiteMention, trigger: Hit, place: Place) -> bool:
    """ "They left with help of the embassy, while fighting goes on in Kabul": a place and clause of its own."""
    if place.kind != "city" or site.end > trigger.start or not is_located(gist.folded, place, gist.lexicon):
        return False
    if site.kind in (SiteKind.STAFF, SiteKind.CONVOY) or gist.lexicon.order == "sov":
        return False  # "the envoy died of wounds, suffered in an attempt in Ankara"
    if not CLAUSE_END.search(gist.folded.clean, site.end, trigger.start):
        return False
    return gist.words_between(trigger.end, place.start) <= 2 and not is_governed(gist, site, sentence, ())


_VICTIM_REACH = 20


def _befell_others_there(gist: Gist, site: SiteMention, trigger: Hit) -> bool:
    """ "The envoy laid a wreath at the theatre where 90 people were killed": others, at another place."""
    if site.kind is not SiteKind.STAFF:
        return False
    end = until_stop(gist, trigger.end, _VICTIM_REACH)
    return any(
        gist.hits.values("victims", where.end, end, "one", "many")
        or any(
            word.isdigit() or word in gist.lexicon.numbers.values for word in gist.folded.norm[where.end : end].split()
        )
        for where in gist.hits.values("roles", site.end, trigger.start, "where")
    )


def is_elsewhere(gist: Gist, sentence: Sentence, site: SiteMention, trigger: Hit) -> bool:
    """ "After the attacks in Brussels the embassy in Moscow ...": what happened has its own place, not the site's."""
    if _has_object_before(gist, sentence, site, trigger) or _befell_others_there(gist, site, trigger):
        return True
    if site.end <= trigger.start and (
        has_own_object(gist, trigger)
        or _has_far_object(gist, trigger)
        or gist.hits.values("roles", site.end, trigger.start, "topic")
    ):
        return True
    inside = gist.places_within(trigger.start, trigger.end)  # "entered Baku": the words of the event hold its object
    weak = trigger.layer == "weak_events"
    if any(_is_no_host(place, site) or (weak and place.kind == "city") for place in inside):
        return True
    if any(
        _contradicts(place, site) and _places_trigger(gist, site, place)
        for place in gist.places_within(site.end, trigger.start)
    ):
        return True
    place = next(iter(gist.places_within(trigger.end, until_stop(gist, trigger.end, _OWN_PLACE_REACH))), None)
    if place is not None and _is_in_other_clause(gist, sentence, site, trigger, place):
        return True
    if place is None or place.kind not in ("city", "state") or site.start <= place.start < site.end:
        return False
    return _is_told_of(gist, trigger, place) and _is_no_host(place, site)


def _is_no_host(place: Place, site: SiteMention) -> bool:
    """Whether what happens in a place cannot happen at a site: nor does what happens in the sender's own country."""
    states = place.states or tuple(city.state for city in place.cities[:1])
    return (site.kind in ABROAD and site.sender in states) or _contradicts(place, site)


def _places_trigger(gist: Gist, site: SiteMention, place: Place) -> bool:
    """Whether a place between a site and an event word says where the event was, in languages that tell it before."""
    if gist.lexicon.order == "sov":
        return is_located(gist.folded, place, gist.lexicon)
    before = gist.folded.clean[site.end : place.start].rstrip()
    return not gist.lexicon.spaced and bool(CLAUSE_END.search(before[-1:]))


def _contradicts(place: Place, site: SiteMention) -> bool:
    """Whether a city or state cannot be where a site stands."""
    if place.kind == "state":
        return bool(site.host) and site.host not in place.states
    if place.kind != "city":
        return False
    if site.city is not None:
        return site.city.name not in {city.name for city in place.cities}
    return bool(site.host) and site.host not in {city.state for city in place.cities}
