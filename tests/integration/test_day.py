"""The recorded day (tests/day) through real workers: they write what the run without Kafka says, whatever befalls them.

Every article is published when the reports of the one before it are on the topic, so the order is the day's.
"""

import asyncio
import contextlib
import os
import random
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition

from services.contracts.alert import Alert
from services.contracts.article import Article
from services.contracts.incident import Incident, TimeLedger
from services.contracts.model import Record
from services.contracts.report import IncidentReport
from services.contracts.topics import ALERTS, ARTICLES, DEAD_LETTERS, INCIDENTS, REPORTS, Topic
from services.runtime.dead_letters import Onlooker
from services.runtime.kafka import Publisher, consumer_options
from services.runtime.settings import Settings
from services.runtime.topic_table import TopicTable
from services.runtime.work import group_name
from tests.day import day
from tests.day.run import Memory, reports_from, take
from tests.integration.chain import environment_of
from tests.integration.conftest import settings_on

pytestmark = [pytest.mark.integration, pytest.mark.timeout(900)]

KILLS = int(os.environ.get("DAY_KILLS", "3"))
"""20 take some nine minutes: DAY_KILLS=20 python -m pytest tests/integration/test_day.py -k kill"""
JOINS, LEAVES = 110, 250
"""Numbers of the articles at which the second worker comes and the first goes."""
PATIENCE_S = 120
"""For one article: a worker that was killed is missed after the session time-out only."""

Told = tuple[str, int, bool]


def _told(report: IncidentReport) -> Told:
    return (report.report_id, report.article_revision, report.withdrawn)


class Worker:
    """A classify worker as a process."""

    def __init__(self, settings: Settings, log: Path) -> None:
        self._environment = {**os.environ, **environment_of(settings)}
        self._process: asyncio.subprocess.Process | None = None
        self.log = log

    async def start(self) -> None:
        with self.log.open("ab") as output:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "services.cli", "classify-worker",
                env=self._environment, stdout=output, stderr=output, start_new_session=True,
            )  # fmt: skip

    async def kill(self) -> None:
        """kill -9, and a new one."""
        assert self._process is not None
        assert self._process.returncode is None, self.log.read_text(errors="replace")[-2000:]
        self._process.kill()
        await self._process.wait()
        await self.start()

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


Befalls = Callable[[int], Awaitable[None]]
"""What befalls the workers once the article of that number is published."""


async def live(settings: Settings, befalls: Befalls) -> tuple[Memory, Onlookers]:
    """The day through the workers that run on `settings`, and through none."""
    memory, seen = Memory(), Onlookers()
    async with Publisher(settings, "/chancery/test") as publisher, seen.looking(settings):
        for number, article in enumerate(day.articles()):
            expected = reports_from(memory, article)
            for report in expected:
                take(memory, report)
            await publisher.publish(ARTICLES, article)
            happening = asyncio.ensure_future(befalls(number))
            await seen.reported(expected)
            await happening
        await seen.until(lambda: {a.alert_id for a in memory.alerts} <= {a.alert_id for a in seen.alerts()})
        await _all_is_done(settings)
        ends = {incident.incident_id: incident.revision for incident in memory.all_incidents()}
        await seen.until(lambda: all(_revision(seen, one) >= revision for one, revision in ends.items()))
    return memory, seen


def _revision(seen: Onlookers, incident_id: str) -> int:
    incident = seen.incidents().get(incident_id)
    return incident.revision if incident else 0


async def _all_is_done(settings: Settings) -> None:
    """Until every article and report is acknowledged: nothing more can come then."""
    names = [topic.in_namespace(settings.topics.namespace) for topic in (ARTICLES, REPORTS)]
    partitions = [TopicPartition(name, number) for name in names for number in range(settings.topics.partitions)]
    consumer = AIOKafkaConsumer(group_id=group_name(settings, "classify"), **consumer_options(settings.kafka))
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


