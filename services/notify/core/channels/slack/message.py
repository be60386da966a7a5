"""An alert as a Slack message (Block Kit, incoming webhook).

Text that an article or a feed wrote stands in `plain_text` objects, where Slack reads no markup; where a link makes
`mrkdwn` necessary it is escaped. Links are shown as the host they lead to. Nothing unfurls.
"""

import json
from collections.abc import Mapping, Sequence
from itertools import accumulate

from services.contracts.alert import Alert
from services.contracts.incident import SourceClaim
from services.notify.core.writing.telling import SourceLine, quotation, tell
from services.notify.core.writing.text import clip, one_line

Block = dict[str, object]

BUDGETS: Mapping[str, int] = {
    "header": 150,  # Slack: 150
    "field": 400,  # Slack: 2000, ten of them
    "why": 800,  # Slack: a section's text 3000
    "quote": 1_500,  # the same
    "name": 200,  # with the link, a context element stays under 3000
    "fallback": 400,
    "plain": 10_000,  # Slack cuts a message's text at 40,000
}
"""Characters, counted as UTF-16 units after escaping, which is the most that any way of counting finds."""

MAX_SOURCES = 8
"""Of ten elements a context may have; one is kept for how many more there are."""

_ESCAPES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
_LOOKALIKES = str.maketrans("*_~`", "∗＿∼ˋ")


def render(alert: Alert, *, late: bool = False) -> bytes:
    """UTF-8 JSON of a message with blocks. Equal arguments give equal bytes."""
    told = tell(alert, late=late)
    blocks: list[Block] = [{"type": "header", "text": _plain(told.title, "header")}]
    blocks += [{"type": "section", "text": _plain(warning, "why")} for warning in told.warnings]
    blocks.append({"type": "section", "fields": [_field(label, value) for label, value in told.facts]})
    blocks.append({"type": "section", "text": _plain(told.why, "why")})
    if told.quote:
        quote = _quotation(told.quote)
        blocks.append({"type": "section", "text": {"type": "plain_text", "text": quote, "emoji": False}})
    if told.sources:
        blocks.append({"type": "context", "elements": _sources(told.sources)})
    blocks.append({"type": "context", "elements": [_plain(told.footer, "name")]})
    return _message(_fit(told.title, "fallback"), blocks)


def render_plain(alert: Alert, *, late: bool = False) -> bytes:
    """The same as text alone, for a Slack that refuses the blocks."""
    told = tell(alert, late=late)
    lines = [_fit(told.title, "fallback")]
    lines += [_fit(warning, "field") for warning in told.warnings]
    lines += [_fit(f"{label}: {value}", "field") for label, value in told.facts]
    lines.append(_fit(told.why, "why"))
    lines += [_quotation(told.quote)] if told.quote else []
    lines.append(_fit(told.footer, "name"))
    lines += [_escape(f"{_short(source.name, 'name')} {source.url}") for source in told.sources[:MAX_SOURCES]]
    # Whole lines only, since a cut could leave half an escape; what is over the budget is a source with a long URL.
    lengths = accumulate(sum(map(_units, line)) + 1 for line in lines)
    kept = [line for line, length in zip(lines, lengths, strict=True) if length <= BUDGETS["plain"]]
    return _message("\n".join(kept), None)


def render_news(alert: Alert, *, late: bool = False) -> bytes:
    """What is new, in a few lines of text: for the thread under a message that tells the rest."""
    told = tell(alert, late=late)
    lines = [_fit(told.title, "fallback"), _fit(told.why, "why"), *([_quotation(told.quote)] if told.quote else [])]
    return _message("\n".join(lines), None)


def render_notice(words: str) -> bytes:
    """Words for the operator."""
    return _message(_fit(words, "why"), None)


def _message(text: str, blocks: list[Block] | None) -> bytes:
    message: Block = {"text": text, "mrkdwn": False, "unfurl_links": False, "unfurl_media": False}
    if blocks:
        message["blocks"] = blocks
    return json.dumps(message, ensure_ascii=False).encode()


def _quotation(claim: SourceClaim) -> str:
    # The isolates keep a right-to-left quote from turning the words after it around.
    quote, who = quotation(claim)
    return f"“\u2068{_fit(quote, 'quote')}\u2069” {_fit(who, 'name')}"


def _sources(sources: Sequence[SourceLine]) -> list[Block]:
    elements = [_source(source) for source in sources[:MAX_SOURCES]]
    if len(sources) > MAX_SOURCES:
        elements.append(_plain(f"and {len(sources) - MAX_SOURCES} more", "name"))
    return elements


def _source(source: SourceLine) -> Block:
    name = _unmarked(_fit(source.name, "name"))
    if source.url:
        name = f"{name}: <{_escape(source.url)}|{_escape(source.host)}>"
    return {"type": "mrkdwn", "text": name, "verbatim": True}


def _field(label: str, value: str) -> Block:
    return {"type": "mrkdwn", "text": f"*{label}*\n{_unmarked(_fit(value, 'field'))}", "verbatim": True}


def _plain(text: str, budget: str) -> Block:
    return {"type": "plain_text", "text": _fit(text, budget), "emoji": False}


def _fit(text: str, budget: str) -> str:
    return _escape(_short(text, budget))


def _short(text: str, budget: str) -> str:
    return clip(one_line(text), BUDGETS[budget], _units_escaped)


def _escape(text: str) -> str:
    return "".join(_ESCAPES.get(character, character) for character in text)


def _unmarked(text: str) -> str:
    """Without the characters that mrkdwn reads as bold, italic, struck out or code; alike to the eye."""
    return text.translate(_LOOKALIKES)


def _units(character: str) -> int:
    return 1 if character <= "\uffff" else 2


def _units_escaped(character: str) -> int:
    return len(_ESCAPES.get(character, "")) or _units(character)
