"""The pages of entries that are only summaries: fetched politely, in the time that the first word may wait.

Every request has its turn at its host and the leave of its robots.txt, those that a redirect names too.
"""

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol

import structlog

from services.contracts.article import Article, PageProblem
from services.contracts.feed import PollStatus
from services.ingest.adapters.fetcher import PAGES, Fetcher
from services.ingest.adapters.robots import RobotsBook
from services.ingest.core import caching
from services.ingest.core.fetched import Fetched
from services.ingest.core.full_text import Page, completed, wanting
from services.ingest.core.politeness import HostPacer, host_of
from services.ingest.core.robots import Permission
from services.runtime.egress import GuardedClient
from services.runtime.settings import Settings

log = structlog.get_logger()

PAGE_FAILED = "page.read_failed"

# Pages of articles have some hundred thousand; what has more takes long to read.
MAX_BYTES = 3_000_000

_TYPES = ("text/html", "application/xhtml+xml", "text/plain")
_PROBLEMS: Mapping[PollStatus, PageProblem] = {
    PollStatus.UNREACHABLE: PageProblem.UNREACHABLE,
    PollStatus.TIMED_OUT: PageProblem.TIMED_OUT,
    PollStatus.REFUSED: PageProblem.REFUSED,
    PollStatus.TOO_LARGE: PageProblem.TOO_LARGE,
}


class Reads(Protocol):
    async def page(self, body: bytes, content_type: str) -> Page: ...
    async def permission(self, robots: bytes, url: str, user_agent: str) -> Permission: ...


class _NotHad(Exception):
    """The page is not to be had."""

    def __init__(self, problem: PageProblem) -> None:
        self.problem = problem


@dataclass(frozen=True, slots=True)
class _Poll:
    """For whom pages are fetched: the poll of a feed at `host`, which lends its turn there; `host_is_free` is told
    when a turn elsewhere ends. What would come after `until_s` on the event loop's clock is not waited for."""

    host: str
    host_is_free: Callable[[str], None]
    until_s: float


