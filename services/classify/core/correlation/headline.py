"""An incident in one English sentence."""

from collections.abc import Mapping

from services.contracts.incident import Incident
from services.contracts.report import Count, DatePrecision, IncidentType, Relation, Site, SiteKind

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


# Countries whose English name in CLDR takes an article.
_WITH_ARTICLE = frozenset("AE BS CF DO FK GB GM KM KY MH MV NL PH SB SC TC US VG VI EU UN".split())


def headline(incident: Incident, states: Mapping[str, str]) -> str:
    """One English sentence: what, where, when, toll."""
    site = incident.site
    relation = "on" if site.kind in _MOVING else _RELATION_WORDS[incident.relation]
    parts = [f"{TYPE_WORDS[incident.type]} {relation} {site_words(site, states)}"]
    if incident.date is not None and incident.date_precision is DatePrecision.DAY:
        parts.append(f"{incident.date.day} {incident.date:%B %Y}")
    toll = [
        f"{count_words(count)} {what}"
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


def count_words(count: Count | None) -> str:
    if count is None:
        return "unknown"
    if count.high is None:
        return f"at least {count.low}"
    return str(count.low) if count.low == count.high else f"{count.low} to {count.high}"
