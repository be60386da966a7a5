"""The channels, each a package of its own: `render` (pure), what its answers mean, its rules. One table."""

from collections.abc import Mapping

from services.contracts.alert import Alert
from services.contracts.delivery import Delivery
from services.contracts.subscription import Channel
from services.notify.core import retry
from services.notify.core.channels import (
    alertmanager,
    cap,
    discord,
    email,
    ntfy,
    pagerduty,
    slack,
    slack_bot,
    teams,
    webhook,
)
from services.notify.core.channels.rules import ChannelRules

CHANNELS: Mapping[Channel, ChannelRules] = {
    Channel.SLACK: slack.RULES,
    Channel.SLACK_BOT: slack_bot.RULES,
    Channel.WEBHOOK: webhook.RULES,
    Channel.TEAMS: teams.RULES,
    Channel.DISCORD: discord.RULES,
    Channel.PAGERDUTY: pagerduty.RULES,
    Channel.NTFY: ntfy.RULES,
    Channel.ALERTMANAGER: alertmanager.RULES,
    Channel.CAP: cap.RULES,
    Channel.EMAIL: email.RULES,
}


def preview(channel: Channel, alert: Alert, *, late: bool) -> tuple[str, bytes]:
    """The media type and the body that a channel writes of an alert, before an attempt adds what only it knows: a
    signature, a key, the references to an earlier message."""
    rules = CHANNELS[channel]
    return rules.media_type, rules.render(alert, late=late)


def body(channel: Channel, delivery: Delivery, *, late: bool, answerable: bool = False) -> bytes:
    """What the next attempt sends: the alert, with the reasons of the revisions that were folded into it; or a notice.
    `answerable`: with buttons, where the channel has any.

    Raises ValueError for a notice where the channel carries alerts only.
    """
    rules, alert = CHANNELS[channel], delivery.alert
    if alert is None:
        if rules.notice is None:
            raise ValueError(f"{channel} carries alerts only: name another subscription as CHANCERY_NOTIFY__OPERATOR")
        return rules.notice(delivery.notice or "")
    if delivery.also:
        reasons = dict.fromkeys((*delivery.also, alert.reason))
        alert = alert.model_copy(update={"reason": "; ".join(reasons)})
    render = (rules.render_answerable if answerable else None) or rules.render
    if retry.wants_plain(delivery):
        render = rules.render_plain
    return render(alert, late=late)
