"""What Slack's answers mean. Pure."""

from collections.abc import Mapping

from services.notify.core.status import Answer, Judgement, Outcome, by_status, without_answer

ANSWERS: Mapping[str, tuple[Outcome, str]] = {
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


def judge(answer: Answer) -> Judgement:
    """What Slack's answer means. Only 200 with the body `ok` is a delivery."""
    if judged := without_answer(answer):
        return judged
    word = answer.body.strip()
    if word in ANSWERS:
        outcome, meaning = ANSWERS[word]
        return Judgement(outcome, f"{word}: {meaning}")
    judged = by_status(answer)
    if judged.outcome is Outcome.DELIVERED and word != "ok":
        return Judgement(Outcome.FAILED, f"HTTP {answer.http_status}, but the answer is not ok")
    return judged
