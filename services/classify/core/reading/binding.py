"""Which site an event word speaks of, and how the two stand to each other: the target, a speaker, a bystander."""

import math
import re
from collections.abc import Sequence

from services.classify.core.reading.gist import CLAUSE_END, Gist
from services.classify.core.reading.onlookers import is_onlooker, is_quoted
from services.classify.core.reading.places import Place, is_located
from services.classify.core.reading.scan import Hit
from services.classify.core.reading.site_mentions import ABROAD, SiteMention
from services.classify.core.reading.text import Sentence, sentence_at
from services.contracts.report import IncidentType, Relation, SiteKind


def relation_to(gist: Gist, site: SiteMention, trigger: Hit) -> Relation:
    """How the incident stands to its site: in the words between the two."""
    if site.kind is SiteKind.STAFF:
        return Relation.STAFF
    if site.kind is SiteKind.CONVOY:
        return Relation.CONVOY
    start, end = (trigger.end, site.start) if trigger.end <= site.start else (site.start - 30, site.start)
    near = gist.hits.values("roles", max(start, site.start - 40), site.start, "near")
    if site.kind is SiteKind.DIPLOMATIC_QUARTER:
        return Relation.VICINITY
    if _after_site(gist, site, "near"):
        return Relation.PERIMETER
    if near and not gist.hits.values("roles", near[-1].end, end, "against"):
        others = gist.hits.values("roles", trigger.end, near[-1].start, "other_targets")
        return Relation.VICINITY if others else Relation.PERIMETER
    return Relation.ON_SITE


_AGENT_REACH = 16
"""Characters within which "by" follows a site."""


def is_speaker(gist: Gist, site: SiteMention, sentence: Sentence, triggers: Sequence[Hit]) -> bool:
    """Whether the site speaks rather than suffers: "according to the embassy", "the embassy condemned ..."."""
    told = any(trigger.end <= site.noun[0] for trigger in triggers)
    begins = gist.words_between(sentence.start, site.start) <= 1
    if _is_label(gist, site, triggers) and (opens_clause(gist, sentence, site) if told else begins):
        return True  # "Embassy in Kabul: we are safe"
    if is_quoted(gist, sentence, site):
        return True
    before = gist.hits.values("roles", max(sentence.start, site.start - 45), site.start, "speaker")
    if (
        before
        and gist.words_between(before[-1].end, site.start) <= 3
        and not _is_reported(gist, before[-1], site)
        and not _is_its_own(gist, before[-1], site)
        and not _has_comma(gist, before[-1].end, site.start)  # "According to the police, the embassy ..."
    ):
        return not any(before[-1].end <= trigger.start < site.noun[0] for trigger in triggers)
    if gist.lexicon.order == "sov":
        agents = gist.hits.values("roles", site.end, site.end + _AGENT_REACH, "agent")
        if agents and gist.words_between(site.end, agents[0].start) <= 1:
            return True  # "confirmed by the consulate": the word for "by" stands behind
    after = gist.hits.values("roles", site.end, sentence.end, "speech")
    if (
        after
        and not _has_own_subject(gist, after[0], sentence, site, triggers)
        and not _is_governed(gist, site, sentence, triggers)
    ):
        speech = after[0]
        if gist.lexicon.order == "sov":
            # The verb comes last: what stands between is its object, unless a clause ends on the way. A comma may
            # set off the subject itself: "The Kyiv embassy, that blasts were heard, announced".
            comma = begins and not told and _SUBJECT_COMMA.match(gist.folded.clean, site.end)
            if not CLAUSE_END.search(gist.folded.clean, comma.end() if comma else site.end, speech.start):
                return True
            return begins and any(_closes(gist, verb) for verb in after)
        between = any(site.end <= trigger.start and trigger.end <= speech.start for trigger in triggers)
        if between or gist.words_between(site.end, speech.start) > 9:
            return False
        return not _is_received(gist, speech, triggers)
    return False


_RECEIVED_WORDS = 5


def _is_received(gist: Gist, verb: Hit, triggers: Sequence[Hit]) -> bool:
    """ "The embassy received a bomb threat": a verb of hosting that also says what befell the site, and that did."""
    if not gist.hits.values("roles", verb.start, verb.end, "suffered"):
        return False
    after = min((hit.start for hit in triggers if hit.start >= verb.end), default=None)
    if after is None or gist.words_between(verb.end, after) > _RECEIVED_WORDS:
        return False
    return not gist.hits.values("roles", verb.end, after, "about")  # "received the families of those killed"


_SUBJECT_COMMA = re.compile(r"(?: \w+){0,3},")
"""The comma behind a subject, after an envoy's name at most."""


