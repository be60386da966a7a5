"""The decision: from a feed, its state and what came back to the new state and the articles."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.contracts import ids
from services.contracts.article import TextOrigin
from services.contracts.feed import Feed, FeedState, PollStatus, SourceGrade
from services.ingest.core.feed import Document, Entry
from services.ingest.core.fetched import Fetched, Hop
from services.ingest.core.outcome import Outcome, settle, state_before
from services.ingest.core.recognition import SEEN_AT_LEAST
from services.ingest.core.schedule import Pace

URL = "https://wire.example/rss"
FEED = Feed(feed_id=ids.feed_id(URL), url=URL, title="Wire", language="fr", country="IQ", grade=SourceGrade.B)
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
INTERVAL = timedelta(minutes=5)
PACE = Pace.around(300)
FETCHED = Fetched(PollStatus.OK, url=URL, http_status=200, etag='"1"', last_modified="Sunday")


def entry(name: str, published: str | None = None, text: str = "") -> Entry:
    return Entry(
        id=name,
        link=f"https://wire.example/{name}",
        title=name.title(),
        text=text or f"About {name}.",
        text_origin=TextOrigin.ENTRY,
        published_at=datetime.fromisoformat(published) if published else None,
    )


def poll(
    *entries: Entry, state: FeedState | None = None, fetched: Fetched = FETCHED, feed: Feed = FEED, now: datetime = NOW
) -> Outcome:
    document = Document(PollStatus.OK, title="Self-styled Wire", language="en", entries=entries)
    before = state_before(feed, state)
    read = document if fetched.status is PollStatus.OK else None
    return settle(feed, before, fetched, read, now=now, pace=PACE, jitter=0.0)


def test_the_first_document_is_backlog_and_every_entry_is_published() -> None:
    outcome = poll(entry("b", "2020-12-21T08:00:00+03:00"), entry("a", "2020-12-20T22:00:00+00:00"))
    assert [(a.title, a.backlog, a.revision) for a in outcome.articles] == [("A", True, 1), ("B", True, 1)]
    newest = outcome.articles[1]
    assert newest.article_id == ids.article_id(FEED.feed_id, "id:b")
    assert newest.source.model_dump() == {"feed_id": FEED.feed_id, "name": "Wire", "grade": "B"}
    assert (newest.url, newest.language_hint, newest.country_hint) == ("https://wire.example/b", "fr", "IQ")
    assert newest.published_at is not None
    assert newest.published_at.isoformat() == "2020-12-21T08:00:00+03:00"
    assert newest.fetched_at == NOW
    assert {a.watermark_at for a in outcome.articles} == {newest.published_at}
    state = outcome.state
    assert (state.status, state.entries, state.etag, state.last_modified) == (PollStatus.OK, 2, '"1"', "Sunday")
    assert (state.watermark_at, state.last_success_at) == (newest.published_at, NOW)
    assert (state.next_poll_at, outcome.next_because) == (NOW + INTERVAL, "interval")


def test_the_same_document_again_publishes_nothing() -> None:
    first = poll(entry("a"), entry("b"))
    again = poll(entry("a"), entry("b"), state=first.state)
    assert again.articles == ()
    assert again.state.seen == first.state.seen


def test_what_comes_later_is_news() -> None:
    first = poll(entry("a", "2026-03-01T08:00:00+00:00"))
    later = poll(entry("b", "2026-03-01T09:00:00+00:00"), entry("a", "2026-03-01T08:00:00+00:00"), state=first.state)
    (article,) = later.articles
    assert (article.title, article.backlog) == ("B", False)
    assert str(article.watermark_at) == "2026-03-01 09:00:00+00:00"


def test_a_feed_that_began_empty_has_no_backlog_left() -> None:
    later = poll(entry("a"), state=poll().state)
    assert [article.backlog for article in later.articles] == [False]


def test_a_failed_first_poll_leaves_the_backlog_to_the_next() -> None:
    failed = poll(fetched=Fetched(PollStatus.HTTP_ERROR, "HTTP 500", URL, 500))
    assert [article.backlog for article in poll(entry("a"), state=failed.state).articles] == [True]


def test_an_edited_entry_is_the_next_revision() -> None:
    state = poll(entry("a"), entry("b")).state
    edited = poll(entry("a", text="Corrected."), entry("b"), state=state)
    (article,) = edited.articles
    assert (article.article_id, article.revision, article.text) == (state.seen[0].identity, 2, "Corrected.")
    again = poll(entry("a", text="Corrected twice."), state=edited.state)
    assert [article.revision for article in again.articles] == [3]


def test_the_watermark_only_rises() -> None:
    state = poll(entry("a", "2026-03-01T08:00:00+00:00")).state
    later = poll(entry("old", "2019-01-01T00:00:00+00:00"), entry("undated"), state=state)
    assert {str(a.watermark_at) for a in later.articles} == {"2026-03-01 08:00:00+00:00"}
    assert {a.published_at is None for a in later.articles} == {True, False}
    assert later.state.watermark_at == state.watermark_at


@pytest.mark.parametrize(
    ("published", "kept"),
    [
        ("2026-03-02T11:59:00+00:00", True),  # a time zone slip
        ("2026-03-02T12:01:00+00:00", False),
        ("2106-02-07T06:28:15+00:00", False),
        ("1970-01-01T00:00:00+00:00", False),
        ("1990-01-01T00:00:01+00:00", True),
    ],
)
def test_impossible_dates_are_unknown(published: str, kept: bool) -> None:
    outcome = poll(entry("a", published))
    assert (outcome.articles[0].published_at is not None) is kept
    assert (outcome.state.watermark_at is not None) is kept


def test_without_dates_there_is_no_watermark() -> None:
    outcome = poll(entry("b"), entry("a"))
    assert [a.title for a in outcome.articles] == ["A", "B"]
    assert (outcome.articles[0].watermark_at, outcome.state.watermark_at) == (None, None)


FAILURES = [
    Fetched(PollStatus.UNREACHABLE, "no route", URL),
    Fetched(PollStatus.TIMED_OUT, "30 s", URL),
    Fetched(PollStatus.HTTP_ERROR, "HTTP 500", URL, 500),
    Fetched(PollStatus.TOO_LARGE, "more", URL, 200),
    Fetched(PollStatus.REFUSED, "private", URL),
    Fetched(PollStatus.THROTTLED, "HTTP 429", URL, 429, retry_after="1200"),
    Fetched(PollStatus.GONE, "HTTP 410", URL, 410),
]


@pytest.mark.parametrize("fetched", FAILURES, ids=lambda fetched: fetched.status)
def test_a_failure_keeps_what_is_known(fetched: Fetched) -> None:
    known = poll(entry("a", "2026-03-01T08:00:00+00:00")).state
    outcome = poll(state=known, fetched=fetched)
    state = outcome.state
    assert outcome.articles == ()
    assert (state.status, state.reason, state.failures) == (fetched.status, fetched.reason, 1)
    kept = {"etag", "last_modified", "seen", "watermark_at", "entries", "last_success_at"}
    assert state.model_dump(include=kept) == known.model_dump(include=kept)
    assert poll(state=state, fetched=fetched).state.failures == 2


def test_retry_after_and_gone_reach_the_schedule() -> None:
    throttled = poll(fetched=FAILURES[5])
    assert (throttled.state.next_poll_at, throttled.next_because) == (NOW + timedelta(minutes=20), "retry-after")
    assert poll(fetched=FAILURES[6]).state.next_poll_at is None


@pytest.mark.parametrize("status", [PollStatus.NOT_A_FEED, PollStatus.ILL_FORMED])
def test_a_document_that_is_none_keeps_the_validators_of_the_last_good_one(status: PollStatus) -> None:
    known = poll(entry("a")).state
    page = replace(FETCHED, etag='"page"')
    wrong = Document(status, "HTML instead of a feed")
    state = settle(FEED, known, page, wrong, now=NOW, pace=PACE, jitter=0.0).state
    assert (state.status, state.reason, state.etag, state.failures) == (status, "HTML instead of a feed", '"1"', 1)


def test_not_modified_is_a_success() -> None:
    known = poll(entry("a")).state.model_copy(update={"failures": 3})
    outcome = poll(state=known, fetched=Fetched(PollStatus.NOT_MODIFIED, url=URL, http_status=304), now=NOW + INTERVAL)
    assert (outcome.state.failures, outcome.state.last_success_at, outcome.articles) == (0, NOW + INTERVAL, ())
    assert (outcome.state.etag, outcome.state.seen) == (known.etag, known.seen)


def test_what_the_document_asked_holds_until_it_asks_otherwise() -> None:
    asking = Document(PollStatus.OK, ttl=timedelta(minutes=20))
    state = settle(FEED, state_before(FEED, None), FETCHED, asking, now=NOW, pace=PACE, jitter=0.0).state
    assert (state.ttl_s, state.next_poll_at) == (1200, NOW + timedelta(minutes=20))
    quiet = poll(state=state, fetched=Fetched(PollStatus.NOT_MODIFIED, url=URL, http_status=304))
    assert (quiet.state.ttl_s, quiet.next_because) == (1200, "ttl")
    assert poll(entry("a"), state=quiet.state).state.ttl_s is None


NOT_MODIFIED = Fetched(PollStatus.NOT_MODIFIED, url=URL, http_status=304)


def test_validators_are_replaced_together() -> None:
    known = poll(entry("a")).state
    state = poll(entry("a"), state=known, fetched=replace(FETCHED, etag=None, last_modified="Monday")).state
    assert (state.etag, state.last_modified) == (None, "Monday")
    state = poll(entry("a"), state=state, fetched=replace(FETCHED, etag=None, last_modified=None)).state
    assert (state.etag, state.last_modified) == (None, None)


def test_a_304_changes_no_validator() -> None:
    """Apache's says `"1"` of what its 200 called `"1-gzip"`; only the latter is answered by a 304."""
    known = poll(entry("a"), fetched=replace(FETCHED, etag='"1-gzip"')).state
    state = poll(state=known, fetched=replace(NOT_MODIFIED, etag='"1"', last_modified="Tuesday")).state
    assert (state.etag, state.last_modified) == ('"1-gzip"', "Sunday")


