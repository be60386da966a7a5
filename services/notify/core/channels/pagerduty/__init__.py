"""PagerDuty, Events API v2: one PagerDuty incident an incident here, triggered, updated and resolved by its id."""

import json
from collections.abc import Sequence

from services.notify.core.channels.pagerduty.answers import judge
from services.notify.core.channels.pagerduty.message import render
from services.notify.core.channels.rules import JSON, ChannelRules, Envelope, Posting, Secret


def _routed(body: bytes, posting: Posting) -> Sequence[Envelope]:
    event = json.loads(body) | {"routing_key": posting.secret}
    return (Envelope(json.dumps(event, ensure_ascii=False).encode(), JSON),)


RULES = ChannelRules(
    about="a PagerDuty service",
    endpoint="https://events.pagerduty.com/v2/enqueue (or .eu.)",
    render=render,
    render_plain=render,
    judge=judge,
    dress=_routed,
    secret=Secret.GIVEN,
)
