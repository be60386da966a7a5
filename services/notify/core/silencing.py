"""Which silence covers an alert. Pure; by the moment the alert came to be, so that a repeat is judged the same."""

from collections.abc import Iterable

from services.contracts.alert import Alert
from services.contracts.silence import Silence
from services.notify.core.filter import RULES


def silence_for(alert: Alert, silences: Iterable[Silence]) -> Silence | None:
    """The silence that ends last among those that match; None when the alert is to be told."""
    matching = [silence for silence in silences if _covers(silence, alert)]
    return max(matching, key=lambda silence: (silence.expires_at, silence.silence_id), default=None)


def _covers(silence: Silence, alert: Alert) -> bool:
    made_at = alert.incident.ledger.correlated_at
    during = silence.created_at <= made_at < silence.expires_at
    return during and not any(rule(silence.matcher, alert) for rule in RULES)
