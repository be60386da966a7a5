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


LONGEST_BOUND_S = 86_400


class Feed(Record):
    """A feed as an operator added it. `language` is BCP 47, `country` ISO 3166-1 alpha-2; both are hints.

    `min_interval_s` and `max_interval_s` bound the time between two polls, None leaving it to the settings; where they
    cross, the minimum holds.
    """

    KIND: ClassVar[str] = "feed"

    feed_id: FeedId
    url: str
    title: str = ""
    language: str | None = None
    country: str | None = Field(default=None, pattern=r"^[A-Z]{2}$")
    grade: SourceGrade = SourceGrade.F
    full_text: bool = False
    enabled: bool = True
    min_interval_s: int | None = Field(default=None, ge=1, le=LONGEST_BOUND_S)
    max_interval_s: int | None = Field(default=None, ge=1, le=LONGEST_BOUND_S)

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


# One slotted value of its own for the same reason: each field of a Record costs every feed some hundred bytes.
@dataclass(frozen=True, slots=True, config=ConfigDict(extra="forbid"))
class History:
    """What is remembered of a feed to judge its health and how its entries are told apart.

    `read_at` is the last poll that brought a whole document, `problem` what was wrong with that document, `changed_at`
    the last poll that brought something new or edited, `new_at` the last that brought a new entry (at first the date of
    the newest entry found). `longest_gap_s` is the longest silence between two entries that is usual for the feed.
    `daily` is how many new entries a day it then had, those of earlier days counting less and less.
    `wrong_304s` counts the times that news stood behind a 304. The rest counts the polls at which ids had changed under
    known articles, at which ids named other articles than before, and at which links had changed; `identity_at` is the
    last of these.
    """

    failing_since: Instant | None = None
    moved_from: str | None = None
    moved_at: Instant | None = None
    read_at: Instant | None = None
    problem: str = ""
    changed_at: Instant | None = None
    new_at: Instant | None = None
    longest_gap_s: int | None = None
    daily: float | None = None
    wrong_304s: int = 0
    id_changes: int = 0
    id_reuses: int = 0
    link_changes: int = 0
    identity_at: Instant | None = None


class FeedState(Record):
    """What is known of a feed between polls; written only after what it covers was acknowledged.

    `etag` and `last_modified` are kept exactly as received. `watermark_at` is the newest publication time
    the feed has shown: the feed's own clock, by which an entry is recent or old. `ttl_s` is how long the
    document wants to be left alone (RSS `ttl`, RDF's syndication module), `fresh_s` how long the answer does
    (RFC 9111). `interval_s` is the time between polls that its news have led to. `lease` is there once a document
    offered a hub. `seen` holds the newest entries first and is bounded by the poller.
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
    fresh_s: int | None = None
    interval_s: float | None = None
    lease: Lease | None = None
    seen: tuple[Seen, ...] = ()
    history: History = History()

    @property
    def record_id(self) -> str:
        return self.feed_id
