"""The recorded day (tests/day) through real workers: they write what the run without Kafka says, whatever befalls them.

Every article is published when the reports of the one before it are on the topic, so the order is the day's.
"""

import asyncio
import contextlib
import os
import random
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import pytest

from services.contracts.alert import Alert
from services.contracts.article import Article
from services.contracts.incident import Incident, TimeLedger
from services.contracts.topics import ARTICLES, DEAD_LETTERS
from services.runtime.kafka import Publisher
from services.runtime.settings import Settings
from tests.day import day
from tests.day.run import Memory, reports_from, take
from tests.integration.workers import Onlookers, Worker, all_is_done

pytestmark = [pytest.mark.integration, pytest.mark.timeout(900)]

KILLS = int(os.environ.get("DAY_KILLS", "3"))
"""20 take some nine minutes: DAY_KILLS=20 python -m pytest tests/integration/test_day.py -k kill"""
JOINS, LEAVES = 110, 250
"""Numbers of the articles at which the second worker comes and the first goes."""

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
        await all_is_done(settings)
        ends = {incident.incident_id: incident.revision for incident in memory.all_incidents()}
        await seen.until(lambda: all(_revision(seen, one) >= revision for one, revision in ends.items()))
    return memory, seen


def _revision(seen: Onlookers, incident_id: str) -> int:
    incident = seen.incidents().get(incident_id)
    return incident.revision if incident else 0


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


async def _nothing(_: int) -> None:
    pass


async def test_the_day_on_a_worker_is_the_day_without_one(kafka: Settings, tmp_path: Path) -> None:
    async with Worker(kafka, tmp_path / "worker.log"):
        memory, seen = await live(kafka, _nothing)
    assert_nothing_is_lost_or_doubled(memory, seen)


@pytest.mark.kafka
async def test_kill_9_at_any_moment_loses_and_doubles_nothing(on_apache: Settings, tmp_path: Path) -> None:
    chance = random.Random(2024)
    telling = _telling(day.articles())
    moments = {number: chance.uniform(0, 0.1) for number in chance.sample(telling, KILLS)}
    async with Worker(on_apache, tmp_path / "worker.log") as worker:

        async def befalls(number: int) -> None:
            if number in moments:
                await asyncio.sleep(moments[number])  # from before it was read to after its alert was sent
                await worker.kill()

        memory, seen = await live(on_apache, befalls)
    assert_nothing_is_lost_or_doubled(memory, seen)


@pytest.mark.kafka
async def test_a_worker_that_joins_and_one_that_leaves_lose_and_double_nothing(
    on_apache: Settings, tmp_path: Path
) -> None:
    first, second = (Worker(on_apache, tmp_path / f"{name}.log") for name in ("first", "second"))
    read: list[int] = []
    async with contextlib.AsyncExitStack() as workers:

        async def befalls(number: int) -> None:
            if number == JOINS:
                await workers.enter_async_context(second)
            elif JOINS < number < LEAVES and not second.has_read():
                await asyncio.sleep(0.5)  # the day goes on while it joins, but does not end before it has
            elif number == LEAVES:
                read.append(second.has_read())
                assert await first.leave() == 0

        await workers.enter_async_context(first)
        memory, seen = await live(on_apache, befalls)
    assert read[0] > 0, "the second had not joined when the first left"
    assert second.has_read() > read[0]
    assert_nothing_is_lost_or_doubled(memory, seen)


def _telling(articles: Sequence[Article]) -> list[int]:
    """Numbers of the articles that make reports: whoever waits for these notices a worker that is gone."""
    memory = Memory()
    return [number for number, article in enumerate(articles) if reports_from(memory, article)]
