"""When the record of a final delivery may leave the topic. Pure: the clock is an argument."""

import heapq
from datetime import datetime, timedelta

from services.contracts.delivery import Delivery
from services.contracts.ids import DeliveryId

MOST_AT_ONCE = 500
"""Records looked at in one sweep: a backlog of years must not hold up what is due."""
BETWEEN_SWEEPS = timedelta(seconds=10)


def ended_at(delivery: Delivery) -> datetime:
    """When the last was done about it."""
    return delivery.attempts[-1].at if delivery.attempts else delivery.created_at


class Retention:
    """Final deliveries by the time from which they are kept for `keep`."""

    def __init__(self, keep: timedelta) -> None:
        self.keep = keep
        self._kept: list[tuple[datetime, DeliveryId]] = []
        self._next_sweep: datetime | None = None

    def note(self, delivery_id: DeliveryId, since: datetime) -> None:
        heapq.heappush(self._kept, (since, delivery_id))

    def over(self, now: datetime) -> list[DeliveryId]:
        """Some whose time is over, the oldest first; each is given once, and nothing until the next sweep."""
        if self._next_sweep is not None and now < self._next_sweep:
            return []
        self._next_sweep = now + BETWEEN_SWEEPS
        found: list[DeliveryId] = []
        while self._kept and len(found) < MOST_AT_ONCE and self._kept[0][0] + self.keep <= now:
            found.append(heapq.heappop(self._kept)[1])
        return found
