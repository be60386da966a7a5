"""When the next poll is, and the queue of all feeds."""

import math
from datetime import UTC, datetime, timedelta
from itertools import product
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.contracts.feed import FeedState, PollStatus
from services.contracts.ids import FeedId
from services.ingest.core.schedule import DueQueue, Pace, due_at, next_poll

NOW = datetime(2020, 12, 21, 8, tzinfo=UTC)
FIVE = timedelta(minutes=5)
URL = "https://wire.example/feed.xml"
S = PollStatus


@pytest.mark.parametrize(
    ("status", "failures", "fresh_s", "retry_after_s", "wait_s", "because"),
    [
        (S.OK, 0, None, None, 300, "interval"),
        (S.NOT_MODIFIED, 0, None, None, 300, "interval"),
        (S.OK, 0, 60, None, 300, "interval"),
        (S.OK, 0, 900, None, 900, "fresh"),
        (S.NOT_MODIFIED, 0, 10**9, None, 3600, "fresh"),
        (S.OK, 0, None, 900, 300, "interval"),
        (S.HTTP_ERROR, 1, None, None, 300, "back-off after 1 failed"),
        (S.HTTP_ERROR, 2, None, None, 600, "back-off after 2 failed"),
        (S.TIMED_OUT, 4, None, None, 2400, "back-off after 4 failed"),
        (S.UNREACHABLE, 5, None, None, 3600, "back-off after 5 failed"),
        (S.UNREACHABLE, 10**6, None, None, 3600, "back-off after 1000000 failed"),
        (S.NOT_A_FEED, 1, 900, None, 300, "back-off after 1 failed"),
        (S.THROTTLED, 1, None, 1200, 1200, "retry-after"),
        (S.THROTTLED, 1, None, 5, 300, "back-off after 1 failed"),
        (S.THROTTLED, 1, None, 10**9, 86_400, "retry-after"),
        (S.HTTP_ERROR, 1, None, 1200, 1200, "retry-after"),
    ],
)
def test_next_poll(
    status: PollStatus,
    failures: int,
    fresh_s: int | None,
    retry_after_s: int | None,
    wait_s: int,
    because: str,
) -> None:
    planned = next_poll(
        status,
        NOW,
        FIVE,
        0.0,
        failures=failures,
        fresh=None if fresh_s is None else timedelta(seconds=fresh_s),
        retry_after=None if retry_after_s is None else timedelta(seconds=retry_after_s),
    )
    assert (planned.at, planned.because) == (NOW + timedelta(seconds=wait_s), because)


@pytest.mark.parametrize(("ahead_s", "wait_s"), [(-100, 200), (0, 300), (60, 300), (7_200, 300)])
def test_a_clock_that_was_ahead_leaves_no_feed_alone_for_longer(ahead_s: int, wait_s: int) -> None:
    polled_at = NOW + timedelta(seconds=ahead_s)
    state = FeedState(feed_id=FeedId("feed_a"), url=URL, last_poll_at=polled_at, next_poll_at=polled_at + FIVE)
    assert due_at(state, NOW) == NOW + timedelta(seconds=wait_s)


def test_whatever_a_state_says_there_is_a_time() -> None:
    ends = [datetime(1, 1, 1, tzinfo=UTC), NOW, datetime(9999, 12, 31, tzinfo=UTC)]
    for polled_at, next_at in product(ends, ends):
        state = FeedState(feed_id=FeedId("feed_a"), url=URL, last_poll_at=polled_at, next_poll_at=next_at)
        assert due_at(state, NOW) is not None


def test_a_feed_that_was_never_polled_or_is_gone_has_no_time() -> None:
    new = FeedState(feed_id=FeedId("feed_a"), url=URL)
    assert due_at(new, NOW) is None
    assert due_at(new.model_copy(update={"last_poll_at": NOW}), NOW) is None


def test_a_document_may_ask_to_be_left_alone() -> None:
    planned = next_poll(S.OK, NOW, FIVE, 0.0, fresh=timedelta(minutes=10), ttl=timedelta(minutes=30))
    assert (planned.at, planned.because) == (NOW + timedelta(minutes=30), "ttl")
    assert next_poll(S.OK, NOW, FIVE, 0.0, ttl=timedelta(days=1)).at == NOW + timedelta(hours=1)


def test_gone_is_not_polled_again() -> None:
    assert next_poll(S.GONE, NOW, FIVE, 0.5, failures=1).at is None


def test_a_long_interval_is_never_shortened_by_a_cap() -> None:
    planned = next_poll(S.HTTP_ERROR, NOW, timedelta(hours=6), 0.0, failures=3)
    assert planned.at == NOW + timedelta(hours=6)


@given(
    st.sampled_from([status for status in S if status is not S.GONE]),
    st.floats(0, 1, exclude_max=True),
    st.integers(0, 100),
    st.none() | st.timedeltas(timedelta(0), timedelta(days=400)),
    st.none() | st.timedeltas(timedelta(0), timedelta(days=400)),
)
def test_never_before_a_floor_never_after_a_day_and_a_tenth(
    status: PollStatus, jitter: float, failures: int, floor: timedelta | None, retry_after: timedelta | None
) -> None:
    hour, day = timedelta(hours=1), timedelta(days=1)
    floors = [FIVE]
    if status in (S.OK, S.NOT_MODIFIED):
        floors += [min(floor, hour)] if floor else []
    else:
        floors += [min(retry_after, day)] if retry_after else []
    for fresh, ttl in ((floor, None), (None, floor)):
        at = next_poll(status, NOW, FIVE, jitter, failures=failures, fresh=fresh, ttl=ttl, retry_after=retry_after).at
        assert at is not None
        assert NOW + max(floors) <= at <= NOW + day * 1.1


