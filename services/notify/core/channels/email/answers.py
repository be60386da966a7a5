"""What a mail server's replies to a recipient or a message mean. Pure.

Replies are judged by their enhanced status code (RFC 3463), else by their code (RFC 5321, 4.2). What is between us and
our own server never comes here: the sender calls it RELAY_FAILED.
"""

import re
from collections.abc import Mapping

from services.notify.core.status import Answer, Judgement, Outcome, without_answer

ANSWERS: Mapping[str, tuple[Outcome, str]] = {
    "5.1.1": (Outcome.GONE, "there is no such mailbox"),
    "5.1.6": (Outcome.GONE, "the mailbox has moved"),
    "5.1.7": (Outcome.BODY_REFUSED, "the sender's address is refused"),
    "5.1.8": (Outcome.BODY_REFUSED, "the sender's address is refused"),
    "5.1.10": (Outcome.GONE, "the domain takes no mail"),
    "5.1": (Outcome.DENIED, "the address is refused"),
    "5.2.3": (Outcome.BODY_REFUSED, "the message is too long"),
    "5.2": (Outcome.DENIED, "the mailbox is full or disabled"),
    "5.3.4": (Outcome.BODY_REFUSED, "the message is too long"),
    "5.4": (Outcome.DENIED, "there is no way to the mailbox"),
    "5.5": (Outcome.BODY_REFUSED, "the server does not understand us"),
    "5.6": (Outcome.BODY_REFUSED, "the server cannot read the message"),
    "5.7": (Outcome.BODY_REFUSED, "a policy refuses us or the message"),
    "421": (Outcome.THROTTLED, "the server is busy"),
    "450": (Outcome.THROTTLED, "the mailbox is busy"),
    "451": (Outcome.THROTTLED, "the server wants it later"),
    "452": (Outcome.THROTTLED, "the server or the mailbox is full"),
    "552": (Outcome.BODY_REFUSED, "the message is too much"),
    "554": (Outcome.BODY_REFUSED, "the message is refused"),
}
"""By enhanced code, by its class and subject, by basic code: the first that stands here. Of what does not, 2xx is
delivered, 4xx is tried again and 5xx is not."""

_REPLY = re.compile(r"([0-9]{3})(?:\s+([245]\.[0-9]{1,3})(\.[0-9]{1,3})(?![0-9.]))?")


def judge(answer: Answer) -> Judgement:
    """What a reply means. Its enhanced code counts where it agrees with the code before it."""
    if judged := without_answer(answer):
        return judged
    reply = _REPLY.match(answer.body)
    if reply is None:
        return Judgement(Outcome.FAILED, "the mail server gives no code")
    code, subject, detail = reply[1], reply[2] or "", reply[3] or ""
    if subject[:1] != code[0]:
        subject = detail = ""
    for key in (subject + detail, subject, code):
        if key in ANSWERS:
            outcome, meaning = ANSWERS[key]
            return Judgement(outcome, f"SMTP {code} {subject}{detail}".rstrip() + f": {meaning}")
    by_class = {"2": Outcome.DELIVERED, "5": Outcome.DENIED}
    return Judgement(by_class.get(code[0], Outcome.FAILED), f"SMTP {code} {subject}{detail}".rstrip())
