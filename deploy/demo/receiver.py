"""An endpoint that checks what it is sent: `python -m deploy.demo.receiver --port P --secret whsec_...`.

`POST /webhook` is a Standard Webhooks receiver that verifies with another implementation than the sender's (the
package `standardwebhooks`); `POST /slack` answers as a Slack incoming webhook does. One JSON line a request on
standard output; `GET /received` gives them all with their payloads.
"""

import argparse
import hashlib
import json
from collections import deque
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict
from standardwebhooks import Webhook, WebhookVerificationError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from deploy.demo import serving, slack_rules

MAX_BYTES = 1_000_000
KEPT = 10_000
"""Requests that `/received` remembers; older ones are forgotten, their ids too."""


class Received(BaseModel):
    """One request and what was thought of it. `duplicate`: this webhook-id was verified before, or, Slack giving
    no id, this very body was taken before."""

    model_config = ConfigDict(frozen=True)

    event: str
    webhook_id: str | None
    duplicate: bool
    received_at: str
    reason: str
    payload: Any = None


class Inbox:
    """What arrived, newest last, and which of it came twice."""

    def __init__(self, report: Callable[[Received], None], now: Callable[[], datetime]) -> None:
        self._report = report
        self._now = now
        self.received: deque[Received] = deque(maxlen=KEPT)
        self._identities: deque[str] = deque(maxlen=KEPT)

    def take(self, event: str, identity: str, webhook_id: str | None, payload: object, reason: str = "") -> None:
        duplicate = identity in self._identities
        self._identities.append(identity)
        self._keep(event, webhook_id, duplicate, payload, reason)

    def refuse(self, event: str, webhook_id: str | None, payload: object, reason: str) -> None:
        """A refused request is never the first of a duplicate: its sender is right to send it again."""
        self._keep(event, webhook_id, False, payload, reason)

    def _keep(self, event: str, webhook_id: str | None, duplicate: bool, payload: object, reason: str) -> None:
        entry = Received(
            event=event,
            webhook_id=webhook_id,
            duplicate=duplicate,
            received_at=self._now().isoformat(timespec="milliseconds"),
            reason=reason,
            payload=payload,
        )
        self.received.append(entry)
        self._report(entry)


def _print(entry: Received) -> None:
    serving.say(**entry.model_dump(exclude={"payload"}))


def _utc_now() -> datetime:
    return datetime.now(UTC)


def application(
    secret: str,
    lifespan: serving.Lifespan | None = None,
    report: Callable[[Received], None] = _print,
    now: Callable[[], datetime] = _utc_now,
) -> Starlette:
    """Raises EmptyWebhookSecretError or ValueError when `secret` is no `whsec_` secret."""
    verifier = Webhook(secret)
    inbox = Inbox(report, now)

    async def webhook(request: Request) -> Response:
        body = await _body(request)
        webhook_id = request.headers.get("webhook-id")
        if body is None:
            return _too_large(inbox, "webhook.refused", webhook_id)
        try:
            payload = verifier.verify(body, dict(request.headers))
        # besides its own error the library lets those of base64 and of unpacking through (ValueError)
        except (WebhookVerificationError, ValueError) as error:
            inbox.refuse("webhook.refused", webhook_id, None, str(error))
            return PlainTextResponse("bad signature", status_code=401)
        inbox.take("webhook.verified", f"webhook {webhook_id}", webhook_id, payload)
        return Response(status_code=204)

    async def slack(request: Request) -> Response:
        body = await _body(request)
        if body is None:
            return _too_large(inbox, "slack.refused", None)
        payload, refusal = _slack_payload(body)
        if refusal:
            word, about = refusal
            inbox.refuse("slack.refused", None, payload, f"{word}: {about}")
            return PlainTextResponse(word, status_code=400)
        inbox.take("slack.received", f"slack {hashlib.sha256(body).hexdigest()}", None, payload)
        return PlainTextResponse("ok")

    async def received(_: Request) -> Response:
        return JSONResponse([entry.model_dump() for entry in inbox.received])

    return Starlette(
        routes=[
            Route("/webhook", webhook, methods=["POST"]),
            Route("/slack", slack, methods=["POST"]),
            Route("/received", received),
            Route("/healthz", serving.healthz),
        ],
        lifespan=lifespan,
    )


def _slack_payload(body: bytes) -> tuple[object, tuple[str, str] | None]:
    try:
        payload = json.loads(body)
    except (ValueError, RecursionError) as error:
        return None, ("invalid_payload", str(error))
    return payload, slack_rules.refusal(payload)


async def _body(request: Request) -> bytes | None:
    """The body, or None when it is longer than MAX_BYTES."""
    read = bytearray()
    async for chunk in request.stream():
        read += chunk
        if len(read) > MAX_BYTES:
            return None
    return bytes(read)


def _too_large(inbox: Inbox, event: str, webhook_id: str | None) -> Response:
    inbox.refuse(event, webhook_id, None, f"the body is longer than {MAX_BYTES} bytes")
    return PlainTextResponse("too large", status_code=413)


def arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="receive and verify the demo's alerts")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default %(default)s)")
    parser.add_argument("--port", type=int, default=0, help="port to listen on; 0 takes a free one (default)")
    secret = parser.add_mutually_exclusive_group(required=True)
    secret.add_argument("--secret", help="the webhook's signing secret, whsec_...")
    secret.add_argument("--secret-file", type=Path, metavar="FILE", help="a file that holds it")
    return parser.parse_args(argv)


def main() -> None:
    given = arguments()
    secret = given.secret or given.secret_file.read_text().strip()
    serving.run(
        lambda lifespan: application(secret, lifespan),
        given.host,
        given.port,
    )


if __name__ == "__main__":
    main()
