"""Which alerts may wait for others of their incident: the first word at once, then not one message a source."""

from datetime import datetime, timedelta

from services.contracts.alert import ChangeKind
from services.contracts.delivery import Delivery, DeliveryState
from services.notify.core import retry

GROUPED = frozenset(
    {
        ChangeKind.CORROBORATED,
        ChangeKind.CASUALTIES_REVISED,
        ChangeKind.TYPE_REFINED,
        ChangeKind.PLACE_REFINED,
        ChangeKind.CLOSED,
    }
)
"""What waits. An opening, a rise in severity and a retraction never do."""


MOST_REASONS, LONGEST_REASON = 100, 1_000
"""What a delivery says of those that were folded into it: nobody reads more."""


def is_grouped(delivery: Delivery) -> bool:
    """Is it an update that was never attempted, so that a newer revision may say it too?"""
    return (
        delivery.state is DeliveryState.PENDING
        and not delivery.attempts
        and delivery.alert is not None
        and delivery.alert.change in GROUPED
    )


def held_until(delivery: Delivery, told_at: datetime | None, window: timedelta) -> datetime | None:
    """When an update may go: a window after the endpoint was last told of the incident. None: at once."""
    return told_at + window if window and told_at is not None and is_grouped(delivery) else None


def told_at(delivery: Delivery) -> datetime | None:
    """When the endpoint took it, if it did."""
    return delivery.attempts[-1].at if delivery.state is DeliveryState.DELIVERED and delivery.attempts else None


def gather(delivery: Delivery, waiting: list[Delivery]) -> tuple[Delivery, list[Delivery]]:
    """The delivery with what older updates that wait would have said, and those, done with."""
    older = sorted(
        (each for each in waiting if is_grouped(each) and each.revision < delivery.revision),
        key=lambda each: each.revision,
    )
    reasons = [reason for each in older for reason in (*each.also, each.alert.reason if each.alert else "")]
    folded = [retry.final(each, DeliveryState.FOLDED, f"revision {delivery.revision} says it too") for each in older]
    also = dict.fromkeys(reason[:LONGEST_REASON] for reason in (*reasons, *delivery.also))
    return delivery.model_copy(update={"also": tuple(also)[-MOST_REASONS:]}), folded