def test_a_304_may_change_how_long_an_answer_is_fresh() -> None:
    known = poll(entry("a"), fetched=replace(FETCHED, cache_control="max-age=900")).state
    assert (known.fresh_s, known.next_poll_at) == (900, NOW + timedelta(minutes=15))
    for says, fresh_s in ((None, 900), ("max-age=1200", 1200), ("no-cache", None)):
        outcome = poll(state=known, fetched=replace(NOT_MODIFIED, cache_control=says))
        assert outcome.state.fresh_s == fresh_s
        assert outcome.next_because == ("fresh" if fresh_s else "quiet")
    assert poll(state=known, fetched=FAILURES[2]).state.fresh_s == 900
    assert poll(entry("a"), state=known).state.fresh_s is None


def test_what_the_server_faults_is_asked_without_validators() -> None:
    known = poll(entry("a")).state
    for http_status, etag in ((400, None), (412, None), (431, None), (403, '"1"'), (500, '"1"')):
        state = poll(state=known, fetched=Fetched(PollStatus.HTTP_ERROR, "no", URL, http_status)).state
        assert state.etag == etag
        assert (state.last_modified is None) is (etag is None)


def later(state: FeedState, *entries: Entry, fetched: Fetched = FETCHED, feed: Feed = FEED) -> tuple[float | None, str]:
    outcome = poll(*entries, state=state, fetched=fetched, feed=feed, now=NOW + INTERVAL)
    return outcome.state.interval_s, outcome.next_because


