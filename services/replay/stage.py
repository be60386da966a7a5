"""Where records are played once more: a namespace of its own, a worker in it, and how they are given to that.

One partition and one worker, so what comes out has one order. Everything is an exercise, and nothing is sent anywhere:
no notifier runs in the namespace.
"""

import asyncio
import contextlib
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any, TypeVar

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError
from aiokafka.protocol.admin import DeleteGroupsRequest

from services.contracts.topics import (
    ALERTS,
    ARTICLES,
    DEAD_LETTERS,
    FEEDBACK,
    INCIDENTS,
    REPORTS,
    SITES,
    Topic,
    milliseconds,
)
from services.launch.broker import free_port
from services.launch.supervisor import Program, Supervisor
from services.replay.core.isolation import Purpose, assert_isolated, is_of, namespace_of
from services.replay.core.recording import Recorded
from services.replay.core.rerun import TAKEN
from services.replay.offsets import Offsets
from services.runtime.kafka import Publisher, RawRecord, connection, ensure_named, ensure_topics, start
from services.runtime.settings import Misconfigured, Settings, environment_of

T = TypeVar("T")

READ = (ARTICLES, REPORTS, FEEDBACK)
"""What a worker reads and acknowledges."""
WRITTEN = (REPORTS, INCIDENTS, ALERTS, DEAD_LETTERS)
"""What a worker writes."""
_POLL_S = 0.2
PATIENCE_S = 120.0
"""Time without any progress after which a worker is given up."""

OnWait = Callable[[], Awaitable[None]]
"""Called while something is waited for."""


class Stuck(RuntimeError):
    """Nothing moved for long."""


def isolated(settings: Settings, run: str, purpose: Purpose = Purpose.REPLAY) -> Settings:
    """The settings of a worker beside the live one: those given, in a namespace of its own, every alert an exercise.
    Raises NotIsolated."""
    namespace = namespace_of(run, purpose)
    assert_isolated(namespace, settings.topics.namespace, settings.topics.environment)
    return settings.model_copy(
        update={
            "topics": settings.topics.model_copy(update={"namespace": namespace, "partitions": 1}),
            "classify": settings.classify.model_copy(update={"exercise": True, "store": "memory://"}),
            "health": settings.health.model_copy(update={"port": free_port()}),
        }
    )


@contextlib.asynccontextmanager
async def stage(own: Settings, purpose: Purpose = Purpose.REPLAY, kept: timedelta | None = None) -> AsyncIterator[None]:
    """The topics of the namespace, gone with the context. What passes through them is `kept` so long; for None, where
    it may be of any age, until the end. Raises Misconfigured where the namespace is in use."""
    namespace = own.topics.namespace
    assert is_of(purpose, namespace)
    await assert_unused(own, purpose)
    passing = {"retention.ms": milliseconds(kept) if kept else "-1"}
    try:
        await ensure_named(
            own,
            {
                topic.in_namespace(namespace): topic.config if kept and topic.compacted else passing
                for topic in (*TAKEN, *WRITTEN)
            },
        )
        await ensure_topics(own)
        yield
    finally:
        await clean(own, purpose, namespace)


async def assert_unused(own: Settings, purpose: Purpose) -> None:
    """Raises Misconfigured where the namespace is in use."""
    namespace = own.topics.namespace
    if taken := await topics_of(own, purpose, namespace):
        raise Misconfigured(f"{namespace} is in use ({len(taken)} topics): `chancery {purpose} --clean` ends it")


async def topics_of(settings: Settings, purpose: Purpose, namespace: str = "") -> list[str]:
    """The topics of a namespace; of all of this purpose where none is named."""
    admin = AIOKafkaAdminClient(**connection(settings.kafka))
    await start(admin, settings.kafka)
    try:
        names = await admin.list_topics()
    finally:
        await admin.close()
    return sorted(name for name in names if is_of(purpose, name) and name.startswith(namespace))


