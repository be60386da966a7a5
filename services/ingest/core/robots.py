"""What a host's robots.txt lets us fetch (RFC 9309), and how often (Crawl-delay, which the RFC does not know)."""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlsplit, urlunsplit

from protego import Protego

from services.contracts.article import PageProblem
from services.contracts.feed import PollStatus
from services.ingest.core import caching
from services.ingest.core.fetched import Fetched

# RFC 9309, 2.5: at least 500 KiB are to be parsed; what stands further down is not read.
MAX_BYTES = 500 * 1024
LONGEST_KEPT = timedelta(days=1)  # 2.4
SHORTEST_KEPT = timedelta(minutes=10)
# 2.3.1.4 forbids everything meanwhile, and does not say how soon to ask again.
UNREACHABLE_FOR = timedelta(hours=1)

# "Mozilla/5.0 (compatible; Foobot/1.0)" calls itself Foobot.
_COMPATIBLE = re.compile(r"\(compatible;\s*([A-Za-z_-]+)")
_PRODUCT = re.compile(r"[A-Za-z_-]+")


@dataclass(frozen=True, slots=True)
class Robots:
    """A host's robots.txt until `until`. `text` is empty where everything is allowed, and says why where it could
    not be had, which forbids everything."""

    text: bytes | PageProblem
    until: datetime


@dataclass(frozen=True, slots=True)
class Permission:
    """What `Robots.text` says about one address. `crawl_delay_s` is what lies between two requests, 0 if not told."""

    allowed: bool
    crawl_delay_s: float = 0.0


def address(url: str) -> str:
    """Where the robots.txt that covers `url` is: one for each scheme, host and port (2.3). Raises ValueError."""
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2].lower(), "/robots.txt", "", ""))


def received(fetched: Fetched, now: datetime) -> Robots:
    """The robots.txt in an answer.

    A 4xx says that there is none (2.3.1.3), but for 429, which says nothing. All other failures, an answer that is too
    large and redirects that do not end among them, forbid.
    """
    if fetched.status is PollStatus.OK:
        kept = caching.freshness(
            fetched.cache_control, expires=fetched.expires, date=fetched.date, age=fetched.age, now=now
        )
        kept = LONGEST_KEPT if kept is None else min(max(kept, SHORTEST_KEPT), LONGEST_KEPT)
        return Robots(fetched.body[:MAX_BYTES], now + kept)
    code = fetched.http_status
    if code is not None and 400 <= code < 500 and fetched.status is not PollStatus.THROTTLED:
        return Robots(b"", now + LONGEST_KEPT)
    refused = fetched.status is PollStatus.REFUSED  # as every page there would be
    return Robots(PageProblem.REFUSED if refused else PageProblem.ROBOTS_UNREACHABLE, now + UNREACHABLE_FOR)


def permission(text: bytes, url: str, user_agent: str) -> Permission:
    """May `user_agent` fetch `url`, whose host says `text`?

    A hostile text can make this last, because its rules count once for each of its agents.
    """
    name = product_token(user_agent)
    rules = Protego.parse(text.decode("utf-8", "replace").removeprefix("\ufeff"))
    return Permission(rules.can_fetch(url, name), rules.crawl_delay(name) or 0.0)


def product_token(user_agent: str) -> str:
    """The name in a User-Agent by which a robots.txt calls its sender (2.2.1)."""
    match = _COMPATIBLE.search(user_agent) or _PRODUCT.match(user_agent)
    return match[match.lastindex or 0] if match else "*"
