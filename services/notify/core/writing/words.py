"""Values of an alert in English words."""

from collections.abc import Mapping
from datetime import UTC

from babel import Locale

from services.contracts.alert import Alert
from services.contracts.incident import Incident, SourceClaim
from services.contracts.model import Instant
from services.contracts.report import Count, DatePrecision, IncidentType, Outcome, Relation, Severity, Site

SHAPES: Mapping[Severity, str] = {
    Severity.EXTREME: "▲▲",
    Severity.SEVERE: "▲",
    Severity.MODERATE: "◆",
    Severity.MINOR: "●",
}
"""Severity by shape, never by colour alone; the word always stands beside it."""

TYPES: Mapping[IncidentType, str] = {
    IncidentType.ROCKET_MORTAR_MISSILE: "rocket, mortar or missile fire",
    IncidentType.AIR_DRONE_STRIKE: "air or drone strike",
    IncidentType.BOMBING_IED: "bombing",
    IncidentType.SUICIDE_ATTACK: "suicide attack",
    IncidentType.ARMED_ATTACK_SHOOTING: "armed attack",
    IncidentType.STABBING_RAMMING_ASSAULT: "stabbing, ramming or assault",
    IncidentType.ASSASSINATION_STAFF: "killing of staff",
    IncidentType.KIDNAP_HOSTAGE: "kidnapping or hostage-taking",
    IncidentType.STORMING_INTRUSION: "storming or intrusion",
    IncidentType.ARSON_INCENDIARY: "arson",
    IncidentType.VANDALISM_DAMAGE: "vandalism or damage",
    IncidentType.VIOLENT_PROTEST: "violent protest",
    IncidentType.PEACEFUL_PROTEST_BLOCKADE: "peaceful protest or blockade",
    IncidentType.THREAT_HOAX_SUSPECT_ITEM: "threat, hoax or suspect item",
    IncidentType.CBRN_SUBSTANCE: "dangerous substance",
    IncidentType.SECURITY_POSTURE: "security measures",
}

OUTCOMES: Mapping[Outcome, str] = {
    Outcome.HIT: "carried out",
    Outcome.INTERCEPTED: "intercepted",
    Outcome.FOILED: "foiled",
    Outcome.CLAIMED: "claimed",
    Outcome.THREATENED: "threatened",
}

RELATIONS: Mapping[Relation, str] = {
    Relation.ON_SITE: "on the site",
    Relation.PERIMETER: "at its perimeter",
    Relation.STAFF: "against its staff",
    Relation.CONVOY: "against a convoy",
    Relation.VICINITY: "in its vicinity",
    Relation.NONE: "elsewhere",
}

EXERCISE = "EXERCISE"
LATE = "LATE"
NOT_REAL = "This is an exercise or a replay. Nothing of it is happening."
IS_LATE = "This alert could not be delivered in time; things may have changed."

_ENGLISH = Locale.parse("en")


def what(incident: Incident) -> str:
    return f"{TYPES[incident.type]}, {OUTCOMES[incident.outcome]}, {RELATIONS[incident.relation]}"


def where(site: Site) -> str:
    """The site and its place, as exact as it is known: "embassy (United States); Green Zone, Baghdad, Iraq"."""
    sender = state(site.sending_state)
    target = (site.kind or "").replace("_", " ") + (f" ({sender})" if sender else "")
    place = ", ".join(part for part in (site.area, site.city, state(site.host_state)) if part)
    return "; ".join(part.strip() for part in (target, place) if part) or "unknown"


def when(incident: Incident) -> str:
    """The day as exact as it is told, and the time of the report."""
    reported = incident.ledger.published_at or incident.ledger.fetched_at
    return f"{_day(incident)} (reported {moment(reported)})"


def how_sure(incident: Incident) -> str:
    """Certainty and what it rests on: how many texts, the grades of their sources, and how far they can be believed."""
    grades = ", ".join(sorted({claim.source.grade for claim in incident.claims}))
    sources = "1 source" if incident.independent_sources == 1 else f"{incident.independent_sources} independent sources"
    graded = f", graded {grades}" if grades else ""
    why = f" ({incident.credibility_reason})" if incident.credibility_reason else ""
    return f"{incident.certainty}: {sources}{graded}; credibility {incident.credibility}{why}"


def toll(incident: Incident) -> str:
    return f"killed: {count(incident.killed)}; wounded: {count(incident.wounded)}"


def particulars(incident: Incident) -> str:
    """What else is told; empty when nothing is."""
    told = (
        ("weapon", incident.weapon),
        ("damage", incident.damage),
        ("defence", incident.defence),
        ("claimed by", ", ".join(incident.claimed_by)),
    )
    return "; ".join(f"{name}: {value.replace('_', ' ')}" for name, value in told if value)


def count(told: Count | None) -> str:
    if told is None:
        return "not told"
    if told.high is None:
        return f"at least {told.low}"
    if told.low == told.high:
        return str(told.low) if told.low else "none"
    return f"{told.low} to {told.high}"


def state(code: str | None) -> str:
    """English short name of an ISO 3166-1 code (CLDR), EU and UN among them; the code itself when it has none."""
    return str(_ENGLISH.territories.get(code, code)) if code else ""


def language(tag: str) -> str:
    """English name of a language tag's language (CLDR)."""
    return str(_ENGLISH.languages.get(tag.partition("-")[0].lower(), tag))


def moment(at: Instant) -> str:
    """A moment in UTC, to the minute."""
    utc = at.astimezone(UTC)
    return f"{utc.day} {utc:%b %Y %H:%M} UTC"


def marks(alert: Alert, late: bool) -> tuple[str, ...]:
    """What must stand before anything else."""
    return tuple(mark for mark, on in ((EXERCISE, alert.exercise), (LATE, late)) if on)


def sources(incident: Incident) -> tuple[SourceClaim, ...]:
    """One claim a text to show, the newest first: the article that caused this revision leads."""
    shown: dict[tuple[str, str | None], SourceClaim] = {}
    for claim in reversed(incident.claims):
        shown.setdefault((claim.source.name, claim.url), claim)
    return tuple(shown.values())


def quoted(incident: Incident) -> SourceClaim | None:
    """The newest claim that has a quote."""
    return next((claim for claim in reversed(incident.claims) if claim.quote.strip()), None)


def _day(incident: Incident) -> str:
    if incident.date is None:
        return "date not told"
    match incident.date_precision:
        case DatePrecision.DAY:
            return f"{incident.date.day} {incident.date:%B} {incident.date.year}"
        case DatePrecision.MONTH:
            return f"{incident.date:%B} {incident.date.year}"
        case DatePrecision.YEAR:
            return str(incident.date.year)
    return "date not told"
