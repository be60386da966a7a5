"""Has what a replay tells delivered: by a notifier of the replay's own namespace, which knows the subscriptions that
were named and no others, so that nobody else can be reached from there."""

import asyncio
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from services.contracts.delivery import Delivery, DeliveryState
from services.contracts.subscription import Subscription
from services.contracts.topics import DELIVERIES
from services.launch.broker import free_port
from services.launch.supervisor import Program
from services.runtime.dead_letters import Onlooker
from services.runtime.settings import Settings, environment_of
from services.runtime.topic_table import TopicTable

_POLL_S = 0.2


@dataclass(frozen=True, slots=True)
class Sent:
    """What came of a subscription's deliveries: how many in each state, and why the last that was not taken was not."""

    name: str
    states: dict[str, int]
    reason: str


def notifier(own: Settings, speed: float | None) -> Program:
    """The notifier of a replay. Updates wait for each other as long as they would have, by the clock of the replay. It
    has no operator to tell of endpoints that fail, and no buttons: what they send back would reach the live console."""
    settings = own.model_copy(
        update={
            "notify": own.notify.model_copy(
                update={"operator": "", "group_s": own.notify.group_s / speed if speed else 0.0}
            ),
            "health": own.health.model_copy(update={"port": free_port()}),
        }
    )
    # Named, though empty: a child has the rest of our environment, which may name one.
    environment = environment_of(settings) | {"CHANCERY_SLACK__SIGNING_SECRET": ""}
    return Program("notify", [sys.executable, "-m", "services.notify.app"], environment)


async def sent(own: Settings, subscriptions: Sequence[Subscription], patience_s: float) -> list[Sent]:
    """What came of the deliveries of a replay, once each is final or its next attempt is more than `patience_s` away,
    or nothing has moved for so long. Raises TimeoutError where they cannot be read at all."""
    table, stop = TopicTable(own, [DELIVERIES], Onlooker()), asyncio.Event()
    running = asyncio.create_task(table.run(stop))
    try:
        await asyncio.wait_for(table.loaded(), patience_s)
        last, since = -1, time.monotonic()
        while True:
            found = list(table.values(DELIVERIES))
            if not any(_awaited(each, datetime.now(UTC) + timedelta(seconds=patience_s)) for each in found):
                break
            moved = sum(len(each.attempts) + (each.state is not DeliveryState.PENDING) for each in found)
            if moved > last:
                last, since = moved, time.monotonic()
            elif time.monotonic() - since > patience_s:
                break
            await asyncio.sleep(_POLL_S)
    finally:
        stop.set()
        await running
    return [_of(each, found) for each in subscriptions]


def _awaited(delivery: Delivery, until: datetime) -> bool:
    due = delivery.next_attempt_at or delivery.created_at
    return delivery.state is DeliveryState.PENDING and due <= until


def _of(subscription: Subscription, deliveries: Sequence[Delivery]) -> Sent:
    own = [each for each in deliveries if each.subscription_id == subscription.subscription_id]
    missed = [each for each in own if each.state not in (DeliveryState.DELIVERED, DeliveryState.FOLDED)]
    latest = max(missed, key=lambda each: each.created_at, default=None)
    attempts = latest.attempts if latest else ()
    reason = latest.reason or (attempts[-1].outcome if attempts else "") if latest else ""
    return Sent(subscription.name, dict(Counter(str(each.state) for each in own)), reason)
