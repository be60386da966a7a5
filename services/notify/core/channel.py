"""The channels: for each, how an alert is written, what an answer means, whether it is signed. One table."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from services.contracts.alert import Alert
from services.contracts.delivery import Delivery
from services.contracts.subscription import Channel
from services.notify.core import retry
from services.notify.core.render import slack, webhook
from services.notify.core.status import Answer, Judgement, judge_slack, judge_webhook


class Renderer(Protocol):
    def __call__(self, alert: Alert, *, late: bool = False) -> bytes: ...


@dataclass(frozen=True, slots=True)
class ChannelRules:
    """`render_plain` is used once the endpoint has refused the layout. `signed`: the body goes with Standard
    Webhooks headers, made with the subscription's secret. `rest_s` is the least time from one attempt's end to the
    next one's start at the same endpoint."""

    render: Renderer
    render_plain: Renderer
    judge: Callable[[Answer], Judgement]
    signed: bool
    rest_s: float


CHANNELS: Mapping[Channel, ChannelRules] = {
    # Slack takes about one message a second for a channel and answers 429 to more.
    Channel.SLACK: ChannelRules(slack.render, slack.render_plain, judge_slack, signed=False, rest_s=1),
    Channel.WEBHOOK: ChannelRules(webhook.render, webhook.render, judge_webhook, signed=True, rest_s=0),
}


def body(channel: Channel, delivery: Delivery, alert: Alert, *, late: bool) -> bytes:
    """What the next attempt sends: the alert, with the reasons of the revisions that were folded into it."""
    if delivery.also:
        reasons = dict.fromkeys((*delivery.also, alert.reason))
        alert = alert.model_copy(update={"reason": "; ".join(reasons)})
    rules = CHANNELS[channel]
    render = rules.render_plain if retry.wants_plain(delivery) else rules.render
    return render(alert, late=late)
