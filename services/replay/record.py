"""Records topics into a file: what lies on them now, in the order of time."""

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.structs import ConsumerRecord

from services.contracts.codec import Undecodable, decode
from services.contracts.topics import Topic
from services.replay.adapters.archive import Archive
from services.replay.core.masking import SCRUBS, UNRECORDABLE, fit_to_record
from services.replay.core.merging import InTime
from services.replay.core.recording import BadRecording, Head, Manifest, Recorded
from services.runtime.kafka import consumer_options, ends_of, start
from services.runtime.settings import Misconfigured, Settings

_HELD = 1_000
"""Records of a partition that wait for those of others."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

OnProgress = Callable[[int, int], None]
"""Told the records passed so far and how many there are."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to record. `since` and `until` are times of the records in Kafka; of a compacted topic, where `since` would
    leave out what still holds, everything up to `until` is recorded."""

    topics: Sequence[Topic]
    since: datetime | None = None
    until: datetime | None = None
    mask: bool = False


async def record(
    settings: Settings, wanted: Wanted, path: Path, made_by: tuple[str, str], on_progress: OnProgress
) -> Manifest:
    """Record into `path`; where a recording of the same was broken off there, go on with it.

    `made_by` are the release and the version of the rules here. Raises BadRecording where what was broken off is
    another recording, Misconfigured for a topic that cannot be recorded, BrokerUnreachable, KafkaError.
    """
    if forbidden := UNRECORDABLE.intersection(wanted.topics):
        raise Misconfigured(f"{', '.join(each.name for each in forbidden)} cannot be recorded: it shows every secret")
    consumer = AIOKafkaConsumer(**consumer_options(settings.kafka), auto_offset_reset="earliest")
    await start(consumer, settings.kafka)
    try:
        partitions = await partitions_of(consumer, settings, wanted.topics)
        archive = Archive(path, await _head(consumer, settings, wanted, partitions, made_by))
        try:
            _assert_same(archive, wanted, path)
            await _copy(consumer, archive, partitions, on_progress)
            return archive.seal()
        finally:
            archive.close()
    finally:
        await consumer.stop()


Partitions = dict[TopicPartition, Topic]


async def partitions_of(consumer: AIOKafkaConsumer, settings: Settings, topics: Sequence[Topic]) -> Partitions:
    """Every partition of the topics. Raises Misconfigured for one that does not exist."""
    await consumer._client.force_metadata_update()  # as in runtime/topic_table.py
    found: Partitions = {}
    for topic in topics:
        name = topic.in_namespace(settings.topics.namespace)
        numbers = consumer.partitions_for_topic(name)
        if not numbers:
            raise Misconfigured(f"the topic {name} does not exist: see `chancery topics list`")
        found |= {TopicPartition(name, number): topic for number in sorted(numbers)}
    return found


async def _head(
    consumer: AIOKafkaConsumer, settings: Settings, wanted: Wanted, partitions: Partitions, made_by: tuple[str, str]
) -> Head:
    ends = await ends_of(consumer, list(partitions))
    if wanted.until is not None:
        ends |= await offsets_at(consumer, list(partitions), wanted.until, ends)
    by_topic: dict[str, dict[int, int]] = {}
    for partition, topic in partitions.items():
        by_topic.setdefault(topic.name, {})[partition.partition] = ends[partition]
    return Head(
        chancery=made_by[0],
        namespace=settings.topics.namespace,
        topics=tuple(topic.name for topic in wanted.topics),
        since=wanted.since,
        until=wanted.until,
        ends=by_topic,
        masked=wanted.mask,
        rules_version=made_by[1],
        schema_versions={topic.name: topic.record_type.VERSION for topic in wanted.topics},
    )


async def offsets_at(
    consumer: AIOKafkaConsumer,
    partitions: Sequence[TopicPartition],
    moment: datetime,
    otherwise: dict[TopicPartition, int],
) -> dict[TopicPartition, int]:
    """The first offsets at or after a moment; `otherwise` where there is none."""
    asked = dict.fromkeys(partitions, (moment - _EPOCH) // timedelta(milliseconds=1))
    found = await consumer.offsets_for_times(asked) if asked else {}
    return {each: at.offset if (at := found.get(each)) is not None else otherwise[each] for each in partitions}


def _assert_same(archive: Archive, wanted: Wanted, path: Path) -> None:
    head = archive.head
    if head.topics != tuple(topic.name for topic in wanted.topics) or head.masked != wanted.mask:
        masked = ", masked" if head.masked else ""
        raise BadRecording(
            f"{path}.part is another recording that was broken off, of {', '.join(head.topics)}{masked}: go on with "
            "that one, or delete it"
        )


async def _copy(consumer: AIOKafkaConsumer, archive: Archive, partitions: Partitions, on_progress: OnProgress) -> None:
    head = archive.head
    ends = {each: head.ends[topic.name].get(each.partition, 0) for each, topic in partitions.items()}
    begins = await consumer.beginning_offsets(list(partitions))
    starts = dict(begins)
    if head.since is not None:
        timed = [each for each, topic in partitions.items() if not topic.compacted]
        starts |= await offsets_at(consumer, timed, head.since, ends)
    for each, topic in partitions.items():
        starts[each] = archive.tally.next_offset(topic.name, each.partition) or starts[each]
    merged: InTime[TopicPartition] = InTime(partitions)
    going = {each for each in partitions if starts[each] < ends[each]}
    for each in partitions.keys() - going:
        merged.end(each)
    total = sum(ends[each] - starts[each] for each in going)
    consumer.assign(list(going))
    for each in going:
        consumer.seek(each, starts[each])
    passed = dict(starts)
    while not merged.done:
        hungry = [each for each in going if merged.held_of(each) < _HELD]
        batches = await consumer.getmany(*hungry, timeout_ms=200, max_records=_HELD) if hungry else {}
        for each, messages in batches.items():
            taken = [message for message in messages if message.offset < ends[each]]
            merged.add(each, (recorded(partitions[each], message) for message in taken))
        for each in hungry:  # the position, not the last record: compaction leaves gaps before the end
            passed[each] = min(ends[each], await consumer.position(each))
            if passed[each] >= ends[each]:
                going.discard(each)
                merged.end(each)
        for ready in merged.ready():
            _put(archive, ready)
        on_progress(sum(passed[each] - starts[each] for each in partitions), total)


def recorded(topic: Topic, message: ConsumerRecord) -> Recorded:
    """A message as it lay on its topic."""
    at = _EPOCH + timedelta(milliseconds=message.timestamp)
    key = (message.key or b"").decode("utf-8", "replace")
    return Recorded(topic, message.partition, message.offset, at, key, message.value)


def _put(archive: Archive, recorded: Recorded) -> None:
    """As it may be kept. What cannot be read cannot be searched for secrets or texts: where there may be any, only its
    place is kept."""
    topic, value, mask = recorded.topic, recorded.value, archive.head.masked
    if value is None:
        archive.add(recorded)
        return
    try:
        decode(value, topic.record_type)
    except Undecodable:
        fit, readable = b"" if topic in SCRUBS or mask else value, False
    else:
        fit = fit_to_record(topic, value, mask=mask)
        readable = b"\n" not in fit
    archive.add(dataclasses.replace(recorded, value=fit), readable=readable)
