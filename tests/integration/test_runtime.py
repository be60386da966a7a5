"""The shell on real brokers: topics, records, tables, work, dead letters."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime

import pytest
from aiokafka import AIOKafkaProducer

from services.contracts import ids
from services.contracts.article import Article, Source
from services.contracts.codec import encode
from services.contracts.dead_letter import DeadLetter, DeadLetterClass
from services.contracts.feed import Feed, FeedState
from services.contracts.model import Record
from services.contracts.topics import ARTICLES, DEAD_LETTERS, FEED_STATES, FEEDS, Topic
from services.runtime.dead_letters import DeadLetterBox, Onlooker
from services.runtime.kafka import Publisher, connection, ensure_topics
from services.runtime.settings import Settings
from services.runtime.topic_table import TopicTable, snapshot
from services.runtime.work import WorkQueue

pytestmark = pytest.mark.integration
NOW = datetime(2020, 12, 21, 7, tzinfo=UTC)


def feed(number: int) -> Feed:
    url = f"https://example.org/{number}.xml"
    return Feed(feed_id=ids.feed_id(url), url=url, title=f"Feed {number}")


def article(number: int) -> Article:
    source = Source(feed_id=ids.feed_id("https://example.org/"), name="Example")
    return Article(article_id=ids.article_id(source.feed_id, str(number)), source=source, fetched_at=NOW)


async def test_topics_are_created_once(kafka: Settings) -> None:
    assert await ensure_topics(kafka) == []


async def test_a_table_holds_the_last_record_of_each_key_and_follows(kafka: Settings) -> None:
    stop = asyncio.Event()
    async with Publisher(kafka, "/chancery/test") as publisher:
        await publisher.publish(FEEDS, *(feed(n) for n in range(20)))
        await publisher.publish(FEEDS, feed(3).model_copy(update={"title": "Renamed"}))
        await publisher.delete(FEEDS, feed(4).key)
        changed = asyncio.Event()

        def on_change(_: Topic, key: str, record: Record | None) -> None:
            if key == feed(5).key and record is None:
                changed.set()

        table = TopicTable(kafka, [FEEDS], DeadLetterBox(publisher, "test"), on_change=on_change)
        running = asyncio.create_task(table.run(stop))
        await asyncio.wait_for(table.loaded(), 30)
        titles = {record.title for record in table.values(FEEDS)}
        assert titles == {f"Feed {n}" for n in range(20) if n not in (3, 4)} | {"Renamed"}
        await publisher.delete(FEEDS, feed(5).key)
        await asyncio.wait_for(changed.wait(), 30)
        assert table.get(FEEDS, feed(5).key) is None
        stop.set()
        await running


async def test_a_table_tells_when_it_has_read_what_was_written_and_keeps_of_it_what_is_wanted(kafka: Settings) -> None:
    def titled(record: Record) -> Record | None:
        assert isinstance(record, Feed)
        return record.model_copy(update={"title": "kept"}) if record.enabled else None

    async with Publisher(kafka, "/chancery/test") as publisher:
        table = TopicTable(kafka, [FEEDS], DeadLetterBox(publisher, "test"), row=titled)
        stop = asyncio.Event()
        running = asyncio.create_task(table.run(stop))
        async with asyncio.timeout(30):
            await table.loaded()
            off = feed(1).model_copy(update={"enabled": False})
            await table.has_read(await publisher.publish(FEEDS, *(feed(n) for n in range(20)), off))
            assert {record.record_id for record in table.values(FEEDS)} == {feed(n).key for n in range(20) if n != 1}
            assert table.get(FEEDS, feed(2).key) == feed(2).model_copy(update={"title": "kept"})
            await table.has_read(await publisher.delete(FEEDS, feed(2).key))
            assert table.get(FEEDS, feed(2).key) is None
        stop.set()
        await running


async def test_a_table_is_not_loaded_before_the_last_record_of_a_batch(kafka: Settings) -> None:
    """More than it takes at a time, in one batch of one partition: the embedded broker, asked for the end, takes
    a batch for one record."""
    partition, number = 0, 6_000
    batch = AIOKafkaProducer(**connection(kafka.kafka), max_batch_size=4_000_000, compression_type="gzip")
    await batch.start()
    try:
        builder = batch.create_batch()
        for each in map(feed, range(number)):
            assert builder.append(key=each.key.encode(), value=encode(each), timestamp=None) is not None
        name = FEEDS.in_namespace(kafka.topics.namespace)
        await (await batch.send_batch(builder, name, partition=partition))
    finally:
        await batch.stop()
    held: dict[frozenset[int], int] = {}

    def on_loaded(partitions: frozenset[int]) -> None:
        held[partitions] = len(list(table.values(FEEDS)))

    table = TopicTable(kafka, [FEEDS], Onlooker(), on_loaded=on_loaded)
    stop = asyncio.Event()
    running = asyncio.create_task(table.run(stop))
    await asyncio.wait_for(table.loaded(), 30)
    stop.set()
    await running
    assert [rows for partitions, rows in held.items() if partition in partitions] == [number]


@pytest.mark.parametrize("codec", ["gzip", "snappy", "lz4", "zstd"])
async def test_what_others_wrote_packed_is_read(kafka: Settings, codec: str) -> None:
    """Tools of others may pack as they like."""
    feeds = [feed(number) for number in range(20)]
    packing = AIOKafkaProducer(**connection(kafka.kafka), compression_type=codec)
    await packing.start()
    try:
        name = FEEDS.in_namespace(kafka.topics.namespace)
        for each in feeds:
            await packing.send_and_wait(name, key=each.key.encode(), value=encode(each))
    finally:
        await packing.stop()
    table = await snapshot(kafka, [FEEDS])
    assert sorted(table.values(FEEDS), key=feeds.index) == feeds


async def test_members_of_a_group_share_the_rows_and_take_over(kafka: Settings) -> None:
    """Two members hold disjoint halves, feeds with their states; when one leaves the other holds all."""
    wanted = {feed(n).key for n in range(40)}
    async with Publisher(kafka, "/chancery/test") as publisher:
        await publisher.publish(FEEDS, *(feed(n) for n in range(40)))
        await publisher.publish(FEED_STATES, *(FeedState(feed_id=feed(n).feed_id, url=feed(n).url) for n in range(40)))
        letters = DeadLetterBox(publisher, "test")
        held: list[set[int]] = [set(), set()]
        moved = asyncio.Condition()
        tell: set[asyncio.Future[None]] = set()

        def member(index: int) -> TopicTable:
            def loaded(partitions: frozenset[int]) -> None:
                held[index] |= partitions
                tell.add(asyncio.ensure_future(_notify(moved)))

            def lost(partitions: frozenset[int]) -> None:
                held[index] -= partitions
                tell.add(asyncio.ensure_future(_notify(moved)))

            return TopicTable(kafka, [FEEDS, FEED_STATES], letters, role="share", on_loaded=loaded, on_lost=lost)

        stops = [asyncio.Event(), asyncio.Event()]
        tables = [member(0), member(1)]
        tasks = [asyncio.create_task(table.run(stop)) for table, stop in zip(tables, stops, strict=True)]
        async with asyncio.timeout(60), moved:
            await moved.wait_for(lambda: len(held[0]) == 2 and len(held[1]) == 2 and not held[0] & held[1])
        keys = [{r.record_id for r in table.values(FEEDS)} for table in tables]
        assert keys[0] | keys[1] == wanted
        assert not keys[0] & keys[1]
        for table, own in zip(tables, keys, strict=True):
            assert {r.record_id for r in table.values(FEED_STATES)} == own
        stops[1].set()
        await tasks[1]
        async with asyncio.timeout(60), moved:
            await moved.wait_for(lambda: held[0] == {0, 1, 2, 3})
        assert {r.record_id for r in tables[0].values(FEED_STATES)} == wanted
        stops[0].set()
        await tasks[0]


async def _notify(condition: asyncio.Condition) -> None:
    async with condition:
        condition.notify_all()


async def test_work_is_acknowledged_after_it_is_done_and_poison_is_buried(kafka: Settings) -> None:
    name = ARTICLES.in_namespace(kafka.topics.namespace)
    async with Publisher(kafka, "/chancery/test") as publisher:
        await publisher.publish(ARTICLES, article(1))
        async with AIOKafkaProducer(**connection(kafka.kafka)) as producer:
            await producer.send_and_wait(name, b"{not json", key=b"poison", headers=[("x", b"1")])
        await publisher.publish(ARTICLES, article(2))
        letters = DeadLetterBox(publisher, "test")

        async def fails(_: Sequence[Article]) -> None:
            raise RuntimeError("the step after it is down")

        with pytest.raises(RuntimeError):
            await WorkQueue(kafka, ARTICLES, Article, "work", fails, letters).run(asyncio.Event())

        done: list[Article] = []
        stop = asyncio.Event()

        async def works(batch: Sequence[Article]) -> None:
            done.extend(batch)
            if len(done) >= 2:
                stop.set()

        await asyncio.wait_for(WorkQueue(kafka, ARTICLES, Article, "work", works, letters).run(stop), 60)
        assert {a.article_id for a in done} == {article(1).article_id, article(2).article_id}

        table = TopicTable(kafka, [DEAD_LETTERS], letters)
        stop.clear()
        running = asyncio.create_task(table.run(stop))
        await asyncio.wait_for(table.loaded(), 30)
        (letter,) = table.values(DEAD_LETTERS)
        assert isinstance(letter, DeadLetter)
        assert letter.error_class is DeadLetterClass.NOT_JSON
        assert (letter.topic, letter.original_key, letter.original_value) == (name, b"poison", b"{not json")
        assert letter.original_headers == (("x", b"1"),)
        stop.set()
        await running
