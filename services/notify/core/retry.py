"""When an alert is tried again, when not, and when it is late. Pure: the clock and the dice are arguments."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from enum import StrEnum

from services.contracts.alert import Alert
from services.contracts.delivery import Attempt, Delivery, DeliveryState
from services.contracts.report import Severity
from services.contracts.subscription import Subscription, SubscriptionState
from services.notify.core.status import Answer, Judgement, Outcome

DELAYS_S = (0, 5, 30, 120, 300, 1_800, 7_200, 18_000, 36_000)
"""Seconds from one attempt to the next: the first at once, the ninth ten hours after the eighth. Steep at first,
because a security alert ages; 17.6 hours in all, so that a night's outage is outlived."""

JITTER = 0.2
LONGEST_WAIT_S = DELAYS_S[-1]
"""What a Retry-After may ask for at most."""

TIME_TO_LIVE: Mapping[Severity, timedelta] = {
    Severity.EXTREME: timedelta(minutes=10),
    Severity.SEVERE: timedelta(minutes=30),
    Severity.MODERATE: timedelta(hours=2),
    Severity.MINOR: timedelta(hours=6),
}
"""Age of the news at which an alert is marked late. It still goes out."""

MOST_ANSWERED = 60_000
"""Characters of answers in a delivery's log, the newest first: more than one schedule makes."""

UNKNOWN_FOR = timedelta(minutes=1)
"""How long a delivery waits for a subscription this process has not read yet; after that it was removed."""


class Verdict(StrEnum):
    DELIVERED = "delivered"
    RETRY = "retry"
    REJECTED = "rejected"


VERDICTS: Mapping[Outcome, Verdict] = {
    Outcome.DELIVERED: Verdict.DELIVERED,
    Outcome.FAILED: Verdict.RETRY,
    Outcome.REDIRECTED: Verdict.RETRY,
    Outcome.THROTTLED: Verdict.RETRY,
    Outcome.GONE: Verdict.REJECTED,
    Outcome.DENIED: Verdict.REJECTED,
    Outcome.BODY_REFUSED: Verdict.REJECTED,
    Outcome.LAYOUT_REFUSED: Verdict.RETRY,
    Outcome.UNWRITABLE: Verdict.REJECTED,
    Outcome.TIMED_OUT: Verdict.RETRY,
    Outcome.UNREACHABLE: Verdict.RETRY,
    Outcome.NOT_ALLOWED: Verdict.REJECTED,
    Outcome.RELAY_FAILED: Verdict.RETRY,
    Outcome.UNREADABLE: Verdict.RETRY,
}

OUR_FAULT = frozenset({Outcome.BODY_REFUSED, Outcome.LAYOUT_REFUSED, Outcome.UNWRITABLE})
"""A rejection for one of these goes to the dead letters and the operator, and never counts against the subscriber."""


def delay_s(attempts: int, jitter: float, retry_after_s: float | None = None) -> float | None:
    """Seconds to the next attempt after `attempts` failed ones, or None when the schedule has run out.

    `jitter` in [0, 1) spreads the delay over 80 to 120 %. A Retry-After can lengthen it, never shorten it: an
    endpoint that asks for one second nine times would use up the schedule in nine seconds.
    """
    if attempts >= len(DELAYS_S):
        return None
    planned = DELAYS_S[attempts] * (1 - JITTER + 2 * JITTER * jitter)
    return max(planned, min(retry_after_s or 0.0, LONGEST_WAIT_S))


def retry_after_s(header: str | None, now: datetime) -> float | None:
    """Seconds that a Retry-After header asks to wait (RFC 9110, 10.2.3: seconds or a date); None for nonsense."""
    if not header:
        return None
    header = header.strip()
    if header.isascii() and header.isdigit():
        return float(min(int(header[:10]), LONGEST_WAIT_S))
    try:
        at = parsedate_to_datetime(header)
    except (ValueError, OverflowError):  # the latter for a zone of twenty digits
        return None
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    return min(max(0.0, (at - now).total_seconds()), LONGEST_WAIT_S)


def may_come_sooner(delivery: Delivery) -> bool:
    """Whether a retry may be made before its time, once the endpoint takes messages again: what has few attempts left
    keeps them for their times, or an endpoint that comes and goes would use them up."""
    return 0 < len(delivery.attempts) <= len(DELAYS_S) - 3 and not is_final(delivery)


def is_late(alert: Alert, now: datetime) -> bool:
    """Is the news older, since the article was fetched, than its severity allows?"""
    return now - alert.incident.ledger.fetched_at > TIME_TO_LIVE[alert.incident.severity]


def due_at(delivery: Delivery) -> datetime:
    """When a pending delivery is to be tried."""
    return delivery.next_attempt_at or delivery.created_at


def by_our_clock(delivery: Delivery, now: datetime) -> Delivery:
    """The delivery, its wait counted from `now` where it was written by a clock that was ahead: else it would wait for
    as much longer as that clock was wrong."""
    since = delivery.attempts[-1].at if delivery.attempts else delivery.created_at
    if since <= now:
        return delivery
    return delivery.model_copy(update={"next_attempt_at": now + max(due_at(delivery) - since, timedelta(0))})


