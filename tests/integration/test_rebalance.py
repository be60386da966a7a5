"""Workers that come and go while articles keep coming, on partitions that are often empty: no article is lost.

Faust by itself loses some (services/classify/adapters/transport.py); the recorded day, which waits for every article,
seldom shows it.
"""

import asyncio
import contextlib
import os
from pathlib import Path

import pytest

from services.contracts.article import Article
from services.contracts.report import IncidentReport
from services.contracts.topics import ARTICLES, DEAD_LETTERS, REPORTS
from services.runtime.kafka import Publisher
from services.runtime.settings import Settings
from tests.day import day
from tests.day.run import Memory, reports_from
from tests.integration.conftest import settings_on
from tests.integration.workers import Onlookers, Worker, all_is_done

pytestmark = [pytest.mark.integration, pytest.mark.kafka, pytest.mark.timeout(900)]

CHANGES = int(os.environ.get("REBALANCE_CHANGES", "3"))
"""Times that a worker joins and an older one leaves. 20 take some four minutes:
REBALANCE_CHANGES=20 python -m pytest tests/integration/test_rebalance.py"""
PARTITIONS = 32
EVERY_S = 0.04


def _telling() -> Article:
    """An article of which a report is made."""
    return next(article for article in day.articles() if reports_from(Memory(), article))


async def _publish(settings: Settings, stop: asyncio.Event) -> set[str]:
    """One article after the other until `stop`; the ids. Each is its own article, on a partition by its id."""
    telling, published = _telling(), set[str]()
    async with Publisher(settings, "/chancery/test") as publisher:
        while not stop.is_set():
            article = telling.model_copy(update={"article_id": f"{telling.article_id}-{len(published)}"})
            await publisher.publish(ARTICLES, article)
            published.add(article.article_id)
            await asyncio.sleep(EVERY_S)
    return published


@pytest.fixture
def settings(apache: str) -> Settings:
    return settings_on(apache, embedded=False, CHANCERY_TOPICS__PARTITIONS=str(PARTITIONS))


async def test_workers_that_come_and_go_lose_no_article(settings: Settings, tmp_path: Path) -> None:
    stop, seen = asyncio.Event(), Onlookers()
    async with seen.looking(settings), contextlib.AsyncExitStack() as workers:
        publishing = asyncio.create_task(_publish(settings, stop))
        workers.callback(stop.set)
        older = await workers.enter_async_context(Worker(settings, tmp_path / "0.log"))
        await older.begun()
        for number in range(1, CHANGES + 1):
            newer = await workers.enter_async_context(Worker(settings, tmp_path / f"{number}.log"))
            await newer.begun()
            assert await older.leave() == 0
            older = newer
        stop.set()
        published = await publishing
        await seen.until(lambda: published <= _reported(seen))
        await all_is_done(settings)
    assert seen.records[DEAD_LETTERS] == []


def _reported(seen: Onlookers) -> set[str]:
    return {record.article_id for record in seen.records[REPORTS] if isinstance(record, IncidentReport)}
