"""Microsoft Teams, by a Workflows webhook ("Post to a channel when a webhook request is received")."""

from services.notify.core.channels.rules import ChannelRules
from services.notify.core.channels.teams.message import render, render_plain
from services.notify.core.status import judge_by_status

# Four requests a second for a flow; Teams answers 429 to more.
RULES = ChannelRules(
    about="a Microsoft Teams channel",
    endpoint="the URL that its workflow gives",
    render=render,
    render_plain=render_plain,
    judge=judge_by_status,
    rest_s=0.5,
)
