"""Seeking in a rebalance: what was fetched before it never passes for what comes after it."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from types import SimpleNamespace
from typing import Any

import faust
import pytest
from aiokafka import TopicPartition
from faust.types import TP

from services.classify.adapters.transport import Consumer

STREAM, OTHER, CHANGELOG = TP("reports", 0), TP("reports", 1), TP("app-table-changelog", 0)


class _Broker:
    """In place of the thread with the Kafka client: what it would fetch, and where it was told to go."""

    def __init__(self, committed: Mapping[TP, int | None]) -> None:
        self.committed = committed
        self.fetched: asyncio.Queue[dict[TP, list[Any]]] = asyncio.Queue()
        self.went: list[object] = []

    async def getmany(self, *_: object) -> dict[TP, list[Any]]:
        return await self.fetched.get()

    async def seek_to_committed(self) -> Mapping[TP, int | None]:
        self.went.append("committed")
        return self.committed

    async def seek_to_beginning(self, *partitions: TopicPartition) -> None:
        self.went.append(sorted(partitions))

    async def seek_wait(self, partitions: Mapping[TP, int]) -> None:
        self.went.append(partitions)

    def assignment(self) -> set[TP]:
        return set(self.committed)

    def highwater(self, _: TP) -> int:
        return 0

    def gives(self, partition: TP, *offsets: int) -> None:
        self.fetched.put_nowait({partition: [_record(partition, offset) for offset in offsets]})


def _record(partition: TP, offset: int) -> Any:
    empty = dict.fromkeys(
        ("timestamp", "timestamp_type", "key", "value", "checksum", "serialized_key_size", "serialized_value_size")
    )
    return SimpleNamespace(topic=partition.topic, partition=partition.partition, offset=offset, headers=(), **empty)


@pytest.fixture
def broker() -> _Broker:
    return _Broker({STREAM: 48, OTHER: None, CHANGELOG: None})


@pytest.fixture
async def consumer(broker: _Broker, monkeypatch: pytest.MonkeyPatch) -> Consumer:
    monkeypatch.setattr(Consumer, "_new_consumer_thread", lambda self: faust.Service())
    app = faust.App("test", broker="kafka://127.0.0.1:1", autodiscover=False)
    app.tables._changelogs[CHANGELOG.topic] = object()  # type: ignore[attr-defined]
    consumer = Consumer(app.transport, callback=_never, on_partitions_revoked=_never, on_partitions_assigned=_never)
    consumer._thread = broker  # type: ignore[assignment]
    consumer._set_active_tps({STREAM, OTHER})
    return consumer


async def _never(*_: object) -> None:
    raise AssertionError("not called here")


async def _all(records: AsyncIterator[tuple[TP, Any]]) -> list[int]:
    return [message.offset async for _, message in records]


async def _a_while() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


async def test_a_seek_waits_for_the_fetch_under_way(consumer: Consumer, broker: _Broker) -> None:
    reading = asyncio.create_task(_all(consumer.getmany(1.0)))
    await _a_while()
    seeking = asyncio.create_task(consumer.perform_seek())
    await _a_while()
    assert broker.went == []
    broker.gives(STREAM, 50, 51)
    assert await reading == [50, 51]
    await seeking
    assert broker.went[0] == "committed"
    assert consumer._read_offset[STREAM] == 48


async def test_no_fetch_begins_between_the_seek_and_the_end_of_the_rebalance(
    consumer: Consumer, broker: _Broker
) -> None:
    await consumer.perform_seek()
    broker.gives(STREAM, 48)
    reading = asyncio.create_task(_all(consumer.getmany(1.0)))
    await _a_while()
    assert not reading.done()
    assert broker.fetched.qsize() == 1
    consumer.resume_flow()
    assert await reading == [48]


async def test_what_has_no_committed_offset_is_read_from_its_beginning(consumer: Consumer, broker: _Broker) -> None:
    consumer._committed_offset[OTHER] = 7  # of an earlier assignment, never written
    await consumer.perform_seek()
    assert broker.went == ["committed", [TopicPartition(*OTHER)]], "and changelogs stay where recovery left them"
    assert consumer._committed_offset[OTHER] is None
    assert consumer._committed_offset[STREAM] == 48


async def test_records_that_come_while_the_flow_is_stopped_are_dropped_without_a_second_seek(
    consumer: Consumer, broker: _Broker
) -> None:
    reading = asyncio.create_task(_all(consumer.getmany(1.0)))
    await _a_while()
    consumer.stop_flow()
    broker.gives(STREAM, 50)
    assert await reading == []
    assert broker.went == []
    await consumer.perform_seek()
    assert broker.went[0] == "committed"


async def test_recovery_seeks_when_the_fetch_from_before_the_rebalance_is_over(
    consumer: Consumer, broker: _Broker
) -> None:
    reading = asyncio.create_task(_all(consumer.getmany(1.0)))
    await _a_while()
    consumer.stop_flow()
    consumer.pause_partitions({STREAM, OTHER})
    seeking = asyncio.create_task(consumer.seek_wait({CHANGELOG: 3}))
    await _a_while()
    assert broker.went == [], "it takes what lies behind the seek otherwise, and drops it"
    broker.gives(CHANGELOG, 3, 4)
    assert await reading == []
    await seeking
    assert broker.went == [{CHANGELOG: 3}]


async def test_a_consumer_that_stops_waits_for_no_flow(consumer: Consumer, broker: _Broker) -> None:
    consumer.stop_flow()
    reading = asyncio.create_task(_all(consumer.getmany(1.0)))
    await _a_while()
    consumer._stopped.set()
    consumer.resume_flow()
    broker.gives(STREAM, 1)
    assert await asyncio.wait_for(reading, 5) == []
