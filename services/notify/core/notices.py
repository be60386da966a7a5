"""What the operator is told of the service itself: a plain message, delivered like an alert. Pure."""

from datetime import datetime

from services.contracts import ids
from services.contracts.delivery import Delivery
from services.contracts.ids import AlertId, IncidentId
from services.contracts.subscription import Subscription


def of_disabled(
    subscription: Subscription, reason: str, since: datetime, to: Subscription, now: datetime
) -> Delivery | None:
    """The notice that `subscription`, failing since then, is disabled; None where the operator's own is.

    One time of failing gives one id, so that a repeat is no second notice.
    """
    if subscription.subscription_id == to.subscription_id:
        return None
    identity = ids.derive("ntc", subscription.subscription_id, since.isoformat())
    return Delivery(
        delivery_id=ids.delivery_id(AlertId(identity), to.subscription_id),
        subscription_id=to.subscription_id,
        alert_id=AlertId(identity),
        incident_id=IncidentId(identity),
        revision=1,
        created_at=now,
        notice=f"Chancery tells {subscription.name:.200} ({subscription.channel}, {subscription.endpoint_hint:.200}) "
        f"nothing any more: {reason:.300}. Once it works: chancery subscriptions resume {subscription.subscription_id}",
    )
