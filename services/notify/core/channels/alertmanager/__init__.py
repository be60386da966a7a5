"""Prometheus Alertmanager, API v2: who is on call, and what is grouped or inhibited, is decided there."""

from collections.abc import Sequence

from services.notify.core.channels.alertmanager.message import render
from services.notify.core.channels.rules import ChannelRules, Envelope, Posting, Secret, bearer
from services.notify.core.status import judge_by_status


def _posted(body: bytes, posting: Posting) -> Sequence[Envelope]:
    return (Envelope(body, bearer(posting)),)


RULES = ChannelRules(
    about="a Prometheus Alertmanager",
    endpoint="https://alertmanager.example/api/v2/alerts",
    render=render,
    render_plain=render,
    judge=judge_by_status,
    dress=_posted,
    secret=Secret.OPTIONAL,
)
