"""Events told as known: as the ground, the object or the topic of something else that the sentence tells.

"After the attack on its embassy London recalled its staff", "he called the attack a mistake": news tells a new event in
a clause of its own, with its harm. Unlike `grounds.py`, which asks the whole article, this speaks for one telling: it
needs a language that marks what is known, by an article (`known.the_prefixes`) or as an object (`known.object`).
"""

from services.classify.core.reading.gist import CLAUSE_END, Gist, GuardHit
from services.classify.core.reading.grounds import HARM, tells_harm
from services.classify.core.reading.guards import AFTERMATH
from services.classify.core.reading.scan import Hit
from services.classify.core.reading.text import Sentence
from services.contracts.report import IncidentType

_MEASURES = (
    IncidentType.SECURITY_POSTURE, IncidentType.THREAT_HOAX_SUSPECT_ITEM, IncidentType.CBRN_SUBSTANCE,
)  # fmt: skip
"""Told as the ground of one another: "evacuated after a threat"."""

_GROUND_REACH, _OBJECT_REACH, _AGAINST_REACH = 40, 100, 24
"""Characters: from "after" to its event, from an event to the marker of an object, from one to "on"."""


def retold_as(gist: Gist, sentence: Sentence, trigger: Hit) -> GuardHit | None:
    """The words that make a trigger one that is told before: a guard against it as news."""
    lexicon = gist.lexicon
    if trigger.value in _MEASURES or gist.hits.values("known", sentence.start, sentence.end, "response"):
        return None
    if _is_relative(gist, trigger):
        return GuardHit(AFTERMATH, trigger.start, trigger.end) if _is_only_named(gist, sentence) else None
    if _is_of_known(gist, sentence, trigger):
        return GuardHit(AFTERMATH, trigger.start, trigger.end)
    if trigger.layer != "events" or not (lexicon.object or lexicon.the_prefixes):
        return None
    ground = _ground(gist, sentence, trigger)
    if ground is not None:
        return GuardHit(AFTERMATH, ground.start, trigger.end)
    if lexicon.object and _is_object(gist, sentence, trigger):
        return GuardHit(AFTERMATH, trigger.start, trigger.end)
    if trigger.prefix in lexicon.the_prefixes and _is_only_named(gist, sentence):
        return GuardHit(AFTERMATH, trigger.start, trigger.end)
    return None


def _ground(gist: Gist, sentence: Sentence, trigger: Hit) -> Hit | None:
    """ "After the attacks in Paris the embassy opened a line": the word for "after", if the main clause is harmless."""
    after = gist.hits.values("known", max(sentence.start, trigger.start - _GROUND_REACH), trigger.start, "ground")
    if not after or gist.words_between(after[-1].end, trigger.start) > 2:
        return None
    if not _is_definite(gist, trigger):
        return None
    main = _main_clause(gist, sentence, after[-1], trigger)
    return None if main is None or any(_tells_news(gist, *part, trigger) for part in main) else after[-1]


def _is_definite(gist: Gist, trigger: Hit) -> bool:
    """ "A raid on", where a language tells it from "the raid on": what is new to the reader has no article."""
    lexicon = gist.lexicon
    if not lexicon.the_prefixes or trigger.prefix in lexicon.the_prefixes:
        return True
    return not gist.hits.values("roles", trigger.end, trigger.end + _AGAINST_REACH, "against")


def _main_clause(gist: Gist, sentence: Sentence, after: Hit, trigger: Hit) -> list[tuple[int, int]] | None:
    """What a sentence tells beside the ground; None where nothing does."""
    if gist.lexicon.order == "sov":
        return [(sentence.start, after.start), (trigger.end, sentence.end)]
    if gist.words_between(sentence.start, after.start) >= 1:
        return [(sentence.start, after.start)]
    comma = CLAUSE_END.search(gist.folded.clean, trigger.end, sentence.end)
    return [(comma.end(), sentence.end)] if comma else None


_HARMLESS = (IncidentType.SECURITY_POSTURE, IncidentType.PEACEFUL_PROTEST_BLOCKADE)


