"""Prometheus Alertmanager, API v2: who is on call, and what is grouped or inhibited, is decided there."""

from services.notify.core.channels.alertmanager.message import render
from services.notify.core.channels.rules import ChannelRules, Secret
from services.notify.core.status import judge_by_status

RULES = ChannelRules(
    about="a Prometheus Alertmanager",
    endpoint="https://alertmanager.example/api/v2/alerts",
    render=render,
    render_plain=render,
    judge=judge_by_status,
    secret=Secret.OPTIONAL,
)
