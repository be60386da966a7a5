"""From terms to mentions: what each clause says happened, to whom, when, with what, at what cost.

A mention is one clause's telling. Which mentions are one incident is decided in `incidents.py`.
"""

import datetime as dt
import math
import re
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

from services.classify.core.dates import DateReader, When
from services.classify.core.geoparse import Focus, Place, SiteMention
from services.classify.core.guards import GUARDS, Reach
from services.classify.core.lexicon import Lexicon
from services.classify.core.numbers import Number, NumberReader
from services.classify.core.scan import Hit, Hits
from services.classify.core.taxonomy import TAXONOMY, WEAPON_TYPES
from services.classify.core.text import Folded, Sentence
from services.contracts.report import Count, IncidentType, Outcome, Relation, SiteKind

Spans = tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class GuardHit:
    """A guard that spoke: its name and the words."""

    name: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Casualties:
    """Counts with the words they were read from; None is silence."""

    killed: Count | None = None
    wounded: Count | None = None
    missing: Count | None = None
    staff: Count | None = None
    revised: bool = False
    spans: dict[str, tuple[int, int]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Mention:
    """What one clause tells. `trigger` is the word that made it; `strong` that the word names an incident by itself."""

    sentence: Sentence
    start: int
    end: int
    trigger: tuple[int, int]
    type: IncidentType
    generic: bool
    strong: bool
    site: SiteMention | None
    relation: Relation
    when: When | None
    casualties: Casualties
    weapon: tuple[str, int, int] | None
    guards: tuple[GuardHit, ...]
    outcome: Outcome
    place: Place | None
    area: Place | None = None
    spans: dict[str, Spans] = field(default_factory=dict)
    quantities: tuple[tuple[str, Number], ...] = ()
    update: bool = False
    background: bool = False
    series: bool = False
    conflict: str | None = None


_YEAR_IN = re.compile(r"(?:19|20)\d\d|\d日")


class Gist:
    """What extraction knows of an article: all the scan and the readers found, by offset."""

    def __init__(
        self,
        folded: Folded,
        lexicon: Lexicon,
        hits: Hits,
        sentences: list[Sentence],
        places: list[Place],
        focus: Focus,
        dates: DateReader,
        numbers: NumberReader,
        published: dt.date | None,
        dateline_end: int,
    ) -> None:
        self.folded, self.lexicon, self.hits, self.sentences = folded, lexicon, hits, sentences
        self.places, self.focus, self.dates, self.numbers = places, focus, dates, numbers
        self.published, self.dateline_end = published, dateline_end
        self.place_starts = [place.start for place in places]
        self._whens: dict[int, list[When]] = {}

    def dates_in(self, sentence: Sentence) -> list[When]:
        """The dates of a sentence; nothing is run where the scan saw no date word and no digit of a year."""
        known = self._whens.get(sentence.index)
        if known is None:
            known = self._whens[sentence.index] = self._read_dates(sentence)
        return known

    def _read_dates(self, sentence: Sentence) -> list[When]:
        if not self.hits.within("date", sentence.start, sentence.end) and not _YEAR_IN.search(
            self.folded.norm, sentence.start, sentence.end
        ):
            return []
        return self.dates.read(self.folded.norm, sentence.start, sentence.end, self.published)

    def words_between(self, start: int, end: int) -> int:
        """Words between two offsets; for scripts without spaces, two characters make a word."""
        if end <= start:
            return 0
        if not self.lexicon.spaced:
            return (end - start) // 2
        return self.folded.norm.count(" ", start, end)

    def places_within(self, start: int, end: int) -> list[Place]:
        first = bisect_right(self.place_starts, start - 1)
        found = []
        for place in self.places[first:]:
            if place.start >= end:
                break
            found.append(place)
        return found


_CLAUSE = re.compile(r"[,;:()（）،؛，、；：]|\s[-–—]+\s|—")


def clauses(folded: Folded, sentence: Sentence) -> list[tuple[int, int]]:
    """The sentence cut at commas, dashes and their like. Numbers like 1,000 are not cut."""
    cuts = [sentence.start]
    for match in _CLAUSE.finditer(folded.clean, sentence.start, sentence.end):
        around = folded.clean[match.start() - 1 : match.end() + 1]
        if len(around) == 3 and around[0].isdigit() and around[2].isdigit():
            continue
        cuts.append(match.end())
    cuts.append(sentence.end)
    return [(start, end) for start, end in pairwise(cuts) if end > start]


def casualties_in(gist: Gist, start: int, end: int, numbers: Sequence[Number]) -> Casualties:
    """Killed, wounded and missing told in a span: every casualty word takes the nearest free number."""
    words = gist.hits.within("casualties", start, end)
    if not words:
        return Casualties()
    counts: dict[str, Count] = {}
    spans: dict[str, tuple[int, int]] = {}
    for hit in words:
        zeros = {"none": ("killed", "wounded"), "killed_none": ("killed",), "wounded_none": ("wounded",)}
        for name in zeros.get(hit.value, ()):
            counts[name] = Count(low=0, high=0)
            spans[name] = (hit.start, hit.end)
    pairs = []
    for hit in words:
        if hit.value not in ("killed", "wounded", "missing"):
            continue
        for number in numbers:
            distance = _casualty_distance(gist, hit, number)
            if distance is not None:
                pairs.append((number.weak, distance, hit.start, hit, number))
    taken: set[int] = set()
    toll = _toll(gist, words, numbers)
    if toll is not None:
        taken.add(toll[1].start)
        counts["killed"], spans["killed"] = toll[1].count, (toll[0].start, toll[1].end)
    for _, _, _, hit, number in sorted(pairs, key=lambda pair: pair[:3]):
        if hit.value in counts or number.start in taken:
            continue
        taken.add(number.start)
        counts[hit.value] = number.count
        spans[hit.value] = (min(hit.start, number.start), max(hit.end, number.end))
    for hit in words:
        one = hit.value in ("killed", "wounded") and hit.value not in counts and _one_before(gist, hit)
        if one:
            counts[hit.value], spans[hit.value] = Count(low=1, high=1), (one.start, hit.end)
    hurt = [spans[name] for name in ("killed", "wounded") if name in counts and counts[name].low > 0]
    staff = _staff_among(gist, [(counts[name], spans[name]) for name in counts if name != "missing"], end)
    if staff:
        spans["staff_casualties"] = hurt[0]
    return Casualties(
        counts.get("killed"), counts.get("wounded"), counts.get("missing"), staff, toll is not None, spans
    )


def _one_before(gist: Gist, hit: Hit) -> Hit | None:
    """The singular verb that says one was hurt, without a number: "the judge was killed"."""
    verbs = gist.hits.values("roles", max(0, hit.start - 24), hit.start + 4, "one")
    near = [verb for verb in verbs if verb.start < hit.start + 1 and gist.words_between(verb.end, hit.start) <= 2]
    return near[-1] if near else None


def _toll(gist: Gist, words: Sequence[Hit], numbers: Sequence[Number]) -> tuple[Hit, Number] | None:
    """A new total of the dead: "the toll rose to six"; not one of the wounded."""
    for hit in words:
        if hit.value != "toll":
            continue
        told = [word.value for word in words if word.end <= hit.start and word.value in ("killed", "wounded")]
        if told and told[-1] == "wounded":
            continue
        following = [n for n in numbers if n.start >= hit.end and gist.words_between(hit.end, n.start) <= 3]
        if following and not following[0].weak:
            return hit, following[0]
    return None


_STAFF_REACH = 40


def _staff_among(gist: Gist, told: Sequence[tuple[Count, tuple[int, int]]], end: int) -> Count | None:
    """How many of the killed and wounded are staff: those whose words hold, or go on to, a word for staff."""
    found = []
    for count, (first, last) in told:
        stop = _CLAUSE.search(gist.folded.clean, last, min(end, last + _STAFF_REACH))
        reach = stop.start() if stop else min(end, last + _STAFF_REACH)
        if count.low > 0 and gist.hits.values("sites", first, reach, "staff"):
            found.append(count)
    if not found:
        return None
    high = None if any(count.high is None for count in found) else sum(count.high or 0 for count in found)
    return Count(low=sum(count.low for count in found), high=high)


_MAX_CASUALTY_CHARACTERS = 90


def _casualty_distance(gist: Gist, hit: Hit, number: Number) -> float | None:
    if number.end <= hit.start:
        between, limit, bias = (number.end, hit.start), 3 if number.weak else 7, 0.0
    elif number.start >= hit.end:
        between, limit, bias = (hit.end, number.start), 1 if number.weak else 4, 0.5
    elif number.start >= hit.start and number.end <= hit.end:
        return 0.0
    else:
        return None
    if between[1] - between[0] > _MAX_CASUALTY_CHARACTERS:
        return None
    words = gist.words_between(*between)
    stops = sum(gist.folded.clean.count(mark, *between) for mark in ",;:،，")
    if words > limit or stops > 1 or gist.hits.within("weapons", *between):
        return None
    return words + bias + 3 * stops


def countable(gist: Gist, sentence: Sentence, whens: Sequence[When]) -> list[Number]:
    """The numbers of a sentence that may count people or things: no dates, ages, distances, hours.

    None are read where the scan saw nothing to count.
    """
    start, end = sentence.start, sentence.end
    if not gist.hits.within("casualties", start, end) and not gist.hits.within("quantities", start, end):
        return []
    kept = []
    for number in gist.numbers.read(gist.folded.norm, start, end):
        if any(when.start < number.end and number.start < when.end for when in whens):
            continue
        following = gist.folded.norm[number.end : number.end + 24].split()
        if (
            gist.lexicon.spaced
            and following
            and (
                following[0] in gist.lexicon.numbers.not_counts
                or " ".join(following[:2]) in gist.lexicon.numbers.not_counts
            )
        ):
            continue
        if _is_age(gist, number):
            continue
        kept.append(number)
    return kept


def _is_age(gist: Gist, number: Number) -> bool:
    """A number in digits between two commas is somebody's age: "the mayor, 65, was killed"."""
    clean = gist.folded.clean
    digits = clean[number.start : number.end].isdecimal()
    return (
        digits
        and clean[max(0, number.start - 3) : number.start].rstrip()[-1:] == ","
        and clean[number.end : number.end + 1] == ","
    )


_NEUTRAL = frozenset({"attack", "explosion", "impact", "killing", "clash", "violence"})


_FINER_THAN_BOMBING = (
    IncidentType.ROCKET_MORTAR_MISSILE,
    IncidentType.ARSON_INCENDIARY,
    IncidentType.SUICIDE_ATTACK,
)


def incident_type(
    triggers: Sequence[Hit], weapons: Sequence[Hit], site: SiteMention | None
) -> tuple[IncidentType | None, bool]:
    """The type that triggers and weapons make together, and whether it was only guessed from a plain "attack"."""
    plural = {(hit.start, hit.end) for hit in triggers if hit.value == "violence"}
    if site is None:
        # A word for violence in general may be spelled like one for a single attack; alone it names no incident.
        triggers = [hit for hit in triggers if (hit.start, hit.end) not in plural]
    if any(hit.value == "explosion" and hit.layer == "events" for hit in triggers):
        # "An explosion and a fire": the fire is what it left.
        triggers = [hit for hit in triggers if hit.layer == "events" or not _is_aftermath(hit)]
    named = [IncidentType(hit.value) for hit in triggers if hit.value not in _NEUTRAL]
    generic = {hit.value for hit in triggers if hit.value in _NEUTRAL}
    weapon_types = [WEAPON_TYPES[hit.value] for hit in weapons]
    if named:
        best = max(named, key=lambda kind: TAXONOMY[kind].rank)
        if best is IncidentType.BOMBING_IED:
            # "threw a petrol bomb", "a grenade exploded": the thing says more than the verb.
            best = next((kind for kind in weapon_types if kind in _FINER_THAN_BOMBING), best)
        return best, False
    if generic:
        if weapon_types:
            return max(weapon_types, key=lambda kind: TAXONOMY[kind].rank), False
        if "impact" in generic and len(generic) == 1:
            return None, False
        if "explosion" in generic:
            return IncidentType.BOMBING_IED, True
        if "killing" in generic and site is not None and site.kind is SiteKind.STAFF:
            return IncidentType.ASSASSINATION_STAFF, False
        return IncidentType.ARMED_ATTACK_SHOOTING, True
    return None, False


def _is_aftermath(hit: Hit) -> bool:
    return hit.value not in _NEUTRAL and TAXONOMY[IncidentType(hit.value)].family == "crowd"


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


def is_speaker(gist: Gist, site: SiteMention, sentence: Sentence, triggers: Sequence[Hit]) -> bool:
    """Whether the site speaks rather than suffers: "according to the embassy", "the embassy condemned ..."."""
    told = any(trigger.end <= site.noun[0] for trigger in triggers)
    begins = gist.words_between(sentence.start, site.start) <= 1
    if begins and not told and gist.folded.clean[site.end : site.end + 1] == ":":
        return True  # "Embassy in Kabul: we are safe"
    before = gist.hits.values("roles", max(sentence.start, site.start - 45), site.start, "speaker")
    if before and gist.words_between(before[-1].end, site.start) <= 3 and not _is_reported(gist, before[-1], site):
        return not any(before[-1].end <= trigger.start < site.noun[0] for trigger in triggers)
    after = gist.hits.values("roles", site.end, sentence.end, "speech")
    if (
        after
        and not _has_own_subject(gist, after[0], sentence, site, triggers)
        and not _is_governed(gist, site, sentence, triggers)
    ):
        speech = after[0]
        if gist.lexicon.order == "sov":
            # The verb comes last: what stands between is its object, unless a clause ends on the way.
            return not _CLAUSE.search(gist.folded.clean, site.end, speech.start)
        between = any(site.end <= trigger.start and trigger.end <= speech.start for trigger in triggers)
        return not between and gist.words_between(site.end, speech.start) <= 9
    return False


def _has_own_subject(gist: Gist, speech: Hit, sentence: Sentence, site: SiteMention, triggers: Sequence[Hit]) -> bool:
    """ "A bomb exploded at the embassy, said police": after a comma the verb's subject follows it."""
    comma = any(mark in gist.folded.clean[site.end : speech.start] for mark in ",،，")
    if comma and gist.lexicon.order == "svo" and any(trigger.end <= site.noun[0] for trigger in triggers):
        return True
    if gist.folded.clean[: speech.start].rstrip()[-1:] not in (",", "،", "，"):
        return False
    subject = gist.hits.within("sources", speech.end, sentence.end)
    return bool(subject) and gist.words_between(speech.end, subject[0].start) <= 2


def _is_reported(gist: Gist, speech: Hit, site: SiteMention) -> bool:
    """ "Police said that the embassy ...": a word for "that" ends the reach of the verb."""
    return any(word in gist.lexicon.that for word in gist.folded.norm[speech.end : site.start].split())


def _is_governed(gist: Gist, site: SiteMention, sentence: Sentence, triggers: Sequence[Hit]) -> bool:
    """Whether a preposition or a trigger stands right before the site, so that it is no subject."""
    window = max(sentence.start, site.start - 40)
    for hit in gist.hits.within("roles", window, site.start):
        if hit.value in ("near", "against", "at") and gist.words_between(hit.end, site.start) <= 2:
            return True
    if _after_site(gist, site, "near", "at"):
        return True
    following = gist.folded.norm[site.end : site.end + 12].split()
    if following and following[0] in gist.lexicon.oblique:
        return True
    endings = gist.lexicon.oblique_endings
    if endings and gist.folded.norm[: site.noun[1]].endswith(endings):
        return True
    return any(
        trigger.end <= site.noun[0] and gist.words_between(trigger.end, site.noun[0]) <= 2 for trigger in triggers
    )


_AFTER_SITE_WORDS = 2


def _after_site(gist: Gist, site: SiteMention, *roles: str) -> bool:
    """Whether a word for "near" or "at" stands right after a site, where a language puts it there."""
    hits = gist.hits.values("roles", site.end, site.end + 24, *roles)
    if not hits or any(mark in gist.folded.clean[site.end : hits[0].start] for mark in ",،，、"):
        return False
    if gist.lexicon.spaced:
        return gist.lexicon.order == "sov" and gist.words_between(site.end, hits[0].start) <= _AFTER_SITE_WORDS
    return hits[0].start - site.end <= _AFTER_SITE_WORDS + 1


_MAX_WORDS_TO_SITE = 28
_NAMED_BONUS = -1.0
_MAX_CHARACTERS_TO_SITE = 2 * _MAX_WORDS_TO_SITE + 1
"""The same where no spaces are written."""


def bind_site(
    gist: Gist, sentence: Sentence, triggers: Sequence[Hit], sites: Sequence[SiteMention]
) -> tuple[SiteMention | None, Hit | None]:
    """The site that the triggers of a clause concern, and the trigger nearest to it."""
    best: tuple[float, SiteMention, Hit] | None = None
    reach = sentence.end - sentence.start if gist.lexicon.spaced else _MAX_CHARACTERS_TO_SITE
    for site in sites:
        close = [hit for hit in triggers if site.start - hit.end <= reach and hit.start - site.end <= reach]
        if not close or is_speaker(gist, site, sentence, triggers):
            continue
        for trigger in close:
            distance = _distance(gist, site, trigger, best[0] if best else math.inf)
            if distance is None:
                continue
            if best is None or distance < best[0]:
                best = (distance, site, trigger)
    if best is None:
        return None, None
    return best[1], best[2]


def _distance(gist: Gist, site: SiteMention, trigger: Hit, nearest: float) -> float | None:
    """How far a trigger stands from a site; None when it does not concern it or cannot be nearer than `nearest`."""
    if trigger.start < site.end and site.start < trigger.end:
        return 0.0
    forward = trigger.end <= site.start
    between = (trigger.end, site.start) if forward else (site.end, trigger.start)
    words = gist.words_between(*between)
    if words > _MAX_WORDS_TO_SITE or words + _NAMED_BONUS >= nearest or _is_elsewhere(gist, site, trigger):
        return None
    others = gist.hits.values("roles", *between, "other_targets")
    near = gist.hits.values("roles", *between, "near")
    if others and not near and gist.words_between(between[0], others[0].start) <= 4:
        return None
    commas = sum(gist.folded.clean.count(mark, *between) for mark in ",;:،，")
    if words + 3 * commas > _reach(site, trigger):
        return None
    return words + 3.0 * commas + (_NAMED_BONUS if site.named else 0.0) + (4.0 if others else 0.0)


_LOOSE_REACH, _POSTURE_REACH = 5, 12


def _reach(site: SiteMention, trigger: Hit) -> int:
    """How far a trigger may stand from its site, in words with three for a comma.

    Diplomats of nobody in particular are often onlookers; what is evacuated or closed stands beside the word.
    """
    if site.kind is SiteKind.STAFF and not site.senders:
        return _LOOSE_REACH
    if trigger.value == IncidentType.SECURITY_POSTURE:
        return _POSTURE_REACH
    return 3 * _MAX_WORDS_TO_SITE


_OBJECT_REACH = 30


def _until_stop(gist: Gist, start: int, reach: int) -> int:
    """The end of a reach that no sentence's end lies in."""
    stop = re.search(r"[,،，;:!?\n]|\.\s", gist.folded.clean[start : start + reach])
    return start + (stop.start() if stop else reach)


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


_OWN_PLACE_REACH = 40


def _is_elsewhere(gist: Gist, site: SiteMention, trigger: Hit) -> bool:
    """ "After the attacks in Brussels the embassy in Moscow ...": what happened has its own place, not the site's."""
    if site.end <= trigger.start and _has_own_object(gist, trigger):
        return True
    place = next(iter(gist.places_within(trigger.end, _until_stop(gist, trigger.end, _OWN_PLACE_REACH))), None)
    if place is None or place.kind not in ("city", "state") or site.start <= place.start < site.end:
        return False
    link = gist.folded.norm[trigger.end : place.start].split()
    links = gist.lexicon.of | gist.lexicon.in_ | gist.lexicon.articles
    if not link or len(link) > 2 or not all(word in links for word in link):
        return False
    if place.kind == "state":
        return bool(site.host) and site.host not in place.states
    if site.city is not None:
        return site.city.name not in {city.name for city in place.cities}
    return bool(site.host) and site.host not in {city.state for city in place.cities}


def article_guards(gist: Gist) -> list[GuardHit]:
    """Guards that speak for the whole article because they stand in its title or lead; each once."""
    lead_end = gist.sentences[min(2, len(gist.sentences) - 1)].end if gist.sentences else 0
    return first_of_each(
        GuardHit(hit.value, hit.start, hit.end)
        for hit in gist.hits.within("guards", 0, lead_end)
        if GUARDS[hit.value].reach is Reach.ARTICLE
    )


def first_of_each(guards: Iterable[GuardHit]) -> list[GuardHit]:
    """The first hit of every guard: one is enough to speak, and their number stays bounded."""
    found: dict[str, GuardHit] = {}
    for guard in guards:
        found.setdefault(guard.name, guard)
    return list(found.values())


def guards_for(gist: Gist, sentence: Sentence, clause: tuple[int, int], trigger: Hit) -> list[GuardHit]:
    """The guards whose reach covers a trigger."""
    hits = gist.hits.within("guards", sentence.start, sentence.end)
    if not hits:
        return []
    found = []
    for hit in hits:
        reach = GUARDS[hit.value].reach
        if reach is Reach.CLAUSE and not _in_reach(gist, hit, clause, trigger):
            continue
        found.append(GuardHit(hit.value, hit.start, hit.end))
    return first_of_each(found)


def _in_reach(gist: Gist, hit: Hit, clause: tuple[int, int], trigger: Hit) -> bool:
    """A clause's guard speaks for the triggers after it, and for one right before it ("bombing anniversary")."""
    if hit.start >= trigger.end:
        late = gist.lexicon.order == "sov"  # the verb, and with it the guard, closes the clause
        return hit.start < clause[1] and (late or gist.words_between(trigger.end, hit.start) <= 2)
    # It may stand in the clause before, set off by a comma: "If, as feared, ...".
    return hit.start >= clause[0] or gist.words_between(hit.end, trigger.start) <= 4


def related_line(gist: Gist, sentence: Sentence) -> GuardHit | None:
    """A line that begins with a "read also" phrase is a link, not the article."""
    for hit in gist.hits.values("guards", sentence.start, min(sentence.end, sentence.start + 60), "related_links"):
        if gist.words_between(sentence.start, hit.start) <= 1:
            return GuardHit(hit.value, hit.start, hit.end)
    return None


_OUTCOMES = (
    ("foiled", Outcome.FOILED),
    ("threatened", Outcome.THREATENED),
    ("intercepted", Outcome.INTERCEPTED),
)


def outcome_of(gist: Gist, start: int, end: int) -> tuple[Outcome, tuple[int, int] | None]:
    cues = gist.hits.within("cues", start, end)
    for value, outcome in _OUTCOMES if cues else ():
        hit = next((hit for hit in cues if hit.value == value), None)
        if hit:
            return outcome, (hit.start, hit.end)
    return Outcome.HIT, None


def with_span(mention: Mention, name: str, start: int, end: int) -> Mention:
    return replace(mention, spans={**mention.spans, name: (*mention.spans.get(name, ()), (start, end))})
