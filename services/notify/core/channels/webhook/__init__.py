"""A generic webhook: Standard Webhooks 1.0.0, signed with the subscription's secret."""

from collections.abc import Sequence

from services.notify.core.channels.rules import JSON, ChannelRules, Envelope, Posting, Secret
from services.notify.core.channels.webhook.message import render
from services.notify.core.channels.webhook.signing import sign
from services.notify.core.status import judge_by_status


def _signed(body: bytes, posting: Posting) -> Sequence[Envelope]:
    secrets = [secret for secret in (posting.secret, posting.retiring) if secret]
    return (Envelope(body, {**JSON, **sign(secrets, posting.delivery_id, posting.at_s, body)}),)


RULES = ChannelRules(
    about="any program that takes a POST, signed (Standard Webhooks 1.0.0)",
    endpoint="the URL to post to",
    render=render,
    render_plain=render,
    judge=judge_by_status,
    dress=_signed,
    secret=Secret.MADE,
)
