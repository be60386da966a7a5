"""The flow of WebSub: feeds that offer a hub are subscribed to there, and what the hub pushes has them polled.

One request to a hub at a time. Every step is written to the feed's state before the next, so that a restart goes on and
the replica that takes a feed over asks anew, in its own name.
"""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Protocol
from urllib.parse import urlsplit

import structlog
from aiokafka.errors import KafkaError, MessageSizeTooLargeError

from services.contracts.feed import Feed, FeedState, Lease, LeaseStatus
from services.contracts.ids import FeedId
from services.ingest.adapters.hub import Answer
from services.ingest.core import websub
from services.ingest.core.schedule import DueQueue
from services.ingest.core.websub import Callback, Intent, Signature
from services.runtime import metrics

log = structlog.get_logger()

HUB_ASKED = "hub.asked"
LEASE_ANSWERED = "lease.answered"
PUSH_RECEIVED = "push.received"
REQUEST_FAILED = "hub.request_failed"

# A hub that does not answer holds up the feeds of all others, so it is left alone for a while, by all of its feeds.
HUB_RESTS = timedelta(minutes=5)
# A wall clock that is set does not wake a sleeper; this long at most it goes unseen.
LONGEST_SLEEP_S = 60.0


class Store(Protocol):
    def feed(self, feed_id: str) -> Feed | None: ...
    def state(self, feed_id: str) -> FeedState | None: ...
    async def save_lease(self, feed_id: FeedId, lease: Lease) -> None: ...


class Hubs(Protocol):
    async def ask(self, hub: str, form: Mapping[str, str]) -> Answer: ...


def _utc_now() -> datetime:
    return datetime.now(UTC)


