"""Which incident a claim can be about."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

from services.classify.core.taxonomy import TAXONOMY
from services.contracts.incident import Incident, IncidentStatus, Note, NoteKind, SourceClaim
from services.contracts.model import Instant
from services.contracts.report import DatePrecision, IncidentType, Relation, Site, SiteKind, Standing

# Families that two reporters may give one incident: gunmen with bombs, a crowd that shoots, a bomb that did not go off.
_RELATED = {
    frozenset(pair)
    for pair in (("explosive", "armed"), ("armed", "crowd"), ("threat", "explosive"), ("armed", "kidnap"))
}

# What the gunmen of one assault do, each to another reporter the whole of it.
_ONE_ASSAULT = frozenset(
    {
        IncidentType.ARMED_ATTACK_SHOOTING,
        IncidentType.ASSASSINATION_STAFF,
        IncidentType.BOMBING_IED,
        IncidentType.SUICIDE_ATTACK,
        IncidentType.STORMING_INTRUSION,
        IncidentType.KIDNAP_HOSTAGE,
    }
)

# A demonstration is no attack that a closure would follow.
_NO_ATTACK = frozenset({IncidentType.SECURITY_POSTURE, IncidentType.PEACEFUL_PROTEST_BLOCKADE})

# Kinds that stand on one compound, or that a reporter uses for the mission as a whole.
_ONE_COMPOUND = frozenset(
    {SiteKind.EMBASSY, SiteKind.CHANCERY, SiteKind.RESIDENCE, SiteKind.DIPLOMATIC_QUARTER, SiteKind.PERMANENT_MISSION}
)

# People and vehicles of a mission: a guard stabbed at the gate is staff to one reporter and the consulate to another.
MOVING = frozenset({SiteKind.STAFF, SiteKind.CONVOY})


@dataclass(frozen=True, slots=True)
class Windows:
    """Spans of event time: how far apart two reports of one incident may be, how old an incident may be to be told, and
    how long it must be quiet to be closed."""

    merge: dt.timedelta
    alert: dt.timedelta
    quiet: dt.timedelta = dt.timedelta(hours=72)


def match(candidates: Sequence[Incident], claim: SourceClaim, windows: Windows) -> Incident | None:
    """The one incident the claim can be about.

    Same type family, dates within the window, and the same site. A claim that names less of the site than an
    incident does joins it only when it fits no other mission's as well. What is not known must be made up for: a claim
    about no mission has to name the city, the day and the very type, and background has to name a day. What is dated
    after an incident that an analyst judged a false alarm, or that was told before that day began, is another event.
    """
    if claim.date_precision is not DatePrecision.DAY and (claim.site.kind is None or is_background(claim)):
        return None
    if claim.site.kind is None and claim.site.city is None:
        return None
    fitting = [
        incident
        for incident in candidates
        if types_agree(incident.type, claim.type)
        and (claim.relation is not Relation.NONE or incident.type is claim.type)
        and dates_agree(incident, claim, windows.merge)
        and not _is_later_than_a_false_alarm(incident, claim)
        and not _is_another_days(incident, claim)
    ]
    same_site = [incident for incident in fitting if incident.site.site_key == claim.site.site_key]
    near = same_site or [incident for incident in fitting if sites_agree(incident.site, claim.site)]
    if not all(sites_agree(one.site, other.site) for one, other in combinations(near, 2)):
        return None
    return min(near, key=lambda incident: (_days_apart(incident, claim), incident.incident_id), default=None)


def _is_later_than_a_false_alarm(incident: Incident, claim: SourceClaim) -> bool:
    judged = judgement(incident.notes)
    rejected = judged is not None and judged.kind is NoteKind.FALSE_ALARM
    return rejected and incident.date is not None and claim.date is not None and claim.date > incident.date


_CLOCK_AND_SUN = dt.timedelta(hours=3)
"""How far a country's clocks may be ahead of its sun: China has one zone."""
_EARLIEST_ZONE = dt.timedelta(hours=14)


