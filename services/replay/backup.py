"""Backs up the topics that keep the last record of each key, and puts them back: the same bytes, wherever they lie.

A back-up is a recording (`core/recording.py`) of which nothing was kept out: endpoints and secrets of subscriptions
are encrypted in it as on their topic, and useless without the keys of CHANCERY_SECRETS__KEYS, which are not in it.
"""

import asyncio
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from aiokafka import TopicPartition

from services.console.adapters.reading import reading
from services.console.core.auditing import Actor, entry
from services.contracts.codec import cloudevents_headers
from services.contracts.topics import AUDIT, Topic
from services.replay.adapters.archive import Archive, part_of, recording
from services.replay.core.backup import BACKED_UP, MADE_BY_PEOPLE, Place, Restoration, record_in, restoration, rows
from services.replay.core.merging import InTime
from services.replay.core.recording import BadRecording, Head, Manifest, Recorded
from services.replay.record import OnProgress, recorded
from services.runtime.kafka import Publisher, RawRecord, ensure_topics
from services.runtime.settings import Settings

SOURCE = "/chancery/restore"
_BATCH = 500


async def backup(settings: Settings, path: Path, made_by: str, on_progress: OnProgress) -> Manifest:
    """Back up into `path`; what was left there of one that was broken off is made anew.

    The rows are held in memory: about what the values of the live records take. Raises BadRecording, BlockingIOError
    where another process writes there, Misconfigured, BrokerUnreachable, KafkaError, OSError.
    """
    live = await live_rows(settings, BACKED_UP, on_progress)
    archive = Archive(path, _head(settings, made_by))
    try:
        if archive.resumed:
            raise BadRecording(f"{part_of(path)} is left of one that was broken off: delete it and try again")
        for record in _in_time(list(live.values())):
            archive.add(record, readable=record_in(record) is not None and b"\n" not in (record.value or b""))
        return archive.seal()
    finally:
        archive.close()


def _head(settings: Settings, made_by: str) -> Head:
    return Head(
        chancery=made_by,
        namespace=settings.topics.namespace,
        topics=tuple(topic.name for topic in BACKED_UP),
        whole=True,
        rules_version="-",
        schema_versions={topic.name: topic.record_type.VERSION for topic in BACKED_UP},
    )


def _in_time(records: Sequence[Recorded]) -> list[Recorded]:
    by_partition: dict[tuple[str, int], list[Recorded]] = {}
    for record in records:
        by_partition.setdefault((record.topic.name, record.partition), []).append(record)
    merged = InTime(by_partition)
    for partition, own in by_partition.items():
        merged.add(partition, sorted(own, key=lambda record: record.offset))
        merged.end(partition)
    return list(merged.ready())


async def live_rows(settings: Settings, topics: Sequence[Topic], on_progress: OnProgress) -> dict[Place, Recorded]:
    """The last record of each key of compacted topics, as it lies there. Joins no group and writes nothing."""
    found: dict[Place, Recorded] = {}
    read_to: dict[TopicPartition, int] = {}
    passed = total = 0
    async with reading(settings, topics) as reader:
        # Twice: what compaction took away before it was read has a newer record, perhaps behind the first end.
        for _ in range(2):
            names, ranges = {}, {}
            for topic in topics:
                for place, (begin, end) in (await reader.ranges(topic)).items():
                    names[place.topic] = topic
                    ranges[place] = (max(begin, read_to.get(place, 0)), end)
            read_to = {place: end for place, (_, end) in ranges.items()}
            total += sum(max(0, end - begin) for begin, end in ranges.values())
            async for message in reader.records(ranges):
                rows([recorded(names[message.topic], message)], found)
                passed += 1
                if passed % _BATCH == 0:
                    on_progress(min(passed, total), total)
    on_progress(total, total)
    return found


def read_backup(path: Path) -> dict[Place, Recorded]:
    """The rows in a back-up. Raises BadRecording, which names the file, for any other file and for one that is not as
    it was written."""
    reader = recording(path)
    try:
        kept = rows(reader)
    except BadRecording as error:
        raise BadRecording(f"{path}: {error}") from None
    if reader.head is None or not reader.head.whole:
        raise BadRecording(f"{path}: a recording leaves secrets out: `chancery backup` makes what can be restored")
    return kept


async def planned(settings: Settings, path: Path, on_progress: OnProgress, *, create: bool) -> Restoration:
    """What restoring would do; with `create` the topics that are missing are made first. Raises what `read_backup`
    does, Misconfigured for topics that are missing, BrokerUnreachable, KafkaError."""
    kept = await asyncio.to_thread(read_backup, path)
    if create:
        await ensure_topics(settings)
    return restoration(kept, await live_rows(settings, BACKED_UP, on_progress))


async def restore(
    settings: Settings, plan: Restoration, actor: Actor, *, over: bool, done: Callable[[int], None]
) -> int:
    """Write what is missing, with `over` also what differs; returns how many. `done` is told each batch.

    Audited first where people make such records. A run that is killed is finished by the next: what is there is left
    alone. Each record lies where its key puts it, so the number of partitions may be another one.
    """
    chosen = plan.missing + (plan.differing if over else ())
    async with Publisher(settings, SOURCE) as publisher:
        for start in range(0, len(chosen), _BATCH):
            batch = chosen[start : start + _BATCH]
            await _write(publisher, actor, batch)
            done(len(batch))
    return len(chosen)


async def _write(publisher: Publisher, actor: Actor, batch: Sequence[Recorded]) -> None:
    now = datetime.now(UTC)
    readable = [(each, record) for each in batch if (record := record_in(each)) is not None]
    await publisher.publish(
        AUDIT, *(entry(actor, None, record, now) for each, record in readable if each.topic in MADE_BY_PEOPLE)
    )
    for topic in BACKED_UP:
        originals = [
            RawRecord(each.key.encode(), each.value, cloudevents_headers(record, SOURCE, each.at), record.partition_key)
            for each, record in readable
            if each.topic is topic
        ]
        await publisher.write(topic, *originals)
