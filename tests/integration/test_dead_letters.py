"""Dead letters on real brokers: put back as they were, worked on, marked; nothing lost in between."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from aiokafka.structs import ConsumerRecord, RecordMetadata

from services.console.adapters.audited import myself
from services.console.adapters.letters import Letters
from services.console.adapters.reading import reading
from services.console.core.letters import REDRIVE_HEADER, Fate, Selection
from services.contracts.audit import AuditEntry
from services.contracts.codec import encode
from services.contracts.dead_letter import DeadLetter, DeadLetterClass
from services.contracts.ids import dead_letter_id
from services.contracts.model import Record
from services.contracts.topics import ARTICLES, AUDIT, DEAD_LETTERS, FEEDS, SUBSCRIPTIONS, TOKENS, Topic
from services.runtime.kafka import Publisher
from services.runtime.settings import Settings
from services.runtime.topic_table import snapshot
from tests.contracts.examples import ARTICLE, SUBSCRIPTION, TOKEN
from tests.integration.conftest import on_embedded
from tests.integration.test_cli import chancery
from tests.integration.test_judgement import TEXT
from tests.integration.workers import Onlookers, Worker
from tests.unit.ingest.fakes import feed_at, utc_now

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]


def buried(settings: Settings, on: Topic, record: Record | bytes, offset: int, **more: Any) -> DeadLetter:
    name = on.in_namespace(settings.topics.namespace)
    whole = isinstance(record, Record)
    fields = {
        "dead_letter_id": dead_letter_id(name, 0, offset),
        "error_class": DeadLetterClass.FAILED if whole else DeadLetterClass.NOT_JSON,
        "reason": "KeyError: 'a fault of an older release'",
        "service": "classify",
        "topic": name,
        "partition": 0,
        "offset": offset,
        "original_key": record.key.encode() if isinstance(record, Record) else b"k",
        "original_value": encode(record) if isinstance(record, Record) else record,
        "original_headers": (("ce_id", b"as it was"),),
        "first_failed_at": utc_now(),
    }
    return DeadLetter.model_validate(fields | more)


async def everything(settings: Settings, topic: Topic) -> list[ConsumerRecord]:
    async with reading(settings, [topic]) as reader:
        return [message async for message in reader.everything(topic)]


def redrive(settings: Settings, *arguments: str) -> Any:
    result = chancery(settings, "dead-letters", "redrive", *arguments, "--json")
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


@on_embedded
async def test_a_letter_is_put_back_and_worked_on(kafka: Settings, tmp_path: Path) -> None:
    article = ARTICLE.model_copy(update={"title": "", "text": TEXT, "language_hint": "en"})
    good, bad = buried(kafka, ARTICLES, article, 1), buried(kafka, ARTICLES, b"no JSON", 2)
    async with Publisher(kafka, "/chancery/test") as publisher:
        await publisher.publish(DEAD_LETTERS, good, bad)
    told = await asyncio.to_thread(chancery, kafka, "dead-letters", "redrive", "--topic", "articles", "--dry-run")
    assert told.stdout.startswith("2 records, 1 readable now")
    assert "1 would fail again and stay\n  1: not JSON" in told.stdout
    assert redrive(kafka, "--topic", "articles", "--dry-run")["redriven"] == 0
    assert await everything(kafka, ARTICLES) == []
    unasked = chancery(kafka, "dead-letters", "redrive", good.dead_letter_id, "--json")
    assert (unasked.returncode, "give --yes" in unasked.stderr) == (2, True)

    seen = Onlookers()
    async with seen.looking(kafka), Worker(kafka, tmp_path / "log"):
        done = await asyncio.to_thread(redrive, kafka, "--topic", "articles", "--yes")
        assert (done["put_back"], done["redriven"]) == ([good.dead_letter_id], 1)
        await seen.until(lambda: bool(seen.alerts()))
    assert seen.alerts()[0].incident.claims[0].article_id == article.article_id

    (message,) = await everything(kafka, ARTICLES)
    assert (message.key, message.value) == (good.original_key, good.original_value)
    assert dict(message.headers) == {"ce_id": b"as it was", REDRIVE_HEADER: good.dead_letter_id.encode()}
    listed = json.loads(chancery(kafka, "dead-letters", "list", "--json", "--redriven").stdout)
    assert [each["dead_letter_id"] for each in listed] == [good.dead_letter_id]
    assert listed[0]["redriven_by"] == myself().actor_id
    shown = json.loads(chancery(kafka, "dead-letters", "show", good.dead_letter_id).stdout)
    assert DeadLetter.model_validate_json(json.dumps(shown)).original_value == good.original_value
    again = redrive(kafka, good.dead_letter_id, "--yes")
    assert (again["redriven"], again["redriven_before"]) == (0, [good.dead_letter_id])
    assert redrive(kafka, good.dead_letter_id, "--yes", "--again")["redriven"] == 1
    assert len(await everything(kafka, ARTICLES)) == 2
    entries = [record.value for record in await everything(kafka, AUDIT)]
    assert [AuditEntry.model_validate_json(value).target for value in entries] == [good.dead_letter_id] * 2


class Dies(Publisher):
    """Is killed after the records are on their topics, before the letters are marked."""

    async def publish(self, topic: Topic, *records: Record) -> list[RecordMetadata]:
        if topic is DEAD_LETTERS:
            raise ConnectionAbortedError
        return await super().publish(topic, *records)


async def test_who_is_killed_in_between_loses_nothing(kafka: Settings) -> None:
    articles = [ARTICLE.model_copy(update={"article_id": f"art_{n}"}) for n in range(250)]
    async with Publisher(kafka, "/chancery/test") as publisher:
        await publisher.publish(DEAD_LETTERS, *(buried(kafka, ARTICLES, each, n) for n, each in enumerate(articles)))
    letters = Letters(kafka)
    effect = await letters.effect(await letters.select(Selection()), again=False)
    async with Dies(kafka, "/chancery/test") as publisher:
        with pytest.raises(ConnectionAbortedError):
            await letters.redrive(publisher, myself(), effect)
    assert await letters.select(Selection(redriven=True)) == []
    advanced = 0

    def done() -> None:
        nonlocal advanced
        advanced += 1

    async with Publisher(kafka, "/chancery/test") as publisher:
        effect = await letters.effect(await letters.select(Selection()), again=False)
        assert await letters.redrive(publisher, myself(), effect, done) == advanced == len(articles)
    assert {message.key.decode() for message in await everything(kafka, ARTICLES)} == {each.key for each in articles}
    assert len(await letters.select(Selection(redriven=True))) == len(articles)
    after = await letters.effect(await letters.select(Selection()), again=False)
    assert (after.put_back, len(after.done)) == ((), len(articles))


@on_embedded
async def test_a_letter_cannot_choose_where_it_goes_or_undo_what_came_after(kafka: Settings) -> None:
    old, new = feed_at("https://a.example/"), feed_at("https://a.example/").model_copy(update={"title": "New"})
    async with Publisher(kafka, "/chancery/test") as publisher:
        await publisher.publish(FEEDS, new)
        ((where, _),) = [(m.partition, m.offset) for m in await everything(kafka, FEEDS)]
        await publisher.publish(
            DEAD_LETTERS,
            buried(kafka, TOKENS, TOKEN, 1),
            buried(kafka, ARTICLES, ARTICLE, 2, topic="another.articles"),
            buried(kafka, FEEDS, old, -1, partition=where),
            buried(kafka, SUBSCRIPTIONS, SUBSCRIPTION, 4, partition=999),
        )
        letters = Letters(kafka)
        effect = await letters.effect(await letters.select(Selection()), again=True)
        assert [each.verdict.fate for each in effect.left] == [Fate.BARRED, Fate.BARRED, Fate.SUPERSEDED]
        assert await letters.redrive(publisher, myself(), effect) == 1
    found = await snapshot(kafka, [FEEDS, TOKENS, SUBSCRIPTIONS])
    assert list(found.values(FEEDS)) == [new]
    assert list(found.values(TOKENS)) == []
    assert list(found.values(SUBSCRIPTIONS)) == [SUBSCRIPTION]


@on_embedded
async def test_what_is_read_once_is_remembered_and_what_is_no_letter_is_passed_over(kafka: Settings) -> None:
    letters = Letters(kafka)
    assert await letters.select(Selection()) == []
    async with Publisher(kafka, "/chancery/test") as publisher:
        one = buried(kafka, ARTICLES, ARTICLE, 1)
        await publisher.publish(DEAD_LETTERS, one)
        await publisher.publish(DEAD_LETTERS, one.model_copy(update={"first_failed_at": utc_now()}))
        (first,) = await letters.select(Selection())
        assert first.letter.first_failed_at == one.first_failed_at
        await publisher.publish(DEAD_LETTERS, buried(kafka, ARTICLES, b"x", 2))
        assert len(await letters.select(Selection())) == 2
        (whole,) = await letters.whole(first)
    assert whole == one


@on_embedded
def test_a_redrive_says_what_it_was_not_told(kafka: Settings) -> None:
    nothing = chancery(kafka, "dead-letters", "redrive")
    assert (nothing.returncode, "give IDs, or --class" in nothing.stderr) == (2, True)
    unknown = chancery(kafka, "dead-letters", "redrive", "dead_x")
    assert (unknown.returncode, "no dead letter dead_x" in unknown.stderr) == (1, True)
    topic = chancery(kafka, "dead-letters", "list", "--topic", "x")
    assert (topic.returncode, "--topic 'x'" in topic.stderr) == (2, True)
