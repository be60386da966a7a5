"""Looks at the topics every few seconds: for the console's pages, the command and Prometheus."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from services.console.adapters.reading import Reader, in_time, reading
from services.console.core.topics import WORK, WORKERS, Held, History, Sample, Work
from services.contracts.topics import TOPICS, Topic
from services.runtime import metrics
from services.runtime.kafka import BrokerUnreachable, consumer_options, start
from services.runtime.settings import Misconfigured, Settings
from services.runtime.work import group_name

log = structlog.get_logger()

TOPICS_NOT_SEEN = "topics.not_seen"
WITHIN_S = 20.0


class Looker:
    """Takes samples. It joins no group: it only asks what the groups have acknowledged. Made by `looking`."""

    def __init__(self, reader: Reader, groups: Mapping[str, AIOKafkaConsumer]) -> None:
        self._reader = reader
        self._groups = groups

    async def sample(self, before: Sample | None = None) -> Sample:
        """The topics as they are now. `before` spares reading the newest record of what has not grown since."""
        spans = await self._reader.ranges(*TOPICS)
        ranges = {topic: {place: spans[place] for place in self._reader.partitions(topic)} for topic in TOPICS}
        committed: dict[Work, tuple[int | None, ...]] = {}
        for role, topic in WORK:
            places = self._reader.partitions(topic)
            committed[role, topic] = tuple([await self._groups[role].committed(place) for place in places])
        held = {topic: tuple(Held(*ranges[topic][place]) for place in ranges[topic]) for topic in TOPICS}
        return Sample(datetime.now(UTC), held, committed, await self._newest(ranges, before))

    async def _newest(
        self, ranges: Mapping[Topic, Mapping[TopicPartition, tuple[int, int]]], before: Sample | None
    ) -> dict[Topic, datetime]:
        found = dict(before.newest_at) if before else {}
        topics: dict[str, Topic] = {}
        last: dict[TopicPartition, tuple[int, int]] = {}
        for topic, partitions in ranges.items():
            for number, (place, (begin, end)) in enumerate(partitions.items()):
                known = before.partitions[topic] if before else ()
                if begin < end and (number >= len(known) or known[number].end != end):
                    topics[place.topic] = topic
                    last[place] = (end - 1, end)
        async for message in self._reader.records(last):
            topic, at = topics[message.topic], datetime.fromtimestamp(message.timestamp / 1000, UTC)
            found[topic] = max(found.get(topic, at), at)
        return found


@asynccontextmanager
async def looking(settings: Settings) -> AsyncIterator[Looker]:
    """Raises BrokerUnreachable, Misconfigured where topics are missing, TooSlow."""
    async with AsyncExitStack() as stack:
        reader = await stack.enter_async_context(reading(settings, TOPICS))
        groups = {}
        for role, topics in WORKERS.items():
            # Nothing is subscribed to or committed, so no partition is taken from who works on it.
            consumer = AIOKafkaConsumer(group_id=group_name(settings, role), **consumer_options(settings.kafka))
            await start(consumer, settings.kafka)
            stack.push_async_callback(consumer.stop)
            consumer.assign([place for topic in topics for place in reader.partitions(topic)])
            groups[role] = consumer
        yield Looker(reader, groups)


async def sampled(settings: Settings, history: History, stop: asyncio.Event) -> None:
    """Fill the history, and tell Prometheus, until `stop` is set. What cannot be had is tried again; the time of the
    last sample, which is told too, shows it."""
    while not stop.is_set():
        try:
            async with looking(settings) as looker:
                while not stop.is_set():
                    async with in_time(TOPICS, WITHIN_S):
                        sample = await looker.sample(history.last)
                    history.add(sample)
                    _tell(sample)
                    await _pause(settings.console.sample_s, stop)
        except (KafkaError, BrokerUnreachable, Misconfigured, TimeoutError) as error:
            log.warning(TOPICS_NOT_SEEN, reason=str(error))
            await _pause(settings.console.sample_s, stop)


async def _pause(seconds: float, stop: asyncio.Event) -> None:
    try:
        async with asyncio.timeout(seconds):
            await stop.wait()
    except TimeoutError:
        return


def _tell(sample: Sample) -> None:
    for topic in sample.partitions:
        metrics.TOPIC_RECORDS.labels(topic.name).set(sample.written(topic))
        if topic in sample.newest_at:
            metrics.TOPIC_NEWEST.labels(topic.name).set(sample.newest_at[topic].timestamp())
    for role, topic in WORK:
        metrics.LAG.labels(role, topic.name).set(sum(sample.lag((role, topic))))
    metrics.TOPICS_SAMPLED.set(sample.at.timestamp())
