"""Which site an event word speaks of, and how the two stand to each other: the target, a speaker, a bystander."""

import math
import re
from collections.abc import Sequence

from services.classify.core.reading.gist import CLAUSE_END, Gist
from services.classify.core.reading.onlookers import is_onlooker
from services.classify.core.reading.other_targets import has_own_object, is_elsewhere, until_stop
from services.classify.core.reading.scan import Hit
from services.classify.core.reading.site_mentions import ABROAD, SiteMention
from services.classify.core.reading.speakers import after_site, has_comma, is_speaker
from services.classify.core.reading.text import Sentence
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
    if after_site(gist, site, "near"):
        return Relation.PERIMETER
    if near and not gist.hits.values("roles", near[-1].end, end, "against"):
        others = gist.hits.values("roles", trigger.end, near[-1].start, "other_targets")
        return Relation.VICINITY if others else Relation.PERIMETER
    return Relation.ON_SITE


_FORMER_REACH = 24


def _is_former(gist: Gist, site: SiteMention) -> bool:
    """ "A former ambassador to Italy", "the former U.S. embassy in Tehran": no diplomatic site any more."""
    start = min(site.start, site.noun[0])
    before = gist.hits.values("roles", start - _FORMER_REACH, site.noun[0], "former")
    if before and gist.words_between(before[-1].end, start) <= 1:
        return not has_comma(gist, before[-1].end, start)
    after = gist.hits.values("roles", site.noun[1], site.noun[1] + _FORMER_REACH, "former")
    return bool(after) and not gist.folded.norm[site.noun[1] : after[0].start].strip()


_SEMICOLON = re.compile("[;；؛]")
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


_HARM_WORDS, _HARM_TO_STAFF = 3, 1


def harmed_site(gist: Gist, sentence: Sentence, sites: Sequence[SiteMention]) -> tuple[SiteMention | None, Hit | None]:
    """ "Two dead outside the consulate", "an attache was hurt": a site that was harmed, where no event word says it."""
    span = sentence.start, sentence.end
    for served in gist.hits.values("roles", *span, "served"):
        site = next((site for site in sites if site.end > served.start), None)
        if site and gist.words_between(served.end, site.start) <= _HARM_WORDS and not _is_former(gist, site):
            return site._replace(kind=SiteKind.STAFF), served  # "He headed the consulate of Honduras"
    harm = [*gist.hits.values("casualties", *span, "killed", "wounded"), *gist.hits.values("cues", *span, "damage")]
    site, hit = bind_site(gist, sentence, harm, sites)
    if site is None or hit is None:
        return None, None
    between = (hit.end, site.start) if hit.end <= site.start else (site.end, hit.start)
    words = gist.words_between(*between)
    if words > _HARM_WORDS or CLAUSE_END.search(gist.folded.clean, *between):
        return None, None
    if site.kind is SiteKind.STAFF:
        told = words <= _HARM_TO_STAFF or bool(gist.hits.values("roles", *between, "passive", "one"))
        # "Among the dead is the ambassador": one of many, hurt by what was meant for others.
        is_hurt = hit.layer == "casualties" and told and not gist.hits.values("casualties", *span, "among")
    else:
        is_hurt = hit.layer == "cues" or _is_placed(gist, site, hit)
    return (site, hit) if is_hurt else (None, None)


def _distance(gist: Gist, sentence: Sentence, site: SiteMention, trigger: Hit, nearest: float) -> float | None:
    """How far a trigger stands from a site; None when it does not concern it or cannot be nearer than `nearest`."""
    if trigger.start < site.end and site.start < trigger.end:
        return 0.0
    forward = trigger.end <= site.start
    between = (trigger.end, site.start) if forward else (site.end, trigger.start)
    words = gist.words_between(*between)
    if words > _MAX_WORDS_TO_SITE or words + _NAMED_BONUS >= nearest or is_elsewhere(gist, sentence, site, trigger):
        return None
    if _SEMICOLON.search(gist.folded.clean, *between):
        return None  # "Telegrams from every embassy; the gunman shot twice in the square"
    others = gist.hits.values("roles", *between, "other_targets")
    if site.kind is SiteKind.DIPLOMATIC_QUARTER:
        others = []  # whatever is hit in a quarter of missions is hit in their vicinity
    near = gist.hits.values("roles", *between, "near")
    if others and not near and gist.words_between(between[0], others[0].start) <= 4:
        if forward or site.kind is not SiteKind.STAFF or not _is_venue(gist, others[0]):
            return None
        others = []
    if forward and (_is_labelled(gist, site, trigger) or _is_past_verb(gist, sentence, site, trigger)):
        return None
    if _is_meanwhile(gist, site, between, forward):
        return None
    commas = sum(gist.folded.clean.count(mark, *between) for mark in ",;:،，")
    if words + 3 * commas > _reach(gist, site, trigger):
        return None
    if forward and words > _OBJECT_WORDS and has_own_object(gist, trigger) and not _is_placed(gist, site, trigger):
        return None
    return words + 3.0 * commas + (_NAMED_BONUS if site.named else 0.0) + (4.0 if others else 0.0)


def _is_venue(gist: Gist, target: Hit) -> bool:
    """ "A diplomat in a restaurant was shot": a person is hit in such a place, which is no target itself."""
    words = gist.folded.norm[max(0, target.start - 16) : target.start].split()
    words = words[:-1] if words and words[-1] in gist.lexicon.articles else words
    return bool(words) and words[-1] in gist.lexicon.in_


def _is_meanwhile(gist: Gist, site: SiteMention, between: tuple[int, int], forward: bool) -> bool:
    """ "Jets hit the town while the ambassador arrived": what goes on before or beside befalls nobody behind it."""
    lexicon = gist.lexicon
    # Where the verb closes its clause, or no comma is needed, the clause of the event ends at such a word.
    ends_clause = lexicon.order == "sov" or not lexicon.spaced
    if not (forward and ends_clause) and (site.kind is not SiteKind.STAFF or not lexicon.spaced):
        return False
    return bool(gist.hits.values("roles", *between, "meanwhile"))


_LABELLED_REACH = 80


def _is_labelled(gist: Gist, site: SiteMention, trigger: Hit) -> bool:
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
    stop = min(end.start() if end else len(clean), until_stop(gist, site.end, _LABELLED_REACH))
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
    joined = any(gist.folded.norm[hit.end : hit.end + 8].split()[:1] in [[word] for word in joiners] for hit in told)
    if not joined and not gist.closings(trigger.start, site.noun[0]):
        return False
    if any(gist.hits.within(layer, site.noun[0], sentence.end) for layer in _TOLD):
        return False
    return not gist.hits.values("cues", site.noun[0], sentence.end, "damage", "no_damage")


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
