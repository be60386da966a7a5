"""Classify workers as processes, and who looks at the topics they write to."""

import asyncio
import contextlib
import os
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path

from aiokafka import AIOKafkaConsumer, TopicPartition

from services.contracts.alert import Alert
from services.contracts.incident import Incident
from services.contracts.model import Record
from services.contracts.report import IncidentReport
from services.contracts.topics import ALERTS, ARTICLES, DEAD_LETTERS, INCIDENTS, REPORTS, Topic
from services.runtime.dead_letters import Onlooker
from services.runtime.kafka import consumer_options
from services.runtime.settings import Settings, environment_of
from services.runtime.topic_table import TopicTable
from services.runtime.work import group_name

PATIENCE_S = 120
"""For one article: a worker that was killed is missed after the session time-out only."""

Told = tuple[str, int, bool]


def _told(report: IncidentReport) -> Told:
    return (report.report_id, report.article_revision, report.withdrawn)


class Worker:
    """A classify worker as a process, which has left when the context ends; of the release that is the module."""

    def __init__(self, settings: Settings, log: Path, release: str = "services.cli") -> None:
        self._environment = {**os.environ, **environment_of(settings)}
        self._process: asyncio.subprocess.Process | None = None
        self._release = release
        self.log = log

    async def __aenter__(self) -> "Worker":
        await self._start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.leave()

    async def _start(self) -> None:
        with self.log.open("ab") as output:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", self._release, "classify-worker",
                env=self._environment, stdout=output, stderr=output, start_new_session=True,
            )  # fmt: skip

    async def kill(self) -> None:
        """kill -9, and a new one."""
        assert self._process is not None
        assert self._process.returncode is None, self.log.read_text(errors="replace")[-2000:]
        self._process.kill()
        await self._process.wait()
        await self._start()

    async def leave(self) -> int:
        """SIGTERM; the exit code."""
        if self._process is None or self._process.returncode is not None:
            return 0
        self._process.terminate()
        try:
            return await asyncio.wait_for(self._process.wait(), 30)
        except TimeoutError:
            self._process.kill()
            return await self._process.wait()

    async def begun(self) -> None:
        """Wait until it has read an article."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                if self.has_read():
                    return
                await asyncio.sleep(0.2)

    def has_read(self) -> int:
        """Articles its log tells of."""
        return self.log.read_text(errors="replace").count("article.classified")


class Onlookers:
    """Everything on the topics that workers write to, in the order of each topic's partitions."""

    def __init__(self) -> None:
        self.records: dict[Topic, list[Record]] = {topic: [] for topic in (REPORTS, INCIDENTS, ALERTS, DEAD_LETTERS)}
        self._reported: set[Told] = set()
        self._changed = asyncio.Condition()

    @contextlib.asynccontextmanager
    async def looking(self, settings: Settings) -> AsyncIterator[None]:
        stop = asyncio.Event()
        table = TopicTable(settings, list(self.records), Onlooker(), on_change=self._seen)
        reading = asyncio.create_task(table.run(stop))
        try:
            yield
        finally:
            stop.set()
            await reading

    async def until(self, holds: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE_S), self._changed:
            await self._changed.wait_for(holds)

    async def reported(self, reports: Sequence[IncidentReport]) -> None:
        wanted = {_told(report) for report in reports}
        await self.until(lambda: wanted <= self._reported)

    def alerts(self) -> list[Alert]:
        return [record for record in self.records[ALERTS] if isinstance(record, Alert)]

    def incidents(self) -> dict[str, Incident]:
        """By id, the last that was written."""
        return {record.incident_id: record for record in self.records[INCIDENTS] if isinstance(record, Incident)}

    def _seen(self, topic: Topic, _: str, record: Record | None) -> None:
        if record is None:
            return
        self.records[topic].append(record)
        if isinstance(record, IncidentReport):
            self._reported.add(_told(record))
        asyncio.get_running_loop().create_task(self._wake())

    async def _wake(self) -> None:
        async with self._changed:
            self._changed.notify_all()


async def all_is_done(
    settings: Settings, role: str = "classify", topics: Sequence[Topic] = (ARTICLES, REPORTS)
) -> None:
    """Until the role has acknowledged every record of the topics: nothing more can come of them then."""
    names = [topic.in_namespace(settings.topics.namespace) for topic in topics]
    partitions = [TopicPartition(name, number) for name in names for number in range(settings.topics.partitions)]
    consumer = AIOKafkaConsumer(group_id=group_name(settings, role), **consumer_options(settings.kafka))
    await consumer.start()
    try:
        consumer.assign(partitions)
        deadline = asyncio.get_running_loop().time() + PATIENCE_S
        while True:
            ends = await consumer.end_offsets(partitions)
            open_ones = {one: at for one in partitions if (at := await consumer.committed(one) or 0) < ends[one]}
            if not open_ones:
                return
            assert asyncio.get_running_loop().time() < deadline, f"never acknowledged: {open_ones} of {ends}"
            await asyncio.sleep(0.2)
    finally:
        await consumer.stop()
