"""A rolling upgrade, with records of both schema versions on the topics: whoever cannot read one yet loses nothing."""

import asyncio
import json
from collections import Counter
from pathlib import Path

import pytest

from services.contracts.article import Article
from services.contracts.codec import cloudevents_headers, encode
from services.contracts.dead_letter import DeadLetter, DeadLetterClass
from services.contracts.topics import ARTICLES, DEAD_LETTERS
from services.runtime.kafka import Publisher, RawRecord
from services.runtime.settings import Settings
from tests.contracts.examples import ARTICLE
from tests.integration import next_release
from tests.integration.chain import everything_on
from tests.integration.conftest import on_embedded
from tests.integration.test_cli import chancery
from tests.integration.workers import Onlookers, Worker, all_is_done

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

NEXT = "tests.integration.next_release"
REDRIVE = ("dead-letters", "redrive", "--class", "wrong_version", "--json")


def attack_in(city: str) -> Article:
    text = f"Two rockets hit the French embassy in {city} on Monday, police said. Nobody was hurt."
    return ARTICLE.model_copy(update={"article_id": f"art_{city}", "title": "", "text": text, "language_hint": "en"})


def record(article: Article, value: bytes) -> RawRecord:
    headers = cloudevents_headers(article, "/chancery/test", article.fetched_at)
    return RawRecord(article.key.encode(), value, headers, article.partition_key)


def told_of(seen: Onlookers) -> Counter[str]:
    """How often each article was alerted of."""
    alerts = {alert.alert_id: alert for alert in seen.alerts()}
    return Counter(alert.incident.claims[0].article_id for alert in alerts.values())


@on_embedded
async def test_records_of_two_versions_are_all_told_once_the_upgrade_is_over(kafka: Settings, tmp_path: Path) -> None:
    first, early, late, last = map(attack_in, ("Bamako", "Cairo", "Lima", "Athens"))
    seen = Onlookers()
    async with seen.looking(kafka), Publisher(kafka, "/chancery/test") as publisher:
        async with Worker(kafka, tmp_path / "this.log"):
            await publisher.write(ARTICLES, record(first, encode(first)), record(early, next_release.as_next(early)))
            await seen.until(lambda: bool(seen.alerts() and seen.records[DEAD_LETTERS]))
            (letter,) = seen.records[DEAD_LETTERS]
            assert isinstance(letter, DeadLetter)
            assert (letter.error_class, letter.original_key) == (DeadLetterClass.WRONG_VERSION, early.key.encode())
            assert letter.reason.startswith("article has schema version 2; this release reads 1. A newer release wrote")
            too_early = json.loads((await asyncio.to_thread(chancery, kafka, *REDRIVE, "--yes")).stdout)
            assert (too_early["redriven"], len(too_early["left"])) == (0, 1)
            async with Worker(kafka, tmp_path / "joins.log", NEXT) as newer:
                await all_is_done(kafka)  # while both share the partitions, each meets what its own happen to hold
                await publisher.write(ARTICLES, record(late, next_release.as_next(late)))
                await newer.leave()
        async with Worker(kafka, tmp_path / "next.log", NEXT):
            await publisher.write(ARTICLES, record(last, encode(last)))
            await seen.until(lambda: last.article_id in told_of(seen))
            await all_is_done(kafka)
            done = await asyncio.to_thread(chancery, kafka, *REDRIVE, "--yes", release=NEXT)
            assert done.returncode == 0, done.stderr
            await seen.until(lambda: len(told_of(seen)) == 4)
            await all_is_done(kafka)
    assert set(told_of(seen).values()) == {1}
    letters = {each.key: each for each in (await everything_on(kafka, DEAD_LETTERS))[DEAD_LETTERS]}
    assert len(letters) == json.loads(done.stdout)["redriven"]
    assert all(each.redriven_at for each in letters.values() if isinstance(each, DeadLetter)), "one failed again"