class PageReader:
    """Completes articles with the text of their pages, the newest `per_poll` of a poll within `timeout_s`.

    `window` is how far back an article may lie on its feed's clock to be worth a page.
    """

    def __init__(
        self,
        fetcher: Fetcher,
        parser: Reads,
        hosts: HostPacer,
        *,
        user_agent: str,
        per_poll: int,
        timeout_s: float,
        window: timedelta,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._fetcher, self._parser, self._hosts = fetcher, parser, hosts
        self._robots = RobotsBook(parser, user_agent, clock)
        self._per_poll, self._timeout_s, self._window = per_poll, timeout_s, window
        self._clock = clock

    async def complete(
        self, articles: Sequence[Article], host: str, host_is_free: Callable[[str], None]
    ) -> tuple[Article, ...]:
        """`articles` in their order, each with its page's text or the reason why not, where one was wanted.

        `host` is where the poll that brought them has its turn.
        """
        wanted = wanting(articles, self._window)
        if not wanted:
            return tuple(articles)
        told: dict[str, Page | PageProblem] = {article.record_id: PageProblem.LATE for article in wanted}
        with suppress(TimeoutError):
            async with asyncio.timeout(self._timeout_s) as deadline, asyncio.TaskGroup() as group:
                poll = _Poll(host, host_is_free, deadline.when() or 0.0)
                for at_one_host in _by_host(wanted[: self._per_poll]):
                    group.create_task(self._read(at_one_host, poll, told))
        return tuple(completed(a, told[a.record_id]) if a.record_id in told else a for a in articles)

    async def _read(self, articles: Sequence[Article], poll: _Poll, told: dict[str, Page | PageProblem]) -> None:
        """One after the other, for they stand at one host."""
        for article in articles:
            try:
                told[article.record_id] = await self._page(article.url, poll)
            except _NotHad as end:
                told[article.record_id] = end.problem
            except Exception as error:
                told[article.record_id] = PageProblem.NO_TEXT
                log.exception(PAGE_FAILED, article_id=article.article_id, reason=str(error))

    async def _page(self, url: str | None, poll: _Poll) -> Page:
        """Raises _NotHad."""
        if url is None:
            raise _NotHad(PageProblem.NO_LINK)
        visit = _Visit(self._fetcher, self._robots, self._hosts, self._clock, poll)
        try:
            await visit.go_to(url)
            fetched = await self._fetcher.fetch(url, before_redirect=visit.go_to)
        finally:
            visit.end()
        if fetched.status is PollStatus.THROTTLED:
            self._hold(fetched)
        if fetched.status is not PollStatus.OK:
            raise _NotHad(_PROBLEMS.get(fetched.status, PageProblem.HTTP_ERROR))
        kind = fetched.content_type.partition(";")[0].strip().lower()
        if kind and kind not in _TYPES:
            raise _NotHad(PageProblem.WRONG_TYPE)
        return await self._parser.page(fetched.body, fetched.content_type)

    def _hold(self, throttled: Fetched) -> None:
        """The host is left alone for its feeds as well."""
        now_s = self._clock()
        asked = caching.retry_after(throttled.retry_after, datetime.fromtimestamp(now_s, UTC))
        self._hosts.hold(host_of(throttled.url), now_s, asked.total_seconds() if asked else None)


def page_reader(client: GuardedClient, parser: Reads, hosts: HostPacer, settings: Settings) -> PageReader:
    """A PageReader as the settings want it. What no alert would come of any more has no page fetched."""
    wanted = settings.ingest
    # Half the time each, so that a page or a robots.txt that hangs leaves time for others.
    timeout_s = min(wanted.timeout_s, wanted.pages_timeout_s / 2)
    return PageReader(
        Fetcher(client, timeout_s=timeout_s, max_bytes=min(wanted.max_bytes, MAX_BYTES), accept=PAGES),
        parser,
        hosts,
        user_agent=wanted.user_agent,
        per_poll=wanted.pages_per_poll,
        timeout_s=wanted.pages_timeout_s,
        window=timedelta(hours=settings.classify.alert_window_h),
    )


class _Visit:
    """One page's way over its redirects: each address with leave and at its turn. Its methods raise _NotHad."""

    def __init__(
        self, fetcher: Fetcher, robots: RobotsBook, hosts: HostPacer, clock: Callable[[], float], poll: _Poll
    ) -> None:
        self._fetcher, self._robots, self._hosts = fetcher, robots, hosts
        self._clock, self._poll = clock, poll
        self._at: str | None = None  # the host that is to be told when it is free

    async def go_to(self, url: str) -> None:
        """Returns when `url` may be asked for."""
        self.end()
        try:
            host = host_of(url)
            permission = await self._robots.permission(url, self._robots_txt)
        except ValueError:
            raise _NotHad(PageProblem.REFUSED) from None
        if isinstance(permission, PageProblem):
            raise _NotHad(permission)
        if not permission.allowed:
            raise _NotHad(PageProblem.DISALLOWED)
        if permission.crawl_delay_s:
            await self._wait(self._robots.delayed_s(url, permission.crawl_delay_s, self._left_s()))
        await self._turn_at(host)

    async def _robots_txt(self, url: str) -> Fetched:
        await self._turn_at(host_of(url))
        try:
            return await self._fetcher.fetch(url)
        finally:
            self.end()

    async def _turn_at(self, host: str) -> None:
        lent = host == self._poll.host
        while (at_s := self._hosts.visited_at(host, now_s := self._clock(), lent=lent)) != now_s:
            await self._wait(at_s - now_s)
        self._at = None if lent else host

    def _left_s(self) -> float:
        return self._poll.until_s - asyncio.get_running_loop().time()

    async def _wait(self, wait_s: float | None) -> None:
        if wait_s is None or wait_s >= self._left_s():
            raise _NotHad(PageProblem.LATE)
        await asyncio.sleep(wait_s)

    def end(self) -> None:
        """The turn is over, if there was one."""
        if self._at is not None:
            host, self._at = self._at, None
            self._poll.host_is_free(host)


def _by_host(articles: Iterable[Article]) -> list[list[Article]]:
    """In their order; those without an address stand together."""
    hosts: dict[str, list[Article]] = defaultdict(list)
    for article in articles:
        hosts[host_of(article.url) if article.url else ""].append(article)
    return list(hosts.values())
