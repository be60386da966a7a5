"""From one alert to its deliveries, and why to whom. Pure."""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import NamedTuple

from services.contracts import ids
from services.contracts.alert import Alert
from services.contracts.codec import encode
from services.contracts.delivery import Delivery, DeliveryState
from services.contracts.ids import DeliveryId
from services.contracts.silence import Silence
from services.contracts.subscription import Subscription
from services.notify.core import retry
from services.notify.core.asking import words
from services.notify.core.filter import against, should_notify
from services.notify.core.silencing import Logged

MOST_CLAIMS = 100
"""Claims a delivery carries, the newest. What the whole world writes about has thousands, and every delivery would be
as large as the brokers allow a record to be."""
MOST_BYTES = 400_000
"""Of an alert as a delivery carries it; of claims that are longer it carries fewer."""
MOST_REASON = 1_000


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
    reason = f"{silence.silence_id}: {silence.reason}"[:MOST_REASON]
    return [retry.final(each, DeliveryState.SILENCED, reason) for each in deliveries]


def carried(alert: Alert) -> Alert:
    """The alert as a delivery carries it."""
    claims = alert.incident.claims[-MOST_CLAIMS:]
    while True:
        shown = alert.model_copy(update={"incident": alert.incident.model_copy(update={"claims": claims})})
        if len(claims) <= 1 or len(encode(shown)) <= MOST_BYTES:
            return shown
        claims = claims[-(len(claims) // 2) :]


class Explained(NamedTuple):
    """One subscription against one alert. `delivery` is how its delivery stands, empty where there is none."""

    subscription_id: str
    name: str
    told: bool
    reasons: tuple[str, ...]
    delivery: str


def explained(
    alert: Alert, subscriptions: Iterable[Subscription], logged: Callable[[DeliveryId], Logged | None]
) -> list[Explained]:
    """Who gets an alert, by which of the rules that were asked for, and who does not and why: each subscription as it
    is now, by name, and its delivery."""
    rows = []
    for each in sorted(subscriptions, key=lambda each: each.name.casefold()):
        found = logged(ids.delivery_id(alert.alert_id, each.subscription_id))
        stands = f"{found.state}: {found.reason}" if found and found.reason else found.state if found else ""
        told, reasons = should_notify(each, alert)
        if told:
            reasons = tuple(words(wanted) for wanted in each.filters if not against(wanted, alert))
        rows.append(Explained(each.subscription_id, each.name, told, reasons, stands))
    return rows
