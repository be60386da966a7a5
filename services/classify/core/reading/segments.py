"""The parts of a sentence that tell an incident each: their triggers, their site, their type."""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

from services.classify.core.reading.binding import bind_site
from services.classify.core.reading.event_type import incident_type
from services.classify.core.reading.gist import Gist, GuardHit
from services.classify.core.reading.guard_hits import guards_for
from services.classify.core.reading.guards import GUARDS, Reach
from services.classify.core.reading.scan import Hit
from services.classify.core.reading.site_mentions import SiteMention
from services.classify.core.reading.speakers import is_in_next_clause, opens_clause
from services.classify.core.reading.text import MOST_IN_A_SENTENCE, Sentence
from services.classify.core.taxonomy import TAXONOMY
from services.contracts.report import IncidentType


class Segment(NamedTuple):
    """A stretch of a sentence around the triggers of one clause."""

    start: int
    end: int
    clause: tuple[int, int]
    triggers: tuple[Hit, ...]
    guards: tuple[GuardHit, ...] = ()
    """Those that speak against every one of the triggers."""


class Told(NamedTuple):
    """A segment that tells an incident: which triggers count, what type they make, which site they concern."""

    segment: Segment
    triggers: tuple[Hit, ...]
    trigger: Hit
    type: IncidentType
    generic: bool
    site: SiteMention | None
    weapons: tuple[Hit, ...]


def _segments(gist: Gist, sentence: Sentence, sites: Sequence[SiteMention]) -> list[Segment]:
    """None where no trigger could count: a weak one needs a site or, for an impact, a weapon."""
    events = gist.hits.within("events", sentence.start, sentence.end)
    weak = gist.hits.within("weak_events", sentence.start, sentence.end)
    if not events and not (weak and (sites or _has_impact(gist, sentence))):
        return []
    if not gist.lexicon.spaced:
        starts = [hit.start for hit in events]
        weak = [hit for hit in weak if not _lies_in(hit, events, starts)]
    triggers = sorted((*events, *weak), key=lambda hit: hit.start)[:MOST_IN_A_SENTENCE]
    found: list[Segment] = []
    for clause in _parts(gist, gist.clauses(sentence)):
        inside = [hit for hit in triggers if clause[0] <= hit.start < clause[1]]
        if inside:
            found.extend(_by_guard(gist, sentence, clause, _without_causes(gist, clause, inside), sites))
    return found


def _lies_in(weak: Hit, events: Sequence[Hit], starts: Sequence[int]) -> bool:
    """Whether a weak word is a part of a strong one, and so no event beside it: 枪 in 枪杀."""
    before = bisect_right(starts, weak.start) - 1
    return before >= 0 and weak.end <= events[before].end and (weak.start, weak.end) != events[before][:2]


