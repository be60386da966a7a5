"""The robots.txt of the hosts whose pages are fetched, kept for as long as RFC 9309 lets us."""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Protocol

from services.contracts.article import PageProblem
from services.ingest.core import robots
from services.ingest.core.fetched import Fetched
from services.ingest.core.robots import Permission, Robots

MAX_SITES = 2_000
MAX_BYTES = 32 << 20


class Reads(Protocol):
    async def permission(self, robots: bytes, url: str, user_agent: str) -> Permission: ...


@dataclass(slots=True)
class _Site:
    """`free_at_s` is when the host's Crawl-delay has passed."""

    robots: Robots | None = None
    free_at_s: float = 0.0
    asking: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def size(self) -> int:
        return len(self.robots.text) if self.robots else 0


class RobotsBook:
    """What each site lets `user_agent` do. The sites asked for longest ago are forgotten beyond MAX_SITES and
    MAX_BYTES. A text is read in the parser's process each time, because a hostile one can take long."""

    def __init__(self, parser: Reads, user_agent: str, clock: Callable[[], float]) -> None:
        self._parser, self._user_agent, self._clock = parser, user_agent, clock
        self._sites: OrderedDict[str, _Site] = OrderedDict()
        self._bytes = 0

    async def permission(self, url: str, fetch: Callable[[str], Awaitable[Fetched]]) -> Permission | PageProblem:
        """The problem where the site's robots.txt, which is had by `fetch`, cannot be had. Raises ValueError for what
        is no address, and what `fetch` raises."""
        address = robots.address(url)
        site = self._site(address)
        async with site.asking:  # so that a second page waits for the answer to the first
            now = datetime.fromtimestamp(self._clock(), UTC)
            if site.robots is None or site.robots.until <= now:
                self._keep(address, site, robots.received(await fetch(address), now))
        assert site.robots is not None
        if isinstance(site.robots.text, PageProblem):
            return site.robots.text
        return await self._parser.permission(site.robots.text, url, self._user_agent)

    def delayed_s(self, url: str, delay_s: float, patience_s: float) -> float | None:
        """How long to wait for the moment that a Crawl-delay leaves, which is kept; None if it comes too late."""
        site, now_s = self._site(robots.address(url)), self._clock()
        at_s = max(site.free_at_s, now_s)
        if at_s - now_s >= patience_s:
            return None
        site.free_at_s = at_s + delay_s
        return at_s - now_s

    def _site(self, address: str) -> _Site:
        site = self._sites.setdefault(address, _Site())
        self._sites.move_to_end(address)
        return site

    def _keep(self, address: str, site: _Site, text: Robots) -> None:
        if self._sites.get(address) is not site:  # forgotten while it was asked for
            site.robots = text
            return
        self._bytes -= site.size
        site.robots = text
        self._bytes += site.size
        while len(self._sites) > MAX_SITES or self._bytes > MAX_BYTES:
            _, forgotten = self._sites.popitem(last=False)
            self._bytes -= forgotten.size
