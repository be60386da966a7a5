"""Guards: named rules that speak against telling something as news.

A lexicon gives each guard its words; this table says how far they reach and what follows. `REJECT` means there is no
incident at all; `BACKGROUND` means there is one, but it is no news.
"""

from dataclasses import dataclass
from enum import StrEnum


class Reach(StrEnum):
    """How far a guard's words speak; `EVENT`: for the event they hold or stand right before; `ARTICLE`: from the title
    or the lead, for all of it."""

    EVENT = "event"
    CLAUSE = "clause"
    SENTENCE = "sentence"
    LINE = "line"
    ARTICLE = "article"


class Effect(StrEnum):
    REJECT = "reject"
    BACKGROUND = "background"


@dataclass(frozen=True, slots=True)
class Guard:
    reach: Reach
    effect: Effect
    reason: str
    families: frozenset[str] | None = None
    """The families of types it speaks against; None: all."""


AFTERMATH, DENIAL = "aftermath", "denial"
"""Guards that the code knows by name."""

_CLOSURES = frozenset({"posture", "threat"})

GUARDS: dict[str, Guard] = {
    "history": Guard(Reach.SENTENCE, Effect.BACKGROUND, "tells of the past"),
    "anniversary": Guard(Reach.CLAUSE, Effect.BACKGROUND, "tells of an anniversary"),
    "obituary": Guard(Reach.ARTICLE, Effect.BACKGROUND, "is an obituary or a tribute"),
    "trial": Guard(Reach.ARTICLE, Effect.BACKGROUND, "is about a trial, a sentence or an inquiry into the past"),
    "compensation": Guard(Reach.SENTENCE, Effect.BACKGROUND, "is about compensation"),
    "fiction": Guard(Reach.ARTICLE, Effect.REJECT, "is about a film, a book, a series or a game"),
    "drill": Guard(Reach.ARTICLE, Effect.REJECT, "is about a drill or an exercise"),
    "travel_advice": Guard(Reach.SENTENCE, Effect.REJECT, "is travel or security advice"),
    "consular": Guard(Reach.SENTENCE, Effect.REJECT, "is about visas or consular service", _CLOSURES),
    "expulsion": Guard(Reach.SENTENCE, Effect.REJECT, "is about expelling or recalling diplomats"),
    "statement": Guard(Reach.CLAUSE, Effect.REJECT, "is what somebody said about an event elsewhere"),
    "offer_of_help": Guard(Reach.SENTENCE, Effect.REJECT, "is an offer of help"),
    DENIAL: Guard(Reach.SENTENCE, Effect.REJECT, "says that it did not happen"),
    "hypothetical": Guard(Reach.CLAUSE, Effect.REJECT, "says what could happen"),
    "prevention": Guard(Reach.CLAUSE, Effect.REJECT, "is about protecting against attacks in general"),
    AFTERMATH: Guard(Reach.EVENT, Effect.BACKGROUND, "tells what followed an incident told before"),
    "diplomacy": Guard(Reach.CLAUSE, Effect.REJECT, "is about relations between states, not about safety"),
    "metaphor": Guard(Reach.SENTENCE, Effect.REJECT, "is a figure of speech"),
    "sport": Guard(Reach.ARTICLE, Effect.REJECT, "is about sport"),
    "series": Guard(Reach.CLAUSE, Effect.REJECT, "sums up a series, not one incident"),
    "related_links": Guard(Reach.LINE, Effect.REJECT, "is a link to other articles"),
    "commentary": Guard(Reach.ARTICLE, Effect.REJECT, "is analysis or opinion"),
    "accident": Guard(Reach.SENTENCE, Effect.REJECT, "is an accident"),
}
