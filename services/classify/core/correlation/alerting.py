"""Which revisions of an incident are worth telling, why, and in what words."""

import datetime as dt
from collections.abc import Callable, Mapping

from services.classify.core.correlation.fold import Casualties, at, counted_at, latest
from services.classify.core.correlation.headline import TYPE_WORDS, count_words, headline, site_words
from services.classify.core.correlation.matching import judgement
from services.contracts import ids
from services.contracts.alert import Alert, ChangeKind, Urgency
from services.contracts.feedback import CALLED_OFF_BY
from services.contracts.incident import Incident, IncidentStatus, NoteKind
from services.contracts.report import Count, Outcome, PlacePrecision, Relation, Severity

_SEVERITY_ORDER = tuple(Severity)
_PRECISION_ORDER = tuple(PlacePrecision)
_NOBODY = Count(low=0, high=0)

Compare = Callable[[Incident, Incident], str | None]


def _escalated(before: Incident, after: Incident) -> str | None:
    """Graver than any claim ever made it: an article that changes its mind to and fro escalates once."""
    made = [claim.severity for claim in before.claims if not claim.denies and claim.relation is not Relation.NONE]
    gravest = min(map(_SEVERITY_ORDER.index, (before.severity, *made)))
    if _SEVERITY_ORDER.index(after.severity) < gravest:
        return f"severity rose from {before.severity} to {after.severity}"
    return None


def _casualties(before: Incident, after: Incident) -> str | None:
    """Up or down or unknown again, with who told which."""
    changes = []
    counts: tuple[tuple[Casualties, Count | None, Count | None], ...] = (
        ("killed", before.killed, after.killed),
        ("wounded", before.wounded, after.wounded),
    )
    for what, old, new in counts:
        if new != old and {old, new} != {None, _NOBODY}:
            was = f"{count_words(old)} ({_teller(before, what, old)})" if old is not None else "unknown"
            changes.append(f"{what} {was} → {count_words(new)} ({_teller(after, what, new)})")
    return f"casualties revised: {', '.join(changes)}" if changes else None


def _teller(incident: Incident, what: Casualties, count: Count | None) -> str:
    """The name of the source that told a count last; who took it out, where no count is left."""
    if count is None:
        return incident.claims[-1].source.name
    telling = [claim for claim in latest(incident.claims) if getattr(claim, what) == count]
    last = max(telling, key=lambda claim: counted_at(what, claim, incident.claims), default=None)
    return last.source.name if last else "sources"


def _corroborated(before: Incident, after: Incident) -> str | None:
    if confirmed := _confirmed(before, after):
        return confirmed
    if before.independent_sources < 2 <= after.independent_sources and not _was_corroborated(before):
        return f"a second independent source reports it: {after.claims[-1].source.name}"
    return None


def _was_corroborated(incident: Incident) -> bool:
    """At an earlier revision: who quotes two agencies makes one source of those who quoted one each."""
    earlier = (at(incident, revision) for revision in range(2, incident.revision))
    return any(each is not None and told(each) and each.independent_sources > 1 for each in earlier)


def _type_refined(before: Incident, after: Incident) -> str | None:
    if before.type is not after.type:
        return f"{TYPE_WORDS[before.type]} turns out to be: {TYPE_WORDS[after.type]}"
    return None


def _confirmed(before: Incident, after: Incident) -> str | None:
    verdict = after.notes[-1] if len(after.notes) > len(before.notes) else None
    if verdict is None or verdict.kind is not NoteKind.CONFIRMED:
        return None
    return f"confirmed by {verdict.by}: {verdict.why}"


def _place_refined(states: Mapping[str, str]) -> Compare:
    def compare(before: Incident, after: Incident) -> str | None:
        old, new = before.site, after.site
        gained = any(
            getattr(old, field) is None and getattr(new, field) is not None
            for field in ("kind", "sending_state", "host_state", "city", "area")
        )
        finer = _PRECISION_ORDER.index(new.precision) < _PRECISION_ORDER.index(old.precision)
        return f"the place is known better: {site_words(new, states)}" if gained or finer else None

    return compare


