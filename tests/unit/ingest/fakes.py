"""Hand-written stand-ins for what the poller is given."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime

from services.contracts import ids
from services.contracts.article import Article, TextOrigin
from services.contracts.feed import Feed, FeedState, Lease, PollStatus
from services.ingest.core.feed import Document, Entry
from services.ingest.core.fetched import Fetched, Hop


def feed_at(url: str) -> Feed:
    return Feed(feed_id=ids.feed_id(url), url=url, title=url)


class MemoryStore:
    """Keeps feeds, states and articles, and `log`, the order in which things were written."""

    def __init__(self, *feeds: Feed) -> None:
        self.rows = {feed.feed_id: feed for feed in feeds}
        self.states: dict[str, FeedState] = {}
        self.articles: list[Article] = []
        self.log: list[tuple[str, str]] = []
        self.before_save: Callable[[FeedState], None] = lambda _: None
        self.moved: Callable[[ids.FeedId], None] = lambda _: None
        self._written = asyncio.Condition()

    def feed(self, feed_id: str) -> Feed | None:
        return self.rows.get(ids.FeedId(feed_id))

    def state(self, feed_id: str) -> FeedState | None:
        return self.states.get(feed_id)

    def feeds(self) -> Iterator[Feed]:
        return iter(list(self.rows.values()))

    async def publish(self, articles: Sequence[Article]) -> None:
        await asyncio.sleep(0)
        self.articles += articles
        self.log += [("article", article.article_id) for article in articles]

    async def save(self, state: FeedState) -> None:
        await asyncio.sleep(0)
        self.before_save(state)
        self.states[state.feed_id] = state
        self.log.append(("state", state.feed_id))
        async with self._written:
            self._written.notify_all()

    async def move(self, feed: Feed) -> None:
        await asyncio.sleep(0)
        self.rows[feed.feed_id] = feed
        self.log.append(("feed", feed.url))
        self.moved(feed.feed_id)

    async def save_lease(self, feed_id: ids.FeedId, lease: Lease) -> None:
        if state := self.states.get(feed_id):
            await self.save(state.model_copy(update={"lease": lease}))

    async def until(self, holds: Callable[[], bool]) -> None:
        """Wait until something was written by which `holds`."""
        async with asyncio.timeout(30), self._written:
            await self._written.wait_for(holds)

    async def saved(self, times: int) -> None:
        """Wait until states were written so many times."""
        async with self._written:
            await self._written.wait_for(lambda: sum(kind == "state" for kind, _ in self.log) >= times)


class Pages:
    """Completes articles with a text that says how often it was asked, and remembers for which host."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def complete(
        self, articles: Sequence[Article], host: str, host_is_free: Callable[[str], None]
    ) -> tuple[Article, ...]:
        await asyncio.sleep(0)
        self.asked.append(host)
        told = {"text": f"page {len(self.asked)}", "text_origin": TextOrigin.PAGE}
        return tuple(article.model_copy(update=told) for article in articles)


class Scripted:
    """A fetcher and parser in one: each address answers with one entry named after how often it was asked.

    `permanent` holds redirects for good; `entry_id`, where it is set, stays the entry's name.
    `hold(url)` makes its fetch wait for `release`; `fetching` is set when a held fetch has begun.
    """

    def __init__(self) -> None:
        self.asked: list[tuple[str, str | None]] = []
        self.status = PollStatus.OK
        self.under_way = self.most_under_way = 0
        self.fetching, self.release = asyncio.Event(), asyncio.Event()
        self.broken: set[str] = set()
        self.throttled: set[str] = set()
        self._held: set[str] = set()
        self.permanent: dict[str, str] = {}
        self.entry_id = ""

    def hold(self, *urls: str) -> None:
        self._held |= set(urls)

    async def fetch(self, url: str, etag: str | None, last_modified: str | None) -> Fetched:
        self.asked.append((url, etag))
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        try:
            if url in self._held:
                self.fetching.set()
                await self.release.wait()
            await asyncio.sleep(0)
        finally:
            self.under_way -= 1
        if url in self.throttled:
            return Fetched(PollStatus.THROTTLED, "HTTP 429", url, 429)
        end = self.permanent.get(url, url)
        hops = () if end == url else (Hop(url, 301),)
        return Fetched(self.status, url=end, etag=f'"{len(self.asked)}"', body=end.encode(), hops=hops)

    async def parse(self, body: bytes, content_type: str, url: str) -> Document:
        if url in self.broken:
            raise ZeroDivisionError("a bug")
        return Document(PollStatus.OK, entries=(Entry(id=self.entry_id or f"{url} {self.times(url)}"),))

    def times(self, url: str) -> int:
        return sum(asked == url for asked, _ in self.asked)


def utc_now() -> datetime:
    return datetime.now(UTC)
