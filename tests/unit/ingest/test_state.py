"""What is known of a feed, while its poll and its hub write at once."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import cast

import pytest

from services.contracts.feed import FeedState, Lease, LeaseStatus, PollStatus
from services.contracts.model import Record
from services.contracts.topics import FEED_STATES, FEEDS, Topic
from services.ingest.adapters.state import FeedStore
from services.runtime.dead_letters import Onlooker
from services.runtime.kafka import Publisher
from services.runtime.settings import load_settings
from services.runtime.topic_table import Row
from tests.unit.ingest.fakes import feed_at

A = feed_at("https://a.example/feed")
THEN = datetime(2021, 3, 1, tzinfo=UTC)
OFFERED = Lease("https://hub.example/", A.url)
LIVE = replace(OFFERED, status=LeaseStatus.LIVE)
FIRST = FeedState(feed_id=A.feed_id, url=A.url, status=PollStatus.OK, last_poll_at=THEN, lease=OFFERED)
SECOND = FIRST.model_copy(update={"last_poll_at": THEN + timedelta(minutes=5), "entries": 7})


class Broker:
    """Acknowledges when it is told to."""

    def __init__(self) -> None:
        self.written: list[Record] = []
        self.was_given, self.acknowledges = asyncio.Event(), asyncio.Event()

    async def publish(self, _: Topic, *records: Record) -> None:
        self.written += records
        self.was_given.set()
        await self.acknowledges.wait()


def owning() -> tuple[FeedStore, Broker]:
    """A store that owns the feed, without the reader that would say so."""
    broker = Broker()
    store = FeedStore(load_settings({}), cast(Publisher, broker), Onlooker())
    store._table._rows[FEEDS][A.feed_id] = Row(A, 0)
    store._owned = {0}
    return store, broker


@pytest.mark.parametrize("poll_first", [True, False])
async def test_neither_a_poll_nor_a_hub_undoes_what_the_other_wrote(poll_first: bool) -> None:
    store, broker = owning()
    broker.acknowledges.set()
    await store.save(FIRST)
    broker.acknowledges.clear()
    broker.was_given.clear()
    writes = [store.save(SECOND), store.save_lease(A.feed_id, LIVE)]
    both = asyncio.gather(*(writes if poll_first else writes[::-1]))
    await broker.was_given.wait()
    broker.acknowledges.set()
    await both
    assert broker.written[-1] == store.state(A.feed_id) == SECOND.model_copy(update={"lease": LIVE})


async def test_an_older_state_on_its_way_back_hides_no_newer_one() -> None:
    store, broker = owning()
    broker.acknowledges.set()
    await store.save(FIRST)
    await store.save_lease(A.feed_id, LIVE)
    for record in broker.written:
        assert isinstance(record, FeedState)
        store._table._rows[FEED_STATES][A.feed_id] = Row(record, 0)
        store._on_change(FEED_STATES, A.feed_id, record)
        known = store.state(A.feed_id)
        assert known is not None
        assert known.lease == LIVE
    assert store._written == {}


async def test_a_lease_of_a_feed_that_is_gone_is_not_written() -> None:
    store, broker = owning()
    broker.acknowledges.set()
    await store.save_lease(A.feed_id, LIVE)
    assert broker.written == []
