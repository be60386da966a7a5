"""What is attempted next: due times, one attempt at a time an endpoint, the gravest first, revisions in order. Pure.

An endpoint is a subscription. An incident is as grave as the gravest that is due of it, and what is due of it goes in
its order: a grave revision takes the earlier ones along. Only fresh deliveries keep the order of revisions by
themselves; a retry that a newer revision overtakes is folded when its turn comes (`retry.without_attempt`).
"""

import heapq
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from services.contracts.delivery import Delivery
from services.contracts.ids import DeliveryId, IncidentId, SubscriptionId
from services.contracts.report import Severity
from services.notify.core.retry import due_at

_SEVERITIES = tuple(Severity)  # the gravest first


class _Place(NamedTuple):
    """Where a delivery waits; places sort by their due times. `order` is the revision, negative where held; `rank` is
    lower the graver."""

    due: datetime
    order: int
    delivery_id: DeliveryId
    rank: int
    incident_id: IncidentId
    subscription_id: SubscriptionId


@dataclass(slots=True)
class _Endpoint:
    """`waiting` are heaps of places by their due times. What was found due is moved from there to two others: to `due`
    by rank, and to its incident's in `stories` by its order there."""

    waiting: list[_Place] = field(default_factory=list)
    due: list[tuple[int, _Place]] = field(default_factory=list)
    stories: dict[IncidentId, list[_Place]] = field(default_factory=dict)
    busy: bool = False
    not_before: datetime | None = None
    fresh: dict[IncidentId, datetime] = field(default_factory=dict)

    def turn(self) -> datetime | None:
        """When it may be attempted next; None while it is busy or has nothing waiting."""
        if self.busy or not (self.due or self.waiting):
            return None
        due = self.due[0][1].due if self.due else self.waiting[0].due
        return max(due, self.not_before) if self.not_before else due

    def move_due(self, now: datetime) -> None:
        while self.waiting and self.waiting[0].due <= now:
            place = heapq.heappop(self.waiting)
            heapq.heappush(self.due, (place.rank, place))
            heapq.heappush(self.stories.setdefault(place.incident_id, []), place)


class Agenda:
    """Deliveries waiting for their turn. `put` them, `take` what is due, `release` its endpoint afterwards."""

    def __init__(self) -> None:
        self._endpoints: dict[SubscriptionId, _Endpoint] = {}
        # Where each waits. A heap may still hold places that were left: they are skipped when they come up.
        self._places: dict[DeliveryId, _Place] = {}
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
        rank = _SEVERITIES.index(delivery.alert.incident.severity) if delivery.alert else 0
        place = _Place(due, order, delivery.delivery_id, rank, delivery.incident_id, delivery.subscription_id)
        self._places[delivery.delivery_id] = place
        heapq.heappush(endpoint.waiting, place)
        if endpoint.waiting[0] is place:
            self._announce(delivery.subscription_id, endpoint)

    def remove(self, delivery_id: DeliveryId) -> None:
        """It waits no longer; nothing happens when it did not."""
        if place := self._places.pop(delivery_id, None):
            self._tidy(place.subscription_id, self._endpoints[place.subscription_id])

    def take(self, now: datetime) -> DeliveryId | None:
        """The next delivery that is due at an endpoint that is free; the endpoint is busy until `release`."""
        while self._turns and self._turns[0][0] <= now:
            turn, subscription_id = heapq.heappop(self._turns)
            endpoint = self._endpoints.get(subscription_id)
            if endpoint is None or endpoint.turn() != turn:
                continue
            endpoint.move_due(now)
            self._drop_left(endpoint)
            _, gravest = endpoint.due[0]
            story = endpoint.stories[gravest.incident_id]
            while not self._holds(story[0]):
                heapq.heappop(story)
            delivery_id = heapq.heappop(story).delivery_id
            if not story:
                del endpoint.stories[gravest.incident_id]
            del self._places[delivery_id]
            endpoint.busy = True
            return delivery_id
        return None

    def release(self, subscription_id: SubscriptionId, not_before: datetime | None = None) -> None:
        """The attempt has ended. `not_before` holds back everything for this endpoint (Retry-After, a rest)."""
        endpoint = self._endpoints[subscription_id]
        endpoint.busy = False
        endpoint.not_before = not_before
        self._tidy(subscription_id, endpoint)

    def rest(self, subscription_id: SubscriptionId, not_before: datetime) -> None:
        """Hold back everything for an endpoint that waits for its turn."""
        if endpoint := self._endpoints.get(subscription_id):
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
        """Drop what was left from the tops of the heaps, forget an idle endpoint, else announce its turn."""
        self._drop_left(endpoint)
        if endpoint.waiting or endpoint.due:
            self._announce(subscription_id, endpoint)
        else:
            endpoint.fresh.clear()
            endpoint.stories.clear()
            if not endpoint.busy and endpoint.not_before is None:
                del self._endpoints[subscription_id]

    def _drop_left(self, endpoint: _Endpoint) -> None:
        while endpoint.waiting and not self._holds(endpoint.waiting[0]):
            heapq.heappop(endpoint.waiting)
        while endpoint.due and not self._holds(endpoint.due[0][1]):
            heapq.heappop(endpoint.due)

    def _holds(self, place: _Place) -> bool:
        return self._places.get(place.delivery_id) is place

    def _announce(self, subscription_id: SubscriptionId, endpoint: _Endpoint) -> None:
        turn = endpoint.turn()
        if turn is not None:
            heapq.heappush(self._turns, (turn, subscription_id))
