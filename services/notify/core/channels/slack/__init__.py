"""Slack, by an incoming webhook: its address is the password, and no message can be changed afterwards."""

from services.notify.core.channels.rules import ChannelRules
from services.notify.core.channels.slack.answers import judge
from services.notify.core.channels.slack.message import render, render_answerable, render_notice, render_plain

# About one message a second for a channel; Slack answers 429 to more.
RULES = ChannelRules(
    about="a Slack channel",
    endpoint="the URL of an incoming webhook",
    render=render,
    render_plain=render_plain,
    render_answerable=render_answerable,
    notice=render_notice,
    judge=judge,
    rest_s=1,
)