def _parts(gist: Gist, clauses: Sequence[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """ "While raids went on the embassy ...": where the verb closes its clause, a "while" ends one without a comma."""
    for start, end in clauses:
        if gist.lexicon.order == "sov":
            for hit in gist.hits.values("roles", start, end, "meanwhile"):
                if start < hit.end < end:
                    yield start, hit.end
                    start = hit.end
        yield start, end


def _without_causes(gist: Gist, clause: tuple[int, int], triggers: list[Hit]) -> list[Hit]:
    """ "Protesters of the air strikes storm the embassy": what a crowd protests against is not what it does."""
    causes = gist.hits.values("roles", *clause, "cause")
    if not causes:
        return triggers
    if gist.lexicon.order == "sov":
        return [
            hit
            for hit in triggers
            if not any(hit.end <= cause.start and gist.words_between(hit.end, cause.start) <= 1 for cause in causes)
        ]
    return [hit for hit in triggers if hit.start < causes[0].end]


def _has_impact(gist: Gist, sentence: Sentence) -> bool:
    span = sentence.start, sentence.end
    return bool(gist.hits.values("weak_events", *span, "impact") and gist.hits.within("weapons", *span))


def _by_guard(
    gist: Gist, sentence: Sentence, clause: tuple[int, int], triggers: list[Hit], sites: Sequence[SiteMention]
) -> list[Segment]:
    """One segment a run of triggers under the same guards: "the attack came before the anniversary of a bombing"."""
    runs: list[_Run] = []
    for trigger in triggers:
        guards = tuple(guards_for(gist, sentence, clause, trigger))
        if runs and runs[-1][0] == guards:
            runs[-1][1].append(trigger)
        else:
            runs.append((guards, [trigger]))
    segments = []
    cuts = [_cut(gist, before, after, sites) for before, after in pairwise(runs)]
    for index, (guards, run) in enumerate(runs):
        start = clause[0] if index == 0 else cuts[index - 1]
        end = clause[1] if index == len(runs) - 1 else cuts[index]
        segments.append(Segment(start, end, clause, tuple(run), guards))
    return segments


_Run = tuple[tuple[GuardHit, ...], list[Hit]]


def _cut(gist: Gist, before: _Run, after: _Run, sites: Sequence[SiteMention]) -> int:
    """Where the next run begins: at the words of its guard, so that what stands before them stays with this one.

    What is told as known keeps the site right behind it: "in answer to the strike on its embassy Iran fired missiles".
    """
    last = before[1][-1]
    cut = min((guard.start for guard in after[0] if guard.start >= last.end), default=last.end)
    leading = gist.lexicon.order == "sov" and bool(gist.lexicon.in_after)  # the target stands before its event
    if leading or not any(GUARDS[guard.name].reach is Reach.EVENT for guard in before[0]):
        return cut
    own = (site.end for site in sites if last.end <= site.start and site.end <= after[1][0].start)
    first = next(own, cut)
    return max(cut, first) if gist.words_between(last.end, first) <= _OWN_SITE_WORDS else cut


_OWN_SITE_WORDS = 10
"""Words from a known event to the end of the site that was its target."""


def told_in(gist: Gist, sentence: Sentence, sites: Sequence[SiteMention]) -> list[Told]:
    """The segments that tell an incident, each widened up to the next: what tells none adds to its neighbour."""
    segments = _segments(gist, sentence, sites)
    # A site in a clause with a trigger of its own belongs to that one.
    tellers = [each for each in segments if any(hit.value != "impact" for hit in each.triggers)]
    free = [site for site in sites if not any(other.start <= site.noun[0] < other.end for other in tellers)]
    if free and segments:
        first = segments[0].triggers[0].start
        free = [
            site
            for site in free
            if site.end <= first or not (opens_clause(gist, sentence, site) or is_in_next_clause(gist, sentence, site))
        ]
    found: list[Told] = []
    for segment in segments:
        told = _tells(gist, sentence, segment, sites, free)
        if told is not None:
            found.append(told)
    found = _freed(found)
    widened = []
    for index, told in enumerate(found):
        start = sentence.start if index == 0 else told.segment.start
        end = found[index + 1].segment.start if index + 1 < len(found) else sentence.end
        widened.append(told._replace(segment=told.segment._replace(start=start, end=end)))
    return widened


def _freed(found: list[Told]) -> list[Told]:
    """ "Embassy closed after powder arrives": the site of a closure is also that of what caused it.

    Only of what is sent or called in: fighting empties embassies that it never reaches.
    """
    posture = next((told for told in found if told.type is IncidentType.SECURITY_POSTURE and told.site), None)
    if posture is None:
        return found
    return [
        told._replace(site=posture.site) if told.site is None and TAXONOMY[told.type].family in _SENT else told
        for told in found
    ]


_SENT = ("threat", "cbrn")


def _tells(
    gist: Gist,
    sentence: Sentence,
    segment: Segment,
    sites: Sequence[SiteMention],
    free: Sequence[SiteMention],
) -> Told | None:
    inside = [site for site in sites if segment.start <= site.noun[0] < segment.end]
    meant = _without_grievances(gist, segment.triggers)
    site, trigger = bind_site(gist, sentence, meant, inside)
    if site is None:
        site, trigger = bind_site(gist, sentence, meant, free)
    if site is None:
        site, trigger = _closed_site(gist, sentence, segment, sites)
    weapons = gist.hits.within("weapons", segment.start, segment.end) or gist.hits.within(
        "weapons", sentence.start, sentence.end
    )
    triggers = tuple(
        hit for hit in meant if hit.layer == "events" or site is not None or (hit.value == "impact" and weapons)
    )
    kind, generic = incident_type(triggers, weapons, site)
    if kind is None or not triggers:
        return None
    chosen = trigger if trigger is not None and trigger in triggers else triggers[0]
    return Told(segment, triggers, chosen, kind, generic, site, tuple(weapons))


def _closed_site(
    gist: Gist, sentence: Sentence, segment: Segment, sites: Sequence[SiteMention]
) -> tuple[SiteMention | None, Hit | None]:
    """ "Embassy, for fear of attacks, closed": the site in the stretch of what is feared is what was closed."""
    closures = [hit for hit in segment.triggers if hit.value == IncidentType.SECURITY_POSTURE]
    near = [site for site in sites if segment.clause[0] <= site.start < segment.clause[1]]
    return bind_site(gist, sentence, closures, near) if closures else (None, None)


_PROTESTS = (IncidentType.PEACEFUL_PROTEST_BLOCKADE, IncidentType.VIOLENT_PROTEST)


def _without_grievances(gist: Gist, triggers: tuple[Hit, ...]) -> tuple[Hit, ...]:
    """ "A protest against the air strikes": what is protested against happened elsewhere."""
    if not any(hit.value in _PROTESTS for hit in triggers):
        return triggers
    return tuple(hit for hit in triggers if hit.value in _PROTESTS or not _is_cause(gist, hit))


def _is_cause(gist: Gist, hit: Hit) -> bool:
    """Whether a word for "against" stands before a trigger, with one word between at most."""
    before = gist.hits.values("roles", max(0, hit.start - 24), hit.start, "against")
    return bool(before) and gist.words_between(before[-1].end, hit.start) <= 2
