"""What a Slack incoming webhook says to a payload: the error word of its answer, or None for `ok`. Pure.

The words are those of Slack's incoming webhooks and the limits those of its Block Kit reference; only the block
types that an alert could use are known, and an unknown one is refused as Slack refuses it.
"""

from collections.abc import Callable, Generator, Iterator
from typing import Any

Json = dict[str, Any]

BLOCKS_PER_MESSAGE = 50
ATTACHMENTS = 100
SECTION_TEXT = 3000
SECTION_FIELDS = 10
FIELD_TEXT = 2000
HEADER_TEXT = 150
CONTEXT_ELEMENTS = 10
ACTIONS_ELEMENTS = 25
BUTTON_TEXT = 75
BUTTON_URL = 3000
BUTTON_VALUE = 2000
BUTTON_LABEL = 75
DIALOG = {"title": 100, "text": 300, "confirm": 30, "deny": 30}
STYLES = (None, "primary", "danger")
MARKDOWN_TEXT = 12_000
IMAGE_ALT_TEXT = 2000
ID = 255


def refusal(payload: object) -> tuple[str, str] | None:
    """The error word and what it is about, or None when the message is taken. Total over parsed JSON."""
    if not isinstance(payload, dict):
        return "invalid_payload", "the payload is no JSON object"
    text, blocks, attachments = payload.get("text"), payload.get("blocks"), payload.get("attachments")
    if not (text or blocks or attachments):
        return "no_text", "neither text nor blocks nor attachments"
    if text is not None and not isinstance(text, str):
        return "invalid_payload", "text is no string"
    if isinstance(attachments, list) and len(attachments) > ATTACHMENTS:
        return "too_many_attachments", f"{len(attachments)} attachments, {ATTACHMENTS} at most"
    fault = next(_faults(blocks), None) if blocks is not None else None
    return ("invalid_blocks", fault) if fault else None


def _faults(blocks: object) -> Iterator[str]:
    if not isinstance(blocks, list):
        yield "blocks is no list"
        return
    if len(blocks) > BLOCKS_PER_MESSAGE:
        yield f"{len(blocks)} blocks, {BLOCKS_PER_MESSAGE} at most"
    for number, block in enumerate(blocks):
        kind = block.get("type") if isinstance(block, dict) else None
        check = _CHECKS.get(kind) if isinstance(kind, str) else None
        if check is None:
            yield f"block {number} has the unknown type {kind!r:.40}"
            continue
        yield from (f"block {number} ({kind}): {fault}" for fault in check(block))
        if len(str(block.get("block_id", ""))) > ID:
            yield f"block {number} ({kind}): block_id is longer than {ID}"


def _section(block: Json) -> Iterator[str]:
    if not block.get("text") and not block.get("fields"):
        yield "neither text nor fields"
    if block.get("text"):
        yield from _text(block["text"], SECTION_TEXT)
    fields = yield from _list(block, "fields", 0, SECTION_FIELDS)
    for field in fields:
        yield from _text(field, FIELD_TEXT)
    if block.get("accessory"):
        yield from _element(block["accessory"])


def _header(block: Json) -> Iterator[str]:
    yield from _text(block.get("text"), HEADER_TEXT, ("plain_text",))


def _context(block: Json) -> Iterator[str]:
    elements = yield from _list(block, "elements", 1, CONTEXT_ELEMENTS)
    for element in elements:
        if isinstance(element, dict) and element.get("type") == "image":
            yield from _image(element)
        else:
            yield from _text(element, SECTION_TEXT)


def _actions(block: Json) -> Iterator[str]:
    elements = yield from _list(block, "elements", 1, ACTIONS_ELEMENTS)
    for element in elements:
        yield from _element(element)
    ids = [element["action_id"] for element in elements if isinstance(element, dict) and element.get("action_id")]
    if len(ids) > len(set(map(str, ids))):
        yield "an action_id twice"


def _divider(_: Json) -> Iterator[str]:
    yield from ()


def _image(block: Json) -> Iterator[str]:
    if not block.get("image_url"):
        yield "no image_url"
    if not 1 <= len(str(block.get("alt_text", ""))) <= IMAGE_ALT_TEXT:
        yield f"alt_text needs 1 to {IMAGE_ALT_TEXT} characters"


def _markdown(block: Json) -> Iterator[str]:
    if not 1 <= len(str(block.get("text", ""))) <= MARKDOWN_TEXT:
        yield f"text needs 1 to {MARKDOWN_TEXT} characters"


def _list(block: Json, name: str, least: int, most: int) -> Generator[str, None, list[Any]]:
    """The list `name` of the block, or an empty one when it is none; what is wrong with it is yielded."""
    value = block.get(name, [])
    if not isinstance(value, list):
        yield f"{name} is no list"
        return []
    if not least <= len(value) <= most:
        yield f"{len(value)} {name}, {least} to {most} allowed"
    return value


def _element(element: object) -> Iterator[str]:
    if not isinstance(element, dict) or element.get("type") != "button":
        yield "an element is no button"
        return
    yield from _text(element.get("text"), BUTTON_TEXT, ("plain_text",))
    limits = (("url", BUTTON_URL), ("value", BUTTON_VALUE), ("action_id", ID), ("accessibility_label", BUTTON_LABEL))
    for name, limit in limits:
        if len(str(element.get(name, ""))) > limit:
            yield f"button {name} is longer than {limit}"
    if element.get("style") not in STYLES:
        yield f"the style {element['style']!r:.40}"
    if element.get("confirm") is not None:
        yield from _dialog(element["confirm"])


def _dialog(dialog: object) -> Iterator[str]:
    if not isinstance(dialog, dict) or dialog.get("style") not in STYLES:
        yield "a dialog of another form"
        return
    for name, limit in DIALOG.items():
        yield from _text(dialog.get(name), limit, ("plain_text",))


def _text(value: object, limit: int, kinds: tuple[str, ...] = ("plain_text", "mrkdwn")) -> Iterator[str]:
    if not isinstance(value, dict) or value.get("type") not in kinds or not isinstance(value.get("text"), str):
        yield f"a text object is not {' or '.join(kinds)}"
    elif not 1 <= len(value["text"]) <= limit:
        yield f"text of {len(value['text'])} characters, 1 to {limit} allowed"


_CHECKS: dict[str, Callable[[Json], Iterator[str]]] = {
    "section": _section,
    "header": _header,
    "context": _context,
    "actions": _actions,
    "divider": _divider,
    "image": _image,
    "markdown": _markdown,
}
