"""Whole topics as the console sees them, and what it changes in them."""

import asyncio
from collections.abc import Iterator
from typing import TypeVar

from aiokafka.structs import ConsumerRecord

from services.console.adapters.audited import Changed, write_audited
from services.console.core.auditing import Actor
from services.console.core.delivery_log import DeliveryLog
from services.contracts.alert import Alert
from services.contracts.dead_letter import DeadLetterClass
from services.contracts.delivery import Delivery
from services.contracts.feed import FeedState
from services.contracts.model import Record
from services.contracts.topics import (
    ALERTS,
    DELIVERIES,
    FEED_STATES,
    FEEDBACK,
    FEEDS,
    INCIDENTS,
    SHADOWS,
    SILENCES,
    SUBSCRIPTIONS,
    TOKENS,
    Topic,
)
from services.runtime.dead_letters import DeadLetterBox
from services.runtime.kafka import Publisher
from services.runtime.settings import Settings
from services.runtime.topic_table import OnChange, TopicTable

R = TypeVar("R", bound=Record)

READ = (FEEDS, FEED_STATES, INCIDENTS, ALERTS, FEEDBACK, SUBSCRIPTIONS, SILENCES, SHADOWS, DELIVERIES, TOKENS)
OWN = (TOKENS,)
SEEN_WITHIN_S = 10.0


class NotSeen(TimeoutError):
    """It is written, and lost no more, but this console could not read it back in time."""


class _OwnLetters(DeadLetterBox):
    """Buries what cannot be read on the topics that are the console's own. On others it only looks: the services whose
    work they are bury it."""

    def __init__(self, settings: Settings, publisher: Publisher, service: str) -> None:
        super().__init__(publisher, service)
        self._own = {topic.in_namespace(settings.topics.namespace) for topic in OWN}

    async def bury(self, message: ConsumerRecord, error_class: DeadLetterClass, reason: str) -> None:
        """Returns once the dead letter, if there is to be one, is acknowledged."""
        if message.topic in self._own:
            await super().bury(message, error_class, reason)


class Store:
    """The current records of the topics that the console reads; `on_change` hears of each. `changing` is held from
    reading what is to be changed until it is changed; it orders the changes of this console, not those of another or of
    the command."""

    def __init__(self, settings: Settings, publisher: Publisher, service: str, on_change: OnChange) -> None:
        self._publisher = publisher
        self.deliveries = DeliveryLog(settings.console.deliveries_most)
        letters = _OwnLetters(settings, publisher, service)
        self._table = TopicTable(settings, READ, letters, row=_shown, on_change=on_change, on_read=self._log)
        self.changing = asyncio.Lock()

    def get(self, topic: Topic[R], key: str) -> R | None:
        return self._table.get(topic, key)

    def values(self, topic: Topic[R]) -> Iterator[R]:
        return self._table.values(topic)

    async def change(self, actor: Actor, topic: Topic, *changed: Changed) -> None:
        """Returns once all that differs is audited, written, and, where this console reads the topic, read again by it:
        whoever changed it then sees it. Raises NotSeen, and aiokafka.errors.KafkaError when the brokers would not take
        it."""
        written = await write_audited(self._publisher, actor, topic, changed)
        if topic not in READ:
            return
        try:
            async with asyncio.timeout(SEEN_WITHIN_S):
                await self._table.has_read(written)
        except TimeoutError:
            raise NotSeen("the change is written, but could not be read back in time") from None

    def _log(self, topic: Topic, message: ConsumerRecord, record: Record | None) -> None:
        if topic is DELIVERIES:
            key = (message.key or b"").decode("utf-8", "replace")
            found = record if isinstance(record, Delivery) else None
            self.deliveries.take(key, found, (message.partition, message.offset))

    async def loaded(self) -> None:
        """Wait until every topic was read to its end once."""
        await self._table.loaded()

    async def run(self, stop: asyncio.Event) -> None:
        """Keep the records current until `stop` is set."""
        await self._table.run(stop)


def _shown(record: Record) -> Record | None:
    """Without the entries that a feed has shown: most of the memory, and only a poll needs them. Of alerts the table
    would have the last of each incident; `live.py` has those of the last days. Of deliveries the log has a line."""
    if isinstance(record, Alert | Delivery):
        return None
    return record.model_copy(update={"seen": ()}) if isinstance(record, FeedState) else record
