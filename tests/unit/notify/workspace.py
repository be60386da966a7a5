"""A workspace that behaves as Slack does to who sends there: incoming webhooks, `chat.postMessage`, `chat.update`, the
limit of one message a second a channel, the layout's limits, buttons that come back signed, and addresses for replies.

Written from Slack's documentation, apart from the code that sends. It sends nothing itself: `press` gives what Slack
would post to the app.
"""

import asyncio
import itertools
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from slack_sdk.signature import SignatureVerifier
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from deploy.demo import slack_rules

SIGNING_SECRET = "the-signing-secret-of-the-app"
TEAM, CHANNEL, ANA = "T0001TEAM", "C0123ABCD", {"id": "U024BE7LH", "username": "ana.b", "name": "ana.b"}
TOKEN, HOOK = "xoxb-a-token-of-the-bot", "/services/T0001TEAM/B0001HOOK/the-password-of-the-hook"
REPLIES_TO_A_PRESS = 5
LONGEST_TEXT = 40_000

Json = dict[str, Any]


@dataclass
class Message:
    """One in a channel. `by` is the token or hook that wrote it; `edits` counts how often it was."""

    channel: str
    ts: str
    by: str
    payload: Json
    thread_ts: str | None = None
    edits: int = 0

    def buttons(self) -> dict[str, Json]:
        elements = [each for block in self.payload.get("blocks", []) for each in block.get("elements", [])]
        return {each["action_id"]: each for each in elements if each["type"] == "button"}


