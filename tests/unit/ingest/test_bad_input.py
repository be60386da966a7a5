"""Hostile and broken feeds beside good ones, through fetcher, parser and poller: each ends in a state that says how,
and the good ones go on."""

import asyncio
import gzip
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
from tests.unit.ingest.documents import BILLION_LAUGHS, EXTERNAL_ENTITY, GOOD_RSS, WEB_PAGE, item, rss
from tests.unit.ingest.fakes import MemoryStore, feed_at
from tests.unit.ingest.server import Handler, answer, endless, redirect, serving, silence

S = PollStatus
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/rss+xml\r\n\r\n"
FIRST_ITEM = GOOD_RSS[: GOOD_RSS.rindex(b"<item>")]
MISLABELLED = b'<?xml version="1.0" encoding="ascii"?>' + rss(item("1", "Взрыв")).partition(b"?>")[2]

FEEDS: dict[str, tuple[Handler, PollStatus, str, int]] = {
    "good": (answer(200, GOOD_RSS), S.OK, "", 2),
    "also good": (answer(200, gzip.compress(GOOD_RSS), content_encoding="gzip"), S.OK, "", 2),
    "error": (answer(500), S.HTTP_ERROR, "HTTP 500", 0),
    "endless body": (endless(HEAD, b"<item>" * 1_000), S.TOO_LARGE, "200,000 bytes", 0),
    "slow drip": (endless(HEAD, b"<", pause_s=0.02), S.TIMED_OUT, "within 4 s", 0),
    "silence": (silence, S.TIMED_OUT, "within 4 s", 0),
    "web page": (answer(200, WEB_PAGE, content_type="text/html"), S.NOT_A_FEED, "HTML instead of a feed", 0),
    "XML bomb": (answer(200, BILLION_LAUGHS), S.OK, "ill-formed", 1),
    "external entity": (answer(200, EXTERNAL_ENTITY), S.OK, "ill-formed", 1),
    "wrong charset": (answer(200, MISLABELLED), S.OK, "labelled ascii, read as utf-8", 1),
    "entry without date, id and link": (answer(200, rss("<title>Only a title</title>")), S.OK, "", 1),
    "entry without anything": (answer(200, rss("", item("1"))), S.OK, "1 entries without", 1),
    "redirect loop": (redirect(301, "/redirect%20loop"), S.HTTP_ERROR, "redirect loop", 0),
    "redirect to a private address": (redirect(302, "http://192.168.0.1/"), S.REFUSED, "not a public address", 0),
    "lying length": (answer(200, GOOD_RSS, length=99_999), S.HTTP_ERROR, "broken answer", 0),
    "lying length, short": (answer(200, GOOD_RSS, length=len(FIRST_ITEM)), S.OK, "ill-formed", 1),
    "gzip bomb": (answer(200, gzip.compress(bytes(50_000_000)), content_encoding="gzip"), S.TOO_LARGE, "200,000", 0),
    "throttled": (answer(429, retry_after="3600"), S.THROTTLED, "HTTP 429", 0),
    "gone": (answer(410), S.GONE, "HTTP 410", 0),
    "cut off": (answer(200, FIRST_ITEM), S.OK, "ill-formed", 1),
    "empty": (answer(200), S.NOT_A_FEED, "no XML element", 0),
}


@pytest.fixture
def nobody() -> Iterator[str]:
    """An address where nobody listens, and nobody else can begin to."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{bound.getsockname()[1]}/"


async def test_each_ends_in_a_state_that_says_how_and_the_others_go_on(nobody: str) -> None:
    routes = {f"/{name.replace(' ', '%20')}": handler for name, (handler, *_) in FEEDS.items()}
    settings = EgressSettings(allow_private=("127.0.0.1/32",))
    async with (
        serving(routes) as server,
        guarded_client(settings, user_agent="test", timeout_s=4) as client,
        ParserPool(processes=1, timeout_s=20, max_entries=100) as parser,
    ):
        urls = {name: server.url(f"/{name.replace(' ', '%20')}") for name in FEEDS} | {"unreachable": nobody}
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
    for name, (_, status, reason, published) in FEEDS.items():
        assert (name, states[name].status, articles[name]) == (name, status, published)
        assert reason in states[name].reason, name
        assert bool(reason) == bool(states[name].reason), name
    assert states["unreachable"].status is S.UNREACHABLE
    assert states["unreachable"].reason
    lines = {line["feed_id"]: line for line in logs if line["event"] == FEED_POLLED}
    for state in states.values():
        assert (lines[state.feed_id]["status"], lines[state.feed_id]["reason"]) == (state.status, state.reason)
    assert states["gone"].next_poll_at is None
    throttled = states["throttled"]
    assert throttled.next_poll_at is not None
    assert throttled.last_poll_at is not None
    assert throttled.next_poll_at - throttled.last_poll_at >= timedelta(hours=1)
    assert all(len(article.title) < 100 for article in store.articles)