A, B = entry("a", "2026-03-01T08:00:00+00:00"), entry("b", "2026-03-01T09:00:00+00:00")


def test_news_bring_the_next_poll_nearer_and_silence_puts_it_off() -> None:
    known = poll(A).state
    assert known.interval_s == 300, "a backlog is no news"
    assert later(known, B, A) == (150, "news")
    assert later(known, entry("undated"), A) == (150, "news")
    assert later(known, A) == (375, "quiet")
    assert later(known, fetched=NOT_MODIFIED) == (375, "quiet")
    assert later(known) == (375, "quiet"), "an empty document"
    edited = replace(A, text="Corrected.")
    assert later(known, edited) == (300, "interval"), "an edit shows no rhythm"
    assert later(known, B, edited) == (150, "news")
    assert later(known, fetched=FAILURES[2]) == (300, "back-off after 1 failed")
    assert later(known, fetched=FAILURES[5]) == (600, "retry-after")


def test_new_ids_for_old_entries_are_no_news() -> None:
    assert later(poll(A, B).state, replace(A, id="a2", link=None), replace(B, id="b2", link=None)) == (375, "quiet")


def test_a_feed_has_bounds_of_its_own() -> None:
    quick = FEED.model_copy(update={"min_interval_s": 10, "max_interval_s": 200})
    slow = FEED.model_copy(update={"min_interval_s": 1800})
    assert poll(A, feed=quick).state.interval_s == 200
    assert later(poll(A, feed=quick).state, A, feed=quick) == (200, "longest interval")
    assert later(poll(A).state.model_copy(update={"interval_s": 15.0}), B, A, feed=quick) == (10, "shortest interval")
    assert later(poll(A, feed=slow).state, B, A, feed=slow) == (1800, "shortest interval")
    assert later(poll(A).state, B, A, feed=slow) == (1800, "shortest interval"), "a bound set later holds at once"