_LABEL = re.compile(r"(?: [^\s:：]+){0,2} ?[:：]")


def _is_label(gist: Gist, site: SiteMention, triggers: Sequence[Hit]) -> bool:
    """Whether a colon follows the site, after two words at most that tell nothing: "The ambassador in exile: ..."."""
    label = _LABEL.match(gist.folded.clean, site.end)
    return label is not None and not any(site.end <= trigger.start < label.end() for trigger in triggers)


def opens_clause(gist: Gist, sentence: Sentence, site: SiteMention) -> bool:
    """Whether a site begins a clause of its own and nothing makes it a place: it does or says something there.

    "Blast at the mall: Chinese embassy opens hotline."
    """
    start, end = gist.clause_at(sentence, site.start)
    colon = gist.folded.clean[end - 1 : end] in (":", "：")
    if gist.words_between(start, site.start) > 1 or not (colon or gist.folded.norm[site.end : end].strip()):
        return False
    if _after_site(gist, site, "near", "at"):
        return False
    if any(gist.hits.within(layer, start, site.noun[0]) for layer in ("events", "weak_events")):
        return False  # "Evacuated embassy in Astana: ..."
    if gist.hits.values("cues", site.end, end, "damage"):
        return False
    return not _is_oblique(gist, site) or bool(gist.hits.values("roles", site.end, end, "speech"))


def is_in_next_clause(gist: Gist, sentence: Sentence, site: SiteMention) -> bool:
    """Whether a site stands in a clause that "and" fused with its verb begins, and nothing there makes it a target.

    "Troops killed the leader in Pakistan, and the ministry put its embassies on alert", where the verb comes first.
    """
    start, end = gist.clause_at(sentence, site.start)
    words = gist.folded.norm[start : site.start].split()
    if start == sentence.start or len(words) < 2 or not words[0].startswith(tuple(gist.lexicon.and_prefixes)):
        return False
    if gist.hits.values("cues", start, end, "damage", "no_damage") or gist.hits.within("casualties", start, end):
        return False
    return bool(gist.lexicon.and_prefixes) and not _is_governed(gist, site, sentence, ())


def _is_oblique(gist: Gist, site: SiteMention) -> bool:
    """Whether a case ending says that a site is no subject (Turkish)."""
    following = gist.folded.norm[site.end : site.end + 12].split()
    if following and following[0] in gist.lexicon.oblique:
        return True
    endings = gist.lexicon.oblique_endings
    return bool(endings) and gist.folded.norm.endswith(endings, 0, site.noun[1])


def _closes(gist: Gist, verb: Hit) -> bool:
    """Whether a verb of saying stands right behind a comma: its subject is the one that began the sentence."""
    return gist.is_after_comma(verb.start)


def _has_own_subject(gist: Gist, speech: Hit, sentence: Sentence, site: SiteMention, triggers: Sequence[Hit]) -> bool:
    """ "A bomb exploded at the embassy, said police": after a comma the verb's subject follows it."""
    if not any(trigger.start < speech.start for trigger in triggers):
        return False  # "X, ambassador to Y, told Reuters ..."
    if (
        _has_comma(gist, site.end, speech.start)
        and gist.lexicon.order == "svo"
        and any(trigger.end <= site.noun[0] for trigger in triggers)
    ):
        return True
    if not gist.is_after_comma(speech.start):
        return False
    subject = gist.hits.within("sources", speech.end, sentence.end)
    return bool(subject) and gist.words_between(speech.end, subject[0].start) <= 2


def _has_comma(gist: Gist, start: int, end: int) -> bool:
    return any(mark in gist.folded.clean[start:end] for mark in ",،，")


def _is_its_own(gist: Gist, speech: Hit, site: SiteMention) -> bool:
    """ "Moscow said its embassy was hit": who says so has an embassy, and is none. Its ambassador may speak himself."""
    if site.kind is SiteKind.STAFF:
        return False
    own = gist.hits.values("roles", site.noun[0] - 16, site.noun[1] + 16, "own")
    return bool(own) and bool(gist.hits.values("roles", speech.start, speech.end, "speech"))


def _is_reported(gist: Gist, speech: Hit, site: SiteMention) -> bool:
    """ "Police said that the embassy ...": a word for "that" ends the reach of the verb."""
    return any(word in gist.lexicon.that for word in gist.folded.norm[speech.end : site.start].split())


