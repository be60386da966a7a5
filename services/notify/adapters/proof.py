"""An endpoint is proved by a message: what is sent before it is subscribed and where someone asks for a test, and
what comes back."""

import json
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus

from services.contracts import ids
from services.contracts.ids import DeliveryId
from services.contracts.subscription import Subscription
from services.notify.adapters.sender import Sender
from services.notify.core.channels import CHANNELS
from services.notify.core.retry import VERDICTS, Verdict
from services.notify.core.sample import sample_alert
from services.notify.core.status import Answer, Judgement, Outcome
from services.notify.core.writing.text import one_line
from services.runtime.settings import Settings

MOST_ANSWER = 300
"""Characters of an answer that a person is shown."""


@dataclass(frozen=True, slots=True)
class Proof:
    """What the endpoint made of it."""

    answer: Answer
    judgement: Judgement

    @property
    def taken(self) -> bool:
        return VERDICTS[self.judgement.outcome] is Verdict.DELIVERED

    @property
    def refused_access(self) -> bool:
        """Perhaps because it does not know yet what signs the message."""
        return self.answer.http_status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)

    def words(self) -> str:
        """In one line, with the beginning of the answer where the message was not taken."""
        told = one_line(self.answer.body)[:MOST_ANSWER]
        answered = f"; it answered: {told}" if told and not self.taken else ""
        return f"{'delivered' if self.taken else 'not delivered'}: {one_line(self.judgement.reason)}{answered}"

    def for_machines(self) -> dict[str, object]:
        return {"delivered": self.taken, "outcome": self.judgement.outcome, "reason": self.judgement.reason}


async def proved(chosen: Settings, subscription: Subscription, *, challenge: bool = False) -> Proof:
    """Send an alert marked EXERCISE to the endpoint, from this machine; first a challenge, where one is wanted.

    A challenge is a signed body of type `endpoint.challenge`. The endpoint answers 2xx with the text of
    `data.challenge`, alone or as the field `challenge` of a JSON object. Raises Misconfigured for missing keys.
    """
    now = datetime.now(UTC)
    rules = CHANNELS[subscription.channel]
    async with Sender(chosen) as sender:
        if challenge:
            asked = await _challenged(sender, subscription, now)
            if not asked.taken:
                return asked
        alert = sample_alert(now)
        delivery_id = ids.delivery_id(alert.alert_id, subscription.subscription_id)
        answer = await sender.send(subscription, delivery_id, rules.render(alert), now)
        return Proof(answer, rules.judge(answer))


async def _challenged(sender: Sender, subscription: Subscription, now: datetime) -> Proof:
    wanted = secrets.token_urlsafe(24)
    body = {
        "type": "endpoint.challenge",
        "timestamp": now.isoformat().replace("+00:00", "Z"),
        "data": {"challenge": wanted},
    }
    delivery_id = DeliveryId(ids.derive("dlv", "challenge", subscription.subscription_id, wanted))
    answer = await sender.send(subscription, delivery_id, json.dumps(body).encode(), now)
    judged = CHANNELS[subscription.channel].judge(answer)
    if judged.outcome is Outcome.DELIVERED and wanted not in _echoes(answer.body):
        judged = Judgement(Outcome.DENIED, f"{judged.reason}, without the challenge")
    return Proof(answer, judged)


def _echoes(answer: str) -> tuple[object, ...]:
    """What may be the challenge in an answer. A body that only comes back as it was sent has it in another place."""
    try:
        told = json.loads(answer)
    except (ValueError, RecursionError):
        return (answer.strip(),)
    return (told, told.get("challenge")) if isinstance(told, dict) else (told,)
