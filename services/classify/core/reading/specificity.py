"""How much a telling looks like one concrete incident: a place, a day, a victim, against talk, series and plain combat.

What concerns no diplomatic site is reported only when it is specific. Every feature is a fact about the words around
a trigger, found by terms of the lexicon; its weight stands in `weights.py`. A language whose lexicon names no actors
is not measured.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from services.classify.core.reading.dates import When
from services.classify.core.reading.gist import Gist, Mention
from services.classify.core.reading.scan import Hit
from services.classify.core.reading.text import Sentence
from services.classify.core.reading.weights import ENOUGH, WEIGHTS
from services.contracts.report import DatePrecision

RECENT_DAYS, OLD_DAYS = 10, 62
"""MUC-4 leaves out what is told more than two months after it happened."""

_VICTIM_CHARACTERS, _AGENT_CHARACTERS, _NEAR_CHARACTERS = 75, 60, 80
_NAME = re.compile(r"[^\W\d_][a-zà-ÿ]+ (?:[A-Z]\. )?[A-ZÀ-Þ][a-zà-ÿ]+")
_MEASURED_WORDS = 800
_FEWEST_WORDS = 200
"""A share of fewer words says little."""


@dataclass(frozen=True, slots=True)
class Specificity:
    """The points a telling has, the features that gave them, and whether they are enough."""

    points: float
    features: tuple[str, ...]

    @property
    def enough(self) -> bool:
        return self.points >= ENOUGH

    @property
    def reason(self) -> str:
        """The points, and what spoke most against."""
        against = sorted((name for name in self.features if WEIGHTS.get(name, 0.0) < 0), key=lambda name: WEIGHTS[name])
        return f"is no concrete incident: {self.points:.1f} points of {ENOUGH}; {', '.join(against[:3])}"


@dataclass(frozen=True, slots=True)
class Tone:
    """What the article as a whole sounds like: feature -> 0 to 1."""

    shares: dict[str, float]


def tone_of(gist: Gist, mentions: int) -> Tone:
    """The share of words of war, politics and the first person in an article, and its length."""
    words = max(_FEWEST_WORDS, gist.folded.norm.count(" "))
    hits = gist.hits
    counted = {
        "article: armed forces": len([hit for hit in hits.all("actors") if hit.value == "forces"]) * 25,
        "article: combat": len([hit for hit in hits.all("events") if hit.value == "clash"]) * 40,
        "article: politics": len([hit for hit in hits.all("tone") if hit.value == "politics"]) * 40,
        "article: first person": len([hit for hit in hits.all("tone") if hit.value == "first_person"]) * 25,
        "article: words": words * words / _MEASURED_WORDS,
        "article: tellings": mentions * words / 10,
    }
    return Tone({name: min(1.0, count / words) for name, count in counted.items()})


def specificity(gist: Gist, mention: Mention, tone: Tone) -> Specificity:
    """How concrete one telling is."""
    features = tuple(dict.fromkeys(features_of(gist, mention)))
    points = sum(WEIGHTS.get(feature, 0.0) for feature in features)
    points += sum(WEIGHTS.get(name, 0.0) * share for name, share in tone.shares.items())
    return Specificity(points, features)


def features_of(gist: Gist, mention: Mention) -> Iterator[str]:
    """The features of one telling, in words."""
    sentence = mention.sentence
    kinds = [hit.value for hit in _triggers(gist, mention)] or [mention.type.value]
    kind = kinds[0]
    if kind == "killing" and not mention.generic:
        kind = mention.type.value  # "killed when a bomb hit their car"
    yield f"told as {kind}"
    yield from _victim(gist, mention, kind)
    yield from _surroundings(gist, mention)
    yield from _time(gist, sentence)
    yield f"place: {mention.place.kind}" if mention.place else "no place"
    killed, wounded = mention.casualties.killed, mention.casualties.wounded
    if killed is not None:
        yield "no dead" if not killed.low else "a few dead" if killed.low < 100 else "hundreds dead"
    if wounded is not None and wounded.low:
        yield "wounded"
    yield from (f"guard: {guard.name}" for guard in mention.guards)
    yield from (f"says {name}" for name in ("damage", "reported", "claimed", "sources") if name in mention.spans)
    yield from (name for name in ("update", "background", "series") if getattr(mention, name))
    if mention.weapon:
        yield "weapon"
    if sentence.index <= 1:
        yield "in the lead"
    if '"' in gist.folded.clean[sentence.start : sentence.end]:
        yield "quoted"


def _triggers(gist: Gist, mention: Mention) -> list[Hit]:
    return gist.hits.triggers(*mention.trigger)


def _victim(gist: Gist, mention: Mention, kind: str) -> Iterator[str]:
    """Who or what is hit: the nearest actor after the trigger, or before it where the verb is passive."""
    start, end = mention.trigger
    sentence = mention.sentence
    passive = bool(gist.hits.values("roles", max(sentence.start, start - 24), end, "passive"))
    after = (end, min(sentence.end, end + _VICTIM_CHARACTERS))
    before = (max(sentence.start, start - _VICTIM_CHARACTERS), start)
    actors = gist.hits.within("actors", *(before if passive else after))
    victim = (actors[-1] if passive else actors[0]) if actors else None
    if passive:
        yield "passive"
    else:
        agents = gist.hits.within("actors", max(sentence.start, start - _AGENT_CHARACTERS), start)
        if agents:
            yield f"by {agents[-1].value}"
    if victim is not None:
        how = "specific" if _is_specific(gist, victim) else "general"
        yield from (f"against {victim.value}", f"against {how} {victim.value}", f"{kind} against {how} {victim.value}")
    if _NAME.search(gist.folded.clean, *(before if passive else after)):
        yield "a name"
        if victim is None:
            yield f"{kind} against a name"


def _is_specific(gist: Gist, actor: Hit) -> bool:
    """Whether an article or a number stands before it: "the six priests", not "priests"."""
    lexicon = gist.lexicon
    words = gist.folded.norm[max(0, actor.start - 24) : actor.start].split()[-3:]
    return any(word in lexicon.articles or word.isdecimal() or word in lexicon.numbers.values for word in words)


def _surroundings(gist: Gist, mention: Mention) -> Iterator[str]:
    """Who else is in the sentence, and close by."""
    sentence, (start, end) = mention.sentence, mention.trigger
    near = (max(sentence.start, start - _NEAR_CHARACTERS), min(sentence.end, end + _NEAR_CHARACTERS))
    for words, span in (("in the sentence", (sentence.start, sentence.end)), ("close by", near)):
        values = {hit.value for hit in gist.hits.within("actors", *span)}
        values |= {"combat" for hit in gist.hits.values("events", *span, "clash")}
        values |= {hit.value for hit in gist.hits.within("tone", *span)}
        yield from (f"{value} {words}" for value in sorted(values))
        if "forces" in values and "civilians" not in values:
            yield f"only forces {words}"
    word = gist.folded.norm[max(0, start - 12) : start].split()[-1:]
    if word and word[0] in gist.lexicon.articles:
        yield "one of it"


def _time(gist: Gist, sentence: Sentence) -> Iterator[str]:
    """How the sentence, or else its neighbours, places it in time."""
    whens = gist.dates_in(sentence)
    if not whens:
        yield "no time"
    ages = _ages(gist, whens)
    if any(-1 <= age <= RECENT_DAYS for age in ages):
        yield "a recent day"
    if any(RECENT_DAYS < age <= OLD_DAYS for age in ages):
        yield "a day of the last weeks"
    if any(age > OLD_DAYS for age in ages):
        yield "a day long ago"
    if any(when.precision is DatePrecision.YEAR for when in whens):
        yield "a year"
    if any(when.part for when in whens):
        yield "a part of the day"
    if not ages:
        around = gist.sentences[max(0, sentence.index - 1) : sentence.index + 2]
        if any(-1 <= age <= RECENT_DAYS for other in around for age in _ages(gist, gist.dates_in(other))):
            yield "a recent day close by"


def _ages(gist: Gist, whens: Sequence[When]) -> list[int]:
    """Days from each exact date to the publication, the dateline's own left out."""
    if gist.published is None:
        return []
    return [
        (gist.published - when.date).days
        for when in whens
        if when.date and when.precision is DatePrecision.DAY and when.start >= gist.dateline_end
    ]