def _is_governed(gist: Gist, site: SiteMention, sentence: Sentence, triggers: Sequence[Hit]) -> bool:
    """Whether a preposition or a trigger stands right before the site, so that it is no subject."""
    window = max(sentence.start, site.start - 40)
    for hit in gist.hits.within("roles", window, site.start):
        if (
            hit.value in ("near", "against", "at")
            and gist.words_between(hit.end, site.start) <= 2
            and ":" not in gist.folded.clean[hit.end : site.start]
            and not gist.hits.within("date", hit.end, site.start)  # "On 5 May ambassador X ..."
        ):
            return True
    if _after_site(gist, site, "near", "at"):
        return True
    if _is_oblique(gist, site):
        return True
    return any(
        trigger.end <= site.noun[0]
        and gist.words_between(trigger.end, site.noun[0]) <= 2
        and not CLAUSE_END.search(gist.folded.clean, trigger.end, site.start)
        and not _is_next_clause(gist, trigger, site)
        for trigger in triggers
    )


def _is_next_clause(gist: Gist, trigger: Hit, site: SiteMention) -> bool:
    """ "... killed and the embassy of India ...": where the verb comes last, "and" right behind it begins a clause."""
    words = gist.folded.norm[trigger.end : site.start].split()
    return gist.lexicon.order == "sov" and bool(words) and words[0] in gist.lexicon.numbers.joiners


_AFTER_SITE_WORDS = 2


def _after_site(gist: Gist, site: SiteMention, *roles: str) -> bool:
    """Whether a word for "near" or "at" stands right after a site, where a language puts it there."""
    hits = gist.hits.values("roles", site.end, site.end + 24, *roles)
    if not hits or any(mark in gist.folded.clean[site.end : hits[0].start] for mark in ",،，、"):
        return False
    if gist.lexicon.spaced:
        return gist.lexicon.order == "sov" and gist.words_between(site.end, hits[0].start) <= _AFTER_SITE_WORDS
    return hits[0].start - site.end <= _AFTER_SITE_WORDS + 1


_FORMER_REACH = 24


def _is_former(gist: Gist, site: SiteMention) -> bool:
    """ "A former ambassador to Italy", "the former U.S. embassy in Tehran": no diplomatic site any more."""
    start = min(site.start, site.noun[0])
    before = gist.hits.values("roles", start - _FORMER_REACH, site.noun[0], "former")
    if before and gist.words_between(before[-1].end, start) <= 1:
        return not _has_comma(gist, before[-1].end, start)
    after = gist.hits.values("roles", site.noun[1], site.noun[1] + _FORMER_REACH, "former")
    return bool(after) and not gist.folded.norm[site.noun[1] : after[0].start].strip()


_MAX_WORDS_TO_SITE = 28


_NAMED_BONUS = -1.0


_MAX_CHARACTERS_TO_SITE = 2 * _MAX_WORDS_TO_SITE + 1
"""The same where no spaces are written."""


def _is_politics(gist: Gist, site: SiteMention) -> bool:
    """ "On the day the embassy was opened in Jerusalem": who opens or moves a mission tells of no harm to it."""
    start, end = site.noun
    return any(
        hit.start < start and hit.end > start for hit in gist.hits.values("guards", start - 40, end, "diplomacy")
    )


def bind_site(
    gist: Gist, sentence: Sentence, triggers: Sequence[Hit], sites: Sequence[SiteMention]
) -> tuple[SiteMention | None, Hit | None]:
    """The site that the triggers of a clause concern, and the trigger nearest to it."""
    best: tuple[float, SiteMention, Hit] | None = None
    reach = sentence.end - sentence.start if gist.lexicon.spaced else _MAX_CHARACTERS_TO_SITE
    for site in sites:
        close = [hit for hit in triggers if site.start - hit.end <= reach and hit.start - site.end <= reach]
        if not close or _is_former(gist, site) or _is_politics(gist, site):
            continue
        if is_speaker(gist, site, sentence, triggers):
            continue
        for trigger in close:
            distance = _distance(gist, sentence, site, trigger, best[0] if best else math.inf)
            if distance is None or is_onlooker(gist, sentence, site, trigger):
                continue
            if best is None or distance < best[0]:
                best = (distance, site, trigger)
    if best is None:
        return None, None
    return best[1], best[2]


