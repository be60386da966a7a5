"""Discord, by a channel's webhook: its address is the password."""

from services.notify.core.channels.discord.answers import judge
from services.notify.core.channels.discord.message import render, render_notice, render_plain
from services.notify.core.channels.rules import ChannelRules

# Five messages in two seconds for a webhook; Discord answers 429 to more.
RULES = ChannelRules(
    about="a Discord channel",
    endpoint="the URL of its webhook",
    render=render,
    render_plain=render_plain,
    notice=render_notice,
    judge=judge,
    rest_s=0.5,
)