def changes(states: Mapping[str, str]) -> tuple[tuple[ChangeKind, Compare], ...]:
    """What can change while an incident stands. The first that speaks names the change; the graver comes first."""
    return (
        (ChangeKind.ESCALATED, _escalated),
        (ChangeKind.CASUALTIES_REVISED, _casualties),
        (ChangeKind.CORROBORATED, _corroborated),
        (ChangeKind.TYPE_REFINED, _type_refined),
        (ChangeKind.PLACE_REFINED, _place_refined(states)),
    )


def alert_for(before: Incident | None, after: Incident, states: Mapping[str, str]) -> Alert | None:
    """The alert of the revision from `before` to `after`, or None when it is not worth telling.

    An incident is told first when the first tellable claim comes, which need not be the one that opened it. `states`
    maps ISO codes to English names. Equal arguments give the equal alert.
    """
    if not told(after):
        return None
    change = _change(before, after, states)
    if change is None:
        return None
    kind, reason = change
    return Alert(
        alert_id=ids.alert_id(after.incident_id, after.revision),
        change=kind,
        reason=reason,
        headline=headline(after, states),
        urgency=urgency(after),
        exercise=after.drill is not None,
        incident=after,
    )


def _change(before: Incident | None, after: Incident, states: Mapping[str, str]) -> tuple[ChangeKind, str] | None:
    known = before is not None and told(before)
    gone = before is None or before.status is IncidentStatus.RETRACTED
    if after.status is IncidentStatus.RETRACTED:
        return (ChangeKind.RETRACTED, _why_retracted(after)) if known and not gone else None
    if before is None or not known:
        return ChangeKind.OPENED, f"first report, from {after.claims[-1].source.name}"
    if _repeats_another(before, after):
        return None
    if gone:
        by_whom = _confirmed(before, after) or f"told again by {after.claims[-1].source.name}"
        return ChangeKind.OPENED, f"taken back before, and {by_whom}"
    if after.status is IncidentStatus.CLOSED and before.status is IncidentStatus.OPEN:
        return ChangeKind.CLOSED, after.notes[-1].why
    return next(((kind, text) for kind, compare in changes(states) if (text := compare(before, after))), None)


def _repeats_another(before: Incident, after: Incident) -> bool:
    """A measure that goes without saying since the attack was told adds nothing to what was told of it before."""
    return len(after.claims) > len(before.claims) and after.claims[-1].inhibited_by is not None


def _why_retracted(incident: Incident) -> str:
    newest, verdict = latest(incident.claims), judgement(incident.notes)
    if verdict is not None and verdict.kind is NoteKind.FALSE_ALARM:
        if incident.drill is not None and verdict.by == CALLED_OFF_BY:
            return verdict.why
        return f"judged a false alarm by {verdict.by}: {verdict.why}"
    if all(claim.withdrawn or claim.denies for claim in newest):
        names = sorted({claim.source.name for claim in newest if claim.withdrawn})
        return f"taken back by {', '.join(names)}" if names else incident.credibility_reason
    return incident.credibility_reason


def told(incident: Incident) -> bool:
    """Has anything been said of it that is to be told, and that no other incident's alert said already?"""
    return any(claim.tellable and claim.inhibited_by is None for claim in incident.claims)


IMMEDIATE_WITHIN = dt.timedelta(days=1)


def _age(incident: Incident) -> dt.timedelta:
    """Days from the event to its first report; none where the date is not told."""
    told_at = incident.ledger.published_at or incident.ledger.fetched_at
    return told_at.date() - incident.date if incident.date else dt.timedelta(0)


URGENCIES: tuple[tuple[Urgency, Callable[[Incident], bool]], ...] = (
    (Urgency.EXPECTED, lambda incident: incident.outcome is Outcome.THREATENED),
    (Urgency.IMMEDIATE, lambda incident: _age(incident) <= IMMEDIATE_WITHIN),
    (Urgency.PAST, lambda _: True),
)
"""CAP urgency from event time; the first row that holds."""


def urgency(incident: Incident) -> Urgency:
    return next(urgency for urgency, holds in URGENCIES if holds(incident))
