"""Mentions of one article: every clause that tells an incident, and what the other sentences add."""

import datetime as dt
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from services.classify.core.reading.binding import harmed_site, relation_to
from services.classify.core.reading.casualties import casualties_in, countable, is_numbered
from services.classify.core.reading.dates import When
from services.classify.core.reading.event_type import outcome_of
from services.classify.core.reading.gist import CLAUSE_END, Casualties, Gist, GuardHit, Mention, Spans
from services.classify.core.reading.grounds import ground_of
from services.classify.core.reading.guard_hits import (
    against,
    article_guards,
    closed_by_host,
    mourning,
    political_guards,
    related_line,
)
from services.classify.core.reading.guards import DENIAL
from services.classify.core.reading.matcher import TRIGGER_LAYERS
from services.classify.core.reading.numbers import Number
from services.classify.core.reading.scan import Hit
from services.classify.core.reading.scene import scene_of
from services.classify.core.reading.segments import Segment, Told, told_in
from services.classify.core.reading.site_mentions import ABROAD, SiteMention
from services.classify.core.reading.speakers import is_spoken
from services.classify.core.reading.text import Sentence, indexes_at
from services.classify.core.taxonomy import TAXONOMY
from services.contracts.report import DatePrecision, IncidentType, Relation, SiteKind


class Supplement(NamedTuple):
    """A sentence that tells no incident of its own but adds to the one before: casualties, damage, who says so."""

    sentence: Sentence
    casualties: Casualties
    spans: dict[str, Spans]
    quantities: tuple[tuple[str, Number], ...]
    when: When | None = None
    site: SiteMention | None = None
    """The site whose people or walls the sentence says were hurt."""
    relation: Relation = Relation.NONE


SUPPLEMENT_REACH = 3
"""Sentences after an incident that may add to it."""


_SUPPLEMENT_CUES = ("damage", "no_damage", "defence", "intercepted", "claimed", "denied", "unconfirmed", "reported")


def read_mentions(gist: Gist, sites: dict[int, list[SiteMention]]) -> Iterator[Mention | Supplement]:
    """Mentions and supplements in the order of the text. `sites`: by index of sentence."""
    whole, politics = article_guards(gist), political_guards(gist)
    newest = -SUPPLEMENT_REACH - 1
    triggers = (hit.start for layer in TRIGGER_LAYERS for hit in gist.hits.all(layer))
    eventful = set(indexes_at(gist.starts, triggers))
    for sentence in gist.sentences:
        told = told_in(gist, sentence, sites.get(sentence.index, [])) if sentence.index in eventful else []
        if not told:
            # Nothing to add to: most sentences of most articles are not read at all.
            near = sentence.index - newest <= SUPPLEMENT_REACH or sentence.title or sentence.index + 1 in eventful
            supplement = _supplement(gist, sentence, sites.get(sentence.index, [])) if near else None
            if supplement:
                yield supplement
            continue
        newest = sentence.index
        link = related_line(gist, sentence)
        around = (link, *whole) if link else whole
        whens = gist.dates_in(sentence)
        numbers = countable(gist, sentence, whens)
        for each in told:
            speaking = (*around, *politics) if each.type is IncidentType.SECURITY_POSTURE else around
            if each.type is IncidentType.PEACEFUL_PROTEST_BLOCKADE:
                speaking = (*speaking, *mourning(gist, sentence))
            speaking = (*speaking, *_accident(gist, sentence, each))
            yield _mention(gist, sentence, each, whens, numbers, speaking)


_ACCIDENTAL = (IncidentType.ARSON_INCENDIARY, IncidentType.STABBING_RAMMING_ASSAULT)