def _is_another_days(incident: Incident, claim: SourceClaim) -> bool:
    """Of two days next to each other, was the earlier one's event told before the later day began there?

    An event around midnight has two dates. What was told already cannot have happened on the next day; but on the next
    day people speak of it, so that day must be said to be the event's.
    """
    vague = {incident.date_precision, claim.date_precision} != {DatePrecision.DAY}
    if claim.standing is not Standing.NEW or vague or incident.date is None or claim.date is None:
        return False
    longitude = next((site.lon for site in (incident.site, claim.site) if site.lon is not None), None)
    ahead = _EARLIEST_ZONE if longitude is None else dt.timedelta(hours=longitude / 15) + _CLOCK_AND_SUN
    begins = dt.datetime.combine(max(incident.date, claim.date), dt.time(), dt.UTC)
    tellings = [each for each in incident.claims if not is_background(each)]
    earlier, later = (tellings, [claim]) if incident.date < claim.date else ([claim], tellings)
    return (
        incident.date != claim.date
        and any(told_at(each) + ahead < begins for each in earlier)
        and any(each.dates_event and each.date == max(incident.date, claim.date) for each in later)
    )


def judgement(notes: Sequence[Note]) -> Note | None:
    """The last word of the analysts."""
    verdicts = (note for note in notes if note.kind in (NoteKind.CONFIRMED, NoteKind.FALSE_ALARM))
    return max(verdicts, key=lambda note: note.at, default=None)


def is_background(claim: SourceClaim) -> bool:
    """Told as the past. A denial is news whatever it denies."""
    return claim.standing is Standing.BACKGROUND and not claim.denies


def types_agree(one: IncidentType, other: IncidentType) -> bool:
    families = TAXONOMY[one].family, TAXONOMY[other].family
    return {one, other} <= _ONE_ASSAULT or _families_agree(*families)


def _families_agree(one: str, other: str) -> bool:
    return one == other or frozenset((one, other)) in _RELATED


def sites_agree(one: Site, other: Site) -> bool:
    """Can both be the same place? What either leaves unsaid speaks against nothing."""
    return (
        _same_or_unsaid(one.host_state, other.host_state)
        and _same_or_unsaid(one.sending_state, other.sending_state)
        and _same_or_unsaid(one.city, other.city)
        and _kinds_agree(one, other)
    )


def _kinds_agree(one: Site, other: Site) -> bool:
    if _same_or_unsaid(one.kind, other.kind) or {one.kind, other.kind} <= _ONE_COMPOUND:
        return True
    told = one.sending_state is not None and one.city is not None
    return (
        told
        and (one.sending_state, one.city) == (other.sending_state, other.city)
        and bool({one.kind, other.kind} & MOVING)
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


def inhibitor(candidates: Sequence[Incident], claim: SourceClaim, windows: Windows) -> Incident | None:
    """The incident whose alert said already what a posture would tell: "embassy closed" after the attack on it.

    It concerns the same mission, or any in the country where the posture names no city.
    """
    if claim.type is not IncidentType.SECURITY_POSTURE:
        return None
    for incident in candidates:
        same_mission = claim.site.sending_state is None or incident.site.sending_state == claim.site.sending_state
        same_city = claim.site.city is None or incident.site.city == claim.site.city
        attack = incident.type not in _NO_ATTACK
        told = incident.status is not IncidentStatus.RETRACTED and any(each.tellable for each in incident.claims)
        if attack and told and same_mission and same_city and dates_agree(incident, claim, windows.merge):
            return incident
    return None


def told_at(claim: SourceClaim) -> Instant:
    """When its article said it: its own date, but never later than the moment we had it in hand."""
    ledger = claim.ledger
    return min(ledger.published_at or ledger.fetched_at, ledger.fetched_at)


def _days_apart(incident: Incident, claim: SourceClaim) -> int:
    told = _told_on(claim)
    return abs((incident.date - told).days) if incident.date and told else 0


def _told_on(claim: SourceClaim) -> dt.date | None:
    return claim.date or (claim.ledger.published_at.date() if claim.ledger.published_at else None)
