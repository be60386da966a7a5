"""The feeds this replica polls and what is known of them: a shared table, read from and written to Kafka.

Replicas share feeds by partition. What was written here counts at once, before it has come back from the broker.
"""

import asyncio
from collections.abc import Iterator, Sequence
from typing import Protocol
from weakref import WeakValueDictionary

from services.contracts.article import Article
from services.contracts.feed import Feed, FeedState, Lease
from services.contracts.ids import FeedId
from services.contracts.model import Record
from services.contracts.topics import ARTICLES, FEED_STATES, FEEDS, Topic
from services.ingest.core.websub import newest
from services.runtime.dead_letters import DeadLetterBox
from services.runtime.kafka import Publisher
from services.runtime.settings import Settings
from services.runtime.topic_table import TopicTable

ROLE = "ingest"


class Watcher(Protocol):
    """Hears of feeds. `changed` is called for a feed that was added, changed or removed after it was loaded."""

    def loaded(self, feed_ids: Sequence[FeedId]) -> None: ...
    def changed(self, feed_id: FeedId) -> None: ...
    def lost(self) -> None: ...


class FeedStore:
    """Feeds and their states by id, of the partitions this replica owns and has read to the end."""

    def __init__(self, settings: Settings, publisher: Publisher, dead_letters: DeadLetterBox) -> None:
        self._publisher = publisher
        self._watchers: Sequence[Watcher] = ()
        self._owned: set[int] = set()
        self._written: dict[str, FeedState] = {}
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._removed: set[str] = set()
        self._may_clean = asyncio.Event()
        self._table = TopicTable(
            settings,
            (FEEDS, FEED_STATES),
            dead_letters,
            role=ROLE,
            on_change=self._on_change,
            on_loaded=self._on_loaded,
            on_lost=self._on_lost,
        )

    def feed(self, feed_id: str) -> Feed | None:
        """The feed, if this replica polls it."""
        if self._table.partition_of(FEEDS, feed_id) not in self._owned:
            return None
        return self._table.get(FEEDS, feed_id)

    def state(self, feed_id: str) -> FeedState | None:
        return self._written.get(feed_id) or self._table.get(FEED_STATES, feed_id)

    def feeds(self) -> Iterator[Feed]:
        return (feed for record in self._table.values(FEEDS) if (feed := self.feed(record.key)))

    async def publish(self, articles: Sequence[Article]) -> None:
        """Returns once all are acknowledged. Raises aiokafka.errors.KafkaError."""
        await self._publisher.publish(ARTICLES, *articles)

    async def save(self, state: FeedState) -> None:
        """Keep what a poll came to, beside the lease as it is now. Returns once the state is acknowledged. Raises
        aiokafka.errors.KafkaError."""
        async with self._turn(state.feed_id):
            known = self.state(state.feed_id)
            lease = newest(known.lease if known else None, state.lease)
            await self._write(state.model_copy(update={"lease": lease}))

    async def save_lease(self, feed_id: FeedId, lease: Lease) -> None:
        """Keep a lease beside what the last poll came to. Returns once it is acknowledged. Raises
        aiokafka.errors.KafkaError."""
        async with self._turn(feed_id):
            if state := self.state(feed_id):
                await self._write(state.model_copy(update={"lease": lease}))

    def _turn(self, feed_id: str) -> asyncio.Lock:
        """Polls and leases write the same record: who writes has read what the other wrote."""
        return self._turns.setdefault(feed_id, asyncio.Lock())

    async def _write(self, state: FeedState) -> None:
        await self._publisher.publish(FEED_STATES, state)
        came_back = _is(self._table.get(FEED_STATES, state.feed_id), state)
        if self.feed(state.feed_id) is not None and not came_back:
            self._written[state.feed_id] = state

    async def move(self, feed: Feed) -> None:
        """Returns once the feed, at its new address, is acknowledged. Raises aiokafka.errors.KafkaError."""
        await self._publisher.publish(FEEDS, feed)

    async def loaded(self) -> None:
        """Wait until every partition of ours was read to its end once."""
        await self._table.loaded()

    async def run(self, watchers: Sequence[Watcher], stop: asyncio.Event) -> None:
        """Keep the table current until `stop` is set, tell `watchers` of it, and remove what removed feeds left."""
        self._watchers = watchers
        async with asyncio.TaskGroup() as group:
            cleaning = group.create_task(self._clean())
            await self._table.run(stop)
            cleaning.cancel()

    def _on_change(self, topic: Topic, key: str, record: Record | None) -> None:
        feed_id = FeedId(key)
        if topic is FEED_STATES:
            written = self._written.get(key)
            # An older state on its way back must not hide a newer one that was written since.
            if written and (record is None or _is(record, written)):
                del self._written[key]
        elif record is None:
            self._removed.add(key)
            self._may_clean.set()
            self._changed(feed_id)
        else:
            self._removed.discard(key)
            if self.feed(key):
                self._changed(feed_id)

    def _changed(self, feed_id: FeedId) -> None:
        for watcher in self._watchers:
            watcher.changed(feed_id)

    def _on_loaded(self, partitions: frozenset[int]) -> None:
        self._owned |= partitions
        feeds = [feed.feed_id for feed in self.feeds() if self._table.partition_of(FEEDS, feed.key) in partitions]
        for watcher in self._watchers:
            watcher.loaded(feeds)
        self._may_clean.set()

    def _on_lost(self, partitions: frozenset[int]) -> None:
        self._owned -= partitions
        self._written = {key: state for key, state in self._written.items() if self.feed(key)}
        for watcher in self._watchers:
            watcher.lost()

    async def _clean(self) -> None:
        """Remove the states of feeds whose removal was read. A feed that cannot be read keeps its state."""
        while True:
            await self._may_clean.wait()
            self._may_clean.clear()
            for feed_id in list(self._removed):
                if self._table.get(FEED_STATES, feed_id) is not None:
                    self._removed.discard(feed_id)
                    await self._publisher.delete(FEED_STATES, feed_id)


def _is(read: Record | None, written: FeedState) -> bool:
    """Whether what was read is what was written, by what differs between two writes."""
    return isinstance(read, FeedState) and (read.last_poll_at, read.lease) == (written.last_poll_at, written.lease)
