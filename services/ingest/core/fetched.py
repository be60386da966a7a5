"""What a fetch came to: a value for every outcome there is, so that nothing above has to catch."""

from dataclasses import dataclass

from services.contracts.feed import PollStatus

PERMANENT = frozenset({301, 308})
"""Redirects that name a new address for good (RFC 9110, 15.4.2 and 15.4.9)."""


@dataclass(frozen=True, slots=True)
class Hop:
    """A redirect that was followed: the address that was left, and its status."""

    url: str
    http_status: int


@dataclass(frozen=True, slots=True)
class Fetched:
    """`status` is `ok` where `body` holds a document (decompressed), and says what went wrong elsewhere, in words
    in `reason`. Header values are as received (Latin-1), None where absent. `url` is where the answer came from,
    by way of `hops`. `hub` and `topic` are what the Link header names as hub and self."""

    status: PollStatus
    reason: str = ""
    url: str = ""
    http_status: int | None = None
    etag: str | None = None
    last_modified: str | None = None
    content_type: str = ""
    cache_control: str | None = None
    expires: str | None = None
    date: str | None = None
    age: str | None = None
    retry_after: str | None = None
    body: bytes = b""
    hops: tuple[Hop, ...] = ()
    hub: str = ""
    topic: str = ""
