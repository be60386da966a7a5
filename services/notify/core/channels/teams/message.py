"""An alert as an Adaptive Card for Microsoft Teams.

All text stands in `TextRun`s, where no Markdown is read; what might be a function, `{{DATE(…)}}`, is broken. Links are
the host they lead to, opened by the run itself.
"""

import json
import re
from collections.abc import Mapping

from services.contracts.alert import Alert
from services.contracts.report import Severity
from services.notify.core.writing.telling import SourceLine, Telling, quotation, tell
from services.notify.core.writing.text import clip, one_line

Element = dict[str, object]

BUDGETS: Mapping[str, int] = {"title": 600, "field": 1_000, "why": 1_500, "quote": 4_000, "name": 500}
"""Bytes of JSON. With all sources they stay under Teams' 28 kB for a message."""

MAX_SOURCES = 8

COLOURS: Mapping[Severity, str] = {
    Severity.EXTREME: "attention",
    Severity.SEVERE: "attention",
    Severity.MODERATE: "warning",
    Severity.MINOR: "default",
}
"""Beside the shape and the word, never instead of them."""


_FUNCTION = re.compile(r"\{(?=\{)")


def render(alert: Alert, *, late: bool = False) -> bytes:
    """UTF-8 JSON of a message with one card. Equal arguments give equal bytes."""
    told = tell(alert, late=late)
    title = _bold(told.title, "title") | {"size": "large", "color": COLOURS[alert.incident.severity]}
    body = [_line(title), *(_line(_bold(warning, "why")) for warning in told.warnings)]
    body += [_line(_bold(label, "name"), _run(f"  {value}", "field")) for label, value in told.facts]
    body += [_line(_run(told.why, "why")), *_quoted(told), *_sources(told)]
    return _message([*body, _line(_run(told.footer, "name") | {"isSubtle": True})])


def render_plain(alert: Alert, *, late: bool = False) -> bytes:
    """A card of nothing but lines, for a Teams that refuses the other."""
    told = tell(alert, late=late)
    lines = [_line(_run(line, "why")) for line in (*told.warnings, told.why)]
    facts = [_line(_run(f"{label}: {value}", "field")) for label, value in told.facts]
    return _message([_line(_run(told.title, "title")), *lines, *facts, *_quoted(told), *_sources(told)])


def _message(body: list[Element]) -> bytes:
    card = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": body,
        "msteams": {"width": "Full"},
    }
    attachment = {"contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": None, "content": card}
    return json.dumps({"type": "message", "attachments": [attachment]}, ensure_ascii=False).encode()


def _quoted(told: Telling) -> list[Element]:
    if told.quote is None:
        return []
    quote, who = quotation(told.quote)
    # The isolates keep a right-to-left quote from turning the words after it around.
    words = _run(quote, "quote")
    return [_line(words | {"text": f"“\u2068{words['text']}\u2069” ", "italic": True}, _run(who, "name"))]


def _sources(told: Telling) -> list[Element]:
    more = len(told.sources) - MAX_SOURCES
    lines = [_source(source) for source in told.sources[:MAX_SOURCES]]
    return [*lines, _line(_run(f"and {more} more", "name"))] if more > 0 else lines


def _source(source: SourceLine) -> Element:
    if not source.url:
        return _line(_run(source.name, "name"))
    opens = {"type": "Action.OpenUrl", "url": source.url}
    return _line(_run(f"{source.name}: ", "name"), _run(source.host, "name") | {"selectAction": opens})


def _line(*runs: Element) -> Element:
    return {"type": "RichTextBlock", "inlines": list(runs)}


def _bold(text: str, budget: str) -> Element:
    return _run(text, budget) | {"weight": "bolder"}


def _run(text: str, budget: str) -> Element:
    text = _FUNCTION.sub("{\u2060", one_line(text))
    return {"type": "TextRun", "text": clip(text, BUDGETS[budget], _json_bytes) or " "}


def _json_bytes(character: str) -> int:
    return 2 if character in '"\\' else len(character.encode())
