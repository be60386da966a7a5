"""WebSub (W3C Recommendation of 23 January 2018), the subscriber's decisions: which hub a feed offers, when it is
asked, what its answers change, whether a push is its own, and when a push has the feed polled.

A push is only ever a reason to poll. See "Feeds that push" in docs/feeds.md for why.
"""

import hashlib
import hmac
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from urllib.parse import parse_qs, urljoin, urlsplit

from services.contracts.feed import FeedState, Lease, LeaseStatus
from services.contracts.ids import FeedId
from services.ingest.core.feed import Document
from services.ingest.core.fetched import Fetched
from services.ingest.core.plain_text import one_line

MAX_ADDRESS_CHARS = 2_000
# Enough for any hub; whoever else finds the address is not to have much repeated to him (clause 8.2).
MAX_CHALLENGE_CHARS = 1_000
MAX_REASON_CHARS = 200
_WEB = re.compile(r"https?://[^\s/?#][^\s]*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Offer:
    """The hub of a feed, and the address by which the hub knows the feed, to the letter."""

    hub: str
    topic: str


def offer(fetched: Fetched, document: Document) -> Offer | None:
    """What a document offers, its HTTP headers before its own links (clause 4); None without hub or without self."""
    hub = _address(fetched.url, fetched.hub or document.hub)
    topic = _address(fetched.url, fetched.topic or document.topic)
    return Offer(hub, topic) if hub and topic else None


def _address(base: str, link: str) -> str:
    link = link.strip()
    try:
        address = link if _WEB.fullmatch(link) or not link else urljoin(base, link)
        has_host = bool(urlsplit(address).hostname)
    except ValueError:
        return ""
    return address if has_host and _WEB.fullmatch(address) and len(address) <= MAX_ADDRESS_CHARS else ""


# When a hub is asked.

ASK_AGAIN_AFTER = timedelta(minutes=5)
LONGEST_PAUSE = timedelta(days=1)
# A fifth of a lease is left for a hub that does not answer at once; a hub that gives seconds is not asked every second.
RENEWED_AFTER = 0.8
SHORTEST_RENEWAL = timedelta(minutes=1)
LONGEST_LEASE = timedelta(days=30)


def offered(lease: Lease | None, offer: Offer | None) -> Lease | None:
    """The lease after a document was read. Where it offers another hub or name, another subscription begins; the old
    one ends with its lease. One that offers none for once ends nothing."""
    if offer is None or (lease and (lease.hub, lease.topic) == (offer.hub, offer.topic)):
        return lease
    return Lease(offer.hub, offer.topic)


def newest(known: Lease | None, polled: Lease | None) -> Lease | None:
    """The lease to keep where a poll ends: the poll began with an older one and only knows what a document offers."""
    if known and (polled is None or (known.hub, known.topic) == (polled.hub, polled.topic)):
        return known
    return polled


def ask_at_s(lease: Lease, callback: str) -> float | None:
    """When the replica at `callback` asks the hub, 0 for now, None for never. What another replica agreed with the hub
    is of no use to this one."""
    if lease.callback != callback:
        return 0.0
    return lease.ask_at.timestamp() if lease.ask_at else None


def asked(lease: Lease, callback: str, now: datetime) -> Lease:
    """The lease while the hub is asked; should it never come back, it is asked again, half as often each time."""
    ours = lease.callback == callback
    failures = lease.failures + 1 if ours else 1
    pause = min(ASK_AGAIN_AFTER * 2 ** min(failures - 1, 20), LONGEST_PAUSE)
    return Lease(
        lease.hub,
        lease.topic,
        LeaseStatus.REQUESTED,
        callback,
        ask_at=now + pause,
        ends_at=lease.ends_at if ours else None,
        failures=failures,
    )


def failed(lease: Lease, reason: str) -> Lease:
    """The hub was asked in vain. What it agreed to before holds until it ends."""
    return replace(lease, status=LeaseStatus.FAILED, reason=reason[:MAX_REASON_CHARS])


def verified(lease: Lease, lease_seconds: str, wanted: timedelta, now: datetime) -> Lease:
    """The hub agreed. What it says of the time counts (clause 5.3), or what was wanted where that is no number."""
    given = timedelta(seconds=int(lease_seconds)) if _SECONDS.fullmatch(lease_seconds) else wanted
    runs = min(given or wanted, LONGEST_LEASE)
    return replace(
        lease,
        status=LeaseStatus.LIVE,
        reason="",
        ask_at=now + max(runs * RENEWED_AFTER, SHORTEST_RENEWAL),
        ends_at=now + runs,
        failures=0,
    )


_SECONDS = re.compile("[0-9]{1,9}")


def denied(lease: Lease, reason: str) -> Lease:
    """The hub wants no subscription, and is not asked again (clause 5.2) unless the feed offers another."""
    said = one_line(reason)[:MAX_REASON_CHARS]
    return replace(lease, status=LeaseStatus.DENIED, reason=said, ask_at=None, ends_at=None)


# What is said to a hub, and what it says.


def request(mode: str, lease: Lease, callback: str, feed_id: FeedId, key: bytes, lasting: timedelta) -> dict[str, str]:
    """The form for a hub (clause 5.1); `mode` is subscribe or unsubscribe, `callback` the public base address."""
    return {
        "hub.mode": mode,
        "hub.topic": lease.topic,
        "hub.callback": f"{callback}/{_PREFIX}/{feed_id}/{_token(key, feed_id, lease.hub)}",
        "hub.secret": _secret(key, feed_id, lease.hub).decode(),
        "hub.lease_seconds": str(int(lasting.total_seconds())),
    }


@dataclass(frozen=True, slots=True)
class Intent:
    """What a hub's GET says (clauses 5.2 and 5.3)."""

    mode: str
    topic: str
    challenge: str = ""
    lease_seconds: str = ""
    reason: str = ""


def intent(query: bytes) -> Intent | None:
    """None for a query that is no hub's: without mode or topic, one thing twice, or a challenge nobody needs."""
    try:
        given = parse_qs(query.decode("ascii"), errors="strict", max_num_fields=20)
    except ValueError:
        return None
    said = {name: given.get(f"hub.{name}", [""]) for name in ("mode", "topic", "challenge", "lease_seconds", "reason")}
    if any(len(values) > 1 for values in said.values()):
        return None
    found = Intent(**{name: values[0] for name, values in said.items()})
    fits = len(found.challenge) <= MAX_CHALLENGE_CHARS and found.challenge.isascii() and found.challenge.isprintable()
    return found if found.mode and found.topic and fits and (found.challenge or found.mode == "denied") else None


@dataclass(frozen=True, slots=True)
class Callback:
    """Where a hub came to: the last two parts of the path. `token` is what nobody else can know."""

    feed_id: FeedId
    token: str

    def key(self, keys: Iterable[bytes], hub: str) -> bytes | None:
        """The one of `keys` that the path was made with for this hub; None for a path we never made."""
        token = self.token.encode("utf-8", "replace")
        made = (key for key in keys if hmac.compare_digest(token, _token(key, self.feed_id, hub).encode()))
        return next(made, None)


_PREFIX = "websub"


def callback(path: str) -> Callback | None:
    """Whatever a reverse proxy left before it does not matter."""
    match path.rsplit("/", 3):
        case [_, prefix, feed_id, token] if prefix == _PREFIX:
            return Callback(FeedId(feed_id), token)
    return None


def _token(key: bytes, feed_id: str, hub: str) -> str:
    """Not in the state, which many may read. One hub does not learn what another was told."""
    return hmac.new(key, f"websub callback\n{feed_id}\n{hub}".encode(), hashlib.sha256).hexdigest()


def _secret(key: bytes, feed_id: str, hub: str) -> bytes:
    return hmac.new(key, f"websub secret\n{feed_id}\n{hub}".encode(), hashlib.sha256).hexdigest().encode()


# Pushes.

_ALGORITHMS = frozenset({"sha1", "sha256", "sha384", "sha512"})
_SIGNATURE = re.compile("([a-z0-9]{1,10})=([0-9a-fA-F]{1,128})")


class Signature:
    """Checks `X-Hub-Signature` (clause 7.1) while a body comes in, of which nothing is kept."""

    def __init__(self, header: str, key: bytes, feed_id: FeedId, hub: str) -> None:
        match = _SIGNATURE.fullmatch(header.strip())
        self._claimed = match[2].lower() if match else ""
        self._made = (
            hmac.new(_secret(key, feed_id, hub), digestmod=match[1]) if match and match[1] in _ALGORITHMS else None
        )

    def add(self, chunk: bytes) -> None:
        if self._made is not None:
            self._made.update(chunk)

    @property
    def holds(self) -> bool:
        return self._made is not None and hmac.compare_digest(self._made.hexdigest(), self._claimed)


BETWEEN_POLLS = timedelta(seconds=15)
# A hub is often ahead of the caches that stand before its publisher: what is not there yet is looked for again.
LOOK_AGAIN_AFTER = (BETWEEN_POLLS, timedelta(minutes=1), timedelta(minutes=4))


def poll_at(state: FeedState | None, now: datetime) -> datetime | None:
    """When a feed is polled because of a push; None for not at all: a feed that fails or asked to be left alone
    (429, 410) keeps its pause. However many pushes come, BETWEEN_POLLS lies between two polls."""
    if state is None or state.last_poll_at is None or state.failures:
        return None
    at = max(now, state.last_poll_at + BETWEEN_POLLS)
    return min(at, state.next_poll_at) if state.next_poll_at else at


def looks_left(pushed: bool, looks: Sequence[timedelta], news: bool) -> tuple[timedelta, ...]:
    """The pauses after which a feed is polled again. `pushed` says whether a push came while it was polled, `looks`
    what was left of the push that this poll was for, `news` whether it brought any."""
    if pushed:
        return LOOK_AGAIN_AFTER
    return () if news else tuple(looks)
