"""What notify writes: deliveries, disabled subscriptions, dead letters. All of it acknowledged on return."""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable
from datetime import UTC, datetime

import structlog
from aiokafka.errors import MessageSizeTooLargeError
from aiokafka.structs import RecordMetadata

from services.contracts.codec import encode
from services.contracts.dead_letter import DeadLetter, DeadLetterClass
from services.contracts.delivery import Delivery
from services.contracts.ids import DeadLetterId, SubscriptionId, derive
from services.contracts.model import Record
from services.contracts.subscription import Subscription, SubscriptionState
from services.contracts.topics import DEAD_LETTERS, DELIVERIES, SUBSCRIPTIONS, Topic
from services.notify.core import retry
from services.runtime import metrics
from services.runtime.dead_letters import DEAD_LETTER_WRITTEN, fitting
from services.runtime.kafka import Publisher

log = structlog.get_logger()

SERVICE = "notify"
SUBSCRIPTION_DISABLED = "subscription.disabled"
SUBSCRIPTION_TOO_LONG = "subscription.too_long"
DELIVERY_TOO_LONG = "delivery.too_long"


class Store:
    """Writes through a Publisher. `has_read` waits until the table of subscriptions has read what was written; that
    table calls `subscription_read`."""

    def __init__(self, publisher: Publisher, has_read: Callable[[Iterable[RecordMetadata]], Awaitable[None]]) -> None:
        self._publisher, self._has_read = publisher, has_read
        self._read_meanwhile: dict[str, list[Record | None]] = {}

    async def put(self, *deliveries: Delivery) -> None:
        """Publish the states, in order for each subscription; returns when all are acknowledged. One that is too long
        for a record, of somebody else's making, ends with that."""
        by_subscription: dict[SubscriptionId, list[Delivery]] = defaultdict(list)
        for delivery in deliveries:
            by_subscription[delivery.subscription_id].append(delivery)
        written = [self._put(theirs) for theirs in by_subscription.values()]
        await (written[0] if len(written) == 1 else asyncio.gather(*written))

    async def _put(self, deliveries: list[Delivery]) -> None:
        try:
            await self._publisher.publish(DELIVERIES, *deliveries)
        except MessageSizeTooLargeError as error:
            if len(deliveries) > 1:  # those that are not too long may be on the topic: twice does no harm
                for each in deliveries:
                    await self._put([each])
                return
            log.error(DELIVERY_TOO_LONG, delivery_id=deliveries[0].delivery_id, reason=str(error))
            await self._publisher.publish(DELIVERIES, retry.too_long(deliveries[0]))

    async def forget(self, *deliveries: Delivery) -> None:
        """Tombstones: the records leave the topic when it is compacted."""
        await asyncio.gather(
            *(self._publisher.delete(DELIVERIES, each.key, placed_by=each.partition_key) for each in deliveries)
        )

    async def disable(self, subscription: Subscription, reason: str) -> None:
        """The endpoint wants no more, or does not answer any more. People write to that topic too, and nothing
        is compared before it is set: what someone changed meanwhile stands, disabled; what he removed is gone."""
        update = {"state": SubscriptionState.DISABLED, "state_reason": reason}
        disabled = subscription.model_copy(update=update)
        read = self._read_meanwhile.setdefault(disabled.key, [])
        try:
            await self._has_read(await self._publisher.publish(SUBSCRIPTIONS, disabled))
        except MessageSizeTooLargeError as error:
            log.error(SUBSCRIPTION_TOO_LONG, subscription_id=subscription.subscription_id, reason=str(error))
            return
        finally:
            del self._read_meanwhile[disabled.key]
        changed = [subscription, *read[: read.index(disabled)]][-1]
        if changed != subscription and read[-1] == disabled:  # else someone has changed it since, and knew of this
            if isinstance(changed, Subscription):
                await self._publisher.publish(SUBSCRIPTIONS, changed.model_copy(update=update))
            else:
                await self._publisher.delete(SUBSCRIPTIONS, disabled.key)
        metrics.SUBSCRIPTIONS_DISABLED.labels(subscription.channel).inc()
        log.warning(SUBSCRIPTION_DISABLED, subscription_id=subscription.subscription_id, reason=reason)

    def subscription_read(self, topic: Topic, key: str, record: Record | None) -> None:
        if topic is SUBSCRIPTIONS and key in self._read_meanwhile:
            self._read_meanwhile[key].append(record)

    async def bury(self, delivery: Delivery, partition: int, reason: str) -> None:
        """A dead letter with the delivery as it stood before it was given up, its alert included. It is known by its
        id, not by an offset."""
        topic = DELIVERIES.name
        letter = DeadLetter(
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
        )
        await self._publisher.publish(DEAD_LETTERS, fitting(letter))
        metrics.DEAD_LETTERS.labels(SERVICE, DeadLetterClass.UNDELIVERABLE).inc()
        log.error(
            DEAD_LETTER_WRITTEN,
            topic=topic,
            partition=partition,
            delivery_id=delivery.delivery_id,
            error_class=DeadLetterClass.UNDELIVERABLE,
            reason=reason,
        )
