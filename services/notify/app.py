"""The notify service: alerts are matched to subscriptions, deliveries are dispatched to endpoints.

Two roles in one process, each a member of its own consumer group, so more processes share the work of both. They
speak only through the deliveries topic: what is matched is a record before it is an attempt.
"""

import asyncio
import random
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta

import structlog
from aiokafka.structs import RecordMetadata

from services.contracts.alert import Alert
from services.contracts.delivery import Delivery
from services.contracts.ids import DeliveryId, SubscriptionId
from services.contracts.model import Record
from services.contracts.silence import Silence
from services.contracts.subscription import Subscription
from services.contracts.topics import ALERTS, DELIVERIES, SILENCES, SUBSCRIPTIONS, Topic
from services.notify.adapters.sender import Sender
from services.notify.adapters.store import SERVICE, Store
from services.notify.core.matching import deliveries_for
from services.notify.core.silencing import silence_for
from services.notify.core.skimming import skim
from services.notify.dispatcher import Dispatcher
from services.runtime import service
from services.runtime.dead_letters import DeadLetterBox
from services.runtime.health import Health
from services.runtime.kafka import Publisher
from services.runtime.settings import Settings
from services.runtime.topic_table import TopicTable
from services.runtime.work import WorkQueue

log = structlog.get_logger()

ALERT_MATCHED = "alert.matched"
OPERATOR_UNKNOWN = "operator.not_found"
BROKER, SUBSCRIPTIONS_LOADED, DELIVERIES_LOADED = "broker", "subscriptions_loaded", "deliveries_loaded"
LONGEST_SLEEP_S = 60.0
"""A wall clock that is set does not wake a sleeper; this long at most it goes unseen."""


class WallClock:
    """The dispatcher's clock in production."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    async def wait(self, event: asyncio.Event, until: datetime | None) -> None:
        left_s = LONGEST_SLEEP_S if until is None else (until - self.now()).total_seconds()
        try:
            async with asyncio.timeout(min(max(0.0, left_s), LONGEST_SLEEP_S)):
                await event.wait()
        except TimeoutError:
            pass


class Notifier:
    """The parts of the service put together."""

    def __init__(self, settings: Settings, health: Health, publisher: Publisher, sender: Sender) -> None:
        letters = DeadLetterBox(publisher, SERVICE)
        self._health = health
        self._store = Store(publisher, self._has_read)
        self._subscriptions = TopicTable(
            settings, [SUBSCRIPTIONS, SILENCES], letters, on_change=self._store.subscription_read
        )
        self._operator = SubscriptionId(settings.notify.operator)
        self._dispatcher = Dispatcher(
            self._store,
            sender,
            self.subscription,
            clock=WallClock(),
            jitter=random.random,
            concurrency=settings.notify.concurrency,
            group=timedelta(seconds=settings.notify.group_s),
            patience=timedelta(days=settings.notify.disable_after_d),
            operator=self._operator,
            keep=timedelta(days=settings.notify.keep_d),
            answerable=settings.slack.signing_secret is not None,
        )
        self._deliveries = TopicTable(
            settings,
            [DELIVERIES],
            letters,
            role="dispatch",
            skim=skim,
            on_change=self._delivery_read,
            on_loaded=self._dispatcher.activate,
            on_lost=self._dispatcher.drop,
        )
        self._alerts = WorkQueue(settings, ALERTS, Alert, "notify", self._match, letters)

    def subscription(self, subscription_id: SubscriptionId) -> Subscription | None:
        return self._subscriptions.get(SUBSCRIPTIONS, subscription_id)

    async def _has_read(self, written: Iterable[RecordMetadata]) -> None:
        await self._subscriptions.has_read(written)

    async def run(self, stop: asyncio.Event) -> None:
        """Both roles until `stop` is set. Neither begins before the subscriptions are known: matching would miss
        them, dispatching would take them for removed."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._subscriptions.run(stop))
            group.create_task(self._work(group, stop))

    async def _work(self, group: asyncio.TaskGroup, stop: asyncio.Event) -> None:
        loaded = group.create_task(self._subscriptions.loaded())
        stopped = group.create_task(stop.wait())
        await asyncio.wait([loaded, stopped], return_when=asyncio.FIRST_COMPLETED)
        loaded.cancel()
        if stop.is_set():
            return
        self._health.set(SUBSCRIPTIONS_LOADED)
        if self._operator and self.subscription(self._operator) is None:
            log.warning(OPERATOR_UNKNOWN, subscription_id=self._operator)
        group.create_task(self._dispatcher.run(stop))
        group.create_task(self._deliveries.run(stop))
        group.create_task(self._alerts.run(stop))
        deliveries_loaded = group.create_task(self._deliveries.loaded())
        await asyncio.wait([deliveries_loaded, stopped], return_when=asyncio.FIRST_COMPLETED)
        deliveries_loaded.cancel()
        self._health.set(DELIVERIES_LOADED, not stop.is_set())

    def _delivery_read(self, topic: Topic, key: str, record: Record | None) -> None:
        partition = self._deliveries.partition_of(topic, key)
        if isinstance(record, Delivery) and partition is not None:
            self._dispatcher.absorb(record, partition)
        else:
            self._dispatcher.forget(DeliveryId(key))

    async def _match(self, alerts: Sequence[Alert]) -> None:
        """Returns once every delivery of the batch is acknowledged; a repeated alert gives the same ids."""
        subscriptions = list(self._subscriptions.values(SUBSCRIPTIONS))
        silences = list(self._subscriptions.values(SILENCES))
        now = datetime.now(UTC)

        def match() -> list[tuple[Alert, Silence | None, list[Delivery]]]:
            silenced = [(alert, silence_for(alert, silences, now)) for alert in alerts]
            return [(alert, by, deliveries_for(alert, subscriptions, now, by)) for alert, by in silenced]

        # In a thread: with all that a filter and an alert may hold it takes a minute, and deliveries go on meanwhile.
        matched = await asyncio.to_thread(match)
        await self._store.put(*(delivery for *_, deliveries in matched for delivery in deliveries))
        for alert, silence, deliveries in matched:
            log.info(
                ALERT_MATCHED,
                alert_id=alert.alert_id,
                incident_id=alert.incident.incident_id,
                change=alert.change,
                severity=alert.incident.severity,
                subscriptions=len(subscriptions),
                deliveries=len(deliveries),
                silence_id=silence.silence_id if silence else None,
            )


async def notify(settings: Settings, health: Health, stop: asyncio.Event) -> None:
    """Run the service until `stop` is set. Raises the first error that ended it."""
    async with Sender(settings) as sender, Publisher(settings, f"/chancery/{SERVICE}") as publisher:
        health.set(BROKER)
        try:
            await Notifier(settings, health, publisher, sender).run(stop)
        except BaseExceptionGroup as group:
            raise service.first_cause(group) from group


def main() -> None:
    """`chancery notify`."""
    service.run(SERVICE, notify, Health(BROKER, SUBSCRIPTIONS_LOADED, DELIVERIES_LOADED), by_the_clock=True)


if __name__ == "__main__":
    main()
