"""Looking at topics without a group: nothing is committed and nobody's place moves."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.structs import ConsumerRecord

from services.contracts.topics import Topic
from services.runtime.kafka import consumer_options, ends_of, start
from services.runtime.settings import Misconfigured, Settings

Ranges = Mapping[TopicPartition, tuple[int, int]]
"""Of each partition the first offset, and the one after the last."""

WITHIN_S = 60.0
"""Time that looking at topics may take."""


class TooSlow(TimeoutError):
    """The topics could not be read in the time."""


class Reader:
    """A consumer of its own. Made by `reading`."""

    def __init__(self, consumer: AIOKafkaConsumer, partitions: Mapping[Topic, tuple[TopicPartition, ...]]) -> None:
        self.consumer = consumer
        self._partitions = partitions

    def partitions(self, topic: Topic) -> tuple[TopicPartition, ...]:
        """Raises Misconfigured for a topic that does not exist."""
        found = self._partitions[topic]
        if not found:
            raise Misconfigured(f"the topic {topic.name} does not exist: run `chancery topics ensure`")
        return found

    async def ranges(self, *topics: Topic) -> dict[TopicPartition, tuple[int, int]]:
        """What each partition of the topics holds now."""
        partitions = [partition for topic in topics for partition in self.partitions(topic)]
        begins = await self.consumer.beginning_offsets(partitions)
        ends = await ends_of(self.consumer, partitions)
        return {partition: (begins[partition], ends[partition]) for partition in partitions}

    async def records(self, ranges: Ranges) -> AsyncIterator[ConsumerRecord]:
        """Every record in the ranges, in order for each partition."""
        waiting = {partition: end for partition, (begin, end) in ranges.items() if begin < end}
        if not waiting:
            return
        self.consumer.assign(list(waiting))
        for partition in waiting:
            self.consumer.seek(partition, ranges[partition][0])
        while waiting:
            batches = await self.consumer.getmany(*waiting, timeout_ms=200, max_records=5_000)
            for partition, messages in batches.items():
                for message in messages:
                    if message.offset < waiting[partition]:
                        yield message
            # The position, not the last record: compaction leaves gaps before the end.
            for partition in list(waiting):
                if await self.consumer.position(partition) >= waiting[partition]:
                    del waiting[partition]

    async def everything(self, topic: Topic, after: Mapping[int, int] | None = None) -> AsyncIterator[ConsumerRecord]:
        """What the topic holds now; of each partition in `after` from that offset on."""
        found = {}
        for partition, (begin, end) in (await self.ranges(topic)).items():
            found[partition] = (max(begin, (after or {}).get(partition.partition, 0)), end)
        async for message in self.records(found):
            yield message


@asynccontextmanager
async def reading(settings: Settings, topics: Iterable[Topic]) -> AsyncIterator[Reader]:
    """A reader of the topics, to be used within `in_time`. Raises BrokerUnreachable."""
    consumer = AIOKafkaConsumer(**consumer_options(settings.kafka), auto_offset_reset="earliest")
    await start(consumer, settings.kafka)
    try:
        # aiokafka has no public call for the partitions of a topic that is not subscribed to; all of them first, for a
        # later assign() narrows what the client knows of the cluster.
        await consumer._client.force_metadata_update()
        found = {}
        for topic in topics:
            name = topic.in_namespace(settings.topics.namespace)
            numbers = sorted(consumer.partitions_for_topic(name) or ())
            found[topic] = tuple(TopicPartition(name, number) for number in numbers)
        yield Reader(consumer, found)
    finally:
        await consumer.stop()


@asynccontextmanager
async def in_time(topics: Iterable[Topic], within_s: float = WITHIN_S) -> AsyncIterator[None]:
    """Bounds what is done with a reader. Raises TooSlow."""
    try:
        async with asyncio.timeout(within_s):
            yield
    except TimeoutError:
        names = ", ".join(topic.name for topic in topics)
        raise TooSlow(f"{names} could not be read within {within_s:g} s: try again, or name less") from None
