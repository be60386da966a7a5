"""What the answers of PagerDuty's Events API mean. Pure."""

from services.notify.core.status import Answer, Judgement, Outcome, by_status, without_answer


def judge(answer: Answer) -> Judgement:
    """202 is a delivery. A 400 is either the routing key, which the subscriber has to mend, or our own event."""
    if judged := without_answer(answer):
        return judged
    if answer.http_status == 400:
        if "routing_key" in answer.body or "routing key" in answer.body.lower():
            return Judgement(Outcome.DENIED, "HTTP 400: the routing key is wrong")
        return Judgement(Outcome.BODY_REFUSED, "HTTP 400: PagerDuty cannot read the event")
    return by_status(answer)
