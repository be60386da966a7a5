"""Each row of the table ends as it says, through the real client, fetcher, parser and decision."""

import socket
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio

from services.contracts.codec import decode, encode
from services.contracts.feed import FeedState, PollStatus
from services.ingest.adapters.fetcher import MAX_VALIDATOR_BYTES, Fetcher
from services.ingest.adapters.parser import ParserPool
from services.ingest.core.feed import Document, Entry
from services.ingest.core.fetched import Fetched
from services.ingest.core.outcome import FAULTS_THE_REQUEST, SUCCEEDED, Outcome, settle, state_before
from services.ingest.core.schedule import Pace
from services.runtime.egress import guarded_client
from services.runtime.settings import EgressSettings
from tests.unit.ingest.fakes import feed_at
from tests.unit.ingest.hostile import CASES
from tests.unit.ingest.hostile.case import INTERVAL_S, Case
from tests.unit.ingest.server import serving

pytestmark = pytest.mark.timeout(30)

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
INTERVAL = timedelta(seconds=INTERVAL_S)
PACE = Pace(INTERVAL, INTERVAL, INTERVAL)
"""One that stays: how often a feed is asked by its news is another table's subject."""
VALIDATORS = {"etag": 'W/"old"', "last_modified": "Saturday, roughly"}
KEPT = {"etag", "last_modified", "seen", "watermark_at", "entries", "last_success_at", "ttl_s", "url"}
BROKER_BYTES = 1_000_000
"""What Kafka takes for one record by default, less its framing."""


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def parsers() -> AsyncIterator[dict[float, ParserPool]]:
    """Processes by the deadline they have."""
    pools: dict[float, ParserPool] = {}
    yield pools
    for pool in pools.values():
        await pool.__aexit__()


def resolve(monkeypatch: pytest.MonkeyPatch, names: Mapping[str, Sequence[str]]) -> None:
    left = {name: list(answers) for name, answers in names.items()}
    look_up = socket.getaddrinfo

    def stub(host: str, port: int, *args: Any, **more: Any) -> Any:
        if host not in left:
            return look_up(host, port, *args, **more)
        if not left[host]:
            raise socket.gaierror(-2, "Name or service not known")
        address = left[host].pop(0) if len(left[host]) > 1 else left[host][0]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

    monkeypatch.setattr("socket.getaddrinfo", stub)


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
async def test_each_ends_as_its_row_says(
    case: Case, parsers: dict[float, ParserPool], monkeypatch: pytest.MonkeyPatch
) -> None:
    resolve(monkeypatch, case.names)
    pool = parsers.setdefault(case.parse_s, ParserPool(processes=1, timeout_s=case.parse_s, max_entries=100))
    async with serving(case.routes, unread=case.unread) as server:
        before = _before(case.url.format(port=server.port), case.is_known)
        fetched, document = await _polled(case, before, pool)
    outcome = settle(feed_at(before.url), before, fetched, document, now=NOW, pace=PACE, jitter=0.0)
    state = outcome.state
    assert (state.status, len(outcome.articles), len(server.requests)) == (case.status, case.published, case.asked), (
        state.reason
    )
    assert case.says in state.reason
    assert bool(case.says) == bool(state.reason), state.reason
    assert case.title is None or outcome.articles[-1].title == case.title
    due = None if case.wait_s is None else NOW + timedelta(seconds=case.wait_s)
    assert state.next_poll_at == due, outcome.next_because
    _stays(before, fetched, outcome)


def _before(url: str, is_known: bool) -> FeedState:
    """A feed that was read an hour ago, or never."""
    feed = feed_at(url)
    if not is_known:
        return state_before(feed, None)
    then, document = NOW - timedelta(hours=1), Document(PollStatus.OK, entries=(Entry(id="known", title="Known"),))
    fetched = Fetched(PollStatus.OK, url=url, http_status=200, **VALIDATORS)  # type: ignore[arg-type]
    return settle(feed, state_before(feed, None), fetched, document, now=then, pace=PACE, jitter=0.0).state


async def _polled(case: Case, before: FeedState, pool: ParserPool) -> tuple[Fetched, Document | None]:
    settings = EgressSettings(allow_private=("127.0.0.1/32",))
    async with guarded_client(settings, user_agent="test", timeout_s=case.timeout_s) as client:
        fetcher = Fetcher(client, timeout_s=case.timeout_s, max_bytes=case.max_bytes)
        fetched = await fetcher.fetch(before.url, before.etag, before.last_modified)
    if fetched.status is not PollStatus.OK:
        return fetched, None
    return fetched, await pool.parse(fetched.body, fetched.content_type, fetched.url)


def _stays(before: FeedState, fetched: Fetched, outcome: Outcome) -> None:
    """What holds of every row: a failure costs nothing that was known, a success renews it, all of it fits a broker."""
    state = outcome.state
    if state.status in SUCCEEDED:
        assert (state.failures, state.last_success_at) == (0, NOW)
        assert {mark.identity for mark in state.seen} >= {article.article_id for article in outcome.articles}
        assert state.status is PollStatus.NOT_MODIFIED or (state.etag, state.last_modified) == (
            fetched.etag,
            fetched.last_modified,
        )
    else:
        assert state.failures == before.failures + 1
        kept = KEPT - VALIDATORS.keys() if fetched.http_status in FAULTS_THE_REQUEST else KEPT
        assert state.model_dump(include=kept) == before.model_dump(include=kept)
    assert {mark.identity for mark in state.seen} >= {mark.identity for mark in before.seen}
    assert max(len(state.etag or ""), len(state.last_modified or "")) <= MAX_VALIDATOR_BYTES
    assert len(state.reason) <= 500
    assert state.reason.isprintable()
    assert decode(encode(state), FeedState) == state
    for record in (state, *outcome.articles):
        assert len(encode(record)) < BROKER_BYTES
    for article in outcome.articles:
        assert article.published_at is None or article.published_at <= NOW + timedelta(days=1)
        assert article.url is None or article.url.startswith(("http://", "https://"))
        assert "root:" not in article.title + article.text


def test_the_table_holds_a_hundred_behaviours_and_every_ending() -> None:
    assert len(CASES) >= 100
    assert {case.status for case in CASES.values()} == set(PollStatus) - {PollStatus.NEVER}
