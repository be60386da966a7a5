"""Plays a recording back into a namespace of its own, through a real worker with its own group and tables.

One partition and one worker: so what comes out has one order, and two replays of one recording by the same rules write
the same records but for their volatile fields. Nothing is sent anywhere: no notifier runs in the namespace unless some
subscriptions were named, and then it knows no others (`sending.py`).
"""

import asyncio
import contextlib
import sys
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from services.contracts.subscription import Subscription
from services.contracts.topics import (
    ALERTS,
    ARTICLES,
    DEAD_LETTERS,
    FEEDBACK,
    INCIDENTS,
    REPORTS,
    SITES,
    SUBSCRIPTIONS,
    Topic,
)
from services.launch.broker import free_port
from services.launch.supervisor import Program, Supervisor
from services.replay.adapters.archive import manifest_of, recording
from services.replay.adapters.scratch import scratch
from services.replay.core.isolation import assert_isolated, is_of_a_replay, namespace_of
from services.replay.core.recording import BadRecording, Recorded
from services.replay.core.rerun import TAKEN
from services.replay.record import Wanted, record
from services.replay.sending import Sent, notifier, sent
from services.runtime.kafka import (
    Publisher,
    RawRecord,
    connection,
    consumer_options,
    ends_of,
    ensure_named,
    ensure_topics,
    start,
)
from services.runtime.settings import Misconfigured, Settings, environment_of
from services.runtime.work import group_name

T = TypeVar("T")

WRITTEN = (REPORTS, INCIDENTS, ALERTS, DEAD_LETTERS)
"""What a worker writes."""
_BATCH = 500
_POLL_S = 0.2
PATIENCE_S = 120.0
"""Time without any progress after which a replay gives up."""


@dataclass(frozen=True, slots=True)
class Choice:
    """Which records of a recording are played. `key` is that of an article; `most` counts articles."""

    since: datetime | None = None
    until: datetime | None = None
    key: str | None = None
    most: int | None = None


@dataclass(frozen=True, slots=True)
class Status:
    """How far a replay is."""

    played: int
    written: dict[str, int]
    seconds: float
    sent: tuple[Sent, ...] = ()


class Stuck(RuntimeError):
    """Nothing moved for long."""


def isolated(settings: Settings, run: str) -> Settings:
    """The settings of a replay: those given, in a namespace of its own, every alert an exercise. Raises NotIsolated."""
    namespace = namespace_of(run)
    assert_isolated(namespace, settings.topics.namespace, settings.topics.environment)
    return settings.model_copy(
        update={
            "topics": settings.topics.model_copy(update={"namespace": namespace, "partitions": 1}),
            "classify": settings.classify.model_copy(update={"exercise": True, "store": "memory://"}),
            "health": settings.health.model_copy(update={"port": free_port()}),
        }
    )


def chosen(records: Iterable[Recorded], choice: Choice) -> Iterator[Recorded]:
    """The records to play. Sites, whose state counts, are never left out."""
    articles = 0
    for each in records:
        if each.topic not in TAKEN:
            continue
        if each.topic is not SITES:
            if (choice.since and each.at < choice.since) or (choice.until and each.at >= choice.until):
                continue
            if choice.key is not None and each.key != choice.key:
                continue
        if each.topic is ARTICLES:
            articles += 1
            if choice.most is not None and articles > choice.most:
                return
        yield each


async def play(
    settings: Settings,
    run: str,
    path: Path,
    choice: Choice,
    speed: float | None,
    output: Path | None,
    made_by: tuple[str, str],
    on_status: Callable[[Status], None],
    told: Sequence[Subscription] = (),
) -> Status:
    """Play a recording in the namespace of `run`, and leave nothing behind but `output`, a recording of what came out.

    `made_by` are the release and the version of the rules here, for the head of `output`. `told` are
    those who get its alerts, as exercises (`core/audience.py`).
    `speed` divides the pauses between records (60: an hour in a minute); None leaves them out. Raises BadRecording and
    NotIsolated before anything is written, Misconfigured where the namespace is in use, Stuck, BrokerUnreachable.
    """
    manifest = manifest_of(path)
    if ARTICLES.name not in manifest.head.topics:
        raise BadRecording(f"{path}: it holds no articles: record articles too")
    own = isolated(settings, run)
    async with _stage(own):
        return await _Play(own, path, choice, speed, on_status, told).run(output, made_by)


