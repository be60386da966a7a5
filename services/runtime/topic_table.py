"""Compacted topics as local tables: the last record of each key, kept current.

Two ways to own one. Whole: every replica reads every partition (who subscribes to what). Shared: the members of a
group divide the partitions, and each holds the rows of its own (feeds to poll, deliveries to make). Topics read
together in one shared table have the same number of partitions and are assigned alike, so a feed and its state
always lie with the same member.
"""

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import TypeVar, cast

import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.coordinator.assignors.range import RangePartitionAssignor
from aiokafka.structs import ConsumerRecord, RecordMetadata

from services.contracts.bulk import building
from services.contracts.dead_letter import DeadLetterClass
from services.contracts.model import Record
from services.contracts.topics import Topic
from services.runtime.dead_letters import DeadLetterBox, Onlooker
from services.runtime.kafka import consumer_options, start
from services.runtime.settings import Misconfigured, Settings
from services.runtime.work import group_options

R = TypeVar("R", bound=Record)
log = structlog.get_logger()

PARTITIONS_ASSIGNED = "partitions.assigned"
PARTITIONS_LOST = "partitions.lost"


@dataclass(frozen=True, slots=True)
class Row:
    record: Record
    partition: int


OnChange = Callable[[Topic, str, Record | None], None]
OnRead = Callable[[Topic, ConsumerRecord, Record | None], None]
OnPartitions = Callable[[frozenset[int]], None]
Skim = Callable[[Sequence[ConsumerRecord]], Sequence[ConsumerRecord]]


def _ignore(*_: object) -> None:
    pass


def _whole(record: Record) -> Record:
    return record


def _all(messages: Sequence[ConsumerRecord]) -> Sequence[ConsumerRecord]:
    return messages


