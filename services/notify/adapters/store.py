"""What notify writes: deliveries, disabled subscriptions, dead letters. All of it acknowledged on return."""

import asyncio
from collections import defaultdict
from datetime import UTC, datetime

import structlog

from services.contracts.codec import encode
from services.contracts.dead_letter import DeadLetter, DeadLetterClass
from services.contracts.delivery import Delivery
from services.contracts.ids import DeadLetterId, SubscriptionId, derive
from services.contracts.subscription import Subscription, SubscriptionState
from services.contracts.topics import DEAD_LETTERS, DELIVERIES, SUBSCRIPTIONS
from services.runtime import metrics
from services.runtime.dead_letters import DEAD_LETTER_WRITTEN
from services.runtime.kafka import Publisher

log = structlog.get_logger()

SERVICE = "notify"
SUBSCRIPTION_DISABLED = "subscription.disabled"


class Store:
    """Writes through a Publisher."""

    def __init__(self, publisher: Publisher) -> None:
        self._publisher = publisher

    async def put(self, *deliveries: Delivery) -> None:
        """Publish the states, in order for each subscription; returns when all are acknowledged."""
        by_subscription: dict[SubscriptionId, list[Delivery]] = defaultdict(list)
        for delivery in deliveries:
            by_subscription[delivery.subscription_id].append(delivery)
        written = [self._publisher.publish(DELIVERIES, *theirs) for theirs in by_subscription.values()]
        await (written[0] if len(written) == 1 else asyncio.gather(*written))

    async def forget(self, *deliveries: Delivery) -> None:
        """Tombstones: the records leave the topic when it is compacted."""
        await asyncio.gather(
            *(self._publisher.delete(DELIVERIES, each.key, placed_by=each.partition_key) for each in deliveries)
        )

    async def disable(self, subscription: Subscription, reason: str) -> None:
        """The endpoint wants no more, or does not answer any more."""
        await self._publisher.publish(
            SUBSCRIPTIONS,
            subscription.model_copy(update={"state": SubscriptionState.DISABLED, "state_reason": reason}),
        )
        metrics.SUBSCRIPTIONS_DISABLED.labels(subscription.channel).inc()
        log.warning(SUBSCRIPTION_DISABLED, subscription_id=subscription.subscription_id, reason=reason)

    async def bury(self, delivery: Delivery, partition: int, reason: str) -> None:
        """A dead letter with the delivery as it stood before it was given up, its alert included. It is known by its
        id, not by an offset."""
        topic = DELIVERIES.name
        await self._publisher.publish(
            DEAD_LETTERS,
            DeadLetter(
                dead_letter_id=DeadLetterId(derive("dead", topic, delivery.delivery_id)),
                error_class=DeadLetterClass.UNDELIVERABLE,
                reason=reason,
                service=SERVICE,
                topic=topic,
                partition=partition,
                offset=-1,
                original_key=delivery.key.encode(),
                original_value=encode(delivery),
                first_failed_at=datetime.now(UTC),
                tries=len(delivery.attempts) + 1,
            ),
        )
        metrics.DEAD_LETTERS.labels(SERVICE, DeadLetterClass.UNDELIVERABLE).inc()
        log.error(
            DEAD_LETTER_WRITTEN,
            topic=topic,
            partition=partition,
            delivery_id=delivery.delivery_id,
            error_class=DeadLetterClass.UNDELIVERABLE,
            reason=reason,
        )
