"""What the answers of Slack's Web API mean: HTTP 200 whatever happened, and the word in the body. Pure."""

import re
from collections.abc import Mapping

from services.contracts.ids import DeliveryId
from services.notify.core.status import Answer, Judgement, Outcome, by_status, without_answer

ANSWERS: Mapping[str, tuple[Outcome, str]] = {
    "invalid_blocks": (Outcome.LAYOUT_REFUSED, "Slack refuses the layout"),
    "invalid_blocks_format": (Outcome.LAYOUT_REFUSED, "Slack refuses the layout"),
    "msg_blocks_too_long": (Outcome.LAYOUT_REFUSED, "Slack refuses the layout"),
    "msg_too_long": (Outcome.BODY_REFUSED, "the message is too long"),
    "no_text": (Outcome.BODY_REFUSED, "Slack finds no text"),
    "invalid_arguments": (Outcome.BODY_REFUSED, "Slack cannot read the message"),
    "invalid_json": (Outcome.BODY_REFUSED, "Slack cannot read the message"),
    "ratelimited": (Outcome.THROTTLED, "too many messages"),
    "rate_limited": (Outcome.THROTTLED, "too many messages"),
    "message_limit_exceeded": (Outcome.THROTTLED, "the workspace's limit of messages"),
    "is_archived": (Outcome.GONE, "the channel is archived"),
    "account_inactive": (Outcome.GONE, "the bot was removed"),
    "token_revoked": (Outcome.GONE, "the token was revoked"),
    "channel_not_found": (Outcome.DENIED, "the channel does not exist, or is not the bot's to see"),
    "not_in_channel": (Outcome.DENIED, "the bot is no member of the channel: invite it"),
    "restricted_action": (Outcome.DENIED, "the workspace forbids it"),
    "invalid_auth": (Outcome.DENIED, "the token is none"),
    "not_authed": (Outcome.DENIED, "the token is missing"),
    "token_expired": (Outcome.DENIED, "the token has expired"),
    "missing_scope": (Outcome.DENIED, "the token lacks the scope chat:write"),
    "no_permission": (Outcome.DENIED, "the token lacks the permission"),
    # Somebody deleted the first message or took away the right to change it: what is new is still told.
    "message_not_found": (Outcome.DELIVERED, "the first message was deleted"),
    "cant_update_message": (Outcome.DELIVERED, "the first message cannot be changed"),
    "edit_window_closed": (Outcome.DELIVERED, "the first message can no longer be changed"),
    "fatal_error": (Outcome.FAILED, "an error at Slack"),
    "internal_error": (Outcome.FAILED, "an error at Slack"),
    "service_unavailable": (Outcome.FAILED, "an error at Slack"),
    "request_timeout": (Outcome.FAILED, "an error at Slack"),
}

_OK = re.compile(r'\s*\{\s*"ok"\s*:\s*true\b')
_ERROR = re.compile(r'"error"\s*:\s*"([a-z_]{1,60})"')
_TS = re.compile(r'"ts"\s*:\s*"([0-9]{1,12}\.[0-9]{1,8})"')


def judge(answer: Answer) -> Judgement:
    """What an answer means. The body may be cut, so it is searched, not parsed."""
    if judged := without_answer(answer):
        return judged
    judged = by_status(answer)
    if judged.outcome is not Outcome.DELIVERED or _OK.match(answer.body):
        return judged
    error = _ERROR.search(answer.body)
    if error is None:
        return Judgement(Outcome.FAILED, f"HTTP {answer.http_status}, but the answer is not ok")
    outcome, meaning = ANSWERS.get(error[1], (Outcome.FAILED, "Slack refuses it"))
    return Judgement(outcome, f"{error[1]}: {meaning}")


def receipt(_: DeliveryId, __: bytes, answer: str) -> str | None:
    """The message's time stamp, by which Slack knows it in its channel."""
    found = _TS.search(answer) if _OK.match(answer) else None
    return found[1] if found else None
