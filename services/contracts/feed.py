"""A feed to watch, and what the poller remembers of it."""

from enum import StrEnum
from typing import ClassVar

from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

from services.contracts.ids import FeedId
from services.contracts.model import Instant, Record


class SourceGrade(StrEnum):
    """Reliability of a source, A (completely reliable) to E (unreliable), F (cannot be judged).

    The letters of NATO's source grading (AJP-2.1, the "Admiralty" system).
    """

    A = "A"
    B = "B"
    C = "C"
    D = "D"
    E = "E"
    F = "F"


class Feed(Record):
    """A feed as an operator added it. `language` is BCP 47, `country` ISO 3166-1 alpha-2; both are hints."""

    KIND: ClassVar[str] = "feed"

    feed_id: FeedId
    url: str
    title: str = ""
    language: str | None = None
    country: str | None = Field(default=None, pattern=r"^[A-Z]{2}$")
    grade: SourceGrade = SourceGrade.F
    full_text: bool = False
    enabled: bool = True

    @property
    def record_id(self) -> str:
        return self.feed_id


class PollStatus(StrEnum):
    """How the last poll of a feed ended."""

    NEVER = "never"
    OK = "ok"
    NOT_MODIFIED = "not_modified"
    UNREACHABLE = "unreachable"
    TIMED_OUT = "timed_out"
    HTTP_ERROR = "http_error"
    THROTTLED = "throttled"
    GONE = "gone"
    TOO_LARGE = "too_large"
    NOT_A_FEED = "not_a_feed"
    ILL_FORMED = "ill_formed"
    REFUSED = "refused"


# A slotted dataclass, not a Value: a poller holds dozens for each of its feeds, at two fifths of the memory.
@dataclass(frozen=True, slots=True, config=ConfigDict(extra="forbid"))
class Seen:
    """An entry already published: its article and the hash of the content it had."""

    identity: str
    content_hash: str
    revision: int = 1


class LeaseStatus(StrEnum):
    """How a feed's subscription at its hub stands."""

    OFFERED = "offered"
    REQUESTED = "requested"
    LIVE = "live"
    DENIED = "denied"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, config=ConfigDict(extra="forbid"))
class Lease:
    """The subscription of a feed at its hub (W3C WebSub, 23 January 2018).

    `hub` and `topic` are the addresses that the feed's document offers. `callback` is the public address of the replica
    that asked, without the part nobody may guess; empty before anybody did. `ask_at` is when that replica asks again,
    None for never; `ends_at` is until when the hub pushes; `failures` counts the requests since the hub last agreed.
    """

    hub: str
    topic: str
    status: LeaseStatus = LeaseStatus.OFFERED
    callback: str = ""
    reason: str = ""
    ask_at: Instant | None = None
    ends_at: Instant | None = None
    failures: int = 0


class FeedState(Record):
    """What is known of a feed between polls; written only after what it covers was acknowledged.

    `etag` and `last_modified` are kept exactly as received. `watermark_at` is the newest publication time
    the feed has shown: the feed's own clock, by which an entry is recent or old. `ttl_s` is how long the
    document wants to be left alone (RSS `ttl`, RDF's syndication module). `lease` is there once a document offered a
    hub. `seen` holds the newest entries first and is bounded by the poller.
    """

    KIND: ClassVar[str] = "feed-state"

    feed_id: FeedId
    url: str
    etag: str | None = None
    last_modified: str | None = None
    status: PollStatus = PollStatus.NEVER
    reason: str = ""
    http_status: int | None = None
    last_poll_at: Instant | None = None
    last_success_at: Instant | None = None
    next_poll_at: Instant | None = None
    failures: int = 0
    entries: int = 0
    watermark_at: Instant | None = None
    ttl_s: int | None = None
    lease: Lease | None = None
    seen: tuple[Seen, ...] = ()

    @property
    def record_id(self) -> str:
        return self.feed_id
