"""What an endpoint's answer means: one table a channel, from status or body to an outcome. Pure."""

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


WEBHOOK: Mapping[int, tuple[Outcome, str]] = {
    410: (Outcome.GONE, "the endpoint is gone"),
    429: (Outcome.THROTTLED, "too many requests"),
    502: (Outcome.THROTTLED, "bad gateway"),
    503: (Outcome.THROTTLED, "unavailable"),
    504: (Outcome.THROTTLED, "gateway time-out"),
}
"""Standard Webhooks 1.0.0, "Operational considerations". What is not here: 2xx is delivered, 3xx is a failure because
redirects are not followed, and all else is tried again, because a receiver's 400 or 404 is most often a bad
deployment that someone is about to repair."""

SLACK: Mapping[str, tuple[Outcome, str]] = {
    "invalid_payload": (Outcome.BODY_REFUSED, "Slack cannot read the message"),
    "no_text": (Outcome.BODY_REFUSED, "Slack finds no text"),
    "too_many_attachments": (Outcome.BODY_REFUSED, "too many attachments"),
    "invalid_blocks": (Outcome.LAYOUT_REFUSED, "Slack refuses the layout"),
    "invalid_blocks_format": (Outcome.LAYOUT_REFUSED, "Slack refuses the layout"),
    "user_not_found": (Outcome.DENIED, "the user does not exist"),
    "posting_to_general_channel_denied": (Outcome.DENIED, "posting to the general channel is not allowed"),
    "action_prohibited": (Outcome.DENIED, "the workspace forbids it"),
    "invalid_token": (Outcome.DENIED, "the webhook was revoked"),
    "team_disabled": (Outcome.DENIED, "the workspace is disabled"),
    "channel_not_found": (Outcome.DENIED, "the channel does not exist"),
    "no_service": (Outcome.DENIED, "the webhook was removed"),
    "no_service_id": (Outcome.DENIED, "the webhook's URL is incomplete"),
    "no_team": (Outcome.DENIED, "the workspace does not exist"),
    "no_active_hooks": (Outcome.DENIED, "the webhook is disabled"),
    "channel_is_archived": (Outcome.GONE, "the channel is archived"),
    "rollup_error": (Outcome.FAILED, "an error at Slack"),
}
"""Keyed by the answer's body: Slack's clients see these words with more than one status."""


def judge_webhook(answer: Answer) -> Judgement:
    """What a generic endpoint's answer means."""
    return _without_answer(answer) or _by_status(answer)


def judge_slack(answer: Answer) -> Judgement:
    """What Slack's answer means. Only 200 with the body `ok` is a delivery."""
    if judged := _without_answer(answer):
        return judged
    word = answer.body.strip()
    if word in SLACK:
        outcome, meaning = SLACK[word]
        return Judgement(outcome, f"{word}: {meaning}")
    by_status = _by_status(answer)
    if by_status.outcome is Outcome.DELIVERED and word != "ok":
        return Judgement(Outcome.FAILED, f"HTTP {answer.http_status}, but the answer is not ok")
    return by_status


def _without_answer(answer: Answer) -> Judgement | None:
    return None if answer.outcome is None else Judgement(answer.outcome, answer.detail)


def _by_status(answer: Answer) -> Judgement:
    status = answer.http_status or 0
    if status in WEBHOOK:
        outcome, meaning = WEBHOOK[status]
        return Judgement(outcome, f"HTTP {status}: {meaning}")
    if 200 <= status < 300:
        return Judgement(Outcome.DELIVERED, f"HTTP {status}")
    if 300 <= status < 400:
        return Judgement(Outcome.REDIRECTED, f"HTTP {status}: redirects are not followed")
    return Judgement(Outcome.FAILED, f"HTTP {status}")
