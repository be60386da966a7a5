"""An alert as an e-mail: text, and HTML for a phone, in one message (RFC 5322, MIME multipart/alternative).

The message is ASCII throughout, so every server takes it. Its subject is always an encoded word: foreign text in it is
data to a mail program, whatever it looks like. The HTML is built as a tree, so that foreign text in it is text; it
asks nothing of anyone: no image, no style sheet, no script.
"""

import re
from collections.abc import Mapping
from email import policy
from email.charset import QP, Charset
from email.header import Header
from email.message import Message
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
from html import escape
from xml.etree.ElementTree import Element, SubElement, tostring

from services.contracts.alert import Alert
from services.contracts.incident import SourceClaim
from services.contracts.report import Severity
from services.notify.core.writing.telling import Telling, quotation, tell
from services.notify.core.writing.text import clip, direction, one_line

BUDGETS: Mapping[str, int] = {"subject": 300, "line": 600, "name": 200, "quote": 2_000}
"""Bytes of UTF-8 after escaping. Together with the addresses, whole messages stay under 100 kB, where the first mail
programs begin to cut; of a subject, phones show forty characters."""

MAX_SOURCES = 8

COLOURS: Mapping[Severity, str] = {
    Severity.EXTREME: "#8b0000",
    Severity.SEVERE: "#c0392b",
    Severity.MODERATE: "#b9770e",
    Severity.MINOR: "#5d6d7e",
}
"""Beside the shape and the word, never instead of them."""

BOUNDARY = "=_chancery_alternative"
"""Quoted-printable writes every = as =3D, so no text can hold it (RFC 2045, 6.7)."""

_PAGE = "max-width:600px;margin:0 auto;padding:16px;font:16px/1.5 sans-serif;color:#1b1b1b;overflow-wrap:anywhere"
_LANGUAGE_TAG = re.compile("[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}")
_WIRE = policy.compat32.clone(linesep="\r\n", max_line_length=76)
_UTF_8 = Charset("utf-8")
_UTF_8.body_encoding = QP


def render(alert: Alert, *, late: bool = False) -> bytes:
    """A message without date, addresses and name, in its wire form. Equal arguments give equal bytes."""
    told = tell(alert, late=late)
    message = MIMEMultipart("alternative", boundary=BOUNDARY)
    message.attach(_part(_text(told), "plain"))
    message.attach(_part(_html(told, COLOURS[alert.incident.severity]), "html"))  # the last is the one preferred
    return _message(told.title, message)


def render_notice(words: str) -> bytes:
    """Words for the operator."""
    return _message(words, _part(one_line(words) + "\n", "plain"))


def _message(subject: str, message: Message) -> bytes:
    subject = _fit(subject, "subject")
    message["Subject"] = Header(subject, "utf-8", header_name="Subject")  # type: ignore[assignment]  # stubs of 3.12
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no answering machine answers it
    message["X-Auto-Response-Suppress"] = "All"  # the same for Exchange
    return message.as_bytes(policy=_WIRE)


def _part(text: str, subtype: str) -> MIMEText:
    return MIMEText(text, subtype, _UTF_8)  # type: ignore[arg-type]  # takes a Charset, and needs it for the encoding


def _text(told: Telling) -> str:
    paragraphs = [[told.title, *told.warnings], [told.why], [f"{label}: {value}" for label, value in told.facts]]
    lines = [[_fit(line, "line") for line in paragraph] for paragraph in paragraphs]
    if told.quote:
        # The isolates keep a right-to-left quote from turning the words after it around.
        quote, who = quotation(told.quote)
        lines.append([f"“\u2068{_fit(quote, 'quote')}\u2069” {_fit(who, 'line')}"])
    sources = [f"{_fit(source.name, 'name')} {source.url}".rstrip() for source in told.sources[:MAX_SOURCES]]
    lines += [[*sources, *_more(told)], [_fit(told.footer, "line")]]
    return "\n\n".join("\n".join(paragraph) for paragraph in lines if paragraph) + "\n"


def _more(told: Telling) -> list[str]:
    left = len(told.sources) - MAX_SOURCES
    return [f"and {left} more"] if left > 0 else []


def _html(told: Telling, colour: str) -> str:
    html = Element("html", lang="en")
    head = SubElement(html, "head")
    SubElement(head, "meta", charset="utf-8")
    SubElement(head, "meta", name="viewport", content="width=device-width, initial-scale=1")
    _add(head, "title", told.title, "subject")
    page = SubElement(SubElement(html, "body", style="margin:0;background:#ffffff"), "div", style=_PAGE)
    for warning in told.warnings:
        _add(page, "p", warning, style="margin:0 0 12px;padding:8px 12px;border:2px solid #1b1b1b;font-weight:bold")
    mark = f"margin:0 0 12px;padding-left:12px;border-left:6px solid {colour};font-size:20px"
    _add(page, "h1", told.title, "subject", style=mark)
    _add(page, "p", told.why, style="margin:0 0 12px")
    for label, value in told.facts:
        _add(SubElement(page, "p", style="margin:0 0 8px"), "b", f"{label}:").tail = f" {_fit(value, 'line')}"
    if told.quote:
        _quote(page, told.quote, colour)
    _sources(page, told)
    _add(page, "p", told.footer, style="margin:16px 0 0;font-size:13px;color:#555555")
    return "<!doctype html>\n" + tostring(html, encoding="unicode", method="html") + "\n"


def _quote(page: Element, claim: SourceClaim, colour: str) -> None:
    quote, who = quotation(claim)
    words = _add(page, "blockquote", quote, "quote", dir=direction(quote), style=f"margin:16px 0 4px;{_side(colour)}")
    if _LANGUAGE_TAG.fullmatch(claim.language):
        words.set("lang", claim.language)
    _add(page, "p", who, dir=direction(who), style="margin:0 0 12px;font-size:14px;color:#555555")


def _side(colour: str) -> str:
    return f"padding:4px 12px;border-left:3px solid {colour};border-right:3px solid {colour};font-size:17px"


def _sources(page: Element, told: Telling) -> None:
    """Each by name, with a link that says which host it leads to."""
    for source in told.sources[:MAX_SOURCES]:
        line = SubElement(page, "p", style="margin:0 0 8px")
        name = _add(line, "span", source.name, "name", dir=direction(source.name))
        if source.url:
            name.tail = ": "
            _add(line, "a", source.host, href=source.url, style="display:inline-block;padding:6px 0;color:#0b57d0")
    for words in _more(told):
        _add(page, "p", words)


def _add(parent: Element, tag: str, text: str, budget: str = "line", **attributes: str) -> Element:
    element = SubElement(parent, tag, attributes)
    element.text = _fit(text, budget)
    return element


def _fit(text: str, budget: str) -> str:
    return clip(one_line(text), BUDGETS[budget], _escaped_bytes)


def _escaped_bytes(character: str) -> int:
    return max(len(escape(character, quote=False)), len(character.encode()))
