"""The flow of ingest: what is due is fetched, read, published, and only then remembered.

One task waits on one queue for all feeds; a task exists only for a poll under way. Articles are acknowledged before
the state that covers them is written, so a kill between the two repeats them with the same ids.
"""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Protocol

import structlog
from aiokafka.errors import KafkaError, MessageSizeTooLargeError

from services.contracts.article import Article
from services.contracts.feed import Feed, FeedState, LeaseStatus, PollStatus
from services.contracts.ids import FeedId
from services.ingest.core import caching
from services.ingest.core.feed import Document
from services.ingest.core.fetched import Fetched
from services.ingest.core.full_text import page_outcome
from services.ingest.core.health import HealthKind, kind_of
from services.ingest.core.history import validators
from services.ingest.core.outcome import SUCCEEDED, Outcome, settle, state_before
from services.ingest.core.politeness import HostPacer, host_of
from services.ingest.core.schedule import DueQueue, Pace, due_at
from services.ingest.core.websub import looks_left, poll_at
from services.runtime import metrics
from services.runtime.log import without_token

log = structlog.get_logger()

FEED_POLLED = "feed.polled"
POLL_FAILED = "feed.poll_failed"
HOST_HELD = "host.held"

# What is under way at a stop gets this long; what is cut then is repeated by whoever polls next.
STOP_GRACE_S = 3.0
COUNT_FEEDS_EVERY_S = 10.0


class Fetches(Protocol):
    async def fetch(self, url: str, etag: str | None, last_modified: str | None) -> Fetched: ...


class Parses(Protocol):
    async def parse(self, body: bytes, content_type: str, url: str) -> Document: ...


class Completes(Protocol):
    async def complete(
        self, articles: Sequence[Article], host: str, host_is_free: Callable[[str], None]
    ) -> tuple[Article, ...]: ...


class Store(Protocol):
    """Feeds and their states; `publish`, `save` and `move` return once the brokers have what they were given."""

    def feed(self, feed_id: str) -> Feed | None: ...
    def state(self, feed_id: str) -> FeedState | None: ...
    def feeds(self) -> Iterator[Feed]: ...
    async def publish(self, articles: Sequence[Article]) -> None: ...
    async def save(self, state: FeedState) -> None: ...
    async def move(self, feed: Feed) -> None: ...


def _utc_now() -> datetime:
    return datetime.now(UTC)


