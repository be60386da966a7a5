"""One record of a topic that no table holds, found by its key and the time it was written."""

import asyncio
from datetime import datetime, timedelta
from typing import TypeVar

from aiokafka import TopicPartition
from aiokafka.partitioner import DefaultPartitioner

from services.console.adapters.reading import TooSlow, reading
from services.contracts.codec import Undecodable, decode
from services.contracts.model import Record
from services.contracts.topics import Topic
from services.runtime.kafka import ends_of
from services.runtime.settings import Settings

R = TypeVar("R", bound=Record)

AT_ONCE = 2
MOST_RECORDS = 5_000
"""Of the partition, read from `EARLIER` before the time on: minutes of a busy topic."""
EARLIER = timedelta(minutes=1)
"""What two machines' clocks may differ by."""
WITHIN_S = 10.0

_place = DefaultPartitioner()


class Finder:
    """Looks records up, a few at a time."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._places = asyncio.Semaphore(AT_ONCE)

    async def find(self, topic: Topic, record_type: type[R], key: str, record_id: str, at: datetime) -> R | None:
        """The record of that key and id that was written at or soon after `at`; None where it is not among what is
        still kept. Raises TooSlow, BrokerUnreachable, aiokafka.errors.KafkaError."""
        try:
            async with asyncio.timeout(WITHIN_S), self._places:
                return await self._found(topic, record_type, key, record_id, at)
        except TimeoutError:
            raise TooSlow(f"{topic.name} could not be searched within {WITHIN_S:g} s") from None

    async def _found(self, topic: Topic, record_type: type[R], key: str, record_id: str, at: datetime) -> R | None:
        async with reading(self._settings, [topic]) as reader:
            partitions = {partition.partition: partition for partition in reader.partitions(topic)}
            partition: TopicPartition = partitions[_place(key.encode(), sorted(partitions), sorted(partitions))]
            since_ms = max(0, int((at - EARLIER).timestamp() * 1000))
            begin = (await reader.consumer.offsets_for_times({partition: since_ms}))[partition]
            if begin is None:
                return None
            end = (await ends_of(reader.consumer, [partition]))[partition]
            async for message in reader.records({partition: (begin.offset, min(end, begin.offset + MOST_RECORDS))}):
                if message.key != key.encode() or message.value is None:
                    continue
                try:
                    record = decode(message.value, record_type)
                except Undecodable:
                    continue
                if record.record_id == record_id:
                    return record
        return None
