"""Which silence covers an alert, at the moment when it is to be told."""

from collections.abc import Iterable

from services.contracts.alert import Alert
from services.contracts.model import Instant
from services.contracts.silence import Silence
from services.notify.core.filter import against


def silence_for(alert: Alert, silences: Iterable[Silence], now: Instant) -> Silence | None:
    """The silence that ends last among those that match; None when the alert is to be told."""
    matching = [silence for silence in silences if _covers(silence, alert, now)]
    return max(matching, key=lambda silence: (silence.expires_at, silence.silence_id), default=None)


def _covers(silence: Silence, alert: Alert, now: Instant) -> bool:
    during = silence.created_at <= now < silence.expires_at
    return during and not against(silence.matcher, alert)