@contextlib.asynccontextmanager
async def _stage(own: Settings) -> AsyncIterator[None]:
    """The topics of the namespace, gone with the context."""
    assert is_of_a_replay(own.topics.namespace)
    if taken := await topics_of(own, own.topics.namespace):
        raise Misconfigured(
            f"{own.topics.namespace} is in use ({len(taken)} topics): `chancery replay --clean` ends it"
        )
    # Records of any age are played: nothing is deleted for its time.
    await ensure_named(
        own, {topic.in_namespace(own.topics.namespace): {"retention.ms": "-1"} for topic in (*TAKEN, *WRITTEN)}
    )
    try:
        await ensure_topics(own)
        yield
    finally:
        await clean(own, own.topics.namespace)


async def topics_of(settings: Settings, namespace: str | None = None) -> list[str]:
    """The topics of a replay's namespace; of every replay's for None."""
    admin = AIOKafkaAdminClient(**connection(settings.kafka))
    await start(admin, settings.kafka)
    try:
        names = await admin.list_topics()
    finally:
        await admin.close()
    return sorted(name for name in names if is_of_a_replay(name) and name.startswith(namespace or ""))


async def clean(settings: Settings, namespace: str | None = None) -> list[str]:
    """Delete the topics of a replay, or of every replay; returns their names. No other topic can be deleted by it."""
    names = await topics_of(settings, namespace)
    if names:
        admin = AIOKafkaAdminClient(**connection(settings.kafka))
        await start(admin, settings.kafka)
        try:
            await admin.delete_topics(names)
        finally:
            await admin.close()
    return names


class _Play:
    """One replay, on topics that are there."""

    def __init__(
        self,
        own: Settings,
        path: Path,
        choice: Choice,
        speed: float | None,
        on_status: Callable[[Status], None],
        told: Sequence[Subscription],
    ) -> None:
        self._own, self._path, self._choice = own, path, choice
        self._speed, self._on_status, self._told = speed, on_status, told
        self._played = 0
        self._begun = time.monotonic()
        self._offsets = _Offsets(own, "classify", (ARTICLES, REPORTS, FEEDBACK))

    async def run(self, output: Path | None, made_by: tuple[str, str]) -> Status:
        with scratch() as directory:
            supervisor = Supervisor(directory, lambda *_: None)
            try:
                async with Publisher(self._own, "/chancery/replay") as publisher, self._offsets:
                    await self._sites(publisher)
                    command = [sys.executable, "-m", "services.cli", "classify-worker"]
                    environment = environment_of(self._own)
                    await supervisor.start(Program("classify", command, environment))
                    if self._told:
                        await publisher.publish(SUBSCRIPTIONS, *self._told)
                        await supervisor.start(notifier(self._own, self._speed))
                    await _unless_it_gave_up(supervisor, self._articles(publisher))
                    sent_to = await _unless_it_gave_up(supervisor, self._sent()) if self._told else []
                    written = await self._offsets.written()
            finally:
                await supervisor.end()
        seconds = time.monotonic() - self._begun
        if output is not None:
            topics = [topic for topic in WRITTEN if topic is not DEAD_LETTERS]
            await record(self._own, Wanted(topics), output, made_by, lambda *_: None)
        return Status(self._played, written, seconds, tuple(sent_to))

    async def _sent(self) -> list[Sent]:
        async with _Offsets(self._own, "notify", (ALERTS,)) as matched:
            await self._done(matched)
        return await sent(self._own, self._told, PATIENCE_S)

    async def _sites(self, publisher: Publisher) -> None:
        """All of them before the worker starts, which waits for what it finds: none comes in the middle by chance."""
        for each in chosen(recording(self._path), self._choice):
            if each.topic is SITES:
                await publisher.write(SITES, _raw(each))

    async def _articles(self, publisher: Publisher) -> None:
        """Articles in batches, verdicts one by one: what came before one is done when it is given."""
        records = (each for each in chosen(recording(self._path), self._choice) if each.topic is not SITES)
        async for topic, batch in self._paced(records):
            if topic is FEEDBACK:
                await self._done(self._offsets)
            await publisher.write(topic, *map(_raw, batch))
            self._played += len(batch)
            if topic is FEEDBACK:
                await self._done(self._offsets)
            await self._tell()
        await self._done(self._offsets)

    async def _paced(self, records: Iterator[Recorded]) -> AsyncIterator[tuple[Topic, list[Recorded]]]:
        if self._speed is None:
            while batch := list(islice(records, _BATCH)):
                for topic, run in _runs(batch):
                    yield topic, run
            return
        first: datetime | None = None
        begun = time.monotonic()
        for each in records:
            first = first or each.at
            due = begun + (each.at - first).total_seconds() / self._speed
            while (left := due - time.monotonic()) > 0:
                await asyncio.sleep(min(left, 1.0))
                await self._tell()
            yield each.topic, [each]

    async def _done(self, offsets: "_Offsets") -> None:
        """Until all there is has been acknowledged."""
        last, since = -1, time.monotonic()
        while True:
            done, left = await offsets.acknowledged()
            await self._tell()
            if not left:
                return
            if done > last:
                last, since = done, time.monotonic()
            elif time.monotonic() - since > PATIENCE_S:
                raise Stuck(f"nothing moved for {PATIENCE_S:g} s with {left} records to go")
            await asyncio.sleep(_POLL_S)

    async def _tell(self) -> None:
        written = await self._offsets.written()
        self._on_status(Status(self._played, written, time.monotonic() - self._begun))