@dataclass
class Workspace:
    """`hooks` lead to a channel; one that is not there was removed. `members` are the channels the bot is in. The clock
    says seconds and never goes back; `burst` is how many messages a channel takes at once."""

    hooks: dict[str, str] = field(default_factory=lambda: {HOOK: CHANNEL})
    channels: set[str] = field(default_factory=lambda: {CHANNEL})
    archived: set[str] = field(default_factory=set)
    members: set[str] = field(default_factory=lambda: {CHANNEL})
    scopes: dict[str, set[str]] = field(default_factory=lambda: {TOKEN: {"chat:write"}})
    clock: Callable[[], float] = time.monotonic
    burst: int = 1
    url: str = "https://slack.example"
    messages: list[Message] = field(default_factory=list)
    replies: list[tuple[str, Json]] = field(default_factory=list)
    throttled: int = 0
    _replied: asyncio.Condition = field(default_factory=asyncio.Condition)
    _full_at: dict[str, float] = field(default_factory=dict)
    _numbers: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1))

    def app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/services/{rest:path}", self._webhook, methods=["POST"]),
                Route("/api/chat.postMessage", self._post, methods=["POST"]),
                Route("/api/chat.update", self._update, methods=["POST"]),
                Route("/actions/{rest:path}", self._reply, methods=["POST"]),
            ]
        )

    def press(self, message: Message, button: str, user: Json = ANA) -> bytes:
        """The form that Slack posts when a user presses a button of a message."""
        element = message.buttons()[button]
        payload: Json = {
            "type": "block_actions",
            "user": user | {"team_id": TEAM},
            "api_app_id": "A0001APP",
            "container": {"type": "message", "message_ts": message.ts, "channel_id": message.channel},
            "trigger_id": "1.2.3",
            "team": {"id": TEAM, "domain": "missions"},
            "enterprise": None,
            "is_enterprise_install": False,
            "channel": {"id": message.channel, "name": "alerts"},
            "message": message.payload | {"ts": message.ts, "type": "message"},
            "state": {"values": {}},
            "response_url": f"{self.url}/actions/{TEAM}/{next(self._numbers)}/the-password-of-the-reply",
            "actions": [element | {"block_id": "answers", "action_ts": "1714650001.000200"}],
        }
        return urlencode({"payload": json.dumps(payload)}).encode()

    async def _webhook(self, request: Request) -> Response:
        channel = self.hooks.get(request.url.path)
        if channel is None:
            return PlainTextResponse("no_service", 404)
        payload = _parsed(await request.body())
        if refusal := slack_rules.refusal(payload):
            return PlainTextResponse(refusal[0], 400)
        if channel in self.archived:
            return PlainTextResponse("channel_is_archived", 410)
        if channel not in self.channels:
            return PlainTextResponse("channel_not_found", 404)
        if wait := self._too_many(channel):
            return PlainTextResponse("rate_limited", 429, {"retry-after": wait})
        self._write(channel, request.url.path, payload)
        return PlainTextResponse("ok")

    async def _post(self, request: Request) -> Response:
        token, told = await _called(request)
        channel = str(told.get("channel"))
        if error := self._denied(token, channel) or self._layout(told):
            return _not_ok(error)
        thread = told.get("thread_ts")
        if thread is not None and self.find(channel, thread) is None:
            return _not_ok("thread_not_found")
        if wait := self._too_many(channel):
            return JSONResponse({"ok": False, "error": "ratelimited"}, 429, {"retry-after": wait})
        return _taken(self._write(channel, token, told, thread))

    async def _update(self, request: Request) -> Response:
        token, told = await _called(request)
        channel = str(told.get("channel"))
        if error := self._denied(token, channel) or self._layout(told):
            return _not_ok(error)
        found = self.find(channel, str(told.get("ts")))
        if found is None:
            return _not_ok("message_not_found")
        if found.by != token:
            return _not_ok("cant_update_message")
        found.payload, found.edits = told, found.edits + 1
        return _taken(found)

    async def _reply(self, request: Request) -> Response:
        path, told = request.url.path, _parsed(await request.body())
        if sum(where == path for where, _ in self.replies) >= REPLIES_TO_A_PRESS:
            return JSONResponse({"ok": False, "error": "used_url"}, 404)
        if refusal := slack_rules.refusal(told):
            return JSONResponse({"ok": False, "error": refusal[0]}, 400)
        async with self._replied:
            self.replies.append((path, told))
            self._replied.notify_all()
        return JSONResponse({"ok": True})

    async def reply(self, number: int) -> Json:
        """The reply of that number, counted from 1, once it has come."""
        async with self._replied:
            await self._replied.wait_for(lambda: len(self.replies) >= number)
        return self.replies[number - 1][1]

    def find(self, channel: str, ts: str) -> Message | None:
        return next((each for each in self.messages if (each.channel, each.ts) == (channel, ts)), None)

    def _denied(self, token: str, channel: str) -> str:
        if not token:
            return "not_authed"
        if token not in self.scopes:
            return "invalid_auth"
        if "chat:write" not in self.scopes[token]:
            return "missing_scope"
        if channel not in self.channels:
            return "channel_not_found"
        if channel in self.archived:
            return "is_archived"
        return "" if channel in self.members else "not_in_channel"

    def _layout(self, told: Json) -> str:
        if refusal := slack_rules.refusal(told):
            return "invalid_arguments" if refusal[0] == "invalid_payload" else refusal[0]
        return "msg_too_long" if len(told.get("text") or "") > LONGEST_TEXT else ""

    def _too_many(self, channel: str) -> str:
        """Seconds to wait for Retry-After; empty where the channel takes one more, which counts."""
        now = self.clock()
        full_at = max(self._full_at.get(channel, now), now) + 1
        if full_at - now > self.burst:
            self.throttled += 1
            return "1"
        self._full_at[channel] = full_at
        return ""

    def _write(self, channel: str, by: str, payload: Json, thread: str | None = None) -> Message:
        written = Message(channel, f"1714650000.{next(self._numbers):06d}", by, payload, thread)
        self.messages.append(written)
        return written


def signed(body: bytes, at_s: float, secret: str = SIGNING_SECRET) -> dict[str, str]:
    """The headers with which Slack posts a form at that time."""
    stamp = str(int(at_s))
    signature = SignatureVerifier(secret).generate_signature(timestamp=stamp, body=body)
    assert signature is not None
    return {
        "content-type": "application/x-www-form-urlencoded",
        "x-slack-request-timestamp": stamp,
        "x-slack-signature": signature,
    }


async def _called(request: Request) -> tuple[str, Json]:
    told = _parsed(await request.body())
    return request.headers.get("authorization", "").removeprefix("Bearer "), told if isinstance(told, dict) else {}


def _parsed(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return None


def _taken(message: Message) -> Response:
    return JSONResponse(
        {"ok": True, "channel": message.channel, "ts": message.ts, "message": {**message.payload, "type": "message"}}
    )


def _not_ok(error: str) -> Response:
    return JSONResponse({"ok": False, "error": error})
