"""Hubs over HTTP: what is asked of them, and the address at which they call back."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, Protocol

import httpx

from services.ingest.core import websub
from services.ingest.core.websub import Callback, Intent, Signature
from services.runtime.serving import serving
from services.runtime.settings import IngestSettings

Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
Asgi = Callable[[dict[str, Any], Receive, Send], Awaitable[None]]

MAX_REDIRECTS = 3
_KEEP_METHOD = frozenset({307, 308})

# A hub needs one short connection a push. Whoever comes by more of them waits for those that linger.
MOST_CONNECTIONS = 100
_SAFE = [(b"content-type", b"application/octet-stream"), (b"x-content-type-options", b"nosniff")]  # clause 8.2


@dataclass(frozen=True, slots=True)
class Answer:
    """How a hub took a request. `problem` is empty where it accepted; `silent` where nobody answered at all."""

    problem: str = ""
    silent: bool = False


class HubClient:
    """Asks hubs through `client`, which guards addresses and follows no redirect by itself. `timeout_s` bounds the
    whole of a request, redirects included."""

    def __init__(self, client: httpx.AsyncClient, *, timeout_s: float) -> None:
        self._client = client
        self._timeout_s = timeout_s

    async def ask(self, hub: str, form: Mapping[str, str]) -> Answer:
        """How `hub` took the form. Raises nothing but CancelledError."""
        try:
            async with asyncio.timeout(self._timeout_s):
                return await self._post(self._client.build_request("POST", hub, data=dict(form)))
        except (TimeoutError, httpx.TimeoutException):
            return Answer(f"no answer within {self._timeout_s:g} s", silent=True)
        except (httpx.TransportError, httpx.InvalidURL, UnicodeError) as error:
            return Answer(str(error) or type(error).__name__, silent=True)

    async def _post(self, request: httpx.Request) -> Answer:
        for _ in range(MAX_REDIRECTS + 1):
            response = await self._client.send(request, stream=True)
            await response.aclose()
            if 200 <= response.status_code < 300:
                return Answer()
            # 307 and 308 name another hub (clause 5.1.2); it is told the secret, so not over a line anyone can read.
            if response.status_code not in _KEEP_METHOD or response.next_request is None:
                return Answer(f"HTTP {response.status_code}")
            if request.url.scheme == "https" and response.next_request.url.scheme != "https":
                return Answer("redirected from https to http")
            request = response.next_request
        return Answer(f"more than {MAX_REDIRECTS} redirects")


class Hears(Protocol):
    """What hubs say, and whether we want to hear it."""

    async def agrees(self, callback: Callback, intent: Intent) -> bool: ...
    def signature(self, callback: Callback, header: str) -> Signature | None: ...
    def pushed(self, callback: Callback, holds: bool) -> None: ...


def answering(hears: Hears, wanted: IngestSettings) -> AbstractAsyncContextManager[int]:
    """Answer hubs while the context lasts; yields the port. Raises Misconfigured when the port cannot be had."""
    return serving(
        application(hears, wanted.max_bytes),
        wanted.websub_host,
        wanted.websub_port,
        "CHANCERY_INGEST__WEBSUB_PORT",
        patience_s=wanted.timeout_s,
        most=MOST_CONNECTIONS,
    )


def application(hears: Hears, max_bytes: int) -> Asgi:
    """GET verifies what was asked (clause 5.3), POST pushes (clause 7). A push is answered 202 whether or not its
    signature holds, so that nobody learns anything by trying; 413 over `max_bytes`, 404 where no push is awaited."""

    async def asgi(scope: dict[str, Any], receive: Receive, send: Send) -> None:
        callback, status, body = websub.callback(scope["path"]), 404, b""
        match scope["method"]:
            case "GET":
                intent = websub.intent(scope["query_string"])
                if callback and intent and await hears.agrees(callback, intent):
                    status, body = 200, intent.challenge.encode()
            case "POST":
                if callback and (signature := hears.signature(callback, _header(scope["headers"]))):
                    status = await _read(receive, signature, max_bytes)
                    if status == 202:
                        hears.pushed(callback, signature.holds)
            case _:
                status = 405
        headers = [*_SAFE, (b"content-length", b"%d" % len(body)), (b"connection", b"close")]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    return asgi


async def _read(receive: Receive, signature: Signature, max_bytes: int) -> int:
    """Feed the body to its signature; the status to answer."""
    length, more = 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return 400
        chunk, more = message.get("body", b""), message.get("more_body", False)
        length += len(chunk)
        if length > max_bytes:
            return 413
        signature.add(chunk)
    return 202


def _header(headers: Iterable[tuple[bytes, bytes]]) -> str:
    return next((value.decode("latin-1") for name, value in headers if name == b"x-hub-signature"), "")
