"""Reports to incidents. Pure: the agent reads and writes the table, this says what to write.

An incident is a fold over its claims in the order they came. The claims are only ever appended to, so the
incident as it stood at any revision can be built again: that is how a report delivered a second time yields the very
alert it yielded the first time, whatever was lost in between.
"""

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from services.classify.core.correlation import corroborate
from services.classify.core.taxonomy import TAXONOMY
from services.contracts import ids
from services.contracts.incident import Incident, IncidentStatus, SourceClaim, TimeLedger
from services.contracts.model import Instant
from services.contracts.report import (
    Certainty,
    Count,
    DatePrecision,
    IncidentReport,
    IncidentType,
    PlacePrecision,
    Relation,
    Severity,
    Site,
    SiteKind,
    Standing,
)

T = TypeVar("T")

# Families that two reporters may give one incident: gunmen with bombs, a crowd that shoots, a bomb that did not go off.
_RELATED = {
    frozenset(pair)
    for pair in (("explosive", "armed"), ("armed", "crowd"), ("threat", "explosive"), ("armed", "kidnap"))
}

# Kinds that stand on one compound, or that a reporter uses for the mission as a whole.
_ONE_COMPOUND = frozenset(
    {SiteKind.EMBASSY, SiteKind.CHANCERY, SiteKind.RESIDENCE, SiteKind.DIPLOMATIC_QUARTER, SiteKind.PERMANENT_MISSION}
)

_PRECISION_ORDER = tuple(PlacePrecision)
_SEVERITY_ORDER = tuple(Severity)
_CERTAINTY_ORDER = tuple(Certainty)


@dataclass(frozen=True, slots=True)
class Windows:
    """How far apart in event time two reports of one incident may be, and how old an incident may be to be told."""

    merge: dt.timedelta
    alert: dt.timedelta


@dataclass(frozen=True, slots=True)
class Correlation:
    """What to do with a report.

    `current` is the incident to remember, None when the report opens and joins none. `before` and `after` are the
    incident without and with this report: for a report seen before they are the revisions of then, not of now.
    """

    reason: str
    current: Incident | None = None
    before: Incident | None = None
    after: Incident | None = None


def correlate(candidates: Iterable[Incident], report: IncidentReport, windows: Windows, now: Instant) -> Correlation:
    """Fold a report into the incident it tells of, or open one.

    `candidates` are the remembered incidents of the report's host state. `now` goes into the time ledger and
    decides nothing.
    """
    candidates = list(candidates)
    for incident in candidates:
        for index, claim in enumerate(incident.claims):
            if (claim.report_id, claim.article_revision) == (report.report_id, report.article_revision):
                return Correlation("seen before", incident, _at(incident, index), _at(incident, index + 1))
    claim = claim_of(report, windows, now)
    joined = match(candidates, claim, windows)
    if joined is not None:
        grown = build(joined.incident_id, (*joined.claims, claim))
        return Correlation("joins", grown, joined, grown)
    if _is_background(claim):
        return Correlation("background opens no incident")
    if claim.relation is Relation.NONE:
        return Correlation("not at a diplomatic site")
    opened = build(ids.incident_id(report.report_id), (claim,))
    return Correlation("opens", opened, None, opened)


def _at(incident: Incident, revision: int) -> Incident | None:
    return build(incident.incident_id, incident.claims[:revision]) if revision else None


def claim_of(report: IncidentReport, windows: Windows, now: Instant) -> SourceClaim:
    """What the report contributes."""
    finding = report.finding
    first = next((spans[0].quote for field in ("type", "site") if (spans := finding.evidence.get(field))), "")
    return SourceClaim(
        report_id=report.report_id,
        article_id=report.article_id,
        article_revision=report.article_revision,
        source=report.source,
        url=report.url,
        title=report.title,
        language=report.language,
        text_fingerprint=report.text_fingerprint,
        ledger=TimeLedger(
            event_date=finding.date,
            published_at=report.published_at,
            fetched_at=report.fetched_at,
            reported_at=report.reported_at,
            correlated_at=now,
        ),
        tellable=finding.alertable and is_recent(report, windows.alert),
        quote=first,
        says=finding.sources,
        standing=finding.standing,
        type=finding.type,
        outcome=finding.outcome,
        relation=finding.relation,
        site=finding.site or Site(),
        date=finding.date,
        date_precision=finding.date_precision,
        killed=finding.killed,
        wounded=finding.wounded,
        damage=finding.damage,
        defence=finding.defence,
        weapon=finding.weapon,
        claimed_by=finding.claimed_by,
        severity=finding.severity,
        certainty=finding.certainty,
    )


def is_recent(report: IncidentReport, window: dt.timedelta) -> bool:
    """Is the event recent on its feed's own clock (the newest publication time the feed had shown)?

    A dateless report from a first poll could be of any age, so it is not; one that appeared while we watched is.
    """
    happened = report.finding.date or (report.published_at.date() if report.published_at else None)
    if happened is None:
        return not report.backlog
    clock = report.watermark_at or report.published_at
    return clock is None or clock.date() - happened <= window


def match(candidates: Sequence[Incident], claim: SourceClaim, windows: Windows) -> Incident | None:
    """The one incident the claim can be about.

    Same type family, dates within the window, and the same site. A claim that names less of the site than an
    incident does joins it only when no other incident fits as well. What is not known must be made up for: a claim
    about no mission has to name the city and the day, and background has to name a day.
    """
    if claim.date_precision is not DatePrecision.DAY and (claim.site.kind is None or _is_background(claim)):
        return None
    if claim.site.kind is None and claim.site.city is None:
        return None
    fitting = [
        incident
        for incident in candidates
        if types_agree(incident.type, claim.type) and dates_agree(incident, claim, windows.merge)
    ]
    same_site = [incident for incident in fitting if incident.site.site_key == claim.site.site_key]
    if same_site:
        return min(same_site, key=lambda incident: (_days_apart(incident, claim), incident.incident_id))
    compatible = [incident for incident in fitting if sites_agree(incident.site, claim.site)]
    return compatible[0] if len(compatible) == 1 else None


