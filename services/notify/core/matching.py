"""From one alert to its deliveries. Pure."""

from collections.abc import Sequence
from datetime import datetime

from services.contracts import ids
from services.contracts.alert import Alert
from services.contracts.delivery import Delivery, DeliveryState
from services.contracts.silence import Silence
from services.contracts.subscription import Subscription
from services.notify.core import retry
from services.notify.core.filter import should_notify

MOST_CLAIMS = 100
"""Claims a delivery carries, the newest. What the whole world writes about has thousands, and every delivery would be
as large as the brokers allow a record to be."""


def deliveries_for(
    alert: Alert, subscriptions: Sequence[Subscription], now: datetime, silence: Silence | None = None
) -> list[Delivery]:
    """One pending delivery for each subscription that the alert answers. It carries what a message can show.

    Under a silence they are final at once: the log then shows what was kept from whom, and why.
    """
    shown = carried(alert)
    deliveries = [
        Delivery(
            delivery_id=ids.delivery_id(alert.alert_id, subscription.subscription_id),
            subscription_id=subscription.subscription_id,
            alert_id=alert.alert_id,
            incident_id=alert.incident.incident_id,
            revision=alert.incident.revision,
            created_at=now,
            alert=shown,
        )
        for subscription in subscriptions
        if should_notify(subscription, alert).notify
    ]
    if silence is None:
        return deliveries
    return [retry.final(each, DeliveryState.SILENCED, f"{silence.silence_id}: {silence.reason}") for each in deliveries]


def carried(alert: Alert) -> Alert:
    """The alert as a delivery carries it."""
    claims = alert.incident.claims[-MOST_CLAIMS:]
    return alert.model_copy(update={"incident": alert.incident.model_copy(update={"claims": claims})})
