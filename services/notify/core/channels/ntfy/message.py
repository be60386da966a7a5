"""An alert as an ntfy message. Plain text: ntfy reads Markdown only where it is asked to."""

import json
from collections.abc import Mapping

from services.contracts.alert import Alert
from services.contracts.report import Severity
from services.notify.core.writing.telling import quotation, tell
from services.notify.core.writing.text import clip, one_line, whole_lines

BUDGETS: Mapping[str, int] = {"title": 240, "line": 300, "quote": 900}
"""Bytes of UTF-8. ntfy makes an attachment of a message over 4096 bytes, and refuses a title over 256."""

MAX_MESSAGE_BYTES = 3_900

PRIORITIES: Mapping[Severity, int] = {
    Severity.EXTREME: 5,
    Severity.SEVERE: 4,
    Severity.MODERATE: 3,
    Severity.MINOR: 2,
}
"""ntfy: 5 rings on through silence, 2 makes no sound."""


def render(alert: Alert, *, late: bool = False) -> bytes:
    """UTF-8 JSON of a message without its topic. Equal arguments give equal bytes."""
    told = tell(alert, late=late)
    lines = [*told.warnings, told.why, *(f"{label}: {value}" for label, value in told.facts)]
    lines = [_fit(line, "line") for line in lines]
    if told.quote:
        quote, who = quotation(told.quote)
        # The isolates keep a right-to-left quote from turning the words after it around.
        lines.append(f"“\u2068{_fit(quote, 'quote')}\u2069” {_fit(who, 'line')}")
    lines += [_fit(f"{source.name} {source.host}", "line") for source in told.sources[:3]]
    lines.append(_fit(told.footer, "line"))
    message: dict[str, object] = {
        "title": _fit(told.title, "title"),
        "message": "\n".join(whole_lines(lines, MAX_MESSAGE_BYTES, _bytes)),
        "priority": PRIORITIES[alert.incident.severity] if not alert.exercise else PRIORITIES[Severity.MINOR],
        "tags": [alert.incident.severity, alert.change, *(["exercise"] if alert.exercise else [])],
    }
    if told.url:
        message["click"] = told.url
    return json.dumps(message, ensure_ascii=False).encode()


def render_notice(words: str) -> bytes:
    """Words for the operator."""
    return json.dumps({"message": _fit(words, "quote")}, ensure_ascii=False).encode()


def _fit(text: str, budget: str) -> str:
    return clip(one_line(text), BUDGETS[budget], _bytes)


def _bytes(character: str) -> int:
    return len(character.encode())
