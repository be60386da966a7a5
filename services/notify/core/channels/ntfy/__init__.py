"""ntfy: a push to the phones that follow a topic. The secret, where a topic is protected, is an access token."""

import json
from collections.abc import Sequence
from urllib.parse import urlsplit, urlunsplit

from services.notify.core.channels.ntfy.answers import judge
from services.notify.core.channels.ntfy.message import render, render_notice
from services.notify.core.channels.rules import ChannelRules, Envelope, Posting, Secret, bearer


def _published(body: bytes, posting: Posting) -> Sequence[Envelope]:
    """JSON is published at the server's root and names the topic (ntfy, "Publish as JSON")."""
    parts = urlsplit(posting.endpoint)
    root, _, topic = parts.path.rstrip("/").rpartition("/")
    if not topic:
        raise ValueError("the endpoint names no topic: https://ntfy.example/my-topic is expected")
    message = json.loads(body) | {"topic": topic}
    server = urlunsplit((parts.scheme, parts.netloc, f"{root}/", "", ""))
    return (Envelope(json.dumps(message, ensure_ascii=False).encode(), bearer(posting), server),)


RULES = ChannelRules(
    about="the phones that follow an ntfy topic",
    endpoint="the topic's URL",
    render=render,
    render_plain=render,
    notice=render_notice,
    judge=judge,
    dress=_published,
    secret=Secret.OPTIONAL,
    rest_s=1,
)