def is_final(delivery: Delivery) -> bool:
    return delivery.state is not DeliveryState.PENDING


def progress(delivery: Delivery) -> tuple[int, bool, int]:
    """Orders the states of one delivery: final after pending, more attempts after fewer, and what someone had sent
    again after all that was before."""
    return len(delivery.redelivered_after), is_final(delivery), len(delivery.attempts)


def is_our_fault(delivery: Delivery) -> bool:
    """Did the endpoint refuse what we wrote, for good?"""
    return delivery.state is DeliveryState.REJECTED and bool(
        delivery.attempts and delivery.attempts[-1].outcome in OUR_FAULT
    )


def wants_plain(delivery: Delivery) -> bool:
    """Was the layout refused before? Then the next body is plain text."""
    return any(attempt.outcome == Outcome.LAYOUT_REFUSED for attempt in delivery.attempts)


def without_attempt(
    delivery: Delivery, subscription: Subscription | None, newest_revision: int, now: datetime
) -> Delivery | None:
    """The delivery as it stands where there is nothing to send, or None when it is to be sent.

    A retry gives way to a newer revision of its incident, and so does what someone had sent again; a first attempt
    never does. What falls due while the subscription is paused or disabled is dropped. A subscription that is not known
    may not have been read yet.
    """
    if (delivery.attempts or delivery.redelivered_after) and newest_revision > delivery.revision:
        return final(delivery, DeliveryState.FOLDED, f"revision {newest_revision} goes instead")
    if delivery.alert is None and delivery.notice is None:
        return final(delivery, DeliveryState.REJECTED, "the record carries no alert")
    if subscription is None:
        if abs(now - delivery.created_at) < UNKNOWN_FOR:
            return delivery.model_copy(update={"next_attempt_at": now + timedelta(seconds=1)})
        return final(delivery, DeliveryState.DROPPED, "the subscription was removed")
    if subscription.state is not SubscriptionState.ACTIVE:
        return final(delivery, DeliveryState.DROPPED, f"the subscription is {subscription.state}")
    return None


def after_attempt(
    delivery: Delivery, answer: Answer, judgement: Judgement, *, started: datetime, late: bool, jitter: float
) -> Delivery:
    """The delivery once an attempt has ended: delivered, rejected, expired, or pending with its next time."""
    attempt = Attempt(
        at=started,
        took_s=round(answer.took_s, 4),
        http_status=answer.http_status,
        outcome=judgement.outcome,
        answer=answer.body,
    )
    tried = delivery.model_copy(update={"attempts": _bounded((*delivery.attempts, attempt)), "late": late})
    match VERDICTS[judgement.outcome]:
        case Verdict.DELIVERED:
            return final(tried, DeliveryState.DELIVERED, judgement.reason)
        case Verdict.REJECTED:
            return final(tried, DeliveryState.REJECTED, judgement.reason)
        case Verdict.RETRY:
            return _again(tried, answer, judgement, jitter)


def _bounded(attempts: Sequence[Attempt]) -> tuple[Attempt, ...]:
    """All of them, but without the answers of those before the last MOST_ANSWERED characters."""
    left, kept = MOST_ANSWERED, []
    for attempt in reversed(attempts):
        left -= len(attempt.answer)
        kept.append(attempt if left >= 0 or not attempt.answer else attempt.model_copy(update={"answer": ""}))
    return tuple(reversed(kept))


def too_long(delivery: Delivery) -> Delivery:
    """What can be written of a delivery that is too long for a record: its state, or that it ends for this."""
    bare = tuple(attempt.model_copy(update={"answer": ""}) for attempt in delivery.attempts)
    kept = delivery.model_copy(update={"attempts": bare, "also": (), "notice": None})
    if is_final(delivery):
        return final(kept, delivery.state, delivery.reason[:1_000])
    return final(kept, DeliveryState.REJECTED, "it is too long for a record of the deliveries")


def _again(tried: Delivery, answer: Answer, judgement: Judgement, jitter: float) -> Delivery:
    ended = tried.attempts[-1].at + timedelta(seconds=answer.took_s)
    if judgement.outcome is Outcome.LAYOUT_REFUSED:
        if wants_plain(tried.model_copy(update={"attempts": tried.attempts[:-1]})):
            return final(tried, DeliveryState.REJECTED, f"{judgement.reason}, of a plain message too")
        return tried.model_copy(update={"reason": judgement.reason, "next_attempt_at": ended})
    attempts = len(tried.attempts) - (tried.redelivered_after or (0,))[-1]
    wait_s = delay_s(attempts, jitter, answer.retry_after_s)
    if wait_s is None:
        return final(tried, DeliveryState.EXPIRED, f"{attempts} attempts; the last: {judgement.reason}")
    return tried.model_copy(update={"reason": judgement.reason, "next_attempt_at": ended + timedelta(seconds=wait_s)})


def final(delivery: Delivery, state: DeliveryState, reason: str) -> Delivery:
    """Done with: the alert leaves the record, the log of attempts stays."""
    return delivery.model_copy(update={"state": state, "reason": reason, "next_attempt_at": None, "alert": None})
