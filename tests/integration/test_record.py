"""`chancery record` against brokers: whole, resumed after a kill, by time, masked."""

import asyncio
import datetime as dt
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer

from services.contracts.article import Article
from services.contracts.codec import encode
from services.contracts.topics import ALERTS, ARTICLES, SUBSCRIPTIONS, TOKENS
from services.replay.adapters.archive import manifest_of, part_of, recording
from services.replay.core.recording import Manifest
from services.replay.record import Wanted, record
from services.runtime.kafka import Publisher, connection
from services.runtime.settings import Settings, environment_of
from tests.contracts.examples import SUBSCRIPTION, TOKEN
from tests.day import day
from tests.integration.conftest import on_embedded
from tests.unit.notify import given

pytestmark = pytest.mark.integration
MADE_BY = ("0.1.0", "1a2b3c4d-0123456789ab")
KILLED_IN_THE_MIDDLE = """
import os, signal
from services.cli import main
from services.replay.adapters.archive import Archive, part_of

add = Archive.add

def add_or_die(self, *record, **how):
    add(self, *record, **how)
    if part_of(self.path).stat().st_size > 5_000:
        os.kill(os.getpid(), signal.SIGKILL)

Archive.add = add_or_die
main()
"""
"""The command, which is killed as soon as it has written a frame of records."""


async def filled(settings: Settings, articles: list[Article]) -> None:
    async with Publisher(settings, "/chancery/test") as publisher:
        for article in articles:
            await publisher.publish(ARTICLES, article)


async def recorded(settings: Settings, path: Path, wanted: Wanted) -> Manifest:
    heard: list[tuple[int, int]] = []
    manifest = await record(settings, wanted, path, MADE_BY, lambda passed, total: heard.append((passed, total)))
    assert heard[-1][0] == heard[-1][1]
    return manifest


async def test_what_lies_on_the_topics_is_recorded_in_the_order_of_time(kafka: Settings, tmp_path: Path) -> None:
    articles = day.articles()[:60]
    await filled(kafka, articles)
    async with Publisher(kafka, "/chancery/test") as publisher:
        await publisher.publish(ALERTS, given.alert())
    path = tmp_path / "a"
    manifest = await recorded(kafka, path, Wanted([ARTICLES, ALERTS]))
    kept = [each for each in recording(path) if each.topic is ARTICLES]
    # One by one: each was acknowledged before the next was sent, and no two partitions disagree by much.
    assert {each.value for each in kept} == {encode(article) for article in articles}
    assert [each.at for each in kept] == sorted(each.at for each in kept)
    assert manifest.seal.topics["alerts"].records == 1
    assert manifest == manifest_of(path)
    again = tmp_path / "again"
    await recorded(kafka, again, Wanted([ARTICLES, ALERTS]))
    assert again.read_bytes() == path.read_bytes(), "the same topics make the same file"


@on_embedded
async def test_secrets_stay_on_their_topics_and_masked_texts_are_gone(kafka: Settings, tmp_path: Path) -> None:
    articles = day.articles()[:5]
    await filled(kafka, articles)
    async with Publisher(kafka, "/chancery/test") as publisher:
        await publisher.publish(SUBSCRIPTIONS, SUBSCRIPTION)
        await publisher.publish(TOKENS, TOKEN)
    async with AIOKafkaProducer(**connection(kafka.kafka)) as producer:
        await producer.send_and_wait(ARTICLES.in_namespace(kafka.topics.namespace), b'{"text": "unreadable secret"}')
    path = tmp_path / "a"
    await recorded(kafka, path, Wanted([ARTICLES, SUBSCRIPTIONS, TOKENS], mask=True))
    values = b"".join(each.value or b"" for each in recording(path))
    assert SUBSCRIPTION.endpoint.encode() not in values
    assert TOKEN.secret_hash.encode() not in values
    assert b"unreadable" not in values
    assert all(word.encode() not in values for article in articles for word in article.text.split() if len(word) > 6)
    assert manifest_of(path).head.masked


@on_embedded
async def test_only_what_was_written_between_two_moments(kafka: Settings, tmp_path: Path) -> None:
    articles = day.articles()[:30]
    await filled(kafka, articles[:10])
    await asyncio.sleep(0.01)  # times in Kafka are of a millisecond
    since = dt.datetime.now(dt.UTC)
    await filled(kafka, articles[10:20])
    await asyncio.sleep(0.01)
    until = dt.datetime.now(dt.UTC)
    await filled(kafka, articles[20:])
    path = tmp_path / "a"
    await recorded(kafka, path, Wanted([ARTICLES], since, until))
    assert {each.value for each in recording(path)} == {encode(article) for article in articles[10:20]}


@on_embedded
def test_one_that_was_killed_goes_on_and_ends_as_if_it_had_not_been(kafka: Settings, tmp_path: Path) -> None:
    """Killed as soon as it has written something, the command goes on when it is run again."""
    asyncio.run(filled(kafka, [a for n in range(12) for a in _copies(day.articles()[:150], n)]))
    whole, path = tmp_path / "whole", tmp_path / "killed"
    command = [sys.executable, "-m", "services.cli", "record", "articles", "--json", "-o"]
    environment = {**os.environ, **environment_of(kafka)}
    manifest = json.loads(subprocess.run([*command, whole], env=environment, check=True, capture_output=True).stdout)
    assert manifest["records"] == 12 * 150
    killed = subprocess.run(
        [sys.executable, "-c", KILLED_IN_THE_MIDDLE, *command[3:], path], env=environment, check=False
    )
    assert killed.returncode == -signal.SIGKILL
    assert not path.exists()
    assert part_of(path).exists()
    went_on = subprocess.run([*command, path], env=environment, check=True, capture_output=True, text=True)
    assert "going on with" in went_on.stderr
    assert list(recording(path)) == list(recording(whole))
    refused = subprocess.run([*command, path], env=environment, check=False, capture_output=True, text=True)
    assert (refused.returncode, "exists" in refused.stderr) == (2, True)


def _copies(articles: list[Article], number: int) -> list[Article]:
    return [article.model_copy(update={"revision": article.revision + 100 * number}) for article in articles]
