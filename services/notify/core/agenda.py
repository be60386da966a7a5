"""What is to be attempted next: due times, one attempt at a time an endpoint, revisions in order. Pure.

An endpoint is a subscription. Only fresh deliveries keep the order of revisions by themselves; a retry that a newer
revision overtakes is folded when its turn comes (`retry.without_attempt`).
"""

import heapq
from dataclasses import dataclass, field
from datetime import datetime

from services.contracts.delivery import Delivery
from services.contracts.ids import DeliveryId, IncidentId, SubscriptionId
from services.notify.core.retry import due_at

Place = tuple[datetime, int, DeliveryId]  # due, revision (negative where held), id


@dataclass(slots=True)
class _Endpoint:
    waiting: list[Place] = field(default_factory=list)
    busy: bool = False
    not_before: datetime | None = None
    fresh: dict[IncidentId, datetime] = field(default_factory=dict)

    def turn(self) -> datetime | None:
        """When it may be attempted next; None while it is busy or has nothing waiting."""
        if self.busy or not self.waiting:
            return None
        due = self.waiting[0][0]
        return max(due, self.not_before) if self.not_before else due


class Agenda:
    """Deliveries waiting for their turn. `put` them, `take` what is due, `release` its endpoint afterwards."""

    def __init__(self) -> None:
        self._endpoints: dict[SubscriptionId, _Endpoint] = {}
        self._places: dict[DeliveryId, tuple[SubscriptionId, Place]] = {}
        # Endpoints by their turn. Entries that no longer hold are skipped when they come up.
        self._turns: list[tuple[datetime, SubscriptionId]] = []

    def __len__(self) -> int:
        return len(self._places)

    def put(self, delivery: Delivery, held_until: datetime | None = None) -> None:
        """Wait for its due time; takes the place of what waited under its id.

        `held_until`: it waits for others of its incident. Of those held together the newest goes first, and takes the
        others along (`grouping.gather`).
        """
        self.remove(delivery.delivery_id)
        endpoint = self._endpoints.setdefault(delivery.subscription_id, _Endpoint())
        due, order = due_at(delivery), delivery.revision
        if held_until is not None:
            due, order = max(due, held_until), -delivery.revision
        elif not delivery.attempts:
            # Two notifiers with unequal clocks may have matched two revisions: the newer never waits less.
            due = endpoint.fresh[delivery.incident_id] = max(due, endpoint.fresh.get(delivery.incident_id, due))
        place = (due, order, delivery.delivery_id)
        self._places[delivery.delivery_id] = (delivery.subscription_id, place)
        heapq.heappush(endpoint.waiting, place)
        if endpoint.waiting[0] is place:
            self._announce(delivery.subscription_id, endpoint)

    def remove(self, delivery_id: DeliveryId) -> None:
        """It waits no longer; nothing happens when it did not."""
        if found := self._places.pop(delivery_id, None):
            subscription_id, _ = found
            self._tidy(subscription_id, self._endpoints[subscription_id])

    def take(self, now: datetime) -> DeliveryId | None:
        """The next delivery that is due at an endpoint that is free; the endpoint is busy until `release`."""
        while self._turns and self._turns[0][0] <= now:
            turn, subscription_id = heapq.heappop(self._turns)
            endpoint = self._endpoints.get(subscription_id)
            if endpoint is None or endpoint.turn() != turn:
                continue
            _, _, delivery_id = heapq.heappop(endpoint.waiting)
            del self._places[delivery_id]
            endpoint.busy = True
            return delivery_id
        return None

    def release(self, subscription_id: SubscriptionId, not_before: datetime | None = None) -> None:
        """The attempt has ended. `not_before` holds back everything for this endpoint (Retry-After)."""
        endpoint = self._endpoints[subscription_id]
        endpoint.busy = False
        endpoint.not_before = not_before
        self._tidy(subscription_id, endpoint)

    def next_turn(self) -> datetime | None:
        """When `take` will have something; None while nothing waits at a free endpoint."""
        while self._turns:
            turn, subscription_id = self._turns[0]
            endpoint = self._endpoints.get(subscription_id)
            if endpoint is not None and endpoint.turn() == turn:
                return turn
            heapq.heappop(self._turns)
        return None

    def _tidy(self, subscription_id: SubscriptionId, endpoint: _Endpoint) -> None:
        """Drop what was removed from the top of the heap, forget an idle endpoint, else announce its turn."""
        while endpoint.waiting and self._places.get(endpoint.waiting[0][2]) != (subscription_id, endpoint.waiting[0]):
            heapq.heappop(endpoint.waiting)
        if endpoint.waiting:
            self._announce(subscription_id, endpoint)
        else:
            endpoint.fresh.clear()
            if not endpoint.busy and endpoint.not_before is None:
                del self._endpoints[subscription_id]

    def _announce(self, subscription_id: SubscriptionId, endpoint: _Endpoint) -> None:
        turn = endpoint.turn()
        if turn is not None:
            heapq.heappush(self._turns, (turn, subscription_id))