PACE = Pace.around(300)


@pytest.mark.parametrize(
    ("before_s", "status", "has_news", "after_s", "because"),
    [
        (None, S.OK, None, 300, "interval"),
        (None, S.UNREACHABLE, None, 300, "interval"),
        (300, S.OK, None, 300, "interval"),
        (None, S.OK, True, 150, "news"),
        (300, S.OK, True, 150, "news"),
        (100, S.OK, True, 60, "shortest interval"),
        (60, S.OK, True, 60, "shortest interval"),
        (None, S.NOT_MODIFIED, False, 375, "quiet"),
        (300, S.OK, False, 375, "quiet"),
        (600, S.NOT_MODIFIED, False, 600, "longest interval"),
        (60, S.HTTP_ERROR, None, 60, "interval"),
        (60, S.THROTTLED, None, 120, "throttled"),
        (400, S.THROTTLED, None, 600, "longest interval"),
        (7200, S.OK, None, 600, "longest interval"),
        (1, S.TIMED_OUT, None, 60, "shortest interval"),
    ],
)
def test_news_shorten_the_interval_and_silence_stretches_it(
    before_s: int | None, status: PollStatus, has_news: bool | None, after_s: int, because: str
) -> None:
    before = None if before_s is None else timedelta(seconds=before_s)
    assert PACE.interval(before, status, has_news) == (timedelta(seconds=after_s), because)


@pytest.mark.parametrize(
    ("min_s", "max_s", "usual_s", "shortest_s", "longest_s"),
    [
        (None, None, 300, 60, 600),
        (120, None, 300, 120, 600),
        (None, 3600, 300, 60, 3600),
        (None, 200, 200, 60, 200),
        (None, 30, 30, 30, 30),
        (900, None, 900, 900, 900),
        (900, 60, 900, 900, 900),
        (1, 86_400, 300, 1, 86_400),
    ],
)
def test_bounds(min_s: int | None, max_s: int | None, usual_s: int, shortest_s: int, longest_s: int) -> None:
    bounded = PACE.bounded(min_s, max_s)
    assert [each.total_seconds() for each in (bounded.usual, bounded.shortest, bounded.longest)] == [
        usual_s,
        shortest_s,
        longest_s,
    ]


@given(
    st.none() | st.integers(1, 86_400),
    st.none() | st.integers(1, 86_400),
    st.none() | st.timedeltas(timedelta(seconds=1), timedelta(days=2)),
    st.lists(st.tuples(st.sampled_from([S.OK, S.THROTTLED, S.TIMED_OUT]), st.sampled_from([None, True, False]))),
)
def test_the_interval_never_leaves_its_bounds(
    min_s: int | None, max_s: int | None, before: timedelta | None, polls: list[tuple[PollStatus, bool | None]]
) -> None:
    pace = PACE.bounded(min_s, max_s)
    assert pace.shortest <= pace.usual <= pace.longest
    for status, has_news in polls:
        before, _ = pace.interval(before, status, has_news)
        assert pace.shortest <= before <= pace.longest


def test_a_feed_wakes_up_quickly_and_falls_asleep_slowly() -> None:
    """Polls, and the time they take, between the bounds."""

    def way(start: timedelta, has_news: bool, end: timedelta) -> tuple[int, timedelta]:
        interval, polls, took = start, 0, timedelta(0)
        while interval != end:
            interval, _ = PACE.interval(interval, S.OK, has_news)
            polls, took = polls + 1, took + interval
        return polls, took

    assert way(PACE.longest, True, PACE.shortest) == (4, timedelta(minutes=5 + 2.5 + 1.25 + 1))
    polls, took = way(PACE.shortest, False, PACE.longest)
    assert (polls, took // timedelta(minutes=1)) == (11, 51)


def test_about_every_fourth_poll_of_a_feed_between_its_bounds_brings_news() -> None:
    """Of a feed with an entry every twenty minutes on average, at random (Poisson)."""
    dice, interval, news, polls = Random(4), PACE.usual, 0, 20_000
    for _ in range(polls):
        has_news = dice.random() > math.exp(-interval / timedelta(minutes=20))
        news += has_news
        interval, _ = PACE.interval(interval, S.OK, has_news)
    assert 0.22 < news / polls < 0.27


STEPS = st.lists(st.tuples(st.sampled_from(["set", "drop", "pop"]), st.sampled_from("abcdef"), st.integers(0, 20)))


@given(STEPS)
def test_the_queue_is_a_table_sorted_by_time(steps: list[tuple[str, str, int]]) -> None:
    queue, model = DueQueue(), dict[str, float]()
    for step, key, at in steps:
        if step == "set":
            queue.set(key, at)
            model[key] = at
        elif step == "drop":
            queue.drop(key)
            model.pop(key, None)
        else:
            due = min(((due, key) for key, due in model.items() if due <= at), default=None)
            assert queue.pop(at) == (due[1] if due else None)
            model.pop(due[1] if due else "", None)
        assert (len(queue), set(queue)) == (len(model), set(model))
        assert queue.next_due_s() == min(model.values(), default=None)


def test_moving_one_key_for_ever_takes_no_memory() -> None:
    queue = DueQueue()
    for at in range(10_000):
        queue.set("a", at)
    assert len(queue._heap) < 100