async def clean(settings: Settings, purpose: Purpose, namespace: str = "") -> list[str]:
    """Delete the topics and groups of a namespace, or of all of this purpose; returns the topics' names. No others can
    be deleted by it."""
    names = await topics_of(settings, purpose, namespace)
    admin = AIOKafkaAdminClient(**connection(settings.kafka))
    await start(admin, settings.kafka)
    try:
        if names:
            await admin.delete_topics(names)
        # A group that cannot be deleted, as its members have not been missed yet, ends by itself: it has no topics.
        with contextlib.suppress(KafkaError):
            for group, _ in await admin.list_consumer_groups():
                if is_of(purpose, group) and group.startswith(namespace):
                    # aiokafka has no public call for this
                    await admin._send_request(DeleteGroupsRequest([group]), await admin.find_coordinator(group))
    finally:
        await admin.close()
    return names


def worker(own: Settings) -> Program:
    """The classify worker of the namespace."""
    return Program("classify", [sys.executable, "-m", "services.cli", "classify-worker"], environment_of(own))


async def unless_it_gave_up(supervisor: Supervisor, work: Coroutine[Any, Any, T]) -> T:
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


class Feeding:
    """Gives records to the worker of a namespace: articles in batches, verdicts one by one, so that what came before
    one is done when it is given. `articles` are how many of them were given, `given` how many of all."""

    def __init__(self, publisher: Publisher, offsets: Offsets, on_wait: OnWait) -> None:
        self._publisher, self._offsets, self._on_wait = publisher, offsets, on_wait
        self.given = 0

    async def sites(self, records: Iterable[Recorded]) -> None:
        """All of them before the worker starts, which waits for what it finds: none comes in the middle by chance."""
        for each in records:
            if each.topic is SITES:
                await self._publisher.write(SITES, _raw(each))

    async def give(self, topic: Topic, records: Sequence[Recorded]) -> None:
        """Records of one topic, in order; a verdict is one of its own (`runs`)."""
        if topic is FEEDBACK:
            await done(self._offsets, self._on_wait)
        await self._publisher.write(topic, *map(_raw, records))
        self.given += len(records)
        if topic is FEEDBACK:
            await done(self._offsets, self._on_wait)
        await self._on_wait()


async def done(offsets: Offsets, on_wait: OnWait) -> None:
    """Until the group has acknowledged all there is. Raises Stuck where nothing moves for `PATIENCE_S`."""
    last, since = -1, time.monotonic()
    while True:
        so_far, left = await offsets.acknowledged()
        await on_wait()
        if not left:
            return
        if so_far > last:
            last, since = so_far, time.monotonic()
        elif time.monotonic() - since > PATIENCE_S:
            raise Stuck(f"nothing moved for {PATIENCE_S:g} s with {left} records to go")
        await asyncio.sleep(_POLL_S)


async def paced(
    records: Iterator[Recorded],
    speed: float,
    on_wait: OnWait,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> AsyncIterator[Recorded]:
    """The records with the pauses that lay between them, divided by `speed`. `clock` is in seconds; who takes long over
    one is given the next without a pause, so that the whole takes no longer."""
    first: datetime | None = None
    begun = clock()
    for each in records:
        first = first or each.at
        due = begun + (each.at - first).total_seconds() / speed
        while (left := due - clock()) > 0:
            await sleep(min(left, 1.0))
            await on_wait()
        yield each


def runs(batch: Iterable[Recorded]) -> Iterator[tuple[Topic, list[Recorded]]]:
    """A batch as runs of one topic; a verdict is one of its own."""
    run: list[Recorded] = []
    for each in batch:
        if run and (each.topic is not run[0].topic or each.topic is FEEDBACK):
            yield run[0].topic, run
            run = []
        run.append(each)
    if run:
        yield run[0].topic, run


def _raw(each: Recorded) -> RawRecord:
    return RawRecord(each.key.encode(), each.value, (), each.key)