class Subscriber:
    """Keeps the leases of the feeds of `store`, as the replica at `callback`. A push calls `prompt`.

    `keys` make what nobody may guess; the first is used, all are understood. `lasting` is the lease that is asked for.
    """

    def __init__(
        self,
        store: Store,
        hubs: Hubs,
        prompt: Callable[[FeedId], None],
        *,
        callback: str,
        keys: Sequence[bytes],
        lasting: timedelta,
        clock: Callable[[], datetime] = _utc_now,
    ) -> None:
        self._store, self._hubs, self._prompt = store, hubs, prompt
        self._callback, self._keys, self._lasting = callback, keys, lasting
        self._clock = clock
        self._queue = DueQueue()
        self._ending: dict[FeedId, Lease] = {}  # of feeds that nobody wants any more
        self._resting: dict[str, datetime] = {}  # hubs that did not answer, by host
        self._woken = asyncio.Event()

    def loaded(self, feed_ids: Sequence[FeedId]) -> None:
        """Take over feeds that became ours."""
        for feed_id in feed_ids:
            self.changed(feed_id)

    def changed(self, feed_id: FeedId) -> None:
        """Take a feed as it now is. One that was paused or removed is subscribed to no more, if its hub listens."""
        feed, lease = self._store.feed(feed_id), self._lease(feed_id)
        if feed and feed.enabled:
            self.offered(feed_id)
        elif lease and lease.callback == self._callback and lease.status is not LeaseStatus.DENIED:
            self._ending[feed_id] = lease
            self._set(feed_id, 0.0)

    def lost(self) -> None:
        """Nothing: what is no longer ours is met when it is due, and let go."""

    def offered(self, feed_id: FeedId) -> None:
        """See to it that a feed whose document was read has the lease it can have."""
        self._ending.pop(feed_id, None)
        if lease := self._wanted(feed_id):
            self._set(feed_id, websub.ask_at_s(lease, self._callback))

    def _set(self, feed_id: FeedId, due_s: float | None) -> None:
        if due_s is None:
            self._queue.drop(feed_id)
        else:
            self._queue.set(feed_id, due_s)
            self._woken.set()

    def _lease(self, feed_id: str) -> Lease | None:
        state = self._store.state(feed_id)
        return state.lease if state else None

    def _wanted(self, feed_id: str) -> Lease | None:
        """The lease of a feed that is ours and enabled."""
        feed = self._store.feed(feed_id)
        return self._lease(feed_id) if feed and feed.enabled else None

    async def run(self) -> None:
        """Ask hubs for ever. Raises the KafkaError that ended it."""
        loop = asyncio.get_running_loop()
        while True:
            self._woken.clear()
            now_s = self._clock().timestamp()
            if key := self._queue.pop(now_s):
                await self._step(FeedId(key))
                continue
            due_s = self._queue.next_due_s()
            idle_s = LONGEST_SLEEP_S if due_s is None else min(due_s - now_s, LONGEST_SLEEP_S)
            alarm = loop.call_later(idle_s, self._woken.set)
            await self._woken.wait()
            alarm.cancel()

    async def _step(self, feed_id: FeedId) -> None:
        try:
            if ending := self._ending.get(feed_id):
                await self._end(feed_id, ending)
            elif lease := self._wanted(feed_id):
                await self._begin(feed_id, lease)
        except Exception as error:
            if isinstance(error, KafkaError) and not isinstance(error, MessageSizeTooLargeError):
                raise
            # Whatever this one met, the others go on, and it is polled as ever.
            log.exception(REQUEST_FAILED, feed_id=feed_id, reason=str(error))

    async def _begin(self, feed_id: FeedId, lease: Lease) -> None:
        """Ask for a lease, or for one more, if it is time."""
        now, host = self._clock(), _host(lease.hub)
        due_s = websub.ask_at_s(lease, self._callback)
        if due_s is None or due_s > now.timestamp():
            self._set(feed_id, due_s)
            return
        if self._resting.get(host, now) > now:
            self._set(feed_id, self._resting[host].timestamp())
            return
        # Before the request, because hubs verify while they are asked.
        asked = websub.asked(lease, self._callback, now)
        await self._store.save_lease(feed_id, asked)
        answer = await self._ask("subscribe", feed_id, asked)
        if answer.problem and self._lease(feed_id) == asked:
            await self._store.save_lease(feed_id, websub.failed(asked, answer.problem))
        self.offered(feed_id)

    async def _end(self, feed_id: FeedId, lease: Lease) -> None:
        """Ask for no more pushes, once. A hub that does not listen stops when the lease ends."""
        await self._ask("unsubscribe", feed_id, lease)
        if self._ending.get(feed_id) is lease and self._lease(feed_id) == lease:
            await self._store.save_lease(feed_id, Lease(lease.hub, lease.topic))

    async def _ask(self, mode: str, feed_id: FeedId, lease: Lease) -> Answer:
        started_s = time.perf_counter()
        form = websub.request(mode, lease, self._callback, feed_id, self._keys[0], self._lasting)
        answer = await self._hubs.ask(lease.hub, form)
        if answer.silent:
            self._resting[_host(lease.hub)] = self._clock() + HUB_RESTS
        else:
            self._resting.pop(_host(lease.hub), None)
        metrics.HUB_REQUESTS.labels(mode, "failed" if answer.problem else "accepted").inc()
        (log.warning if answer.problem else log.info)(
            HUB_ASKED,
            feed_id=feed_id,
            hub=_host(lease.hub),
            mode=mode,
            status="failed" if answer.problem else "accepted",
            reason=answer.problem,
            failures=lease.failures,
            took_s=round(time.perf_counter() - started_s, 3),
        )
        return answer

    async def agrees(self, callback: Callback, intent: Intent) -> bool:
        """Whether we asked for what a hub is about to do; what it says is written before it is answered."""
        feed_id = callback.feed_id
        if intent.mode == "unsubscribe":
            ending = self._ending.get(feed_id)
            return ending is not None and ending.topic == intent.topic and self._knows(callback, ending)
        lease = self._wanted(feed_id)
        if lease is None or lease.topic != intent.topic or not self._knows(callback, lease):
            return False
        match intent.mode, lease.status:
            case "subscribe", LeaseStatus.REQUESTED | LeaseStatus.FAILED:
                kept = websub.verified(lease, intent.lease_seconds, self._lasting, self._clock())
            case ("subscribe", LeaseStatus.LIVE) | ("denied", LeaseStatus.DENIED):
                return True  # said again, and no lease grows longer by it
            case "denied", _:
                kept = websub.denied(lease, intent.reason)
            case _:
                return False
        await self._store.save_lease(feed_id, kept)
        log.info(
            LEASE_ANSWERED,
            feed_id=feed_id,
            hub=_host(lease.hub),
            status=kept.status,
            reason=kept.reason,
            ends_at=kept.ends_at.isoformat() if kept.ends_at else None,
        )
        self.offered(feed_id)
        return True

    def signature(self, callback: Callback, header: str) -> Signature | None:
        """What a push must be signed with; None where none is awaited."""
        lease = self._wanted(callback.feed_id)
        if lease is not None and lease.callback == self._callback and lease.status is not LeaseStatus.DENIED:
            key = callback.key(self._keys, lease.hub)
            if key is not None:
                return Signature(header, key, callback.feed_id, lease.hub)
        metrics.PUSHES.labels("unknown").inc()
        return None

    def pushed(self, callback: Callback, holds: bool) -> None:
        """A push has come in whole."""
        status = "accepted" if holds else "badly_signed"
        metrics.PUSHES.labels(status).inc()
        (log.info if holds else log.warning)(PUSH_RECEIVED, feed_id=callback.feed_id, status=status)
        if holds:
            self._prompt(callback.feed_id)

    def _knows(self, callback: Callback, lease: Lease) -> bool:
        return lease.callback == self._callback and callback.key(self._keys, lease.hub) is not None


def _host(url: str) -> str:
    return urlsplit(url).hostname or ""
