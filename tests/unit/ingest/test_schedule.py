"""When the next poll is, and the queue of all feeds."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.contracts.feed import PollStatus
from services.ingest.core.schedule import DueQueue, next_poll

NOW = datetime(2020, 12, 21, 8, tzinfo=UTC)
FIVE = timedelta(minutes=5)
S = PollStatus


@pytest.mark.parametrize(
    ("status", "failures", "max_age_s", "retry_after_s", "wait_s", "because"),
    [
        (S.OK, 0, None, None, 300, "interval"),
        (S.NOT_MODIFIED, 0, None, None, 300, "interval"),
        (S.OK, 0, 60, None, 300, "interval"),
        (S.OK, 0, 900, None, 900, "max-age"),
        (S.NOT_MODIFIED, 0, 10**9, None, 3600, "max-age"),
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
    max_age_s: int | None,
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
        max_age=None if max_age_s is None else timedelta(seconds=max_age_s),
        retry_after=None if retry_after_s is None else timedelta(seconds=retry_after_s),
    )
    assert (planned.at, planned.because) == (NOW + timedelta(seconds=wait_s), because)


def test_a_document_may_ask_to_be_left_alone() -> None:
    planned = next_poll(S.OK, NOW, FIVE, 0.0, max_age=timedelta(minutes=10), ttl=timedelta(minutes=30))
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
def test_never_before_the_interval_never_after_a_day_and_a_tenth(
    status: PollStatus, jitter: float, failures: int, max_age: timedelta | None, retry_after: timedelta | None
) -> None:
    at = next_poll(status, NOW, FIVE, jitter, failures=failures, max_age=max_age, retry_after=retry_after).at
    assert at is not None
    assert NOW + FIVE <= at <= NOW + timedelta(days=1) * 1.1


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
