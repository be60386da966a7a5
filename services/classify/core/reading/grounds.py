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
from services.classify.core.reading.speakers import is_spoken
from services.classify.core.reading.text import Sentence
from services.contracts.report import IncidentType

_REACH, _WORDS = 40, 3
"""Between "after" and its event: characters, and the spaces between them ("after the first deadly attack")."""

_NOUN_REACH = 8
"""Characters that a term for a noun may stand out behind the event's: "storming of", no verb."""

_ATTRIBUTE_REACH = 16
"""Characters: an article before a participle."""

_WHICH_WORDS = 3
"""Words of a clause within which its relative pronoun stands: "in the course of which"."""

_CLAUSES = 8
"""Clauses after the event's that are looked through."""

HARM = ("damage", "no_damage", "threatened", "intercepted", "defence", "foiled")


def ground_of(gist: Gist, sentence: Sentence, clause: tuple[int, int], triggers: Sequence[Hit]) -> GuardHit | None:
    """The words that make what a clause's triggers tell something known already; None if the sentence tells it anew."""
    if any(hit.value == IncidentType.SECURITY_POSTURE for hit in triggers):
        return None
    found = _ground(gist, sentence, clause, triggers)
    return None if found is None or _is_fresh(gist, sentence) else found


def _ground(gist: Gist, sentence: Sentence, clause: tuple[int, int], triggers: Sequence[Hit]) -> GuardHit | None:
    first = triggers[0]
    if _is_of_the_day(gist, sentence, first):
        return None
    had = [hit for hit in gist.hits.values("known", *clause, "had") if _is_its_verb(gist, triggers[-1], hit)]
    if had and not tells_harm(gist, sentence.start, clause[0] if gist.lexicon.closing else had[0].start):
        return GuardHit(AFTERMATH, had[0].start, had[0].end)
    near = max(sentence.start, first.start - _ATTRIBUTE_REACH), min(clause[1], first.end + _ATTRIBUTE_REACH)
    attributes = gist.hits.values("known", *near, "attribute") if len(triggers) == 1 else []
    attribute = next((hit for hit in attributes if _is_attribute(gist, hit, first, clause[1])), None)
    if attribute is not None:
        return GuardHit(AFTERMATH, attribute.start, attribute.end)  # "the widow of the murdered envoy"
    behind = None if any(hit.value in _FOUND for hit in triggers) else _link_behind(gist, clause, triggers[-1])
    if behind is None and _is_named_only(gist, clause, first):
        telling = _has_fresh_day(gist, sentence) or tells_harm(gist, sentence.start, sentence.end)
        return None if telling else GuardHit(AFTERMATH, first.start, first.end)
    if behind is not None and not _is_told_beside(gist, sentence, clause, triggers[0].start, behind):
        return GuardHit(AFTERMATH, first.start, behind)
    link = _link(gist, sentence, first)
    if link is None or tells_harm(gist, sentence.start, link.start):
        return None
    if _tells_event(gist, sentence.start, link.start) or tells_harm(gist, first.end, clause[1]):
        return None
    if _goes_on_telling(gist, sentence, clause[1]):
        return None
    return GuardHit(AFTERMATH, link.start, first.end)


def _goes_on_telling(gist: Gist, sentence: Sentence, position: int) -> bool:
    """Whether the clauses from a position on tell harm or an event."""
    cut = gist.clauses(sentence)
    after = bisect_left(cut, position, key=itemgetter(0))
    return any(_tells_anew(gist, *other) for other in cut[after : after + _CLAUSES])


def _is_its_verb(gist: Gist, trigger: Hit, had: Hit) -> bool:
    """Whether a pluperfect is the verb of an event: where the verb comes last, the first behind it."""
    closing = gist.lexicon.closing
    if not closing:
        return True
    return had.end > trigger.start and closing.isdisjoint(gist.folded.norm[trigger.end : had.start].split())


def _is_attribute(gist: Gist, hit: Hit, trigger: Hit, end: int) -> bool:
    """Whether a participle holds an event and stands by itself: no verb and no "and" goes on with it."""
    if not hit.start <= trigger.start < hit.end:
        return False
    if not gist.lexicon.closing:
        return True
    following = gist.folded.norm[hit.end : end].split()[:1]
    return bool(following) and gist.lexicon.closing.isdisjoint(following) and following[0] not in gist.lexicon.and_words


def _is_fresh(gist: Gist, sentence: Sentence) -> bool:
    """ "Manhunt after shots at the consulate", "rebels claim the attack": who answers or owns up to it tells it."""
    span = sentence.start, sentence.end
    return bool(gist.hits.values("known", *span, "response")) or bool(gist.hits.values("cues", *span, "claimed"))


_DAY_OLD = 1


def _is_of_the_day(gist: Gist, sentence: Sentence, trigger: Hit) -> bool:
    """ "Police investigate the murder of the consul on Monday": the day behind an event is its own, and news."""
    return any(
        when.start >= trigger.end
        and when.date
        and gist.published
        and 0 <= (gist.published - when.date).days <= _DAY_OLD
        for when in gist.days_in(sentence)
    )


