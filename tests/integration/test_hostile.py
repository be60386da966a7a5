"""What another tenant of the cluster, or a bad release, may write to the notifier's topics: nothing of it ends it."""

import asyncio
import json
import struct
from dataclasses import dataclass

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.record.util import calc_crc32c

from services.contracts.codec import encode
from services.contracts.dead_letter import DeadLetter, DeadLetterClass
from services.contracts.delivery import DeliveryState
from services.contracts.model import Record
from services.contracts.topics import ALERTS, DEAD_LETTERS, DELIVERIES, SILENCES, SUBSCRIPTIONS, Topic
from services.runtime.dead_letters import Onlooker
from services.runtime.kafka import Publisher, connection
from services.runtime.settings import Settings
from services.runtime.topic_table import TopicTable, snapshot
from tests.integration.test_notify import alert, notifier, subscription
from tests.unit.notify import given
from tests.unit.notify.endpoint import endpoint

pytestmark = [pytest.mark.integration, pytest.mark.timeout(240)]

NAME = "header-name"
NO_UTF_8 = b"\xff\xfe" * 5 + b"\xff"


@dataclass(frozen=True)
class Raw:
    """Bytes for a topic. `letter` is what becomes of them: a dead letter of that class, or none."""

    topic: Topic
    value: bytes | None
    letter: DeadLetterClass | None = DeadLetterClass.NOT_JSON
    key: bytes | None = b"k"
    zipped: bool = False
    headers: tuple[tuple[str, bytes], ...] = ()
    header_is_no_text: bool = False


def hostile() -> list[Raw]:
    desk = given.subscription("greedy")
    greedy = json.loads(encode(desk)) | {"or_filters": [{}] * 100_000}
    waiting = given.delivery(alert(8), given.subscription("nobody"))
    stolen = json.loads(encode(waiting)) | {"incident_id": given.incident_of(9)}
    huge = given.alert(6, reason="word " * 1_500_000)
    invalid = DeadLetterClass.INVALID
    raw = [
        Raw(ALERTS, None),
        Raw(ALERTS, b"\xff" * 900_000),
        Raw(ALERTS, b"[" * 200_000),
        Raw(ALERTS, b"\0" * 30_000_000, invalid, zipped=True),
        Raw(ALERTS, encode(huge), None, zipped=True),  # told to nobody, since no record could tell of it
        Raw(ALERTS, encode(alert(5)).replace(b'"lat":33.3', b'"lat":NaN', 1), invalid, key=None),
        Raw(ALERTS, b"x", headers=((NAME, b"\xff"), ("", b""))),
        Raw(SUBSCRIPTIONS, json.dumps(greedy).encode(), invalid, key=desk.key.encode()),
        Raw(SUBSCRIPTIONS, encode(desk), invalid, key=b"\xff another"),
        Raw(SILENCES, b"{" * 1_000, key=b"\n" * 100_000),
        Raw(DELIVERIES, json.dumps(stolen).encode(), invalid, key=waiting.key.encode()),
        Raw(
            DELIVERIES,
            encode(waiting).replace(b'"created_at":"2024', b'"created_at":"9999'),
            invalid,
            key=waiting.key.encode(),
        ),
        Raw(DELIVERIES, None, None),
    ]
    return raw + [Raw(topic, b"x", header_is_no_text=True) for topic in (ALERTS, SUBSCRIPTIONS, SILENCES, DELIVERIES)]


async def write(kafka: Settings, *records: Raw) -> int:
    """To each partition; returns how many dead letters should come of it."""
    for zipped in (False, True):
        producer = AIOKafkaProducer(
            **connection(kafka.kafka), compression_type="gzip" if zipped else None, max_request_size=50_000_000
        )
        async with producer:
            for raw in (each for each in records if each.zipped is zipped):
                for partition in range(kafka.topics.partitions):
                    batch = producer.create_batch()
                    headers = [(NAME, b"x")] if raw.header_is_no_text else list(raw.headers)
                    batch.append(timestamp=None, key=raw.key, value=raw.value, headers=headers)
                    if raw.header_is_no_text:
                        batch.close()
                        bent = bytearray(bytes(batch._build()).replace(NAME.encode(), NO_UTF_8))
                        bent[17:21] = struct.pack(">I", calc_crc32c(bytes(bent[21:])))
                        batch._buffer = bent
                    name = raw.topic.in_namespace(kafka.topics.namespace)
                    await (await producer.send_batch(batch, name, partition=partition))
    return kafka.topics.partitions * sum(each.letter is not None for each in records)


async def letters(kafka: Settings, number: int) -> list[DeadLetter]:
    """Those that there are, once they are so many."""
    found: dict[str, DeadLetter] = {}
    enough, stop = asyncio.Event(), asyncio.Event()

    def on_change(_: Topic, key: str, record: Record | None) -> None:
        if isinstance(record, DeadLetter):
            found[key] = record
        if len(found) >= number:
            enough.set()

    read = TopicTable(kafka, [DEAD_LETTERS], Onlooker(), on_change=on_change)
    running = asyncio.create_task(read.run(stop))
    try:
        await asyncio.wait_for(enough.wait(), 60)
    finally:
        stop.set()
        await running
    return list(found.values())


async def test_nothing_that_stands_on_its_topics_ends_the_notifier(kafka: Settings) -> None:
    """On every partition of each, before it starts and while it runs; the alert that comes after all of that is sent,
    and what nobody could use is a dead letter with its reason."""
    async with endpoint() as served, Publisher(kafka, "/chancery/test") as publisher:
        await publisher.publish(SUBSCRIPTIONS, subscription(kafka, served.url))
        records = hostile()
        wanted = await write(kafka, *records)
        async with notifier(kafka):
            await publisher.publish(ALERTS, alert(1))
            await asyncio.wait_for(served.until(1), 60)
            wanted += await write(kafka, *records)
            await publisher.publish(ALERTS, *(alert(number) for number in range(10, 18)))
            await asyncio.wait_for(served.until(9), 60)
            await letters(kafka, wanted)  # the tables are read beside the alerts
        async with notifier(kafka):  # once more from the beginning of what is compacted
            await publisher.publish(ALERTS, alert(3))
            await asyncio.wait_for(served.until(10), 60)
    found = await letters(kafka, wanted)
    assert len(found) == wanted
    for raw in records:
        if raw.letter is not None and not raw.header_is_no_text:
            same = [each for each in found if each.topic.endswith(raw.topic.name) and _is_of(each, raw)]
            assert len(same) == 2 * kafka.topics.partitions
            assert {each.error_class for each in same} == {raw.letter}
    reasons = [each.original_value or b"" for each in found if b"no UTF-8" in (each.original_value or b"")]
    assert len(reasons) == 2 * 4 * kafka.topics.partitions
    deliveries = list((await snapshot(kafka, [DELIVERIES])).values(DELIVERIES))
    too_long = [each for each in deliveries if each.incident_id == given.incident_of(6)]
    assert [each.state for each in too_long] == [DeliveryState.REJECTED]
    assert {each.state for each in deliveries if each not in too_long} == {DeliveryState.DELIVERED}


def _is_of(letter: DeadLetter, raw: Raw) -> bool:
    value, kept = raw.value or b"", letter.original_value or b""
    return kept == value or ("only the beginning" in letter.reason and value.startswith(kept) and len(kept) == 10_000)