def _accident(gist: Gist, sentence: Sentence, told: Told) -> list[GuardHit]:
    """What a neighbouring sentence gives for the cause of a plain blast, fire or crash: "Blast. Gas had leaked." """
    plain = told.generic and told.type is IncidentType.BOMBING_IED
    if told.weapons or not (plain or told.type in _ACCIDENTAL):
        return []
    for index in (sentence.index - 1, sentence.index + 1):
        if 0 <= index < len(gist.sentences):
            span = gist.sentences[index].start, gist.sentences[index].end
            causes = gist.hits.values("guards", *span, "accident")
            if causes and not gist.hits.values("guards", *span, DENIAL):  # "police ruled out an accident"
                return [GuardHit(causes[0].value, causes[0].start, causes[0].end)]
    return []


def _mention(
    gist: Gist,
    sentence: Sentence,
    told: Told,
    whens: Sequence[When],
    numbers: Sequence[Number],
    around: Sequence[GuardHit],
) -> Mention:
    """`around`: the guards of the line and of the whole article."""
    segment, trigger, weapons, triggers = told.segment, told.trigger, told.weapons, told.triggers
    site = _subject_as_sender(gist, segment, told)
    site = _at_mission(gist, _at_home(gist, sentence, site, told.type), told.type)
    when = _when(gist, segment, sentence, whens, trigger)
    outcome, outcome_span = outcome_of(gist, segment.start, segment.end)
    spans: dict[str, Spans] = {"type": ((trigger.start, trigger.end),)}
    if outcome_span:
        spans["outcome"] = (outcome_span,)
    spans.update(_cue_spans(gist, segment.start, sentence.end))
    if when is not None:
        spans["date"] = ((when.start, when.end),)
    casualties = casualties_in(gist, segment.start, segment.end, numbers)
    weapon = None
    if weapons:
        chosen = min(weapons, key=lambda hit: abs(hit.start - trigger.start))
        weapon = (chosen.value, chosen.start, chosen.end)
    place, area = scene_of(gist, sentence, segment.start, segment.end, site, trigger)
    cues = {hit.value for hit in gist.hits.within("cues", segment.start, segment.end)}
    sanction = closed_by_host(gist, segment.clause, site, trigger) if site else None
    if sanction is not None:
        around = (*around, sanction)
    return Mention(
        sentence=sentence,
        start=segment.start,
        end=segment.end,
        trigger=(trigger.start, trigger.end),
        type=told.type,
        generic=told.generic,
        strong=any(hit.layer == "events" for hit in triggers),
        site=site,
        relation=relation_to(gist, site, trigger) if site else Relation.NONE,
        when=when,
        casualties=casualties,
        weapon=weapon,
        guards=against(
            told.type,
            (*segment.guards, *around),
        ),
        outcome=outcome,
        place=place,
        area=area,
        conflict=_anniversary_conflict(gist, sentence, when),
        spans=spans,
        quantities=_quantities(gist, segment.start, segment.end, numbers, site is not None),
        update="update" in cues,
        background="background" in cues,
        known=ground_of(gist, sentence, segment.clause, triggers),
        series=all(hit.value == "violence" for hit in triggers),
    )


_TAKEN = (IncidentType.KIDNAP_HOSTAGE, IncidentType.ASSASSINATION_STAFF)


def _at_home(gist: Gist, sentence: Sentence, site: SiteMention | None, kind: IncidentType) -> SiteMention | None:
    """An envoy attacked "in his residence": the residence is the site, unless the person was taken or murdered."""
    if site is None or site.kind is not SiteKind.STAFF or kind in _TAKEN:
        return site
    homes = gist.hits.values("sites", site.end, sentence.end, "home")
    if not homes:
        return site
    spans = {**site.spans, "site": (homes[0].start, homes[0].end)}
    return site._replace(kind=SiteKind.RESIDENCE, spans=spans)


def _at_mission(gist: Gist, site: SiteMention | None, kind: IncidentType) -> SiteMention | None:
    """An employee "of the embassy" hurt by a bomb or a crowd was hurt there: the embassy is the site."""
    if site is None or site.kind is not SiteKind.STAFF or TAXONOMY[kind].family not in ("explosive", "crowd"):
        return site
    told = gist.folded.norm[slice(*site.spans["site"])]
    words = told.split()
    for noun, mission in gist.lexicon.missions:
        if noun in told and any(word == noun or (len(noun) >= 5 and noun in word) for word in words):
            return site._replace(kind=mission)
    return site


