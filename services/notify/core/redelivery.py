"""Deliveries that someone has sent again. Pure.

The id stays, so a receiver that had the message knows it again; so does the log of attempts. A receiver is never taken
back in time: of each incident only its last word is sent again, which says all that was said before.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from services.contracts.alert import Alert
from services.contracts.delivery import MOST_AGAIN, Delivery, DeliveryState
from services.contracts.ids import AlertId, IncidentId, SubscriptionId
from services.contracts.subscription import Subscription, SubscriptionState
from services.contracts.topics import ALERTS
from services.notify.core import retry
from services.notify.core.matching import carried
from services.notify.core.refused import Refused

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
    asked = [each for each in asked if len(each.redelivered_after) < MOST_AGAIN]
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


@dataclass(frozen=True, slots=True)
class Plan:
    """What would be sent again, and how much of what was asked for would not: for a newer revision was told since, or
    for its alert is older than the alerts topic keeps."""

    to: Subscription
    deliveries: tuple[tuple[Delivery, Alert], ...]
    superseded: int
    without_alert: int

    def words(self) -> str:
        """In one line."""
        counted = ", ".join(f"{count} {state}" for state, count in sorted(self.states.items()))
        told = [f"{len(self.deliveries)} to send again to {self.to.name}" + (f" ({counted})" if counted else "")]
        if self.superseded:
            told.append(f"{self.superseded} left out, for a newer revision of the incident has its own delivery")
        if self.without_alert:
            told.append(f"{self.without_alert} left out, for the alert is no longer kept ({_kept_days()} days)")
        return "; ".join(told)

    @property
    def states(self) -> dict[DeliveryState, int]:
        """How many stand in each state."""
        return dict(Counter(each.state for each, _ in self.deliveries))

    def changes(self, now: datetime, who: str) -> list[tuple[Delivery, Delivery]]:
        """Each as it is and as it then is. Of two who do it at a time one has their way: both write the same."""
        why = f"{who} has it sent again"
        return [(each, again(each, alert, now, why, place)) for place, (each, alert) in enumerate(self.deliveries)]


def check_states(states: Collection[DeliveryState]) -> None:
    """Raises Refused for what is not final."""
    if DeliveryState.PENDING in states:
        raise Refused("what is pending goes by itself", "state")


def one(found: Delivery, story: Iterable[Delivery]) -> Choice:
    """One delivery; `story` are those of its incident. Raises Refused where it goes by itself or would take the
    receiver back."""
    if not retry.is_final(found):
        raise Refused(f"{found.delivery_id} is pending: it goes by itself")
    if len(found.redelivered_after) >= MOST_AGAIN:
        raise Refused(f"{found.delivery_id} was sent again {MOST_AGAIN} times: look at what its endpoint answers")
    last = last_words(story)[found.subscription_id, found.incident_id]
    if last.revision > found.revision:
        raise Refused(
            f"revision {last.revision} of its incident came after it, as delivery {last.delivery_id}, and says what it "
            "said: send that"
        )
    return Choice((found,), 0)


def able(to: Subscription | None) -> Subscription:
    """Raises Refused for a subscription that nothing is sent to."""
    if to is None:
        raise Refused("its subscription was removed")
    if to.state is not SubscriptionState.ACTIVE:
        raise Refused(f"{to.name} ({to.subscription_id}) is {to.state}: resume it first")
    return to


def planned(to: Subscription, choice: Choice, alerts: Mapping[AlertId, Alert]) -> Plan:
    """What of a choice can be sent, with the alerts that are still kept."""
    found = tuple((each, alerts[each.alert_id]) for each in choice.deliveries if each.alert_id in alerts)
    return Plan(to, found, choice.superseded, len(choice.deliveries) - len(found))


def _kept_days() -> int:
    assert ALERTS.kept is not None
    return ALERTS.kept.days
