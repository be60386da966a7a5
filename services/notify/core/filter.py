"""Who is told: one subscription against one alert. Pure; the decision carries its reasons."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from services.contracts.alert import Alert, ChangeKind
from services.contracts.geo import LOCATED, distance_m
from services.contracts.incident import Incident, SourceClaim
from services.contracts.report import Certainty, Severity, Site
from services.contracts.subscription import Circle, Corroboration, Filter, Subscription, SubscriptionState

_SEVERITIES = tuple(Severity)
_CERTAINTIES = tuple(Certainty)

NO_MERE_UPDATE = frozenset({ChangeKind.OPENED, ChangeKind.ESCALATED, ChangeKind.RETRACTED})
"""What a subscriber without updates still gets. An escalation is among them: the incident may have been
opened below the severity that was asked for, and then this is the first that subscriber hears of it. A retraction
is: who was told of an attack must hear that there was none."""


class Decision(NamedTuple):
    """`reasons` against are one a filter."""

    notify: bool
    reasons: tuple[str, ...]


def _exercise(wanted: Filter, alert: Alert) -> str | None:
    return "an exercise, and exercises were not asked for" if alert.exercise and not wanted.exercises else None


def _sending_state(wanted: Filter, alert: Alert) -> str | None:
    return _one_of("sending state", alert.incident.site.sending_state, wanted.sending_states)


def _host_state(wanted: Filter, alert: Alert) -> str | None:
    return _one_of("host state", alert.incident.site.host_state, wanted.host_states)


def _told(alert: Alert) -> Sequence[Incident | SourceClaim]:
    """What an alert is judged by: the incident as it stands; a retraction also by all that was said of it before."""
    retracted = alert.change is ChangeKind.RETRACTED
    return (alert.incident, *alert.incident.claims) if retracted else (alert.incident,)


def _type(wanted: Filter, alert: Alert) -> str | None:
    if any(each.type in wanted.types for each in _told(alert)):
        return None
    return _one_of("type", alert.incident.type, wanted.types)


def _site(wanted: Filter, alert: Alert) -> str | None:
    keys = [each.site.site_key for each in _told(alert)]
    if not wanted.sites or any(_fits(key, pattern) for key in keys for pattern in wanted.sites):
        return None
    return f"site {keys[0]} is not among {', '.join(wanted.sites)}"


def _fits(site_key: str, pattern: str) -> bool:
    return all(asked in ("*", part) for part, asked in zip(site_key.split(":", 3), pattern.split(":", 3), strict=True))


def _near(wanted: Filter, alert: Alert) -> str | None:
    if not wanted.near or any(reaches(circle, each.site) for each in _told(alert) for circle in wanted.near):
        return None
    circles = ", ".join(f"{circle.radius_km:g} km around {circle.lat:g}, {circle.lon:g}" for circle in wanted.near)
    return f"it is not known to be within {circles}"


def _group(wanted: Filter, alert: Alert) -> str | None:
    groups = sorted({name for each in _told(alert) for name in each.site.groups})
    if not wanted.groups or not set(groups).isdisjoint(wanted.groups):
        return None
    return f"its place is in {', '.join(groups) or 'no group of sites'}, not in {', '.join(wanted.groups)}"


def reaches(circle: Circle, site: Site) -> bool:
    if site.lat is None or site.lon is None or site.precision not in LOCATED:
        return False
    return distance_m(circle.lat, circle.lon, site.lat, site.lon) <= 1000 * circle.radius_km


def _outcome(wanted: Filter, alert: Alert) -> str | None:
    if any(each.outcome in wanted.outcomes for each in _told(alert)):
        return None
    return _one_of("outcome", alert.incident.outcome, wanted.outcomes)


def _language(wanted: Filter, alert: Alert) -> str | None:
    languages = {claim.language.partition("-")[0] for claim in alert.incident.claims}
    if wanted.languages and languages.isdisjoint(wanted.languages):
        return f"told in {', '.join(sorted(languages))}, not in {', '.join(wanted.languages)}"
    return None


def _sources(wanted: Filter, alert: Alert) -> str | None:
    if alert.change is ChangeKind.RETRACTED:
        return None  # it may have been told while its sources were as asked
    told_by = alert.incident.independent_sources
    match wanted.sources:
        case Corroboration.SINGLE if told_by > 1:
            return f"{told_by} independent sources tell it, and only what one tells was asked for"
        case Corroboration.CORROBORATED if told_by < 2:
            return "only one independent source tells it"
    return None


def _severity(wanted: Filter, alert: Alert) -> str | None:
    found = min((each.severity for each in _told(alert)), key=_SEVERITIES.index)
    if _SEVERITIES.index(found) > _SEVERITIES.index(wanted.min_severity):
        return f"severity {found} is below {wanted.min_severity}"
    return None


def _certainty(wanted: Filter, alert: Alert) -> str | None:
    found = min((each.certainty for each in _told(alert)), key=_CERTAINTIES.index)
    if _CERTAINTIES.index(found) > _CERTAINTIES.index(wanted.min_certainty):
        return f"certainty {found} is below {wanted.min_certainty}"
    return None


def _update(wanted: Filter, alert: Alert) -> str | None:
    first_word = NO_MERE_UPDATE
    if wanted.sources is Corroboration.CORROBORATED:
        first_word |= {ChangeKind.CORROBORATED}
    if not wanted.updates and alert.change not in first_word:
        return f"an update ({alert.change}), and updates were not asked for"
    return None


def _one_of(what: str, found: str | None, asked: tuple[str, ...]) -> str | None:
    if asked and found not in asked:
        return f"{what} {found or 'unknown'} is not among {', '.join(asked)}"
    return None


# Each gives the reason against, or None.
RULES: tuple[Callable[[Filter, Alert], str | None], ...] = (
    _exercise,
    _sending_state,
    _host_state,
    _site,
    _near,
    _group,
    _type,
    _outcome,
    _language,
    _sources,
    _severity,
    _certainty,
    _update,
)


def against(wanted: Filter, alert: Alert) -> tuple[str, ...]:
    """Everything that speaks against telling the alert to who asked for this; empty where all that is asked holds."""
    return tuple(reason for rule in RULES if (reason := rule(wanted, alert)))


def should_notify(subscription: Subscription, alert: Alert) -> Decision:
    """Of one of the filters everything must hold; else the reasons are what spoke against each."""
    if subscription.state is not SubscriptionState.ACTIVE:
        return Decision(False, (f"the subscription is {subscription.state}",))
    objections = [against(wanted, alert) for wanted in subscription.filters]
    if not all(objections):
        return Decision(True, ("all that was asked for holds",))
    return Decision(False, tuple("; ".join(reasons) for reasons in objections))
