"""What a poll changes: from a feed, its state and what came back to the new state and the articles to publish."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import takewhile
from urllib.parse import urlsplit

from services.contracts import ids
from services.contracts.article import Article, Source
from services.contracts.feed import Feed, FeedState, PollStatus, Seen
from services.ingest.core import caching, websub
from services.ingest.core.feed import Document, Entry
from services.ingest.core.fetched import Fetched
from services.ingest.core.identity import content_hash, identities
from services.ingest.core.schedule import next_poll

SUCCEEDED = frozenset({PollStatus.OK, PollStatus.NOT_MODIFIED})

# A date further ahead than any time zone slip would hold the feed's clock in the future, and everything real
# would look old by it. Nothing was syndicated before 1990; earlier dates are zeros in disguise.
FURTHEST_AHEAD = timedelta(days=1)
EARLIEST = datetime(1990, 1, 1, tzinfo=UTC)

# Entries that left the document are remembered this far, because some feeds let them come back.
SEEN_AT_LEAST = 50


@dataclass(frozen=True, slots=True)
class Outcome:
    """`articles` stand oldest first and are to be acknowledged before `state` is written. `next_because` is the
    reason of `state.next_poll_at`. `moved` is the feed at its new address, where it has one."""

    state: FeedState
    articles: tuple[Article, ...]
    next_because: str
    moved: Feed | None = None


def state_before(feed: Feed, state: FeedState | None) -> FeedState:
    """What a poll of `feed` starts from. Validators, failures and schedule belong to the address they came
    from; what was seen stays seen."""
    if state is None:
        return FeedState(feed_id=feed.feed_id, url=feed.url)
    if state.url == feed.url:
        return state
    return state.model_copy(
        update={
            "url": feed.url,
            "etag": None,
            "last_modified": None,
            "status": PollStatus.NEVER,
            "next_poll_at": None,
            "failures": 0,
        }
    )


def settle(
    feed: Feed,
    state: FeedState,
    fetched: Fetched,
    document: Document | None,
    *,
    now: datetime,
    interval: timedelta,
    jitter: float,
) -> Outcome:
    """The outcome of a poll at `now`. `document` is what `fetched.body` held, None where there is none.

    The first document of a feed is its backlog. An entry whose content changed is the next revision of its article.
    """
    status = document.status if document else fetched.status
    failures = 0 if status in SUCCEEDED else state.failures + 1
    ttl_s = _ttl_s(state, document)
    planned = next_poll(
        status,
        now,
        interval,
        jitter,
        failures=failures,
        max_age=caching.max_age(fetched.cache_control),
        ttl=timedelta(seconds=ttl_s) if ttl_s else None,
        retry_after=caching.retry_after(fetched.retry_after, now),
    )
    polled: dict[str, object] = {
        "status": status,
        "reason": document.problem if document else fetched.reason,
        "http_status": fetched.http_status,
        "last_poll_at": now,
        "next_poll_at": planned.at,
        "failures": failures,
    }
    if status in SUCCEEDED:
        polled["last_success_at"] = now
    moved = _moved(feed, fetched) if status in SUCCEEDED else None
    if moved is not None:
        polled["url"] = moved.url
    if document is None or status is not PollStatus.OK:
        return Outcome(state.model_copy(update=polled), (), planned.because, moved)
    entries = [_with_plausible_date(entry, now) for entry in document.entries]
    watermark = max((d for d in (state.watermark_at, *(e.published_at for e in entries)) if d), default=None)
    news, seen = _news(feed, state, entries)
    read = {
        "etag": fetched.etag,
        "last_modified": fetched.last_modified,
        "entries": len(entries),
        "watermark_at": watermark,
        "ttl_s": ttl_s,
        "lease": websub.offered(state.lease, websub.offer(fetched, document)),
        "seen": seen,
    }
    backlog = state.last_success_at is None
    return Outcome(
        state.model_copy(update=polled | read),
        tuple(_article(feed, document, entry, mark, now, watermark, backlog) for entry, mark in news),
        planned.because,
        moved,
    )


def _ttl_s(state: FeedState, document: Document | None) -> int | None:
    """What the document asks, or the last one that came asked."""
    if document is None:
        return state.ttl_s
    return int(document.ttl.total_seconds()) if document.ttl else None


PERMANENT = frozenset({301, 308})


def _moved(feed: Feed, fetched: Fetched) -> Feed | None:
    """The feed at the address that its redirects name for good (RFC 9110, 15.4.2 and 15.4.9); never from https to
    http."""
    for_good = len(list(takewhile(lambda hop: hop.http_status in PERMANENT, fetched.hops)))
    ways = [*(hop.url for hop in fetched.hops), fetched.url]
    address = ways[for_good]
    if not for_good or (feed.url.startswith("https:") and not address.startswith("https:")):
        return None
    return feed.model_copy(update={"url": address})


def _with_plausible_date(entry: Entry, now: datetime) -> Entry:
    if entry.published_at is None or EARLIEST < entry.published_at <= now + FURTHEST_AHEAD:
        return entry
    return replace(entry, published_at=None)


def _news(feed: Feed, state: FeedState, entries: list[Entry]) -> tuple[list[tuple[Entry, Seen]], tuple[Seen, ...]]:
    """The entries that are new or edited, oldest first, and what has been seen after them, newest first."""
    known = {mark.identity: mark for mark in state.seen}
    seen: dict[str, Seen] = {}
    news = []
    for entry, identity in zip(entries, identities(entries), strict=True):
        article = ids.article_id(feed.feed_id, identity)
        if article in seen or entry.is_blank:
            continue
        mark, content = known.get(article), content_hash(entry)
        if mark is None or mark.content_hash != content:
            mark = Seen(identity=article, content_hash=content, revision=mark.revision + 1 if mark else 1)
            news.append((entry, mark))
        seen[article] = mark
    keep = max(SEEN_AT_LEAST, 2 * len(seen))
    for identity, mark in known.items():
        if len(seen) >= keep:
            break
        seen.setdefault(identity, mark)
    return _oldest_first(news), tuple(seen.values())


def _oldest_first(news: list[tuple[Entry, Seen]]) -> list[tuple[Entry, Seen]]:
    """By date where every entry has one; else the document turned round, for documents begin with the newest."""
    turned = list(reversed(news))
    if all(entry.published_at for entry, _ in turned):
        turned.sort(key=lambda item: item[0].published_at or EARLIEST)
    return turned


def _article(
    feed: Feed,
    document: Document,
    entry: Entry,
    mark: Seen,
    now: datetime,
    watermark_at: datetime | None,
    backlog: bool,
) -> Article:
    return Article(
        article_id=ids.ArticleId(mark.identity),
        revision=mark.revision,
        source=Source(
            feed_id=feed.feed_id,
            name=feed.title or document.title or urlsplit(feed.url).hostname or feed.feed_id,
            grade=feed.grade,
        ),
        url=entry.link,
        title=entry.title,
        text=entry.text,
        text_origin=entry.text_origin,
        language_hint=feed.language or document.language,
        country_hint=feed.country,
        published_at=entry.published_at,
        fetched_at=now,
        watermark_at=watermark_at,
        backlog=backlog,
    )
