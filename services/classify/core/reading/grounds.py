"""Events told only as the ground or the topic of something else: "after the attack on the consulate the ministers met".

News tells a new event in a main clause, or names it in a headline, at least once; what an article only ever refers to,
its reader knew before. One clause proves nothing ("after the blast three people were taken to hospital"), so a mention
carries what spoke against it (`Mention.known`), and the article decides (`incidents.group`). The words stand in a
lexicon's section `known`.
"""

from bisect import bisect_left
from collections.abc import Sequence
from operator import itemgetter

from services.classify.core.reading.gist import Gist, GuardHit
from services.classify.core.reading.guards import AFTERMATH
from services.classify.core.reading.scan import Hit
from services.classify.core.reading.text import Sentence
from services.contracts.report import IncidentType

_REACH, _WORDS = 40, 3
"""Between "after" and its event: characters, and the spaces between them ("after the first deadly attack")."""

_ATTRIBUTE_REACH = 16
"""Characters: an article before a participle."""

_WHICH_WORDS = 3
"""Words of a clause within which its relative pronoun stands: "in the course of which"."""

_CLAUSES = 8
"""Clauses after the event's that are looked through."""

_HARM = ("damage", "no_damage", "defence", "intercepted", "foiled")


def ground_of(gist: Gist, sentence: Sentence, clause: tuple[int, int], triggers: Sequence[Hit]) -> GuardHit | None:
    """The words that make what a clause's triggers tell something known already; None if the sentence tells it anew."""
    first = triggers[0]
    if any(hit.value == IncidentType.SECURITY_POSTURE for hit in triggers) or _is_fresh(gist, sentence):
        return None
    had = gist.hits.values("known", *clause, "had")
    if had and not _tells_harm(gist, sentence.start, clause[0]):
        return GuardHit(AFTERMATH, had[0].start, had[0].end)
    attribute = gist.hits.values("known", max(sentence.start, first.start - _ATTRIBUTE_REACH), first.end, "attribute")
    if len(triggers) == 1 and attribute and attribute[-1].start <= first.start < attribute[-1].end:
        return GuardHit(AFTERMATH, attribute[-1].start, attribute[-1].end)  # "the widow of the murdered envoy"
    link = _link(gist, sentence, first)
    if link is None or _tells_harm(gist, sentence.start, link.start):
        return None
    if _tells_event(gist, sentence.start, link.start) or _tells_harm(gist, first.end, clause[1]):
        return None
    cut = gist.clauses(sentence)
    after = bisect_left(cut, clause[1], key=itemgetter(0))
    if any(_tells_anew(gist, *other) for other in cut[after : after + _CLAUSES]):
        return None
    return GuardHit(AFTERMATH, link.start, first.end)


def _is_fresh(gist: Gist, sentence: Sentence) -> bool:
    """ "Manhunt after shots at the consulate", "rebels claim the attack": who answers or owns up to it tells it."""
    span = sentence.start, sentence.end
    return bool(gist.hits.values("known", *span, "response")) or bool(gist.hits.values("cues", *span, "claimed"))


def _link(gist: Gist, sentence: Sentence, trigger: Hit) -> Hit | None:
    """The "after", "over" or "condemned" right before a noun that names the event."""
    nouns = gist.hits.values("known", trigger.start, trigger.end, "events")
    if not nouns or nouns[0].start != trigger.start:
        return None
    links = gist.hits.values("known", max(sentence.start, trigger.start - _REACH), trigger.start, "ground")
    if not links or gist.words_between(links[-1].end, trigger.start) > _WORDS:
        return None
    between = links[-1].end, trigger.start
    words = gist.folded.norm[slice(*between)].split()
    if any(word in gist.lexicon.numbers.values or word.isdigit() for word in words):
        return None  # "after midnight two blasts": a count makes it new
    told = any(gist.hits.within(layer, *between) for layer in ("casualties", "sources", "cues"))
    return None if told else links[-1]


def _tells_anew(gist: Gist, start: int, end: int) -> bool:
    """Whether a clause tells harm or an event; ", in which four people died" hangs on the event's name as that does on
    its ground."""
    if any(word in gist.lexicon.which for word in gist.folded.norm[start:end].split()[:_WHICH_WORDS]):
        return False
    return _tells_harm(gist, start, end) or _tells_event(gist, start, end)


def _tells_harm(gist: Gist, start: int, end: int) -> bool:
    return bool(gist.hits.within("casualties", start, end)) or bool(gist.hits.values("cues", start, end, *_HARM))


def _tells_event(gist: Gist, start: int, end: int) -> bool:
    return bool(gist.hits.within("events", start, end))
