"""Who is told: one subscription against one alert. Pure; the decision carries its reason."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from services.contracts.alert import Alert, ChangeKind
from services.contracts.incident import Incident, SourceClaim
from services.contracts.report import Certainty, Severity
from services.contracts.subscription import Filter, Subscription, SubscriptionState

_SEVERITIES = tuple(Severity)
_CERTAINTIES = tuple(Certainty)

NO_MERE_UPDATE = frozenset({ChangeKind.OPENED, ChangeKind.ESCALATED, ChangeKind.RETRACTED})
"""What a subscriber without updates still gets. An escalation is among them: the incident may have been
opened below the severity that was asked for, and then this is the first that subscriber hears of it. A retraction
is: who was told of an attack must hear that there was none."""


@dataclass(frozen=True, slots=True)
class Decision:
    notify: bool
    reason: str


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
    if not wanted.updates and alert.change not in NO_MERE_UPDATE:
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
    _type,
    _severity,
    _certainty,
    _update,
)


def should_notify(subscription: Subscription, alert: Alert) -> Decision:
    """Everything the filter asks must hold; the reason is the first that does not."""
    if subscription.state is not SubscriptionState.ACTIVE:
        return Decision(False, f"the subscription is {subscription.state}")
    for rule in RULES:
        against = rule(subscription.filter, alert)
        if against:
            return Decision(False, against)
    return Decision(True, "all that was asked for holds")