def _distance(gist: Gist, sentence: Sentence, site: SiteMention, trigger: Hit, nearest: float) -> float | None:
    """How far a trigger stands from a site; None when it does not concern it or cannot be nearer than `nearest`."""
    if trigger.start < site.end and site.start < trigger.end:
        return 0.0
    forward = trigger.end <= site.start
    between = (trigger.end, site.start) if forward else (site.end, trigger.start)
    words = gist.words_between(*between)
    if words > _MAX_WORDS_TO_SITE or words + _NAMED_BONUS >= nearest or _is_elsewhere(gist, sentence, site, trigger):
        return None
    others = gist.hits.values("roles", *between, "other_targets")
    if site.kind is SiteKind.DIPLOMATIC_QUARTER:
        others = []  # whatever is hit in a quarter of missions is hit in their vicinity
    near = gist.hits.values("roles", *between, "near")
    if others and not near and gist.words_between(between[0], others[0].start) <= 4:
        return None
    if forward and (_is_onlooker(gist, site, trigger) or _is_past_verb(gist, sentence, site, trigger)):
        return None
    if _is_meanwhile(gist, site, between, forward):
        return None
    commas = sum(gist.folded.clean.count(mark, *between) for mark in ",;:،，")
    if words + 3 * commas > _reach(gist, site, trigger):
        return None
    if forward and words > _OBJECT_WORDS and _has_own_object(gist, trigger) and not _is_placed(gist, site, trigger):
        return None
    return words + 3.0 * commas + (_NAMED_BONUS if site.named else 0.0) + (4.0 if others else 0.0)


def _is_meanwhile(gist: Gist, site: SiteMention, between: tuple[int, int], forward: bool) -> bool:
    """ "Jets hit the town while the ambassador arrived": what goes on before or beside befalls nobody behind it."""
    lexicon = gist.lexicon
    # Where the verb closes its clause, or no comma is needed, the clause of the event ends at such a word.
    ends_clause = lexicon.order == "sov" or not lexicon.spaced
    if not (forward and ends_clause) and (site.kind is not SiteKind.STAFF or not lexicon.spaced):
        return False
    return bool(gist.hits.values("roles", *between, "meanwhile"))


def _is_onlooker(gist: Gist, site: SiteMention, trigger: Hit) -> bool:
    """ "Attack on a hospital: embassies lower their flags": a site right after a colon is a subject of its own.

    A word for damage or for the hurt beside it says that it was hit all the same.
    """
    clean = gist.folded.clean
    start = max(site.start, clean.rfind(":", trigger.end, site.noun[0]) + 1)  # a label's place is part of the site
    colon = clean.rfind(":", trigger.end, start)
    if colon < 0 or gist.words_between(colon + 1, start) > 3 or clean[colon : colon + 2].strip() != ":":
        return False
    if gist.hits.values("roles", colon, site.noun[0], "near", "at", "against"):
        return False
    end = CLAUSE_END.search(clean, site.end)
    stop = min(end.start() if end else len(clean), _until_stop(gist, site.end, _ONLOOKER_REACH))
    if gist.hits.values("cues", site.end, stop, "damage", "no_damage", "threatened"):
        return False
    return not any(gist.hits.within(layer, colon, stop) for layer in ("casualties", "events", "weak_events"))


_TOLD = ("casualties", "events", "weak_events")


def _is_past_verb(gist: Gist, sentence: Sentence, site: SiteMention, trigger: Hit) -> bool:
    """ "Fifty died in Paris and people laid flowers at the embassy": where the verb closes its clause, "and" behind it
    begins another, which tells nothing that befell its site.
    """
    joiners = gist.lexicon.numbers.joiners
    if gist.lexicon.order != "sov" or not gist.lexicon.spaced or not joiners:
        return False
    told = [hit for layer in _TOLD for hit in gist.hits.within(layer, trigger.start, site.noun[0])]
    if not any(gist.folded.norm[hit.end : hit.end + 8].split()[:1] in [[word] for word in joiners] for hit in told):
        return False
    if any(gist.hits.within(layer, site.noun[0], sentence.end) for layer in _TOLD):
        return False
    return not gist.hits.values("cues", site.noun[0], sentence.end, "damage", "no_damage")


_ONLOOKER_REACH = 80


_LOOSE_REACH, _UNSENT_REACH, _POSTURE_REACH = 5, 10, 12


def _reach(gist: Gist, site: SiteMention, trigger: Hit) -> int:
    """How far a trigger may stand from its site, in words with three for a comma.

    Diplomats of nobody in particular are often onlookers; what is evacuated or closed stands beside the word.
    """
    if site.kind is SiteKind.STAFF and trigger.value == IncidentType.PEACEFUL_PROTEST_BLOCKADE:
        return -1  # people gather at buildings; a diplomat who is told of beside a protest watches it
    if site.kind is SiteKind.STAFF and (not site.senders or (site.referring and _is_bare(gist, site))):
        return _LOOSE_REACH
    if trigger.value == IncidentType.SECURITY_POSTURE:
        return _POSTURE_REACH
    if site.kind in ABROAD and not site.senders:
        return _UNSENT_REACH if site.named else _LOOSE_REACH  # "foreign embassies are watching"
    return 3 * _MAX_WORDS_TO_SITE


