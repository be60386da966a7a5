"""How far a group is on the topics that it reads, and how much lies on others. Joins nothing and commits nothing."""

import asyncio
from collections.abc import Mapping, Sequence

from aiokafka import AIOKafkaConsumer, TopicPartition

from services.contracts.topics import Topic
from services.replay.record import partitions_of
from services.runtime.kafka import consumer_options, ends_of, start
from services.runtime.settings import Settings
from services.runtime.work import group_name

Places = Mapping[TopicPartition, int]
"""An offset in each partition."""


class Offsets:
    """Of the group of `role`, which `reads` topics. Use as an async context manager, by one task. Raises Misconfigured
    where a topic is missing, BrokerUnreachable."""

    def __init__(self, settings: Settings, role: str, reads: Sequence[Topic], others: Sequence[Topic] = ()) -> None:
        self._settings, self._reads, self._others = settings, tuple(reads), tuple(others)
        self._consumer = AIOKafkaConsumer(group_id=group_name(settings, role), **consumer_options(settings.kafka))
        self._partitions: dict[Topic, list[TopicPartition]] = {}

    async def __aenter__(self) -> "Offsets":
        await start(self._consumer, self._settings.kafka)
        topics = tuple(dict.fromkeys((*self._reads, *self._others)))
        try:
            found = await partitions_of(self._consumer, self._settings, topics)
        except BaseException:
            await self._consumer.stop()
            raise
        for partition, topic in found.items():
            self._partitions.setdefault(topic, []).append(partition)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._consumer.stop()

    def partitions(self, topic: Topic) -> list[TopicPartition]:
        return self._partitions[topic]

    async def ends(self, *topics: Topic) -> Places:
        """Where the topics end now."""
        return await ends_of(self._consumer, [each for topic in topics for each in self._partitions[topic]])

    async def committed(self, partitions: Sequence[TopicPartition]) -> Places:
        """What the group has acknowledged; 0 where nothing."""
        found = await asyncio.gather(*map(self._consumer.committed, partitions))
        return {each: max(0, at or 0) for each, at in zip(partitions, found, strict=True)}

    async def acknowledged(self) -> tuple[int, int]:
        """Records that the group has acknowledged, and those it has yet to."""
        read = [each for topic in self._reads for each in self._partitions[topic]]
        # In this order: an article is acknowledged when its reports are on their topic, so none can be overlooked.
        done = await self.committed(read)
        ends = await self.ends(*self._reads)
        return sum(done.values()), sum(max(0, ends[each] - done[each]) for each in read)

    async def written(self) -> dict[str, int]:
        """How much was ever written to each of the other topics."""
        ends = await self.ends(*self._others)
        return {topic.name: sum(ends[each] for each in self._partitions[topic]) for topic in self._others}
