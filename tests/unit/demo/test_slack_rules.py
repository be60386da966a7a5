from typing import Any

import pytest

from deploy.demo.slack_rules import refusal


def plain(length: int) -> dict[str, Any]:
    return {"type": "plain_text", "text": "x" * length}


def mrkdwn(length: int) -> dict[str, Any]:
    return {"type": "mrkdwn", "text": "x" * length}


def button(**more: Any) -> dict[str, Any]:
    return {"type": "button", "text": plain(75), "action_id": "a" * 255, **more}


def dialog(**more: Any) -> dict[str, Any]:
    return {"title": plain(100), "text": plain(300), "confirm": plain(30), "deny": plain(30), "style": "danger"} | more


IMAGE = {"type": "image", "image_url": "https://x.example/i.png", "alt_text": "map"}


@pytest.mark.parametrize(
    "block",
    [
        {"type": "section", "text": mrkdwn(3000)},
        {"type": "section", "fields": [mrkdwn(2000)] * 10, "block_id": "b" * 255},
        {"type": "section", "text": mrkdwn(1), "accessory": button()},
        {"type": "header", "text": plain(150)},
        {"type": "context", "elements": [mrkdwn(10), IMAGE] * 5},
        {
            "type": "actions",
            "elements": [button(url="u" * 3000, value="v" * 2000, action_id=str(n)) for n in range(25)],
        },
        {"type": "actions", "elements": [button(accessibility_label="l" * 75, style="primary", confirm=dialog())]},
        {"type": "divider"},
        {"type": "markdown", "text": "x" * 12_000},
        IMAGE,
    ],
)
def test_the_most_that_fits_is_taken(block: dict[str, Any]) -> None:
    assert refusal({"text": "Alert", "blocks": [block] * 50}) is None


@pytest.mark.parametrize(
    ("block", "fault"),
    [
        ("divider", "unknown type"),
        ({"type": ["section"]}, "unknown type"),
        ({"type": "section"}, "neither text nor fields"),
        ({"type": "section", "text": "x"}, "text object"),
        ({"type": "section", "text": mrkdwn(3001)}, "3001 characters"),
        ({"type": "section", "text": mrkdwn(0)}, "0 characters"),
        ({"type": "section", "fields": [mrkdwn(1)] * 11}, "11 fields"),
        ({"type": "section", "fields": [mrkdwn(2001)]}, "2001 characters"),
        ({"type": "section", "fields": "x"}, "no list"),
        ({"type": "section", "text": mrkdwn(1), "accessory": IMAGE}, "no button"),
        ({"type": "header", "text": plain(151)}, "151 characters"),
        ({"type": "header", "text": mrkdwn(10)}, "not plain_text"),
        ({"type": "context", "elements": []}, "0 elements"),
        ({"type": "context", "elements": [mrkdwn(1)] * 11}, "11 elements"),
        ({"type": "context", "elements": 7}, "no list"),
        ({"type": "actions", "elements": [button()] * 26}, "26 elements"),
        ({"type": "actions", "elements": [button(text=plain(76))]}, "76 characters"),
        ({"type": "actions", "elements": [button(url="u" * 3001)]}, "url"),
        ({"type": "actions", "elements": [button(value="v" * 2001)]}, "value"),
        ({"type": "actions", "elements": [button(action_id="v" * 256)]}, "action_id"),
        ({"type": "actions", "elements": [button(), button()]}, "action_id twice"),
        ({"type": "actions", "elements": [button(accessibility_label="l" * 76)]}, "accessibility_label"),
        ({"type": "actions", "elements": [button(style="red")]}, "the style 'red'"),
        ({"type": "actions", "elements": [button(confirm="sure?")]}, "a dialog"),
        ({"type": "actions", "elements": [button(confirm=dialog(style="red"))]}, "a dialog"),
        ({"type": "actions", "elements": [button(confirm=dialog(text=plain(301)))]}, "301 characters"),
        ({"type": "actions", "elements": [button(confirm=dialog(deny=plain(31)))]}, "31 characters"),
        ({"type": "actions", "elements": [button(confirm=dialog(title=mrkdwn(3)))]}, "not plain_text"),
        ({"type": "markdown", "text": "x" * 12_001}, "12000"),
        ({"type": "image", "alt_text": "x"}, "image_url"),
        (IMAGE | {"alt_text": "x" * 2001}, "alt_text"),
        ({"type": "divider", "block_id": "b" * 256}, "block_id"),
    ],
)
def test_what_does_not_fit_is_refused_with_the_fault(block: object, fault: str) -> None:
    answer = refusal({"blocks": [block]})
    assert answer is not None
    word, about = answer
    assert word == "invalid_blocks"
    assert fault in about


@pytest.mark.parametrize(
    ("payload", "word"),
    [
        ([], "invalid_payload"),
        (None, "invalid_payload"),
        ({}, "no_text"),
        ({"text": ""}, "no_text"),
        ({"text": 7}, "invalid_payload"),
        ({"text": "x", "blocks": [{"type": "divider"}] * 51}, "invalid_blocks"),
        ({"text": "x", "blocks": "x"}, "invalid_blocks"),
        ({"text": "x", "attachments": [{}] * 101}, "too_many_attachments"),
    ],
)
def test_a_message_is_refused_with_slacks_word(payload: object, word: str) -> None:
    answer = refusal(payload)
    assert answer is not None
    assert answer[0] == word


def test_text_alone_or_attachments_alone_will_do() -> None:
    assert refusal({"text": "x"}) is None
    assert refusal({"attachments": [{}]}) is None
