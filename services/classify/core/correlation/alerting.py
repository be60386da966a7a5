"""Which revisions of an incident are worth telling, why, and in what words."""

import datetime as dt
from collections.abc import Callable, Mapping

from services.classify.core.correlation.correlate import latest
from services.contracts import ids
from services.contracts.alert import Alert, ChangeKind, Urgency
from services.contracts.incident import Incident
from services.contracts.report import Count, DatePrecision, IncidentType, Outcome, Relation, Severity, Site, SiteKind

_SEVERITY_ORDER = tuple(Severity)

Compare = Callable[[Incident, Incident], str | None]


def _escalated(before: Incident, after: Incident) -> str | None:
    if _SEVERITY_ORDER.index(after.severity) < _SEVERITY_ORDER.index(before.severity):
        return f"severity rose from {before.severity} to {after.severity}"
    return None


def _casualties(before: Incident, after: Incident) -> str | None:
    changes = [
        f"{what} {_told(old)} → {_told(new)}"
        for what, old, new in (("killed", before.killed, after.killed), ("wounded", before.wounded, after.wounded))
        if new is not None and new != old and not (old is None and new == Count(low=0, high=0))
    ]
    return f"casualties revised: {', '.join(changes)}" if changes else None


def _corroborated(before: Incident, after: Incident) -> str | None:
    if before.independent_sources < 2 <= after.independent_sources:
        return f"a second independent source reports it: {after.claims[-1].source.name}"
    return None


# The first that speaks names the change; the graver comes first.
CHANGES: tuple[tuple[ChangeKind, Compare], ...] = (
    (ChangeKind.ESCALATED, _escalated),
    (ChangeKind.CASUALTIES_REVISED, _casualties),
    (ChangeKind.CORROBORATED, _corroborated),
)


def alert_for(before: Incident | None, after: Incident, states: Mapping[str, str]) -> Alert | None:
    """The alert of the revision from `before` to `after`, or None when it is not worth telling.

    An incident is told first when the first tellable claim comes, which need not be the one that opened it.
    `states` maps ISO codes to English names. Equal arguments give the equal alert.
    """
    if not told(after):
        return None
    if before is None or not told(before):
        change, reason = ChangeKind.OPENED, f"first report, from {after.claims[-1].source.name}"
    else:
        for kind, compare in CHANGES:
            if text := compare(before, after):
                change, reason = kind, text
                break
        else:
            return None
    return Alert(
        alert_id=ids.alert_id(after.incident_id, after.revision),
        change=change,
        reason=reason,
        headline=headline(after, states),
        urgency=urgency(after),
        incident=after,
    )


def told(incident: Incident) -> bool:
    """Has anything been said of it that is to be told?"""
    return any(claim.tellable for claim in latest(incident.claims))


def urgency(incident: Incident) -> Urgency:
    """CAP urgency from event time: a threat is expected, what happened up to a day before its report is immediate."""
    if incident.outcome is Outcome.THREATENED:
        return Urgency.EXPECTED
    told_at = incident.ledger.published_at or incident.ledger.fetched_at
    if incident.date is None or told_at.date() - incident.date <= dt.timedelta(days=1):
        return Urgency.IMMEDIATE
    return Urgency.PAST


TYPE_WORDS: Mapping[IncidentType, str] = {
    IncidentType.ROCKET_MORTAR_MISSILE: "Rocket, mortar or missile fire",
    IncidentType.AIR_DRONE_STRIKE: "Air or drone strike",
    IncidentType.BOMBING_IED: "Bombing",
    IncidentType.SUICIDE_ATTACK: "Suicide attack",
    IncidentType.ARMED_ATTACK_SHOOTING: "Armed attack",
    IncidentType.STABBING_RAMMING_ASSAULT: "Assault",
    IncidentType.ASSASSINATION_STAFF: "Deadly attack",
    IncidentType.KIDNAP_HOSTAGE: "Kidnapping or hostage-taking",
    IncidentType.STORMING_INTRUSION: "Storming or intrusion",
    IncidentType.ARSON_INCENDIARY: "Arson",
    IncidentType.VANDALISM_DAMAGE: "Vandalism",
    IncidentType.VIOLENT_PROTEST: "Violent protest",
    IncidentType.PEACEFUL_PROTEST_BLOCKADE: "Protest or blockade",
    IncidentType.THREAT_HOAX_SUSPECT_ITEM: "Threat or suspect item",
    IncidentType.CBRN_SUBSTANCE: "Chemical, biological or radioactive substance",
    IncidentType.SECURITY_POSTURE: "Security measures",
}

_MOVING = {SiteKind.STAFF: "diplomatic staff", SiteKind.CONVOY: "a diplomatic convoy"}

_RELATION_WORDS = {
    Relation.ON_SITE: "at",
    Relation.PERIMETER: "at the perimeter of",
    Relation.STAFF: "on staff of",
    Relation.CONVOY: "on a convoy of",
    Relation.VICINITY: "near",
    Relation.NONE: "in",
}


# Countries that English names with an article.
_WITH_ARTICLE = frozenset("AE BS CD CF CG CZ DO FK GB GM KM KY MH MV NL PH SB SC TC US VA VG VI EU UN".split())


def headline(incident: Incident, states: Mapping[str, str]) -> str:
    """One English sentence: what, where, when, toll."""
    site = incident.site
    relation = "on" if site.kind in _MOVING else _RELATION_WORDS[incident.relation]
    parts = [f"{TYPE_WORDS[incident.type]} {relation} {site_words(site, states)}"]
    if incident.date is not None and incident.date_precision is DatePrecision.DAY:
        parts.append(f"{incident.date.day} {incident.date:%B %Y}")
    toll = [
        f"{_told(count)} {what}"
        for what, count in (("killed", incident.killed), ("wounded", incident.wounded))
        if count is not None and count != Count(low=0, high=0)
    ]
    if not toll and (incident.killed is not None or incident.wounded is not None):
        toll = ["nobody hurt"]
    return ", ".join(parts + toll)


def site_words(site: Site, states: Mapping[str, str]) -> str:
    """The site in English: "the embassy of the United States in Baghdad, Iraq (Green Zone)"."""
    kind = _MOVING.get(site.kind) if site.kind else None
    kind = kind or f"the {(site.kind or 'place').replace('_', ' ')}"
    sender = f" of {_state(site.sending_state, states)}" if site.sending_state else ""
    where = ", ".join(part for part in (site.city, site.host_state and _state(site.host_state, states)) if part)
    area = f" ({site.area})" if site.area and site.area != site.city else ""
    return f"{kind}{sender}{f' in {where}' if where else ''}{area}"


def _state(code: str, states: Mapping[str, str]) -> str:
    return f"{'the ' if code in _WITH_ARTICLE else ''}{states.get(code, code)}"


def _told(count: Count | None) -> str:
    if count is None:
        return "unknown"
    if count.high is None:
        return f"at least {count.low}"
    return str(count.low) if count.low == count.high else f"{count.low} to {count.high}"
