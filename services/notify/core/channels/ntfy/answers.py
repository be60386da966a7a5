"""What ntfy's answers mean. Pure."""

from collections.abc import Mapping

from services.notify.core.status import Answer, Judgement, Outcome, by_status, without_answer

ANSWERS: Mapping[int, tuple[Outcome, str]] = {
    400: (Outcome.BODY_REFUSED, "ntfy cannot read the message"),
    401: (Outcome.DENIED, "the token is wrong"),
    403: (Outcome.DENIED, "the topic may not be written with this token"),
    413: (Outcome.BODY_REFUSED, "the message is too large"),
}


def judge(answer: Answer) -> Judgement:
    """By status; other words than the general table's where ntfy means more by it."""
    if judged := without_answer(answer):
        return judged
    status = answer.http_status or 0
    if status in ANSWERS:
        outcome, meaning = ANSWERS[status]
        return Judgement(outcome, f"HTTP {status}: {meaning}")
    return by_status(answer)
