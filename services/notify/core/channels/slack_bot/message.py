"""An alert for a Slack bot: `message` says how the incident stands, `follow_up` what is new of it."""

import json

from services.contracts.alert import Alert
from services.notify.core.channels.slack import message as slack


def render(alert: Alert, *, late: bool = False) -> bytes:
    """UTF-8 JSON of both. Equal arguments give equal bytes."""
    return _both(alert, slack.render(alert, late=late), late)


def render_answerable(alert: Alert, *, late: bool = False) -> bytes:
    """The same with buttons, on the message that is kept up to date."""
    return _both(alert, slack.render_answerable(alert, late=late), late)


def render_plain(alert: Alert, *, late: bool = False) -> bytes:
    """The same as text alone."""
    return _both(alert, slack.render_plain(alert, late=late), late)


def render_notice(words: str) -> bytes:
    """Words for the operator."""
    message = json.loads(slack.render_notice(words))
    return json.dumps({"message": message, "follow_up": message}, ensure_ascii=False).encode()


def _both(alert: Alert, message: bytes, late: bool) -> bytes:
    told = {"message": json.loads(message), "follow_up": json.loads(slack.render_news(alert, late=late))}
    return json.dumps(told, ensure_ascii=False).encode()