def _tells_news(gist: Gist, start: int, end: int, trigger: Hit) -> bool:
    """Whether words tell harm or another event, not only what is done about it."""
    return tells_harm(gist, start, end) or any(
        hit.value not in _HARMLESS and not (hit.start < trigger.end and trigger.start < hit.end)
        for hit in gist.hits.triggers(start, end)
    )


def _is_object(gist: Gist, sentence: Sentence, trigger: Hit) -> bool:
    """ "The attack on the embassy" as what somebody condemns, studies or avenges: an object, with no deed behind it.

    Nobody's claim of it: whoever claims an attack tells it.
    """
    end = min(sentence.end, trigger.end + _OBJECT_REACH)
    stop = CLAUSE_END.search(gist.folded.clean, trigger.end, end)
    words_end = min([stop.start() if stop else end, *gist.closings(trigger.end, end)])
    words = gist.folded.norm[trigger.end : words_end].split()
    marks = [index for index, word in enumerate(words) if word in gist.lexicon.object]
    if not marks:
        return False
    mark = trigger.end + len(" ".join(words[: marks[0] + 1])) + 1
    span = trigger.end, sentence.end
    behind = [*gist.hits.within("casualties", *span), *gist.hits.triggers(*span)]
    if any(hit.start < mark <= hit.end for hit in behind):
        return False  # "lost his life", where the object is not the event
    if gist.hits.values("roles", mark, sentence.end, "speech"):
        return True  # "he called the attack on the embassy, and the murder of ..., a mistake"
    return not behind and not gist.hits.values("cues", sentence.start, sentence.end, "claimed", *HARM)


def _is_only_named(gist: Gist, sentence: Sentence) -> bool:
    """ "Damascus is sorry for the attacks": with an article, no harm, no fresh day and nothing else that tells it."""
    start, end = sentence.start, sentence.end
    if gist.hits.within("casualties", start, end) or gist.hits.values("cues", start, end, "claimed", *HARM):
        return False
    told = gist.hits.triggers(start, end)
    if not all(hit.prefix in gist.lexicon.the_prefixes or _is_relative(gist, hit) for hit in told):
        return False
    return not gist.days_in(sentence)


def _is_of_known(gist: Gist, sentence: Sentence, trigger: Hit) -> bool:
    """ "The pilgrims who were killed", "he held that the murder of the envoy served ...": what befell somebody known,
    or an event that itself does or is something, where nothing beside it tells harm or a day.

    Only where an article, or a pronoun that stands for one, says that the reader knows whom or what is meant.
    """
    lexicon = gist.lexicon
    start, end = gist.clause_at(sentence, trigger.start)
    words = gist.folded.norm[max(start, trigger.start - _WHICH_REACH) : trigger.start].split()
    if not lexicon.the_prefixes or not words:
        return False
    if not any(word in lexicon.which for word in words[-_WHICH_WORDS:]):
        if words[-1] not in lexicon.that or not _names_its_site(gist, trigger):
            return False
        start, end = sentence.start, trigger.end
    if gist.days_in(sentence):
        return False
    return not any(_tells_news(gist, *part, trigger) for part in ((start, trigger.start), (end, sentence.end)))


def _names_its_site(gist: Gist, trigger: Hit) -> bool:
    """ "The murder of the envoy" in two words: what was hit stands in, or right behind, a noun without an article."""
    return bool(gist.hits.within("sites", trigger.start, trigger.end + 2))


def _is_relative(gist: Gist, hit: Hit) -> bool:
    """ "The raid that hit ...": the verb of a clause that only says which event is meant."""
    lexicon = gist.lexicon
    words = gist.folded.norm[max(0, hit.start - _WHICH_REACH) : hit.start].split()
    if not lexicon.which or not words or words[-1] not in lexicon.which:
        return False
    named = gist.hits.within("events", hit.start - _WHICH_REACH, hit.start)
    return bool(named) and named[-1].prefix in lexicon.the_prefixes


_WHICH_REACH, _WHICH_WORDS = 32, 3
