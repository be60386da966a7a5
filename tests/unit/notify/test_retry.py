"""The schedule and what follows an attempt, by tables and laws."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st

from services.contracts.delivery import Attempt, Delivery, DeliveryState
from services.contracts.report import Severity
from services.contracts.subscription import SubscriptionState
from services.notify.core import retry
from services.notify.core.status import Answer, Judgement, Outcome
from tests.unit.notify import given
from tests.unit.notify.given import NOW

FAILED = Judgement(Outcome.FAILED, "HTTP 500")
jitters = st.floats(0, 1, exclude_max=True)


def tried(times: int, outcome: Outcome = Outcome.FAILED) -> Delivery:
    attempt = Attempt(at=NOW, took_s=0.1, http_status=500, outcome=outcome)
    return given.delivery(attempts=(attempt,) * times)


def after(before: Delivery, judgement: Judgement, answer: Answer | None = None, jitter: float = 0.5) -> Delivery:
    answer = answer or Answer(http_status=500, body="oh", took_s=2.0)
    return retry.after_attempt(before, answer, judgement, started=NOW, late=False, jitter=jitter)


@pytest.mark.parametrize(
    ("attempts", "planned"),
    [(0, 0), (1, 5), (2, 30), (3, 120), (4, 300), (5, 1800), (6, 7200), (7, 18000), (8, 36000), (9, None), (12, None)],
)
def test_the_schedule(attempts: int, planned: float | None) -> None:
    assert retry.delay_s(attempts, 0.5) == (None if planned is None else pytest.approx(planned))
    if planned is not None:
        assert retry.delay_s(attempts, 0.0) == pytest.approx(planned * 0.8)
        assert retry.delay_s(attempts, 0.999999) == pytest.approx(planned * 1.2, rel=1e-4)


@pytest.mark.parametrize("ahead_s", [-30, 0, 90, 7_200])
def test_a_clock_that_was_ahead_makes_nobody_wait_longer(ahead_s: int) -> None:
    """A fresh delivery is due at once, a retry after its own wait, by a clock that has been set right since."""
    written_at, wait = NOW + timedelta(seconds=ahead_s), timedelta(seconds=30)
    fresh = given.delivery(created_at=written_at)
    failed = given.delivery(
        attempts=(Attempt(at=written_at, took_s=0, outcome=Outcome.FAILED),), next_attempt_at=written_at + wait
    )
    assert retry.due_at(retry.by_our_clock(fresh, NOW)) == min(written_at, NOW)
    assert retry.due_at(retry.by_our_clock(failed, NOW)) == min(written_at, NOW) + wait


@for_all(attempts=st.integers(0, 8), jitter=jitters, asked=st.none() | st.floats(0, 1e9))
def test_jitter_is_a_fifth_and_retry_after_only_lengthens(attempts: int, jitter: float, asked: float | None) -> None:
    planned, delay = retry.DELAYS_S[attempts], retry.delay_s(attempts, jitter, asked)
    assert delay is not None
    assert delay >= planned * 0.8
    assert delay >= min(asked or 0, retry.LONGEST_WAIT_S)
    assert delay <= max(planned * 1.2, min(asked or 0, retry.LONGEST_WAIT_S)) + 1e-6


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("", None),
        ("7", 7),
        (" 120 ", 120),
        ("0", 0),
        ("99999999999999999999", retry.LONGEST_WAIT_S),
        ("-5", None),
        ("soon", None),
        ("1.5", None),
        ("٧", None),
        (format_datetime(NOW + timedelta(seconds=90), usegmt=True), 90),
        (format_datetime(NOW - timedelta(seconds=90), usegmt=True), 0),
        (format_datetime(NOW + timedelta(days=900), usegmt=True), retry.LONGEST_WAIT_S),
        ("Thu, 99 May 2024 09:31:30 GMT", None),
        ("Thu, 02 May 2024 09:31:30 99999999999999999999", None),
        ("Thu 99999999999999 Jan 2020 00:00:00", None),
    ],
)
def test_retry_after(header: str | None, seconds: float | None) -> None:
    assert retry.retry_after_s(header, NOW) == seconds


@for_all(st.text(max_size=40))
def test_no_header_is_too_strange(header: str) -> None:
    seconds = retry.retry_after_s(header, NOW)
    assert seconds is None or 0 <= seconds <= retry.LONGEST_WAIT_S


@pytest.mark.parametrize(
    ("outcome", "state"),
    [
        (Outcome.DELIVERED, DeliveryState.DELIVERED),
        (Outcome.FAILED, DeliveryState.PENDING),
        (Outcome.REDIRECTED, DeliveryState.PENDING),
        (Outcome.THROTTLED, DeliveryState.PENDING),
        (Outcome.TIMED_OUT, DeliveryState.PENDING),
        (Outcome.UNREACHABLE, DeliveryState.PENDING),
        (Outcome.UNREADABLE, DeliveryState.PENDING),
        (Outcome.LAYOUT_REFUSED, DeliveryState.PENDING),
        (Outcome.GONE, DeliveryState.REJECTED),
        (Outcome.DENIED, DeliveryState.REJECTED),
        (Outcome.BODY_REFUSED, DeliveryState.REJECTED),
        (Outcome.UNWRITABLE, DeliveryState.REJECTED),
        (Outcome.NOT_ALLOWED, DeliveryState.REJECTED),
    ],
)
def test_what_each_outcome_leads_to(outcome: Outcome, state: DeliveryState) -> None:
    done = after(given.delivery(), Judgement(outcome, "because"))
    assert (done.state, done.reason) == (state, "because")
    assert [attempt.outcome for attempt in done.attempts] == [outcome]
    assert (done.alert is None) == (done.next_attempt_at is None) == (state is not DeliveryState.PENDING)


def test_an_attempt_is_recorded_whole() -> None:
    (attempt,) = after(given.delivery(), FAILED).attempts
    assert attempt == Attempt(at=NOW, took_s=2.0, http_status=500, outcome="failed", answer="oh")


def test_the_next_attempt_counts_from_the_end_of_this_one() -> None:
    assert after(given.delivery(), FAILED).next_attempt_at == NOW + timedelta(seconds=2 + 5)


def test_the_ninth_failure_is_the_last() -> None:
    assert after(tried(7), FAILED).state is DeliveryState.PENDING
    done = after(tried(8), FAILED)
    assert (done.state, done.reason) == (DeliveryState.EXPIRED, "9 attempts; the last: HTTP 500")


def test_a_refused_layout_is_tried_as_plain_text_at_once_and_once() -> None:
    refused = Judgement(Outcome.LAYOUT_REFUSED, "invalid_blocks")
    again = after(given.delivery(), refused)
    assert again.next_attempt_at == NOW + timedelta(seconds=2)
    assert retry.wants_plain(again)
    done = after(again, refused)
    assert done.state is DeliveryState.REJECTED
    assert retry.is_our_fault(done)


@pytest.mark.parametrize(
    ("outcome", "ours"),
    [(Outcome.BODY_REFUSED, True), (Outcome.UNWRITABLE, True), (Outcome.GONE, False), (Outcome.DENIED, False)],
)
def test_whose_fault_a_rejection_is(outcome: Outcome, ours: bool) -> None:
    assert retry.is_our_fault(after(given.delivery(), Judgement(outcome, ""))) is ours


@pytest.mark.parametrize(
    ("severity", "minutes"),
    [(Severity.EXTREME, 10), (Severity.SEVERE, 30), (Severity.MODERATE, 120), (Severity.MINOR, 360)],
)
def test_late_by_severity(severity: Severity, minutes: int) -> None:
    told = given.alert(about=given.incident(severity=severity))
    assert not retry.is_late(told, NOW + timedelta(minutes=minutes))
    assert retry.is_late(told, NOW + timedelta(minutes=minutes, seconds=1))


@pytest.mark.parametrize(
    ("delivery", "state", "newest", "waited_s", "expected"),
    [
        (tried(0), SubscriptionState.ACTIVE, 1, 0, None),
        (tried(3), SubscriptionState.ACTIVE, 1, 0, None),
        (tried(0), SubscriptionState.ACTIVE, 2, 0, None),
        (tried(1), SubscriptionState.ACTIVE, 2, 0, (DeliveryState.FOLDED, "revision 2 goes instead")),
        (tried(0), SubscriptionState.PAUSED, 1, 0, (DeliveryState.DROPPED, "the subscription is paused")),
        (tried(2), SubscriptionState.DISABLED, 1, 0, (DeliveryState.DROPPED, "the subscription is disabled")),
        (tried(0), None, 1, 0, (DeliveryState.PENDING, "")),
        (tried(0), None, 1, 59, (DeliveryState.PENDING, "")),
        (tried(0), None, 1, 60, (DeliveryState.DROPPED, "the subscription was removed")),
        (
            tried(0).model_copy(update={"alert": None}),
            SubscriptionState.ACTIVE,
            1,
            0,
            (DeliveryState.REJECTED, "the record carries no alert"),
        ),
    ],
)
def test_when_nothing_is_sent(
    delivery: Delivery,
    state: SubscriptionState | None,
    newest: int,
    waited_s: int,
    expected: tuple[DeliveryState, str] | None,
) -> None:
    to = given.subscription(state=state) if state else None
    now = NOW + timedelta(seconds=waited_s)
    settled = retry.without_attempt(delivery, to, newest, now)
    assert (settled and (settled.state, settled.reason)) == expected
    if settled and settled.state is DeliveryState.PENDING:
        assert settled.next_attempt_at == now + timedelta(seconds=1)


@for_all(outcomes=st.lists(st.sampled_from(Outcome), max_size=15), jitter=jitters)
def test_every_delivery_ends(outcomes: list[Outcome], jitter: float) -> None:
    """Whatever the endpoint does, states only move forward, and there are never more than nine attempts and one."""
    state = given.delivery()
    for outcome in outcomes:
        if retry.is_final(state):
            break
        moved = after(state, Judgement(outcome, ""), jitter=jitter)
        assert retry.progress(moved) > retry.progress(state)
        assert Delivery.model_validate_json(moved.model_dump_json()) == moved
        state = moved
    assert len(state.attempts) <= len(retry.DELAYS_S) + 1
    assert retry.is_final(state) or len(state.attempts) < len(retry.DELAYS_S) + 1


def test_the_schedule_outlives_a_night() -> None:
    assert timedelta(hours=17) < timedelta(seconds=sum(retry.DELAYS_S)) < timedelta(hours=18)


def test_due_when_it_is_made_or_when_its_retry_says() -> None:
    later = datetime(2030, 1, 1, tzinfo=UTC)
    assert retry.due_at(given.delivery()) == NOW
    assert retry.due_at(given.delivery(next_attempt_at=later)) == later
