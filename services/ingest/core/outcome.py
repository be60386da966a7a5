"""What a poll changes: from a feed, its state and what came back to the new state and the articles to publish."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import takewhile
from urllib.parse import urlsplit

from services.contracts import ids
from services.contracts.article import Article, Source
from services.contracts.feed import LONGEST_BOUND_S, Feed, FeedState, PollStatus, Seen
from services.ingest.core import caching, history, websub
from services.ingest.core.feed import Document, Entry
from services.ingest.core.fetched import PERMANENT, Fetched
from services.ingest.core.recognition import Recognised, recognised
from services.ingest.core.schedule import NextPoll, Pace, next_poll

SUCCEEDED = frozenset({PollStatus.OK, PollStatus.NOT_MODIFIED})

# A date further ahead than any time zone slip would hold the feed's clock in the future, and everything real
# would look old by it. Nothing was syndicated before 1990; earlier dates are zeros in disguise.
FURTHEST_AHEAD = timedelta(days=1)
EARLIEST = datetime(1990, 1, 1, tzinfo=UTC)


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
    pace: Pace,
    jitter: float,
) -> Outcome:
    """The outcome of a poll at `now`. `document` is what `fetched.body` held, None where there is none.

    The first document of a feed is its backlog. An entry whose content changed is the next revision of its article.
    """
    status = document.status if document else fetched.status
    entries: list[Entry] = []
    found = Recognised((), state.seen, state.history)
    if document is not None and status is PollStatus.OK:
        entries = [_with_plausible_date(entry, now) for entry in document.entries]
        found = recognised(feed.feed_id, state.history, state.seen, entries, now)
    planned, schedule = _planned(feed, state, fetched, document, found.news, now=now, pace=pace, jitter=jitter)
    polled: dict[str, object] = {
        "status": status,
        "reason": document.problem if document else fetched.reason,
        "http_status": fetched.http_status,
        "last_poll_at": now,
        **schedule,
    }
    moved = None
    if status in SUCCEEDED:
        polled["last_success_at"] = now
        moved = _moved(feed, fetched)
    if moved is not None:
        polled["url"] = moved.url
    if (moved is not None and status is PollStatus.NOT_MODIFIED) or fetched.http_status in FAULTS_THE_REQUEST:
        # What the new address holds was never seen; what the server faults may be the validators.
        polled |= {"etag": None, "last_modified": None}
    if document is None or status is not PollStatus.OK:
        polled["history"] = history.after_none(state, status in SUCCEEDED, now, feed.url if moved else None)
        return Outcome(state.model_copy(update=polled), (), planned.because, moved)
    watermark = max((d for d in (state.watermark_at, *(e.published_at for e in entries)) if d), default=None)
    read = {
        "etag": fetched.etag,
        "last_modified": fetched.last_modified,
        "entries": len(entries),
        "watermark_at": watermark,
        "lease": websub.offered(state.lease, websub.offer(fetched, document)),
        "seen": found.seen,
        "history": history.after_document(state, found, document.problem, entries, now, feed.url if moved else None),
    }
    backlog = state.last_success_at is None
    return Outcome(
        state.model_copy(update=polled | read),
        tuple(
            _article(feed, document, entry, mark, now, watermark, backlog) for entry, mark in _oldest_first(found.news)
        ),
        planned.because,
        moved,
    )


def _planned(
    feed: Feed,
    state: FeedState,
    fetched: Fetched,
    document: Document | None,
    news: Sequence[tuple[Entry, Seen]],
    *,
    now: datetime,
    pace: Pace,
    jitter: float,
) -> tuple[NextPoll, dict[str, object]]:
    """The next poll, and what the state keeps of it and its reasons."""
    status = document.status if document else fetched.status
    failures = 0 if status in SUCCEEDED else state.failures + 1
    pace = pace.bounded(feed.min_interval_s, feed.max_interval_s)
    before = timedelta(seconds=state.interval_s) if state.interval_s else None
    interval, because = pace.interval(before, status, _has_news(state, status, news))
    fresh_s, ttl_s = _fresh_s(state, fetched, status, now), _ttl_s(state, document)
    planned = next_poll(
        status,
        now,
        interval,
        jitter,
        because=because,
        failures=failures,
        fresh=None if fresh_s is None else timedelta(seconds=fresh_s),
        # Who bounds a feed by hand knows better than the software that wrote it: WordPress says "hourly" unasked.
        ttl=timedelta(seconds=min(ttl_s or 0, feed.max_interval_s or LONGEST_BOUND_S)),
        retry_after=caching.retry_after(fetched.retry_after, now),
    )
    keeps: dict[str, object] = {
        "failures": failures,
        "next_poll_at": planned.at,
        "interval_s": interval.total_seconds(),
        "fresh_s": fresh_s,
        "ttl_s": ttl_s,
    }
    return planned, keeps


def _ttl_s(state: FeedState, document: Document | None) -> int | None:
    """What the document asks, or the last one that came asked."""
    if document is None or document.status is not PollStatus.OK:
        return state.ttl_s
    return int(document.ttl.total_seconds()) if document.ttl else None


def _fresh_s(state: FeedState, fetched: Fetched, status: PollStatus, now: datetime) -> int | None:
    """What the answer asks, or the last one asked: a 304 that is silent on it changes nothing (RFC 9111, 4.3.4)."""
    silent = status is PollStatus.NOT_MODIFIED and fetched.cache_control is None and fetched.expires is None
    if silent or status not in SUCCEEDED:
        return state.fresh_s
    fresh = caching.freshness(
        fetched.cache_control, expires=fetched.expires, date=fetched.date, age=fetched.age, now=now
    )
    return None if fresh is None else int(fresh.total_seconds())


def _has_news(state: FeedState, status: PollStatus, news: Sequence[tuple[Entry, Seen]]) -> bool | None:
    """Whether the feed has something new to tell; None where its backlog, edits alone or a failure do not show it.

    A new entry with an old date is none: some feeds give their entries new ids at every poll.
    """
    if status not in SUCCEEDED or state.last_success_at is None:
        return None
    new = [entry.published_at for entry, mark in news if mark.revision == 1]
    if not new:
        return None if news else False
    return any(date is None or state.watermark_at is None or date > state.watermark_at for date in new)


# Answers that find fault with the request itself (RFC 9110, 15.5.1 and 15.5.13; RFC 6585, 5).
FAULTS_THE_REQUEST = frozenset({400, 412, 431})


def _moved(feed: Feed, fetched: Fetched) -> Feed | None:
    """The feed at the address that its redirects name for good (RFC 9110, 15.4.2 and 15.4.9); never from https by
    way of http, where anybody could have sent it anywhere."""
    for_good = len(list(takewhile(lambda hop: hop.http_status in PERMANENT, fetched.hops)))
    ways = [*(hop.url for hop in fetched.hops), fetched.url][: for_good + 1]
    if not for_good or (feed.url.startswith("https:") and not all(way.startswith("https:") for way in ways)):
        return None
    return feed.model_copy(update={"url": ways[-1]})


def _with_plausible_date(entry: Entry, now: datetime) -> Entry:
    if entry.published_at is None or EARLIEST < entry.published_at <= now + FURTHEST_AHEAD:
        return entry
    return replace(entry, published_at=None)


def _oldest_first(news: Sequence[tuple[Entry, Seen]]) -> list[tuple[Entry, Seen]]:
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