@pytest.mark.parametrize(
    ("max_interval_s", "cache_control", "wait_s", "because"),
    [
        (None, None, 3600, "ttl"),
        (None, "max-age=1200", 3600, "ttl"),
        (600, None, 600, "ttl"),
        (600, "max-age=1200", 1200, "fresh"),
        (60, None, 60, "interval"),
    ],
)
def test_an_operators_longest_interval_outweighs_a_ttl_but_no_header(
    max_interval_s: int | None, cache_control: str | None, wait_s: int, because: str
) -> None:
    feed = FEED.model_copy(update={"max_interval_s": max_interval_s})
    fetched = replace(FETCHED, cache_control=cache_control)
    hourly = Document(PollStatus.OK, ttl=timedelta(hours=1))
    outcome = settle(feed, state_before(feed, None), fetched, hourly, now=NOW, pace=PACE, jitter=0.0)
    assert (outcome.state.next_poll_at, outcome.next_because) == (NOW + timedelta(seconds=wait_s), because)


def test_a_new_address_starts_afresh_but_for_what_was_seen() -> None:
    known = poll(entry("a")).state
    moved = FEED.model_copy(update={"url": "https://wire.example/new"})
    before = state_before(moved, known)
    assert (before.url, before.etag, before.last_modified, before.next_poll_at) == (moved.url, None, None, None)
    assert poll(entry("a"), state=known, feed=moved).articles == ()


@pytest.mark.parametrize(
    ("statuses", "moved_to"),
    [
        ([], None),
        ([302], None),
        ([301], "https://end.example/rss"),
        ([308, 301], "https://end.example/rss"),
        ([301, 302], "https://hop1.example/"),
        ([307, 301], None),
    ],
)
def test_permanent_redirects_move_the_feed(statuses: list[int], moved_to: str | None) -> None:
    hops = tuple(Hop(URL if n == 0 else f"https://hop{n}.example/", status) for n, status in enumerate(statuses))
    outcome = poll(entry("a"), fetched=replace(FETCHED, url="https://end.example/rss" if hops else URL, hops=hops))
    assert (outcome.moved.url if outcome.moved else None) == moved_to
    assert outcome.state.url == (moved_to or URL)
    moved = outcome.moved or FEED
    assert moved == FEED.model_copy(update={"url": moved.url})
    assert state_before(moved, outcome.state).etag == '"1"', "its validators belong to the new address"


def test_a_304_at_a_new_address_moves_the_feed_and_is_not_taken_for_its_content() -> None:
    known = poll(entry("a")).state
    moved = replace(NOT_MODIFIED, url="https://end.example/rss", hops=(Hop(URL, 301),))
    outcome = poll(state=known, fetched=moved)
    assert outcome.moved is not None
    assert (outcome.state.url, outcome.state.etag, outcome.state.last_modified) == (outcome.moved.url, None, None)


def test_nobody_is_moved_by_a_failure_or_to_less_safety() -> None:
    hops = (Hop(URL, 301),)
    assert poll(fetched=Fetched(PollStatus.HTTP_ERROR, "HTTP 500", "https://b.example/", 500, hops=hops)).moved is None
    assert poll(entry("a"), fetched=replace(FETCHED, url="http://b.example/", hops=hops)).moved is None
    detour = (Hop(URL, 301), Hop("http://wire.example/", 301))
    assert poll(entry("a"), fetched=replace(FETCHED, url="https://b.example/", hops=detour)).moved is None
    plain = FEED.model_copy(update={"url": "http://wire.example/rss"})
    up = replace(FETCHED, hops=(Hop(plain.url, 301),))
    assert poll(entry("a"), fetched=up, feed=plain).moved == FEED


def test_seen_is_bounded_but_never_below_the_document() -> None:
    many = [entry(str(n)) for n in range(3 * SEEN_AT_LEAST)]
    state = poll(*many).state
    assert len(state.seen) == len(many)
    for start in range(len(many), 2 * len(many), 10):
        newest = [entry(str(n)) for n in range(start, start + 10)]
        state = poll(*newest, state=state).state
    assert len(state.seen) == SEEN_AT_LEAST
    assert poll(*newest[5:], state=state).articles == ()


NAMES = st.lists(st.sampled_from("abcdefgh"), max_size=6)


@given(st.lists(st.tuples(NAMES, st.booleans()), max_size=8))
def test_nothing_is_published_twice_and_nothing_is_missed(polls: list[tuple[list[str], bool]]) -> None:
    state, published, shown = None, list[str](), set[str]()
    for names, fails in polls:
        failing = Fetched(PollStatus.TIMED_OUT, "late", URL)
        outcome = poll(*map(entry, names), state=state, fetched=failing if fails else FETCHED)
        state = outcome.state
        published += [article.title for article in outcome.articles]
        shown |= set() if fails else {name.title() for name in names}
    assert sorted(published) == sorted(shown)


@given(NAMES)
def test_a_repeated_poll_repeats_the_same_records(names: list[str]) -> None:
    known = poll(entry("a")).state
    once, twice = (poll(*map(entry, names), state=known) for _ in range(2))
    assert once == twice
