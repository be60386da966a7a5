"""What an endpoint's answer means, by its status. A channel whose answers say more has a table of its own. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Outcome(StrEnum):
    """How an attempt ended. The values are metric labels and stand in the delivery log."""

    DELIVERED = "delivered"
    FAILED = "failed"  # the endpoint answered, and it was no success
    REDIRECTED = "redirected"
    THROTTLED = "throttled"
    GONE = "gone"  # it wants no more: the subscription is disabled
    DENIED = "denied"  # it will not take this and will not change its mind
    BODY_REFUSED = "body_refused"  # our own fault: never the subscriber's
    LAYOUT_REFUSED = "layout_refused"  # our own fault, and a plainer message may pass
    UNWRITABLE = "unwritable"  # our own fault: the alert could not be written for this channel
    TIMED_OUT = "timed_out"
    UNREACHABLE = "unreachable"
    NOT_ALLOWED = "not_allowed"  # we do not connect to such an address
    RELAY_FAILED = "relay_failed"  # our own mail server did not take it or is not set: never the subscriber's
    UNREADABLE = "unreadable"  # endpoint or secret cannot be decrypted with the configured keys


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of one request. `outcome` is set where none was answered; `detail` then says why.
    `body` holds the first characters of the response, secrets removed."""

    http_status: int | None = None
    body: str = ""
    retry_after_s: float | None = None
    took_s: float = 0.0
    outcome: Outcome | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Judgement:
    outcome: Outcome
    reason: str


STATUSES: Mapping[int, tuple[Outcome, str]] = {
    410: (Outcome.GONE, "the endpoint is gone"),
    429: (Outcome.THROTTLED, "too many requests"),
    502: (Outcome.THROTTLED, "bad gateway"),
    503: (Outcome.THROTTLED, "unavailable"),
    504: (Outcome.THROTTLED, "gateway time-out"),
}
"""Standard Webhooks 1.0.0, "Operational considerations". What is not here: 2xx is delivered, 3xx is a failure because
redirects are not followed, and all else is tried again, because a receiver's 400 or 404 is most often a bad
deployment that someone is about to repair."""


def judge_by_status(answer: Answer) -> Judgement:
    """What an answer means where the status says it all."""
    return without_answer(answer) or by_status(answer)


def without_answer(answer: Answer) -> Judgement | None:
    """The judgement of an attempt that nobody answered; None where somebody did."""
    return None if answer.outcome is None else Judgement(answer.outcome, answer.detail)


def by_status(answer: Answer) -> Judgement:
    """What the status of an answer says by itself."""
    status = answer.http_status or 0
    if status in STATUSES:
        outcome, meaning = STATUSES[status]
        return Judgement(outcome, f"HTTP {status}: {meaning}")
    if 200 <= status < 300:
        return Judgement(Outcome.DELIVERED, f"HTTP {status}")
    if 300 <= status < 400:
        return Judgement(Outcome.REDIRECTED, f"HTTP {status}: redirects are not followed")
    return Judgement(Outcome.FAILED, f"HTTP {status}")
