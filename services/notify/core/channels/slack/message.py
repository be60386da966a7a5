"""An alert as a Slack message (Block Kit, incoming webhook).

Text that an article or a feed wrote stands in `plain_text` objects, where Slack reads no markup; where a link makes
`mrkdwn` necessary it is escaped. Links are shown as the host they lead to. Nothing unfurls.
"""

import json
from collections.abc import Mapping
from itertools import accumulate

from services.contracts.alert import Alert
from services.contracts.incident import Incident, SourceClaim
from services.notify.core.writing import words
from services.notify.core.writing.text import clip, link, one_line

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
    incident = alert.incident
    blocks: list[Block] = [{"type": "header", "text": _plain(_title(alert, late), "header")}]
    blocks += [{"type": "section", "text": _plain(warning, "why")} for warning in _warnings(alert, late)]
    blocks.append({"type": "section", "fields": [_field(label, value) for label, value in _facts(incident)]})
    blocks.append({"type": "section", "text": _plain(_why(alert), "why")})
    if claim := words.quoted(incident):
        blocks.append({"type": "section", "text": {"type": "plain_text", "text": _quotation(claim), "emoji": False}})
    if sources := words.sources(incident):
        blocks.append({"type": "context", "elements": _sources(sources)})
    blocks.append({"type": "context", "elements": [_plain(_footer(alert), "name")]})
    return _message(_fit(_title(alert, late), "fallback"), blocks)


def render_plain(alert: Alert, *, late: bool = False) -> bytes:
    """The same as text alone, for a Slack that refuses the blocks."""
    incident = alert.incident
    lines = [_fit(_title(alert, late), "fallback")]
    lines += [_fit(warning, "field") for warning in _warnings(alert, late)]
    lines += [_fit(f"{label}: {value}", "field") for label, value in _facts(incident)]
    lines.append(_fit(_why(alert), "why"))
    if claim := words.quoted(incident):
        lines.append(_quotation(claim))
    lines.append(_fit(_footer(alert), "name"))
    lines += [
        _escape(f"{_short(_source_name(c), 'name')} {_leads_to(c)}") for c in words.sources(incident)[:MAX_SOURCES]
    ]
    # Whole lines only, since a cut could leave half an escape; what is over the budget is a source with a long URL.
    lengths = accumulate(sum(map(_units, line)) + 1 for line in lines)
    kept = [line for line, length in zip(lines, lengths, strict=True) if length <= BUDGETS["plain"]]
    return _message("\n".join(kept), None)


def render_news(alert: Alert, *, late: bool = False) -> bytes:
    """What is new, in a few lines of text: for the thread under a message that tells the rest."""
    claim = words.quoted(alert.incident)
    lines = [_fit(_title(alert, late), "fallback"), _fit(_why(alert), "why"), *([_quotation(claim)] if claim else [])]
    return _message("\n".join(lines), None)


def _message(text: str, blocks: list[Block] | None) -> bytes:
    message: Block = {"text": text, "mrkdwn": False, "unfurl_links": False, "unfurl_media": False}
    if blocks:
        message["blocks"] = blocks
    return json.dumps(message, ensure_ascii=False).encode()


def _title(alert: Alert, late: bool) -> str:
    severity = alert.incident.severity
    marks = "".join(f"{mark} · " for mark in words.marks(alert, late))
    return f"{marks}{words.SHAPES[severity]} {severity.upper()} · {alert.headline}"


def _warnings(alert: Alert, late: bool) -> list[str]:
    return [words.NOT_REAL] * alert.exercise + [words.IS_LATE] * late


def _facts(incident: Incident) -> list[tuple[str, str]]:
    facts = [
        ("What", words.what(incident)),
        ("Where", words.where(incident.site)),
        ("When", words.when(incident)),
        ("How sure", words.how_sure(incident)),
        ("Toll", words.toll(incident)),
    ]
    if particulars := words.particulars(incident):
        facts.append(("Particulars", particulars))
    return facts


def _why(alert: Alert) -> str:
    return f"Told because: {alert.reason}"


def _quotation(claim: SourceClaim) -> str:
    # The isolates keep a right-to-left quote from turning the words after it around.
    who = f"{claim.source.name}, {words.language(claim.language)}"
    return f"“\u2068{_fit(claim.quote, 'quote')}\u2069” {_fit(who, 'name')}"


def _sources(claims: tuple[SourceClaim, ...]) -> list[Block]:
    elements = [_source(claim) for claim in claims[:MAX_SOURCES]]
    if len(claims) > MAX_SOURCES:
        elements.append(_plain(f"and {len(claims) - MAX_SOURCES} more", "name"))
    return elements


def _source(claim: SourceClaim) -> Block:
    name = _unmarked(_fit(_source_name(claim), "name"))
    if target := link(claim.url):
        url, host = target
        name = f"{name}: <{_escape(url)}|{_escape(host)}>"
    return {"type": "mrkdwn", "text": name, "verbatim": True}


def _source_name(claim: SourceClaim) -> str:
    return f"{claim.source.name} ({claim.source.grade})"


def _leads_to(claim: SourceClaim) -> str:
    target = link(claim.url)
    return target[0] if target else ""


def _footer(alert: Alert) -> str:
    incident = alert.incident
    return f"Fetched {words.moment(incident.ledger.fetched_at)} · {incident.incident_id} revision {incident.revision}"


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