def assert_nothing_is_lost_or_doubled(memory: Memory, seen: Onlookers) -> None:
    assert seen.records[DEAD_LETTERS] == []
    wanted = {incident.incident_id: _timeless(incident) for incident in memory.all_incidents()}
    assert {key: _timeless(incident) for key, incident in seen.incidents().items()} == wanted
    contents: dict[str, Alert] = {}
    for alert in seen.alerts():
        plain = alert.model_copy(update={"incident": _timeless(alert.incident)})
        assert contents.setdefault(alert.alert_id, plain) == plain
    assert contents == {
        alert.alert_id: alert.model_copy(update={"incident": _timeless(alert.incident)}) for alert in memory.alerts
    }
    for incident_id in wanted:
        revisions = list(dict.fromkeys(_revisions(seen.alerts(), incident_id)))
        assert revisions == _revisions(memory.alerts, incident_id)


def _revisions(alerts: Sequence[Alert], incident_id: str) -> list[int]:
    return [alert.incident.revision for alert in alerts if alert.incident.incident_id == incident_id]


def _timeless(incident: Incident) -> Incident:
    """Without the clocks of the machines that worked."""

    def plain(ledger: TimeLedger) -> TimeLedger:
        return ledger.model_copy(update={"reported_at": ledger.fetched_at, "correlated_at": ledger.fetched_at})

    claims = tuple(claim.model_copy(update={"ledger": plain(claim.ledger)}) for claim in incident.claims)
    return incident.model_copy(update={"claims": claims, "ledger": plain(incident.ledger)})


@pytest.fixture
def on_apache(apache: str) -> Settings:
    """Settings for a fresh namespace on Apache Kafka."""
    return settings_on(apache, embedded=False)


async def _nothing(_: int) -> None:
    pass


async def test_the_day_on_a_worker_is_the_day_without_one(kafka: Settings, tmp_path: Path) -> None:
    worker = Worker(kafka, tmp_path / "worker.log")
    await worker.start()
    try:
        memory, seen = await live(kafka, _nothing)
    finally:
        await worker.leave()
    assert_nothing_is_lost_or_doubled(memory, seen)


@pytest.mark.kafka
async def test_kill_9_at_any_moment_loses_and_doubles_nothing(on_apache: Settings, tmp_path: Path) -> None:
    chance = random.Random(2024)
    telling = _telling(day.articles())
    moments = {number: chance.uniform(0, 0.1) for number in chance.sample(telling, KILLS)}
    worker = Worker(on_apache, tmp_path / "worker.log")

    async def befalls(number: int) -> None:
        if number in moments:
            await asyncio.sleep(moments[number])  # from before it was read to after its alert was sent
            await worker.kill()

    await worker.start()
    try:
        memory, seen = await live(on_apache, befalls)
    finally:
        await worker.leave()
    assert_nothing_is_lost_or_doubled(memory, seen)


@pytest.mark.kafka
@pytest.mark.skipif("DAY_WORKERS" not in os.environ, reason="known to fail at times: set DAY_WORKERS=2 to run it")
async def test_a_worker_that_joins_and_one_that_leaves_lose_and_double_nothing(
    on_apache: Settings, tmp_path: Path
) -> None:
    first, second = (Worker(on_apache, tmp_path / f"{name}.log") for name in ("first", "second"))
    read: list[int] = []

    async def befalls(number: int) -> None:
        if number == JOINS:
            await second.start()
        elif JOINS < number < LEAVES and not second.has_read():
            await asyncio.sleep(0.5)  # the day goes on while it joins, but does not end before it has
        elif number == LEAVES:
            read.append(second.has_read())
            assert await first.leave() == 0

    await first.start()
    try:
        memory, seen = await live(on_apache, befalls)
    finally:
        await first.leave()
        await second.leave()
    assert read[0] > 0, "the second had not joined when the first left"
    assert second.has_read() > read[0]
    assert_nothing_is_lost_or_doubled(memory, seen)


def _telling(articles: Sequence[Article]) -> list[int]:
    """Numbers of the articles that make reports: whoever waits for these notices a worker that is gone."""
    memory = Memory()
    return [number for number, article in enumerate(articles) if reports_from(memory, article)]