def _is_background(claim: SourceClaim) -> bool:
    return claim.standing is Standing.BACKGROUND


def types_agree(one: IncidentType, other: IncidentType) -> bool:
    families = frozenset({TAXONOMY[one].family, TAXONOMY[other].family})
    return len(families) == 1 or families in _RELATED


def sites_agree(one: Site, other: Site) -> bool:
    """Can both be the same place? What either leaves unsaid speaks against nothing."""
    return (
        _same_or_unsaid(one.host_state, other.host_state)
        and _same_or_unsaid(one.sending_state, other.sending_state)
        and _same_or_unsaid(one.city, other.city)
        and (_same_or_unsaid(one.kind, other.kind) or {one.kind, other.kind} <= _ONE_COMPOUND)
    )


def _same_or_unsaid(one: object, other: object) -> bool:
    return one is None or other is None or one == other


def dates_agree(incident: Incident, claim: SourceClaim, window: dt.timedelta) -> bool:
    if incident.date_precision is DatePrecision.DAY and claim.date_precision is DatePrecision.DAY:
        return _days_apart(incident, claim) <= max(1, window.days)
    told, happened = _told_on(claim), incident.date or _told_on(incident.claims[0])
    if told is None or happened is None:
        return True
    return dt.timedelta(days=-1) <= told - happened <= window + dt.timedelta(days=2)


def _days_apart(incident: Incident, claim: SourceClaim) -> int:
    if incident.date is None or claim.date is None:
        return 0
    return abs((incident.date - claim.date).days)


def _told_on(claim: SourceClaim) -> dt.date | None:
    return claim.date or (claim.ledger.published_at.date() if claim.ledger.published_at else None)


def build(incident_id: ids.IncidentId, claims: tuple[SourceClaim, ...]) -> Incident:
    """The incident that the claims make. The merged fields do not depend on the order of the claims; the id (the
    claim that opened it) and the revision (their number) do."""
    standing = sorted(latest(claims), key=_told_order)
    sources = corroborate.groups([claim for claim in standing if not _is_background(claim)])
    site = min((claim.site for claim in standing), key=_vagueness)
    date, precision = _date(standing)
    certainty = min((claim.certainty for claim in standing), key=_CERTAINTY_ORDER.index)
    if len(sources) > 1 and certainty is Certainty.POSSIBLE:
        certainty = Certainty.LIKELY
    return Incident(
        incident_id=incident_id,
        revision=len(claims),
        status=IncidentStatus.OPEN,
        type=max((claim.type for claim in standing), key=lambda kind: (TAXONOMY[kind].rank, kind)),
        outcome=_most(claim.outcome for claim in standing),
        relation=_most(claim.relation for claim in standing),
        site=site,
        date=date,
        date_precision=precision,
        killed=toll([claim.killed for claim in standing]),
        wounded=toll([claim.wounded for claim in standing]),
        weapon=_first(claim.weapon for claim in standing),
        damage=_first(claim.damage for claim in standing),
        defence=_first(claim.defence for claim in standing),
        claimed_by=tuple(dict.fromkeys(claim.claimed_by for claim in standing if claim.claimed_by)),
        severity=min((claim.severity for claim in standing), key=_SEVERITY_ORDER.index),
        certainty=certainty,
        independent_sources=max(1, len(sources)),
        claims=claims,
        ledger=claims[-1].ledger,
    )


def latest(claims: Iterable[SourceClaim]) -> list[SourceClaim]:
    """The claims that stand: of a report told in several revisions of its article, the last revision's."""
    newest: dict[ids.ReportId, SourceClaim] = {}
    for claim in claims:
        known = newest.get(claim.report_id)
        if known is None or claim.article_revision >= known.article_revision:
            newest[claim.report_id] = claim
    return list(newest.values())


def _told_order(claim: SourceClaim) -> tuple[dt.datetime, str]:
    return (claim.ledger.published_at or claim.ledger.fetched_at, claim.report_id)


def _vagueness(site: Site) -> tuple[int, int, str]:
    unsaid = [site.kind, site.sending_state, site.host_state, site.city, site.area].count(None)
    return (unsaid, _PRECISION_ORDER.index(site.precision), site.model_dump_json())


def _date(claims: Sequence[SourceClaim]) -> tuple[dt.date | None, DatePrecision]:
    days = Counter(claim.date for claim in claims if claim.date_precision is DatePrecision.DAY)
    if days:
        return max(days, key=lambda day: (days[day], -(day or dt.date.min).toordinal())), DatePrecision.DAY
    vague = next((claim for claim in claims if claim.date), None)
    return (vague.date, vague.date_precision) if vague else (None, DatePrecision.UNKNOWN)


def toll(counts: Sequence[Count | None]) -> Count | None:
    """Tolls rise through the night and are corrected: the last word told stands."""
    return next((count for count in reversed(counts) if count is not None), None)


def _first(values: Iterable[T | None]) -> T | None:
    return next((value for value in values if value is not None), None)


def _most(values: Iterable[T]) -> T:
    counted = Counter(values)
    return max(counted, key=lambda value: (counted[value], str(value)))
