"""Slack, by a bot's token: the first message of an incident is kept up to date, what is new goes into its thread.

The endpoint is `https://slack.com/api?channel=C0123456789`, the secret the token (`xoxb-…`, scope `chat:write`).
"""

import json
import re
from collections.abc import Sequence
from urllib.parse import parse_qs, urlsplit, urlunsplit

from services.notify.core.channels.rules import ChannelRules, Envelope, Posting, Secret
from services.notify.core.channels.slack_bot.answers import judge, receipt
from services.notify.core.channels.slack_bot.message import render, render_answerable, render_notice, render_plain

_CHANNEL = re.compile("[A-Z0-9]{8,20}")


def _posted(body: bytes, posting: Posting) -> Sequence[Envelope]:
    """The first word is a message. Later that message is updated, which may be done twice, and then the news is posted
    to its thread."""
    told = json.loads(body)
    if posting.head is None:
        return (_call("chat.postMessage", told["message"], posting),)
    return (
        _call("chat.update", told["message"] | {"ts": posting.head}, posting),
        _call("chat.postMessage", told["follow_up"] | {"thread_ts": posting.head}, posting),
    )


def _call(method: str, arguments: dict[str, object], posting: Posting) -> Envelope:
    parts = urlsplit(posting.endpoint)
    channel = parse_qs(parts.query).get("channel", [""])[0]
    if not _CHANNEL.fullmatch(channel):
        raise ValueError("the endpoint names no channel: https://slack.com/api?channel=C0123456789 is expected")
    return Envelope(
        json.dumps(arguments | {"channel": channel}, ensure_ascii=False).encode(),
        {"content-type": "application/json; charset=utf-8", "authorization": f"Bearer {posting.secret}"},
        urlunsplit((parts.scheme, parts.netloc, f"{parts.path.rstrip('/')}/{method}", "", "")),
    )


# About one message a second for a channel, and a follow-up is two calls.
RULES = ChannelRules(
    about="a Slack channel through a bot, which keeps the first message current and threads what follows",
    endpoint="https://slack.com/api?channel=C0123456789",
    render=render,
    render_plain=render_plain,
    render_answerable=render_answerable,
    notice=render_notice,
    judge=judge,
    dress=_posted,
    secret=Secret.GIVEN,
    receipt=receipt,
    rest_s=1,
)
