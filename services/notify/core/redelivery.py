"""Deliveries that someone has sent again. Pure.

The id stays, so a receiver that had the message knows it again; so does the log of attempts. A receiver is never taken
back in time: of each incident only its last word is sent again, which says all that was said before.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from services.contracts.alert import Alert
from services.contracts.delivery import Delivery, DeliveryState
from services.contracts.ids import IncidentId, SubscriptionId
from services.notify.core.matching import carried

SENT_AGAIN = frozenset({DeliveryState.DELIVERED, DeliveryState.REJECTED, DeliveryState.EXPIRED, DeliveryState.DROPPED})
"""States that a time range takes where none are named. What a silence kept back is sent only to who asks for it."""


@dataclass(frozen=True, slots=True)
class Choice:
    """`deliveries`, the oldest first; and how many more were asked for of whose incident there is a newer word."""

    deliveries: tuple[Delivery, ...]
    superseded: int


def last_words(log: Iterable[Delivery]) -> dict[tuple[SubscriptionId, IncidentId], Delivery]:
    """The newest revision of each incident at each endpoint."""
    last: dict[tuple[SubscriptionId, IncidentId], Delivery] = {}
    for each in log:
        place = each.subscription_id, each.incident_id
        if place not in last or last[place].revision < each.revision:
            last[place] = each
    return last


def chosen(log: Iterable[Delivery], since: datetime, until: datetime, states: Collection[DeliveryState]) -> Choice:
    """What of a log was made from `since` to before `until` and stands in one of `states`, which are final."""
    log = list(log)
    last = last_words(log)
    asked = [each for each in log if since <= each.created_at < until and each.state in states]
    found = [each for each in asked if last[each.subscription_id, each.incident_id] is each]
    found.sort(key=lambda each: (each.created_at, each.delivery_id))
    return Choice(tuple(found), len(asked) - len(found))


def again(delivery: Delivery, alert: Alert, now: datetime, why: str, place: int = 0) -> Delivery:
    """A final delivery, pending once more: due now, and after those of a smaller `place` that are as grave."""
    return delivery.model_copy(
        update={
            "state": DeliveryState.PENDING,
            "reason": why,
            "next_attempt_at": now + timedelta(microseconds=place),
            "redelivered_after": (*delivery.redelivered_after, len(delivery.attempts)),
            "alert": carried(alert),
        }
    )