class _Offsets:
    """How far the topics of a replay are, and the group of `role` on those that it reads."""

    def __init__(self, own: Settings, role: str, reads: Sequence[Topic]) -> None:
        self._own = own
        self._consumer = AIOKafkaConsumer(group_id=group_name(own, role), **consumer_options(own.kafka))
        self._read = [self._partition(topic) for topic in reads]
        self._written = {topic: self._partition(topic) for topic in WRITTEN}

    def _partition(self, topic: Topic) -> TopicPartition:
        return TopicPartition(topic.in_namespace(self._own.topics.namespace), 0)

    async def __aenter__(self) -> "_Offsets":
        await start(self._consumer, self._own.kafka)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._consumer.stop()

    async def acknowledged(self) -> tuple[int, int]:
        """Records that the group has acknowledged, and those it has yet to."""
        # In this order: an article is acknowledged when its reports are on their topic, so none can be overlooked.
        done = {each: max(0, await self._consumer.committed(each) or 0) for each in self._read}
        ends = await ends_of(self._consumer, self._read)
        return sum(done.values()), sum(max(0, ends[each] - done[each]) for each in self._read)

    async def written(self) -> dict[str, int]:
        ends = await ends_of(self._consumer, list(self._written.values()))
        return {topic.name: ends[partition] for topic, partition in self._written.items()}


async def _unless_it_gave_up(supervisor: Supervisor, work: Coroutine[Any, Any, T]) -> T:
    """The work, for as long as every program can run. Raises Misconfigured with its reason where one cannot."""
    task = asyncio.create_task(work)
    try:
        either: set[asyncio.Future[Any]] = {task, supervisor.gave_up}
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            raise Misconfigured(supervisor.gave_up.result())
        return await task
    finally:
        if not task.done():
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task


def _raw(each: Recorded) -> RawRecord:
    return RawRecord(each.key.encode(), each.value, (), each.key)


def _runs(batch: list[Recorded]) -> Iterator[tuple[Topic, list[Recorded]]]:
    """A batch as runs of one topic; a verdict is one of its own."""
    run: list[Recorded] = []
    for each in batch:
        if run and (each.topic is not run[0].topic or each.topic is FEEDBACK):
            yield run[0].topic, run
            run = []
        run.append(each)
    if run:
        yield run[0].topic, run
