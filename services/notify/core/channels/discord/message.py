"""An alert as a Discord message: one embed, or text alone.

Foreign text is escaped, because Discord reads Markdown everywhere; nobody is mentioned whatever it says. Sources are
bare addresses, since a masked link can show another host than it leads to.
"""

import json
from collections.abc import Mapping

from services.contracts.alert import Alert
from services.contracts.report import Severity
from services.notify.core.writing.telling import Telling, quotation, tell
from services.notify.core.writing.text import clip, one_line, whole_lines

BUDGETS: Mapping[str, int] = {
    "title": 250,  # Discord: 256
    "field": 500,  # Discord: 1024, 25 of them; 6000 for all of an embed
    "why": 500,
    "quote": 1_200,
    "name": 150,
    "sources": 900,
    "plain": 1_900,  # Discord: 2000
}
"""Characters, counted as UTF-16 units after escaping."""

COLOURS: Mapping[Severity, int] = {
    Severity.EXTREME: 0x8B0000,
    Severity.SEVERE: 0xC0392B,
    Severity.MODERATE: 0xB9770E,
    Severity.MINOR: 0x5D6D7E,
}
"""Beside the shape and the word, never instead of them."""

_MARKDOWN = frozenset("\\*_~`|>[]()#<@:-+.!")


def render(alert: Alert, *, late: bool = False) -> bytes:
    """UTF-8 JSON of a message with an embed. Equal arguments give equal bytes."""
    told = tell(alert, late=late)
    fields = [{"name": label, "value": _fit(value, "field") or "-"} for label, value in told.facts]
    if sources := _sources(told):
        fields.append({"name": "Sources", "value": "\n".join(sources)})
    embed = {
        "title": _fit(told.title, "title"),
        "description": "\n".join([*told.warnings, *_words(told)]),
        "color": COLOURS[alert.incident.severity],
        "fields": fields,
        "footer": {"text": clip(one_line(told.footer), BUDGETS["name"], _units)},
    }
    return _message({"embeds": [embed]})


def render_plain(alert: Alert, *, late: bool = False) -> bytes:
    """The same as text alone."""
    told = tell(alert, late=late)
    facts = [f"{label}: {_fit(value, 'name')}" for label, value in told.facts]
    lines = [_fit(told.title, "title"), *told.warnings, *_words(told), *facts, *_sources(told)]
    return _message({"content": "\n".join(whole_lines(lines, BUDGETS["plain"], _units)).rstrip()})


def render_notice(words: str) -> bytes:
    """Words for the operator."""
    return _message({"content": _fit(words, "why")})


def _message(content: dict[str, object]) -> bytes:
    # 1 << 2: nothing unfurls
    return json.dumps(content | {"allowed_mentions": {"parse": []}, "flags": 4}, ensure_ascii=False).encode()


def _words(told: Telling) -> list[str]:
    lines = [_fit(told.why, "why")]
    if told.quote:
        quote, who = quotation(told.quote)
        # The isolates keep a right-to-left quote from turning the words after it around.
        lines.append(f"“\u2068{_fit(quote, 'quote')}\u2069” {_fit(who, 'name')}")
    return lines


def _sources(told: Telling) -> list[str]:
    lines = (_fit(source.name, "name") + (f": {source.url}" if source.url else "") for source in told.sources)
    return whole_lines(lines, BUDGETS["sources"] + 1, _units)  # the last needs no line break


def _fit(text: str, budget: str) -> str:
    return _escaped(clip(one_line(text), BUDGETS[budget], _units_escaped))


def _escaped(text: str) -> str:
    return "".join(f"\\{character}" if character in _MARKDOWN else character for character in text)


def _units(character: str) -> int:
    return 1 if character <= "\uffff" else 2


def _units_escaped(character: str) -> int:
    return _units(character) + (character in _MARKDOWN)
