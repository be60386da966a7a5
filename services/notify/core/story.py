"""One incident at one endpoint: what is known from its deliveries, in whatever order they are read. Pure."""

from dataclasses import dataclass, field
from datetime import datetime

from services.contracts.delivery import Delivery
from services.contracts.ids import DeliveryId
from services.notify.core import grouping, retention, retry


@dataclass(slots=True)
class Story:
    """Its newest revision, when the endpoint was last told, the revision that it has as its first message and what it
    calls that, what is pending, and when the last delivery that is final ended."""

    newest: int = 0
    told_at: datetime | None = None
    head: tuple[int, str] | None = None
    pending: set[DeliveryId] = field(default_factory=set)
    ended_at: datetime | None = None

    def learn(self, delivery: Delivery) -> None:
        """Take in the state of one delivery."""
        self.newest = max(self.newest, delivery.revision)
        if (told_at := grouping.told_at(delivery)) is not None:
            self.told_at = max(told_at, self.told_at or told_at)
        if delivery.receipt is not None:
            told_first = (delivery.revision, delivery.receipt)
            self.head = min(told_first, self.head or told_first)
        if retry.is_final(delivery):
            self.pending.discard(delivery.delivery_id)
            ended = retention.ended_at(delivery)
            self.ended_at = max(ended, self.ended_at or ended)
        else:
            self.pending.add(delivery.delivery_id)