class TopicTable:
    """The rows of one or more compacted topics.

    `role` names the group that shares the partitions; None reads them all. `row` says what of a record is kept,
    None where it is not wanted. `on_change(topic, key, record)` is called for every record read, None for a tombstone,
    while loading too; so is `on_read(topic, message, record)`, for who has to know where it lies.
    `skim(messages)` says which records of a partition that is being loaded have to be read at all, its last among them.
    `on_loaded(partitions)` is called when newly assigned partitions have been read to the end they had at assignment;
    only then may their rows be acted upon. `on_lost(partitions)` is called after their rows have left the table.
    Callbacks run on the reading task and must not block.
    """

    def __init__(
        self,
        settings: Settings,
        topics: Sequence[Topic],
        dead_letters: DeadLetterBox,
        *,
        role: str | None = None,
        row: Callable[[Record], Record | None] = _whole,
        skim: Skim = _all,
        on_change: OnChange = _ignore,
        on_read: OnRead = _ignore,
        on_loaded: OnPartitions = _ignore,
        on_lost: OnPartitions = _ignore,
    ) -> None:
        self._topics = {topic.in_namespace(settings.topics.namespace): topic for topic in topics}
        self._kafka = settings.kafka
        self._dead_letters = dead_letters
        self._shared = role is not None
        self._row, self._skim = row, skim
        self._on_change, self._on_loaded, self._on_lost = on_change, on_loaded, on_lost
        self._on_read = on_read
        self._rows: dict[Topic, dict[str, Row]] = {topic: {} for topic in topics}
        self._read: dict[TopicPartition, int] = {}  # next offset of what was read
        self._loading: dict[TopicPartition, int] = {}  # end at assignment
        self._positioning = asyncio.Lock()
        self._assigned = False
        self._announced: set[int] = set()
        self._loaded = asyncio.Event()
        self._advanced = asyncio.Event()
        self._consumer = AIOKafkaConsumer(
            **consumer_options(settings.kafka),
            # "earliest" here too: a reset to the default, the end, can be under way when `_take` seeks, and win.
            **(group_options(settings, role) if role else {"auto_offset_reset": "earliest"}),
            **({"partition_assignment_strategy": (RangePartitionAssignor,)} if role else {}),
        )

    def get(self, topic: Topic[R], key: str) -> R | None:
        row = self._rows[topic].get(key)
        return cast(R, row.record) if row else None  # what else is on the topic was buried

    def values(self, topic: Topic[R]) -> Iterator[R]:
        """The current records; of the owned and loaded or loading partitions when shared."""
        return iter([cast(R, row.record) for row in self._rows[topic].values()])

    def partition_of(self, topic: Topic, key: str) -> int | None:
        row = self._rows[topic].get(key)
        return row.partition if row else None

    async def loaded(self) -> None:
        """Wait until everything assigned, which may be nothing, has been read to its end once."""
        await self._loaded.wait()

    async def has_read(self, written: Iterable[RecordMetadata]) -> None:
        """Wait until the table has read what was written there; of a table that owns its partition for good."""
        awaited = {TopicPartition(each.topic, each.partition): each.offset for each in written}
        while any(self._read.get(partition, 0) <= offset for partition, offset in awaited.items()):
            await self._advanced.wait()

    async def run(self, stop: asyncio.Event) -> None:
        """Read until `stop` is set. A member of a group leaves it on the way out."""
        await start(self._consumer, self._kafka)
        try:
            if self._shared:
                self._consumer.subscribe(list(self._topics), listener=_Listener(self))
            else:
                await self._assign_all()
            while not stop.is_set():
                batches = await self._consumer.getmany(timeout_ms=200, max_records=5_000)
                with building() if self._loading else nullcontext():
                    await self._apply_all(batches)
                self._advanced.set()
                self._advanced.clear()
                await self._finish_loading()
        finally:
            await self._consumer.stop()

    async def _assign_all(self) -> None:
        # aiokafka has no public call for the partitions of a topic that is not subscribed to
        await self._consumer._client.force_metadata_update()
        partitions = []
        for name in self._topics:
            numbers = self._consumer.partitions_for_topic(name)
            if not numbers:
                raise Misconfigured(f"the topic {name} does not exist: run `chancery topics ensure`")
            partitions += [TopicPartition(name, number) for number in sorted(numbers)]
        self._consumer.assign(partitions)
        await self._take(partitions)

    async def _take(self, assigned: Iterable[TopicPartition]) -> None:
        """Position every assigned partition: where it was left if it stayed ours, else at its beginning."""
        assigned = set(assigned)
        async with self._positioning:
            self._drop(self._read.keys() - assigned)
            kept, new = assigned & self._read.keys(), assigned - self._read.keys()
            self._loading |= await self._consumer.end_offsets(list(new)) if new else {}
            self._read |= dict.fromkeys(new, 0)
            for partition in kept:
                self._consumer.seek(partition, self._read[partition])
            if new:
                await self._consumer.seek_to_beginning(*new)
            self._assigned = True
        if self._shared:  # to read a whole topic is no news, and a command prints for people and machines
            log.info(PARTITIONS_ASSIGNED, topics=sorted(self._topics), partitions=sorted(_numbers(assigned)))

    def _drop(self, lost: Iterable[TopicPartition]) -> None:
        lost = set(lost)
        if not lost:
            return
        for partition in lost:
            self._read.pop(partition, None)
            self._loading.pop(partition, None)
            rows = self._rows[self._topics[partition.topic]]
            for key in [key for key, row in rows.items() if row.partition == partition.partition]:
                del rows[key]
        numbers = _numbers(lost)
        self._announced -= numbers
        log.info(PARTITIONS_LOST, topics=sorted(self._topics), partitions=sorted(numbers))
        self._on_lost(numbers)

    async def _apply_all(self, batches: Mapping[TopicPartition, Sequence[ConsumerRecord]]) -> None:
        for partition, messages in batches.items():
            for message in self._skim(messages) if partition in self._loading else messages:
                if partition not in self._read:  # lost while this batch was being read
                    break
                await self._apply(message)
                self._read[partition] = message.offset + 1

    async def _apply(self, message: ConsumerRecord) -> None:
        topic = self._topics[message.topic]
        key = (message.key or b"").decode("utf-8", "replace")
        record = None
        if message.value is not None:
            record = await self._dead_letters.read(message, topic.record_type)
            if record is None:
                return
            if record.key != key:
                reason = f"its key is {key!r:.80}, a {record.KIND} of that id has {record.key!r:.80}"
                await self._dead_letters.bury(message, DeadLetterClass.INVALID, reason)
                return
        kept = self._row(record) if record else None
        if kept is None:
            self._rows[topic].pop(key, None)
        else:
            self._rows[topic][key] = Row(kept, message.partition)
        self._on_change(topic, key, record)
        self._on_read(topic, message, record)

    async def _finish_loading(self) -> None:
        # The position, not the last record: compaction and transaction markers leave gaps before the end.
        async with self._positioning:
            for partition, end in list(self._loading.items()):
                if partition not in self._consumer.assignment():
                    continue  # a rebalance is under way and waits for the lock
                # The embedded broker, asked for the end, takes the last batch for one record (see `kafka.ends_of`).
                end = max(end, (self._consumer.highwater(partition) or 0) if end else 0)
                if end == 0 or await self._consumer.position(partition) >= end:
                    del self._loading[partition]
        done = _numbers(self._read) - _numbers(self._loading) - self._announced
        if done:
            self._announced |= done
            self._on_loaded(done)
        if self._assigned and not self._loading:
            self._loaded.set()


async def snapshot(
    settings: Settings,
    topics: Sequence[Topic],
    *,
    row: Callable[[Record], Record | None] = _whole,
    within_s: float = 30,
) -> TopicTable:
    """The topics as they are now: a whole table, read once to its end. Nothing is written.

    Raises TimeoutError, Misconfigured when a topic does not exist, BrokerUnreachable.
    """
    table = TopicTable(settings, topics, Onlooker(), row=row)
    stop = asyncio.Event()
    running = asyncio.create_task(table.run(stop))
    loaded = asyncio.create_task(table.loaded())
    done, _ = await asyncio.wait([running, loaded], timeout=within_s, return_when=asyncio.FIRST_COMPLETED)
    stop.set()
    loaded.cancel()
    await running
    if not done:
        names = ", ".join(topic.in_namespace(settings.topics.namespace) for topic in topics)
        raise TimeoutError(f"{names} could not be read within {within_s:g} s")
    return table


class _Listener(ConsumerRebalanceListener):  # type: ignore[misc]
    def __init__(self, table: TopicTable) -> None:
        self._table = table

    async def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        """Nothing yet: what stays ours is only known once the new assignment is."""

    async def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        await self._table._take(assigned)


def _numbers(partitions: Iterable[TopicPartition]) -> frozenset[int]:
    return frozenset(partition.partition for partition in partitions)