class Poller:
    """Polls the feeds of `store` when they are due, `concurrency` at a time, and each host when it is its turn."""

    def __init__(
        self,
        store: Store,
        fetcher: Fetches,
        parser: Parses,
        *,
        pace: Pace,
        concurrency: int,
        hosts: HostPacer | None = None,
        pages: Completes | None = None,
        clock: Callable[[], datetime] = _utc_now,
        dice: Callable[[], float] = random.random,
    ) -> None:
        self._store, self._fetcher, self._parser = store, fetcher, parser
        self._pace = pace
        self._concurrency = concurrency
        self._clock, self._dice = clock, dice
        self._hosts = hosts or HostPacer(at_once=concurrency, spacing_s=0.0)
        self._pages = pages
        self._queue = DueQueue()
        self._polls: dict[FeedId, tuple[str, asyncio.Task[None]]] = {}  # the address under poll, and its task
        self._paused: set[FeedId] = set()
        self._looks: dict[FeedId, tuple[timedelta, ...]] = {}  # of feeds that were pushed: pauses before more polls
        self.on_offer: Callable[[FeedId], None] = lambda _: None  # told of feeds that offer a hub, after their poll
        self._woken = asyncio.Event()

    def loaded(self, feed_ids: Sequence[FeedId]) -> None:
        """Schedule feeds that became ours. Nobody is polled before the time its state names."""
        for feed_id in feed_ids:
            self._schedule(feed_id)

    def changed(self, feed_id: FeedId) -> None:
        """Take a feed as it now is. A poll of an address that is no longer wanted ends without a trace."""
        feed = self._store.feed(feed_id)
        if feed_id in self._polls:
            if feed and feed.enabled and feed.url == self._polls[feed_id][0]:
                return
            self._polls.pop(feed_id)[1].cancel()
        state = self._store.state(feed_id)
        gone = state is not None and state.status is PollStatus.GONE  # and somebody wants it all the same
        self._schedule(feed_id, at_once=gone or feed_id in self._paused)

    def prompt(self, feed_id: FeedId) -> None:
        """Poll a feed because its hub has news of it: at once, or after the poll that is under way."""
        feed, at = self._store.feed(feed_id), poll_at(self._store.state(feed_id), self._clock())
        if feed is None or not feed.enabled or at is None:
            return
        self._looks[feed_id] = looks_left(True, (), news=False)
        if feed_id not in self._polls:
            self._queue.set(feed_id, at.timestamp())
            self._woken.set()

    def lost(self) -> None:
        """Let go of the feeds that are no longer ours."""
        for feed_id in [*self._queue, *self._polls, *self._paused]:
            if self._store.feed(FeedId(feed_id)) is None:
                self.changed(FeedId(feed_id))

    def _schedule(self, feed_id: FeedId, at_once: bool = False) -> None:
        feed = self._store.feed(feed_id)
        self._queue.drop(feed_id)
        self._paused.discard(feed_id)
        if feed is None or not feed.enabled:
            self._looks.pop(feed_id, None)
            if feed is not None:
                self._paused.add(feed_id)
            return
        state = state_before(feed, self._store.state(feed_id))
        if at_once or state.status is not PollStatus.GONE:
            due = None if at_once else due_at(state, self._clock())
            self._queue.set(feed_id, due.timestamp() if due else 0.0)
            self._woken.set()

    async def run(self, stop: asyncio.Event) -> None:
        """Poll until `stop` is set. Raises an exception group with the KafkaError that ended it."""
        loop = asyncio.get_running_loop()
        counted_at = -COUNT_FEEDS_EVERY_S
        async with asyncio.TaskGroup() as group:
            stopper = group.create_task(self._wake_at(stop))
            while not stop.is_set():
                self._woken.clear()
                self._start_due(group)
                if loop.time() - counted_at >= COUNT_FEEDS_EVERY_S:
                    counted_at = loop.time()
                    self.count_feeds()
                alarm = loop.call_later(self._idle_s(), self._woken.set)
                await self._woken.wait()
                alarm.cancel()
            await stopper
            polls = [task for _, task in self._polls.values()]
            if polls:
                await asyncio.wait(polls, timeout=STOP_GRACE_S)
            for task in polls:
                task.cancel()

    async def _wake_at(self, stop: asyncio.Event) -> None:
        await stop.wait()
        self._woken.set()

    def _start_due(self, group: asyncio.TaskGroup) -> None:
        now_s = self._clock().timestamp()
        while len(self._polls) < self._concurrency and (key := self._queue.pop(now_s)):
            feed = self._store.feed(key)
            if feed is None:
                continue
            begins_at_s = self._hosts.begins_at(key, host_of(feed.url), now_s)
            if begins_at_s == now_s:
                task = group.create_task(self._poll(feed))
                task.add_done_callback(partial(self._host_is_free, host_of(feed.url)))
                self._polls[feed.feed_id] = (feed.url, task)
            elif begins_at_s is not None:
                self._queue.set(key, begins_at_s)

    def _host_is_free(self, host: str, _: object = None) -> None:
        """Those that waited for it are due, but for what was rescheduled or dropped meanwhile."""
        for key in self._hosts.ended(host):
            if key not in self._queue and FeedId(key) not in self._polls and FeedId(key) not in self._paused:
                self._queue.set(key, self._clock().timestamp())
        self._woken.set()

    def _idle_s(self) -> float:
        """Until the next feed is due and may start; the end of a poll wakes earlier."""
        due_s = self._queue.next_due_s()
        if due_s is None or len(self._polls) >= self._concurrency:
            return COUNT_FEEDS_EVERY_S
        return min(max(due_s - self._clock().timestamp(), 0.0), COUNT_FEEDS_EVERY_S)

    async def _poll(self, feed: Feed) -> None:
        started_s = time.perf_counter()
        looks = self._looks.pop(feed.feed_id, ())
        try:
            outcome = await self._outcome(feed)
            await self._store.publish(outcome.articles)
            await self._store.save(outcome.state)
            if outcome.moved is not None:
                self._polls[feed.feed_id] = (outcome.moved.url, self._polls[feed.feed_id][1])
                await self._store.move(outcome.moved)
        except asyncio.CancelledError:
            raise
        except Exception as error:
            if isinstance(error, KafkaError) and not isinstance(error, MessageSizeTooLargeError):
                raise
            # Whatever this feed met, the others go on; its state stands, so nothing is lost.
            log.exception(POLL_FAILED, feed_id=feed.feed_id, url=without_token(feed.url), reason=str(error))
            self._finished(feed.feed_id, self._clock() + self._pace.usual)
            return
        self._finished(feed.feed_id, self._next_poll_at(outcome, looks))
        if outcome.state.lease is not None:
            self.on_offer(feed.feed_id)
        _report(feed, outcome, time.perf_counter() - started_s)

    async def _outcome(self, feed: Feed) -> Outcome:
        state, asked_for = state_before(feed, self._store.state(feed.feed_id)), feed.url
        if state.next_poll_at is not None:
            metrics.FEED_POLL_LAG_SECONDS.observe(max((self._clock() - state.next_poll_at).total_seconds(), 0.0))
        fetched = await self._fetcher.fetch(feed.url, *validators(state, self._clock()))
        now = self._clock()
        if fetched.status is PollStatus.THROTTLED:
            self._hold(host_of(fetched.url), now, caching.retry_after(fetched.retry_after, now))
        document = None
        if fetched.status is PollStatus.OK:
            document = await self._parser.parse(fetched.body, fetched.content_type, fetched.url)
        # The feed's title, grade or hints may have been changed meanwhile.
        feed = self._store.feed(feed.feed_id) or feed
        outcome = settle(feed, state, fetched, document, now=now, pace=self._pace, jitter=self._dice())
        if self._pages is None or not feed.full_text:
            return outcome
        complete = await self._pages.complete(outcome.articles, host_of(asked_for), self._host_is_free)
        return replace(outcome, articles=complete)

    def _hold(self, host: str, now: datetime, retry_after: timedelta | None) -> None:
        asked_s = retry_after.total_seconds() if retry_after else None
        held_s = self._hosts.hold(host, now.timestamp(), asked_s)
        if held_s:
            log.warning(HOST_HELD, host=host, held_s=round(held_s), retry_after_s=asked_s)

    def _next_poll_at(self, outcome: Outcome, looks: Sequence[timedelta]) -> datetime | None:
        """Sooner than planned where a hub spoke of news that were not there, or spoke meanwhile."""
        state = outcome.state
        left = looks_left(state.feed_id in self._looks, looks, news=bool(outcome.articles))
        self._looks.pop(state.feed_id, None)
        if not left or state.failures or state.next_poll_at is None:
            return state.next_poll_at
        self._looks[state.feed_id] = left[1:]
        return min(self._clock() + left[0], state.next_poll_at)

    def _finished(self, feed_id: FeedId, next_poll_at: datetime | None) -> None:
        self._polls.pop(feed_id, None)
        if next_poll_at is not None:
            self._queue.set(feed_id, next_poll_at.timestamp())
        self._woken.set()

    def count_feeds(self) -> None:
        """Set the metrics that tell how the feeds are."""
        now, ages_s = self._clock(), list[float]()
        counts, leases = Counter[HealthKind](), Counter[LeaseStatus]()
        for feed in self._store.feeds():
            state = self._store.state(feed.feed_id)
            kind = kind_of(feed, state, now)
            counts[kind] += 1
            if feed.enabled and state and state.lease:
                leases[state.lease.status] += 1
            if state and state.last_success_at and kind not in (HealthKind.PAUSED, HealthKind.GONE):
                ages_s.append((now - state.last_success_at).total_seconds())
        for kind in HealthKind:
            metrics.FEEDS.labels(kind).set(counts[kind])
        for lease in LeaseStatus:
            metrics.HUB_LEASES.labels(lease).set(leases[lease])
        ages_s.sort()
        for share in metrics.SHARES:
            metrics.FEED_SUCCESS_AGE_SECONDS.labels(share).set(ages_s[int(share * (len(ages_s) - 1))] if ages_s else 0)


def _report(feed: Feed, outcome: Outcome, took_s: float) -> None:
    state = outcome.state
    metrics.FEED_POLLS.labels(state.status).inc()
    metrics.FEED_POLL_SECONDS.observe(took_s)
    for article in outcome.articles:
        kind = "backlog" if article.backlog else "new" if article.revision == 1 else "revision"
        metrics.ARTICLES_PUBLISHED.labels(kind).inc()
    pages = Counter(page_outcome(article) for article in outcome.articles)
    del pages[""]
    for what, times in pages.items():
        metrics.PAGES.labels(what).inc(times)
    say = log.info if state.status in SUCCEEDED else log.warning
    say(
        FEED_POLLED,
        feed_id=feed.feed_id,
        url=without_token(feed.url),
        status=state.status,
        reason=state.reason,
        http_status=state.http_status,
        entries=state.entries,
        published=len(outcome.articles),
        pages=dict(pages),
        failures=state.failures,
        next_poll_at=state.next_poll_at.isoformat() if state.next_poll_at else None,
        next_because=outcome.next_because,
        moved_to=without_token(outcome.moved.url) if outcome.moved else None,
        took_s=round(took_s, 3),
    )
