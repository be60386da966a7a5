"""Hostile and broken feeds beside good ones, through fetcher, parser and poller: each ends in a state that says how,
and the good ones go on."""

import asyncio
import socket
from collections.abc import Iterator
from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from services.contracts.feed import FeedState, PollStatus
from services.ingest.adapters.fetcher import Fetcher
from services.ingest.adapters.parser import ParserPool
from services.ingest.core.schedule import Pace
from services.ingest.poller import FEED_POLLED, Poller
from services.runtime.egress import guarded_client
from services.runtime.settings import EgressSettings
from tests.unit.ingest.fakes import MemoryStore, feed_at
from tests.unit.ingest.hostile import CASES
from tests.unit.ingest.server import serving

TAKEN = [
    "bodies: gzip",
    "bodies: a body without end",
    "wire: silence",
    "wire: less than announced",
    "redirects: to a private network",
    "answers: 410",
    "answers: 429, in an hour",
    "documents: a billion laughs",
    "documents: an external entity and a remote DTD",
    "documents: a login page",
    "documents: CDATA without end",
    "documents: nothing",
    "documents: JSON cut short",
]
"""Of the table; what stands there holds here too."""


@pytest.fixture
def nobody() -> Iterator[str]:
    """An address where nobody listens, and nobody else can begin to."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{bound.getsockname()[1]}/"


async def test_each_ends_in_a_state_that_says_how_and_the_others_go_on(nobody: str) -> None:
    cases = {name: CASES[name] for name in TAKEN}
    routes = {f"/{number}": case.routes["/x"] for number, case in enumerate(cases.values())}
    settings = EgressSettings(allow_private=("127.0.0.1/32",))
    async with (
        serving(routes) as server,
        guarded_client(settings, user_agent="test", timeout_s=4) as client,
        ParserPool(processes=1, timeout_s=20, max_entries=100) as parser,
    ):
        urls = dict(zip(cases, map(server.url, routes), strict=True)) | {"unreachable": nobody}
        feeds = {name: feed_at(url) for name, url in urls.items()}
        store = MemoryStore(*feeds.values())
        poller = Poller(
            store,
            Fetcher(client, timeout_s=4, max_bytes=200_000),
            parser,
            pace=Pace.around(60),
            concurrency=8,
        )
        poller.loaded([feed.feed_id for feed in feeds.values()])
        stop = asyncio.Event()
        with capture_logs() as logs:
            polling = asyncio.create_task(poller.run(stop))
            await store.saved(len(feeds))
            stop.set()
            await polling

    states: dict[str, FeedState] = {name: store.states[feed.feed_id] for name, feed in feeds.items()}
    articles = {name: sum(a.source.feed_id == feed.feed_id for a in store.articles) for name, feed in feeds.items()}
    for name, case in cases.items():
        assert (name, states[name].status, articles[name]) == (name, case.status, case.published)
        assert name == "wire: silence" or case.says in states[name].reason, name
    assert states["unreachable"].status is PollStatus.UNREACHABLE
    assert states["unreachable"].reason
    lines = {line["feed_id"]: line for line in logs if line["event"] == FEED_POLLED}
    for state in states.values():
        assert (lines[state.feed_id]["status"], lines[state.feed_id]["reason"]) == (state.status, state.reason)
    assert states["answers: 410"].next_poll_at is None
    throttled = states["answers: 429, in an hour"]
    assert throttled.next_poll_at is not None
    assert throttled.last_poll_at is not None
    assert throttled.next_poll_at - throttled.last_poll_at >= timedelta(hours=1)
    assert all(len(article.title) < 100 for article in store.articles)