def _link(gist: Gist, sentence: Sentence, trigger: Hit) -> Hit | None:
    """The "after", "over" or "condemned" right before a noun that names the event."""
    nouns = gist.hits.values("known", trigger.start - 1, trigger.end + _NOUN_REACH, "events")
    if not nouns or nouns[0].start not in (trigger.start, trigger.start - 1):
        return None  # a weak trigger may be the second character of its noun: 被炸
    links = gist.hits.values("known", max(sentence.start, trigger.start - _REACH), trigger.start, "ground")
    if not links or gist.words_between(links[-1].end, trigger.start) > _WORDS:
        return None
    between = links[-1].end, trigger.start
    words = gist.folded.norm[slice(*between)].split()
    if any(word in gist.lexicon.numbers.values or word.isdigit() for word in words):
        return None  # "after midnight two blasts": a count makes it new
    told = any(gist.hits.within(layer, *between) for layer in ("casualties", "sources", "cues"))
    return None if told else links[-1]


_BEHIND_REACH = 16
"""Characters between an event and the word behind it that makes it a ground."""


_FOUND = (IncidentType.THREAT_HOAX_SUSPECT_ITEM, IncidentType.CBRN_SUBSTANCE)
"""What is found is told with its attribute: "find a car full of explosives"."""


def _link_behind(gist: Gist, clause: tuple[int, int], last: Hit) -> int | None:
    """The end of what makes an event known from behind: "saldırının *ardından*", 遇袭*后*, 策划爆炸案*的*头目."""
    behind = gist.hits.values("known", last.end, min(clause[1], last.end + _BEHIND_REACH), "behind")
    if behind and gist.words_between(last.end, behind[0].start) <= _WORDS:
        return behind[0].end
    if gist.lexicon.spaced or not gist.lexicon.of:
        return None
    marks = [at for word in gist.lexicon.of if (at := gist.folded.norm.find(word, last.end, clause[1])) >= 0]
    if not marks or not _ends_attribute(gist, last, min(marks), clause[1]):
        return None
    return min(marks) + 1


def _is_named_only(gist: Gist, clause: tuple[int, int], first: Hit) -> bool:
    """ "Approved the [against the embassy]'s siege", where no spaces are written: with an attribute it is a noun."""
    lexicon = gist.lexicon
    if lexicon.spaced or not lexicon.of or not gist.folded.norm.endswith(tuple(lexicon.of), 0, first.start):
        return False
    against = gist.hits.values("roles", max(clause[0], first.start - _REACH), first.start, "against")
    return bool(against) and bool(gist.hits.within("sites", against[-1].end, first.start))


def _ends_attribute(gist: Gist, last: Hit, mark: int, end: int) -> bool:
    """Whether all that a clause tells up to its "of" only says who or what is meant behind it, as in Chinese.

    "[Plan the blast]'s leader", "[bomb the embassy cause]'s loss"; not "storm [the embassy]'s gate", whose "of" is
    that of the object.
    """
    sites = gist.hits.within("sites", last.end, mark)
    if (mark > last.end and not sites) or gist.hits.within("weapons", mark, min(end, mark + _HEAD_REACH)):
        return False  # "hurl a lit bottle"
    if sites and sites[-1].end >= mark:
        return bool(gist.hits.values("victims", mark, min(end, mark + _HEAD_REACH), "attackers"))
    return not gist.hits.values("roles", last.end, mark, "near", "at")


_HEAD_REACH = 6
"""Characters from an "of" to the noun it belongs to."""


def _is_told_beside(gist: Gist, sentence: Sentence, clause: tuple[int, int], start: int, end: int) -> bool:
    """Whether a sentence tells a fresh day, harm or an event beside what stands from `start` to `end`."""
    if _has_fresh_day(gist, sentence) or tells_harm(gist, clause[0], start):
        return True
    if _tells_anew(gist, sentence.start, clause[0]):
        return True
    return _tells_anew(gist, end, clause[1]) or _goes_on_telling(gist, sentence, clause[1])


_FRESH_DAYS = 7


def _has_fresh_day(gist: Gist, sentence: Sentence) -> bool:
    """Whether a sentence tells a day of the last week on which more was done than said."""
    days = (when.date for when in gist.days_in(sentence) if not is_spoken(gist, when))
    return any(day and gist.published and (gist.published - day).days <= _FRESH_DAYS for day in days)


def _tells_anew(gist: Gist, start: int, end: int) -> bool:
    """Whether a clause tells harm or an event; ", in which four people died" hangs on the event's name as that does on
    its ground."""
    if any(word in gist.lexicon.which for word in gist.folded.norm[start:end].split()[:_WHICH_WORDS]):
        return False
    return tells_harm(gist, start, end) or _tells_event(gist, start, end)


def tells_harm(gist: Gist, start: int, end: int) -> bool:
    """Whether words tell who was hurt, or what was damaged, threatened or fended off."""
    return bool(gist.hits.within("casualties", start, end)) or bool(gist.hits.values("cues", start, end, *HARM))


def _tells_event(gist: Gist, start: int, end: int) -> bool:
    return bool(gist.hits.within("events", start, end))
