"""Sites that speak or act rather than suffer: "according to the embassy", "the embassy condemned ..."."""

import re
from collections.abc import Sequence

from services.classify.core.reading.dates import When
from services.classify.core.reading.gist import CLAUSE_END, Gist
from services.classify.core.reading.onlookers import is_quoted
from services.classify.core.reading.scan import Hit
from services.classify.core.reading.site_mentions import SiteMention
from services.classify.core.reading.text import Sentence
from services.contracts.report import SiteKind

_AGENT_REACH = 16
"""Characters within which "by" follows a site."""


def is_speaker(gist: Gist, site: SiteMention, sentence: Sentence, triggers: Sequence[Hit]) -> bool:
    """Whether the site speaks rather than suffers: "according to the embassy", "the embassy condemned ..."."""
    if any(trigger.start < site.noun[0] < trigger.end for trigger in triggers):
        return False  # the event's own words hold it: "closed its embassy in Kabul, the ministry said"
    told = any(trigger.end <= site.noun[0] for trigger in triggers)
    begins = gist.words_between(sentence.start, site.start) <= 1
    if _is_label(gist, site, triggers) and (opens_clause(gist, sentence, site) if told else begins):
        return not _is_scene(gist, sentence, site)  # "Embassy in Kabul: we are safe"
    if is_quoted(gist, sentence, site):
        return True
    before = gist.hits.values("roles", max(sentence.start, site.start - 45), site.start, "speaker")
    if (
        before
        and gist.words_between(before[-1].end, site.start) <= 3
        and not _is_reported(gist, before[-1], site)
        and not _is_its_own(gist, before[-1], site)
        and not has_comma(gist, before[-1].end, site.start)  # "According to the police, the embassy ..."
    ):
        return not any(before[-1].end <= trigger.start < site.noun[0] for trigger in triggers)
    if gist.lexicon.in_after:
        agents = gist.hits.values("roles", site.end, site.end + _AGENT_REACH, "agent")
        if agents and gist.words_between(site.end, agents[0].start) <= 1:
            return True  # "confirmed by the consulate", where such words stand behind their noun
    after = gist.hits.values("roles", site.end, sentence.end, "speech")
    if (
        after
        and not _has_own_subject(gist, after[0], sentence, site, triggers)
        and not is_governed(gist, site, sentence, triggers)
    ):
        speech = after[0]
        if gist.lexicon.order == "sov":
            # The verb comes last: what stands between is its object, unless a clause ends on the way. A comma may
            # set off the subject itself: "The Kyiv embassy, that blasts were heard, announced".
            comma = begins and not told and _SUBJECT_COMMA.match(gist.folded.clean, site.end)
            subject_end = comma.end() if comma else site.end
            stop = CLAUSE_END.search(gist.folded.clean, subject_end, speech.start)
            if not stop and not gist.closings(subject_end, speech.start):
                return True
            return begins and any(_closes(gist, verb) for verb in after)
        between = any(site.end <= trigger.start and trigger.end <= speech.start for trigger in triggers)
        if between or gist.words_between(site.end, speech.start) > 9:
            return False
        return not _is_received(gist, speech, triggers)
    return False


_RECEIVED_WORDS = 5
_THAT_REACH = 8


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


def _is_scene(gist: Gist, sentence: Sentence, site: SiteMention) -> bool:
    """ "Embassy in Cairo: crowd tears down the flag": a headline's site with its city is where that happens.

    Not with a place of its own behind the colon, nor a number or a word of people first ("Embassy: five Germans hurt").
    """
    if not sentence.title or site.kind is SiteKind.STAFF or site.city is None or is_quoted(gist, sentence, site):
        return False
    if gist.places_within(site.end, sentence.end) or gist.hits.within("casualties", site.end, sentence.end):
        return False
    return not gist.hits.values("roles", site.end, sentence.end, "speech", "other_targets")


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
    if after_site(gist, site, "near", "at"):
        return False
    if gist.hits.triggers(start, site.noun[0]):
        return False  # "Evacuated embassy in Astana: ..."
    if gist.hits.values("cues", site.end, end, "damage"):
        return False
    return not _is_oblique(gist, site) or bool(gist.hits.values("roles", site.end, end, "speech"))


def is_in_next_clause(gist: Gist, sentence: Sentence, site: SiteMention) -> bool:
    """Whether a site stands in a clause that "and" fused with its verb begins, and nothing there makes it a target.

    "Troops killed the leader in Pakistan, and the ministry put its embassies on alert", where the verb comes first.
    """
    start, end = gist.clause_at(sentence, site.start)
    words = gist.folded.norm[start : site.noun[0]].split()
    if start == sentence.start or not words or not words[0].startswith(tuple(gist.lexicon.and_prefixes)):
        return False
    told = gist.hits.triggers(start, end) or gist.hits.within("casualties", start, end)
    return not told and not gist.hits.values("cues", start, end, "damage", "no_damage")


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
    if gist.folded.norm[speech.end : speech.end + _THAT_REACH].split()[:1] in [[word] for word in gist.lexicon.that]:
        return False  # "the murders, and several diplomats, among them ambassador X, said that ..."
    if (
        has_comma(gist, site.end, speech.start)
        and gist.lexicon.order != "sov"
        and any(trigger.end <= site.noun[0] for trigger in triggers)
    ):
        return True
    if not gist.is_after_comma(speech.start):
        return False
    subject = gist.hits.within("sources", speech.end, sentence.end)
    return bool(subject) and gist.words_between(speech.end, subject[0].start) <= 2


def has_comma(gist: Gist, start: int, end: int) -> bool:
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


def is_governed(gist: Gist, site: SiteMention, sentence: Sentence, triggers: Sequence[Hit]) -> bool:
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
    if after_site(gist, site, "near", "at"):
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


def after_site(gist: Gist, site: SiteMention, *roles: str) -> bool:
    """Whether a word for "near" or "at" stands right after a site, where a language puts it there."""
    hits = gist.hits.values("roles", site.end, site.end + 24, *roles)
    if not hits or any(mark in gist.folded.clean[site.end : hits[0].start] for mark in ",،，、"):
        return False
    if gist.lexicon.spaced:
        return gist.lexicon.order == "sov" and gist.words_between(site.end, hits[0].start) <= _AFTER_SITE_WORDS
    return hits[0].start - site.end <= _AFTER_SITE_WORDS + 1


_SPEECH_REACH = 24


def is_spoken(gist: Gist, when: When) -> bool:
    """Whether a date is that of a statement: "police said on Tuesday"."""
    for hit in gist.hits.values("roles", when.start - _SPEECH_REACH, when.end + _SPEECH_REACH, "speech"):
        between = (hit.end, when.start) if hit.end <= when.start else (when.end, hit.start)
        if between[0] <= between[1] and gist.words_between(*between) <= 2:
            return not any(mark in gist.folded.clean[slice(*between)] for mark in ",;:،，")
    return False
