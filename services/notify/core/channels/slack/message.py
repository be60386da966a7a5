"""An alert as a Slack message (Block Kit), and the answer to whoever pressed one of its buttons.

Text that an article or a feed wrote stands in `plain_text` objects, where Slack reads no markup; where a link makes
`mrkdwn` necessary it is escaped. Links are shown as the host they lead to. Nothing unfurls.
"""

import json
import re
from collections.abc import Mapping, Sequence
from enum import StrEnum
from itertools import accumulate

from services.contracts.alert import Alert
from services.contracts.incident import Incident, SourceClaim
from services.notify.core.silencing import only_site
from services.notify.core.writing import words
from services.notify.core.writing.telling import SourceLine, quotation, tell
from services.notify.core.writing.text import clip, one_line, unlinked

Block = dict[str, object]

BUDGETS: Mapping[str, int] = {
    "header": 150,  # Slack: 150
    "field": 400,  # Slack: 2000, ten of them
    "why": 800,  # Slack: a section's text 3000
    "quote": 1_500,  # the same
    "ask": 250,  # a dialog's text: 300
    "name": 200,  # with the link, a context element stays under 3000
    "fallback": 400,
    "plain": 10_000,  # Slack cuts a message's text at 40,000
}
"""Characters, counted as UTF-16 units after escaping, which is the most that any way of counting finds."""

MAX_SOURCES = 8
"""Of ten elements a context may have; one is kept for how many more there are."""


class Button(StrEnum):
    """What a button asks for: its `action_id`. Its value is the incident's id."""

    CONFIRM = "confirm"
    FALSE_ALARM = "false_alarm"
    SILENCE = "silence_site"


_ESCAPES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
_LOOKALIKES = str.maketrans("*_~`", "∗＿∼ˋ")
_EMOJI = re.compile(r":(?=\S*:)")


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


def render_answerable(alert: Alert, *, late: bool = False) -> bytes:
    """The same with buttons to judge the incident and, where it is real, to silence its site."""
    message = json.loads(render(alert, late=late))
    message["blocks"].append({"type": "actions", "block_id": "answers", "elements": _buttons(alert)})
    return json.dumps(message, ensure_ascii=False).encode()


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


def render_notice(told: str) -> bytes:
    """Words for the operator."""
    return _message(_fit(told, "why"), None)


def render_reply(told: str, thread: str | None) -> bytes:
    """The answer to a button: to everyone in the thread of the message, or without one to whoever pressed it alone."""
    to: Block = {"response_type": "in_channel", "thread_ts": thread} if thread else {"response_type": "ephemeral"}
    return _message(_fit(told, "why"), None, to | {"replace_original": False})


def _message(text: str, blocks: list[Block] | None, more: Block | None = None) -> bytes:
    message: Block = {"text": text, "mrkdwn": False, "unfurl_links": False, "unfurl_media": False, **(more or {})}
    if blocks:
        message["blocks"] = blocks
    return json.dumps(message, ensure_ascii=False).encode()


def _buttons(alert: Alert) -> list[Block]:
    incident = alert.incident
    false_alarm = "Whoever was told of this incident is then told that it did not happen."
    asked = [
        _button(incident, Button.CONFIRM, "Confirm", "Confirm that this incident happened", style="primary"),
        _button(incident, Button.FALSE_ALARM, "False alarm", "Say that this incident did not happen", false_alarm),
    ]
    if only_site(incident.site) is not None and not alert.exercise:
        silence = f"For a time nobody is told of {unlinked(words.where(incident.site))}."
        asked.append(
            _button(incident, Button.SILENCE, "Silence site", "Silence alerts about this site for a time", silence)
        )
    return asked


def _button(incident: Incident, button: Button, text: str, label: str, ask: str = "", style: str = "danger") -> Block:
    """With `ask` it asks first whether that is meant; `label` is what a screen reader says."""
    made: Block = {
        "type": "button",
        "action_id": button,
        "value": incident.incident_id,
        "text": _plain(text, "name"),
        "accessibility_label": label,
        "style": style,
    }
    if ask:
        made["confirm"] = {
            "title": _plain(f"{text}?", "name"),
            "text": _plain(ask, "ask"),
            "confirm": _plain(text, "name"),
            "deny": _plain("Leave it", "name"),
            "style": style,
        }
    return made


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
    name = _fit(source.name, "name")
    url = f" <{_escape(source.url)}|{_escape(source.host)}>" if source.url else ""
    name = _unmarked(f"{name}:") + url if url else _unmarked(name)
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
    """Escaped text without what mrkdwn reads as bold, italic, struck out, code, a quotation (an escaped > is one too)
    or an emoji's name; alike to the eye."""
    return _EMOJI.sub("∶", text.replace("&gt;", "＞")).translate(_LOOKALIKES)


def _units(character: str) -> int:
    return 1 if character <= "\uffff" else 2


def _units_escaped(character: str) -> int:
    return len(_ESCAPES.get(character, "")) or _units(character)