def _is_bare(gist: Gist, site: SiteMention) -> bool:
    """ "Officials, diplomats": no article says that those named before are meant."""
    articles = gist.lexicon.articles
    before = gist.folded.norm[max(0, site.start - 8) : site.start].split()[-1:]
    return bool(articles) and not (before and before[0] in articles)


_OBJECT_WORDS = 8
"""A site so close after a trigger may be part of its object: "the murder of John Doe, the consul"."""

_PLACED_REACH = 24


def _is_placed(gist: Gist, site: SiteMention, trigger: Hit) -> bool:
    """Whether a word for "near", "at" or "against" leads to the site: "the murder of a guard outside the embassy"."""
    start = max(trigger.end, site.start - _PLACED_REACH)
    return bool(gist.hits.values("roles", start, site.start, "near", "at", "against"))


_OBJECT_REACH = 30
_STOP = re.compile(r"[,،，;:!?]|\.\s")


def _until_stop(gist: Gist, start: int, reach: int) -> int:
    """The end of a reach that no sentence's end lies in. A column's line break ends nothing."""
    sentence = sentence_at(gist.sentences, start)
    end = min(start + reach, sentence.end) if sentence and sentence.end > start else start + reach
    stop = _STOP.search(gist.folded.clean, start, end)
    return stop.start() if stop else end


def _has_own_object(gist: Gist, trigger: Hit) -> bool:
    """ "... the murder of a priest", "an attack on a market": what it was done to follows, and is no site."""
    end = _until_stop(gist, trigger.end, _OBJECT_REACH)
    following = gist.folded.norm[trigger.end : end].split()
    if not following:
        return False
    against = gist.hits.values("roles", trigger.end, trigger.end + 12, "against")
    if not (against and against[0].start <= trigger.end + 1) and following[0] not in gist.lexicon.of:
        return False
    layers = ("sites", "weapons", "date", "events", "weak_events")
    return not any(gist.hits.within(layer, trigger.end, end) for layer in layers)


_FAR_OBJECT_REACH = 90


def _has_far_object(gist: Gist, trigger: Hit) -> bool:
    """ "The raid staged by rebels on a hotel": what was hit, and is no site, follows in the trigger's clause."""
    # Where the verb closes its clause, the next one begins without a comma.
    end = _until_stop(gist, trigger.end, _OBJECT_REACH if gist.lexicon.order == "sov" else _FAR_OBJECT_REACH)
    against = gist.hits.values("roles", trigger.end, end, "against")
    targets = gist.hits.values("roles", trigger.end, end, "other_targets")
    if not against or not targets or gist.hits.within("sites", trigger.end, end):
        return False
    return any(
        hit.end <= target.start and gist.words_between(hit.end, target.start) <= 3
        for hit in against
        for target in targets[:2]
    )


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
    if site.kind in (SiteKind.STAFF, SiteKind.CONVOY) or gist.lexicon.order != "svo":
        return False  # "the envoy died of wounds, suffered in an attempt in Ankara"
    if not CLAUSE_END.search(gist.folded.clean, site.end, trigger.start):
        return False
    return gist.words_between(trigger.end, place.start) <= 2 and not _is_governed(gist, site, sentence, ())


def _is_elsewhere(gist: Gist, sentence: Sentence, site: SiteMention, trigger: Hit) -> bool:
    """ "After the attacks in Brussels the embassy in Moscow ...": what happened has its own place, not the site's."""
    if site.end <= trigger.start and (
        _has_own_object(gist, trigger)
        or _has_far_object(gist, trigger)
        or gist.hits.values("roles", site.end, trigger.start, "topic")
    ):
        return True
    if any(
        _contradicts(place, site) and _places_trigger(gist, site, place)
        for place in gist.places_within(site.end, trigger.start)
    ):
        return True
    place = next(iter(gist.places_within(trigger.end, _until_stop(gist, trigger.end, _OWN_PLACE_REACH))), None)
    if place is not None and _is_in_other_clause(gist, sentence, site, trigger, place):
        return True
    if place is None or place.kind not in ("city", "state") or site.start <= place.start < site.end:
        return False
    if not _is_told_of(gist, trigger, place):
        return False
    states = place.states or tuple(city.state for city in place.cities[:1])
    if site.kind in ABROAD and site.sender in states:
        return True  # what happens in the sender's own country is not at its embassy
    return _contradicts(place, site)


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