def _subject_as_sender(gist: Gist, segment: Segment, told: Told) -> SiteMention | None:
    """ "Canada closes embassy in Kyiv": the state that closes an embassy sends it."""
    site = told.site
    if site is None or site.kind not in (*ABROAD, SiteKind.STAFF) or told.type is not IncidentType.SECURITY_POSTURE:
        return site
    if site.sender is not None and not site.referring:
        return site
    before = [
        place
        for place in gist.places_within(segment.clause[0], min(told.trigger.start, site.noun[0]))
        if place.kind == "state" and len(place.states) == 1 and place.states[0] != site.host
    ]
    if not before or gist.words_between(before[-1].end, told.trigger.start) > 3:
        return site
    spans = {**site.spans, "sending_state": (before[-1].start, before[-1].end)}
    return site._replace(sender=before[-1].states[0], senders=before[-1].states, spans=spans, referring=False)


def _when(gist: Gist, segment: Segment, sentence: Sentence, whens: Sequence[When], trigger: Hit) -> When | None:
    """The date nearest to the trigger in its segment, else in its sentence; days before months before years."""
    usable = [when for when in whens if not when.future and when.start >= gist.dateline_end]
    inside = _in_relative(gist, sentence, usable, trigger)
    inside = inside or [when for when in usable if segment.start <= when.start < segment.end]
    pool = inside or [when for when in usable if abs(when.start - trigger.start) < 150]
    if not pool:
        return None
    year = _own_year(gist, pool, trigger)
    if year is not None:
        return year
    pool = [when if when.soft or not is_spoken(gist, when) else when._replace(soft=True) for when in pool]
    rank = {DatePrecision.DAY: 0, DatePrecision.MONTH: 1, DatePrecision.YEAR: 2, DatePrecision.UNKNOWN: 3}
    return min(pool, key=lambda when: (rank[when.precision], when.soft, abs(when.start - trigger.start)))


def _in_relative(gist: Gist, sentence: Sentence, whens: Sequence[When], trigger: Hit) -> list[When]:
    """ "On Thursday a school was named after a guard who was killed in January": the dates behind a trigger in a
    relative clause, which the sentence's other dates are none of.
    """
    lexicon = gist.lexicon
    pronouns = (f" {word} " for word in lexicon.that | lexicon.which)
    if (
        not whens
        or lexicon.order != "svo"
        or not any(gist.folded.norm.rfind(word, sentence.start, trigger.start + 1) >= 0 for word in pronouns)
    ):
        return []
    end = gist.clause_at(sentence, trigger.start)[1]
    return [when for when in whens if trigger.end <= when.start < end]


_YEAR_REACH = 40


def _own_year(gist: Gist, pool: Sequence[When], trigger: Hit) -> When | None:
    """ "The planner of the 1998 blast died on Monday": a year of the past before the event, the day behind it."""
    years = [when for when in pool if when.precision is DatePrecision.YEAR and when.start < trigger.start]
    if not years or trigger.start - years[-1].end > _YEAR_REACH or not gist.published or not years[-1].date:
        return None
    between = years[-1].end, trigger.start
    if years[-1].date.year >= gist.published.year or CLAUSE_END.search(gist.folded.clean, *between):
        return None
    finer = [when for when in pool if when.precision in (DatePrecision.DAY, DatePrecision.MONTH)]
    return years[-1] if finer and all(when.start >= trigger.end for when in finer) else None


def _anniversary_conflict(gist: Gist, sentence: Sentence, when: When | None) -> str | None:
    """ "The first anniversary of the strike of 3 January 2019", written in December 2020, cannot be right."""
    if when is None or when.date is None or not when.explicit_year or gist.published is None:
        return None
    for guard in gist.hits.values("guards", sentence.start, sentence.end, "anniversary"):
        words = gist.folded.norm[max(sentence.start, guard.start - 20) : guard.end].split()
        nth = next((gist.lexicon.numbers.ordinals[w] for w in words if w in gist.lexicon.numbers.ordinals), None)
        if nth is None:
            continue
        away = gist.published.year - when.date.year
        nearest = min((away - 1, away, away + 1), key=lambda years: abs(_days_to(gist.published, when.date, years)))
        if nearest != nth:
            return f"anniversary {nth} is told, but {when.date.isoformat()} lies {nearest} years before its next one"
    return None


