"""What Discord's answers mean. Pure."""

import re
from collections.abc import Mapping

from services.notify.core.status import Answer, Judgement, Outcome, by_status, without_answer

ANSWERS: Mapping[int, tuple[Outcome, str]] = {
    10003: (Outcome.GONE, "the channel was deleted"),
    10015: (Outcome.GONE, "the webhook was deleted"),
    50027: (Outcome.DENIED, "the webhook's token is wrong"),
    50006: (Outcome.BODY_REFUSED, "Discord finds the message empty"),
    50035: (Outcome.LAYOUT_REFUSED, "Discord refuses the layout"),
    50109: (Outcome.BODY_REFUSED, "Discord cannot read the message"),
    20016: (Outcome.THROTTLED, "slow mode"),
    30007: (Outcome.DENIED, "too many webhooks"),
}
"""By the `code` of the answer's JSON."""

_CODE = re.compile(r'"code"\s*:\s*([0-9]{1,6})\b')


def judge(answer: Answer) -> Judgement:
    """What an answer means: its status where that is a success or a throttle, else the code in the body."""
    if judged := without_answer(answer):
        return judged
    by_itself = by_status(answer)
    code = _CODE.search(answer.body)
    if by_itself.outcome is not Outcome.FAILED or code is None or int(code[1]) not in ANSWERS:
        return by_itself
    outcome, meaning = ANSWERS[int(code[1])]
    return Judgement(outcome, f"{code[1]}: {meaning}")
