"""The workspace answers as Slack's documentation says, and what we send fits what it answers."""

import json
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from services.contracts.ids import DeliveryId
from services.contracts.subscription import Channel
from services.notify.adapters.sender import Sender
from services.notify.core.channels import CHANNELS, body
from services.notify.core.status import Answer, Outcome
from services.runtime.serving import serving
from tests.unit.notify import given
from tests.unit.notify.test_sender import settings, subscription
from tests.unit.notify.workspace import CHANNEL, HOOK, TOKEN, Message, Workspace

TEXT = {"text": "x"}
TO = {"channel": CHANNEL, "text": "x"}
OTHERS = Message(CHANNEL, "1.1", HOOK, TEXT)


class Hand:
    """A clock that is turned by hand."""

    def __init__(self) -> None:
        self.at_s = 0.0

    def __call__(self) -> float:
        return self.at_s


async def post(workspace: Workspace, path: str, told: object, token: str = "") -> httpx.Response:
    content = told if isinstance(told, bytes) else json.dumps(told).encode()
    headers = {"authorization": f"Bearer {token}"} if token else {}
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(workspace.app()), base_url="https://slack.example"
    ) as client:
        return await client.post(path, content=content, headers=headers)


@pytest.mark.parametrize(
    ("workspace", "told", "status", "word", "outcome"),
    [
        ({}, TEXT, 200, "ok", Outcome.DELIVERED),
        ({}, b"{", 400, "invalid_payload", Outcome.BODY_REFUSED),
        ({}, {"text": ""}, 400, "no_text", Outcome.BODY_REFUSED),
        ({}, {"text": "x", "attachments": [{}] * 101}, 400, "too_many_attachments", Outcome.BODY_REFUSED),
        ({}, {"text": "x", "blocks": [{"type": "divider"}] * 51}, 400, "invalid_blocks", Outcome.LAYOUT_REFUSED),
        ({"hooks": {}}, TEXT, 404, "no_service", Outcome.DENIED),
        ({"channels": set()}, TEXT, 404, "channel_not_found", Outcome.DENIED),
        ({"archived": {CHANNEL}}, TEXT, 410, "channel_is_archived", Outcome.GONE),
        ({"burst": 0}, TEXT, 429, "rate_limited", Outcome.THROTTLED),
    ],
)
async def test_an_incoming_webhook(
    workspace: dict[str, Any], told: object, status: int, word: str, outcome: Outcome
) -> None:
    answered = await post(Workspace(**workspace), HOOK, told)
    assert (answered.status_code, answered.text) == (status, word)
    assert CHANNELS[Channel.SLACK].judge(Answer(answered.status_code, answered.text)).outcome is outcome


@pytest.mark.parametrize(
    ("workspace", "method", "told", "token", "error", "outcome"),
    [
        ({}, "postMessage", TO, "", "not_authed", Outcome.DENIED),
        ({}, "postMessage", TO, "xoxb-other", "invalid_auth", Outcome.DENIED),
        ({"scopes": {TOKEN: {"chat:read"}}}, "postMessage", TO, TOKEN, "missing_scope", Outcome.DENIED),
        ({"channels": set()}, "postMessage", TO, TOKEN, "channel_not_found", Outcome.DENIED),
        ({"members": set()}, "postMessage", TO, TOKEN, "not_in_channel", Outcome.DENIED),
        ({"archived": {CHANNEL}}, "postMessage", TO, TOKEN, "is_archived", Outcome.GONE),
        ({}, "postMessage", {"channel": CHANNEL}, TOKEN, "no_text", Outcome.BODY_REFUSED),
        ({}, "postMessage", TO | {"text": "x" * 40_001}, TOKEN, "msg_too_long", Outcome.BODY_REFUSED),
        ({}, "postMessage", TO | {"blocks": [{"type": "x"}]}, TOKEN, "invalid_blocks", Outcome.LAYOUT_REFUSED),
        ({}, "update", TO | {"ts": "1.9"}, TOKEN, "message_not_found", Outcome.DELIVERED),
        ({"messages": [OTHERS]}, "update", TO | {"ts": "1.1"}, TOKEN, "cant_update_message", Outcome.DELIVERED),
    ],
)
async def test_what_the_web_api_refuses_is_200_and_not_ok(
    workspace: dict[str, Any], method: str, told: object, token: str, error: str, outcome: Outcome
) -> None:
    answered = await post(Workspace(**workspace), f"/api/chat.{method}", told, token)
    assert (answered.status_code, answered.json()) == (200, {"ok": False, "error": error})
    assert CHANNELS[Channel.SLACK_BOT].judge(Answer(200, answered.text)).outcome is outcome


async def test_a_channel_takes_one_message_a_second_and_says_when_to_come_again() -> None:
    hand = Hand()
    workspace = Workspace(clock=hand)
    assert (await post(workspace, HOOK, TEXT)).status_code == 200
    refused = await post(workspace, "/api/chat.postMessage", TO, TOKEN)
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "1")
    assert refused.json() == {"ok": False, "error": "ratelimited"}
    hand.at_s = 1.0
    assert (await post(workspace, "/api/chat.postMessage", TO, TOKEN)).json()["ok"]
    hand.at_s = 1.9
    assert (await post(workspace, HOOK, TEXT)).status_code == 429
    assert (len(workspace.messages), workspace.throttled) == (2, 2)


async def test_a_bursting_channel_takes_some_at_once() -> None:
    workspace = Workspace(clock=Hand(), burst=3)
    assert [(await post(workspace, HOOK, TEXT)).status_code for _ in range(4)] == [200, 200, 200, 429]


async def test_an_address_for_replies_is_good_five_times() -> None:
    workspace = Workspace()
    assert [(await post(workspace, "/actions/T/1/x", TEXT)).status_code for _ in range(6)] == [200] * 5 + [404]
    assert (await post(workspace, "/actions/T/2/x", {})).json()["error"] == "no_text"


async def test_a_bot_writes_updates_and_threads_there() -> None:
    hand, rules = Hand(), CHANNELS[Channel.SLACK_BOT]
    workspace = Workspace(clock=hand, scopes={given.SECRET: {"chat:write"}})
    chosen = settings(CHANCERY_NOTIFY__TIMEOUT_S="20")
    async with serving(workspace.app(), "127.0.0.1", 0, "") as port, Sender(chosen) as sender:
        desk = subscription(f"http://127.0.0.1:{port}/api?channel={CHANNEL}", Channel.SLACK_BOT)

        async def send(revision: int, head: str | None) -> Answer:
            delivery = given.delivery(given.alert(revision=revision), desk)
            written = body(Channel.SLACK_BOT, delivery, late=False, answerable=True)
            return await sender.send(desk, delivery.delivery_id, written, datetime.now(UTC), head)

        first = await send(1, None)
        head = rules.receipt(DeliveryId("dlv_x"), b"", first.body)
        assert head == workspace.messages[0].ts
        throttled = await send(2, head)
        assert (rules.judge(throttled).outcome, throttled.retry_after_s) == (Outcome.THROTTLED, 1)
        hand.at_s = 1
        assert rules.judge(await send(2, head)).outcome is Outcome.DELIVERED
    message, follow_up = workspace.messages
    assert (message.edits, follow_up.thread_ts) == (2, head)
    assert list(message.buttons()) == ["confirm", "false_alarm", "silence_site"]
    assert follow_up.buttons() == {}