def _days_to(published: dt.date | None, date: dt.date | None, years: int) -> int:
    assert published is not None
    assert date is not None
    year = max(1, min(9999, date.year + years))
    return (dt.date(year, date.month, min(date.day, 28)) - published).days


def _cue_spans(gist: Gist, start: int, end: int) -> dict[str, Spans]:
    spans: dict[str, Spans] = {}
    for hit in gist.hits.within("cues", start, end):
        if hit.value == "claimed" and _overlaps(hit, gist.hits.values("cues", start, end, "not_claimed")):
            continue
        if hit.value in ("damage", "no_damage", "defence", "claimed", "denied", "unconfirmed", "reported", "blamed"):
            spans[hit.value] = (*spans.get(hit.value, ()), (hit.start, hit.end))
    for hit in gist.hits.within("sources", start, end):
        spans["sources"] = (*spans.get("sources", ()), (hit.start, hit.end))
    return spans


def _overlaps(hit: Hit, others: Sequence[Hit]) -> bool:
    return any(hit.start < other.end and other.start < hit.end for other in others)


def _quantities(
    gist: Gist, start: int, end: int, numbers: Sequence[Number], at_site: bool
) -> tuple[tuple[str, Number], ...]:
    """Counted things other than people: explosions, rockets (near the site or not), shots, attackers."""
    found = []
    things = [(hit.value, hit) for hit in gist.hits.within("quantities", start, end)]
    for name, hit in things:
        for number in numbers:
            if number.weak or not (start <= number.start < end):
                continue
            before = number.end <= hit.start and gist.words_between(number.end, hit.start) <= 2
            if before or (number.start < hit.end and hit.start < number.end):
                what = name
                if name in ("rockets", "others"):
                    what = "rockets_near_site" if at_site and name == "rockets" else "rockets_elsewhere"
                    if name == "rockets" and not at_site:
                        what = "rockets"
                found.append((what, number))
                break
    return tuple(found)


def _supplement(gist: Gist, sentence: Sentence, sites: Sequence[SiteMention]) -> Supplement | None:
    """What a sentence adds; nothing where a guard speaks or a bare year places it in the past."""
    span = sentence.start, sentence.end
    if gist.hits.within("guards", *span):
        return None
    has_cue = any(hit.value in _SUPPLEMENT_CUES for hit in gist.hits.within("cues", *span))
    has_number = is_numbered(gist, sentence)
    has_source = bool(gist.hits.within("sources", *span))
    whens = gist.dates_in(sentence)
    if any(when.precision is DatePrecision.YEAR for when in whens):
        return None
    when = _own_day(gist, sentence, whens)
    site, hit = harmed_site(gist, sentence, sites)
    if not (has_cue or has_number or has_source or when or site):
        return None
    numbers = countable(gist, sentence, whens) if has_number else []
    return Supplement(
        sentence,
        casualties_in(gist, *span, numbers) if has_number else Casualties(),
        _cue_spans(gist, *span),
        _quantities(gist, *span, numbers, False) if numbers else (),
        when,
        site,
        relation_to(gist, site, hit) if site and hit else Relation.NONE,
    )


def _own_day(gist: Gist, sentence: Sentence, whens: Sequence[When]) -> When | None:
    """The only day a sentence tells, unless somebody speaks in its clause ("said on Sunday")."""
    days = [when for when in whens if when.precision is DatePrecision.DAY and not when.future]
    if len(days) != 1 or len(whens) != 1:
        return None
    start, end = gist.clause_at(sentence, days[0].start)
    return None if gist.hits.values("roles", start, end, "speech", "speaker") else days[0]
