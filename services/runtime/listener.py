"""A small HTTP server inside a service: an ASGI application on one port, while a context lasts."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, MutableMapping
from typing import Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from services.runtime.settings import Misconfigured

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Asgi = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]

# What is being answered at a stop gets this long.
STOP_GRACE_S = 1


class _Server(uvicorn.Server):
    """Leaves signals to the service."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _patient(patience_s: float) -> type[asyncio.Protocol]:
    """Connections that end after `patience_s`, whatever they are doing: uvicorn waits for a request for ever."""

    class Patient(H11Protocol):
        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            super().connection_made(transport)
            self._end = self.loop.call_later(patience_s, transport.abort)

        def connection_lost(self, exc: Exception | None) -> None:
            self._end.cancel()
            super().connection_lost(exc)

    return Patient


@contextlib.asynccontextmanager
async def listening(
    asgi: Asgi, host: str, port: int, setting: str, *, patience_s: float | None = None, most: int | None = None
) -> AsyncIterator[int]:
    """Serve `asgi` while the context lasts; yields the port, a free one for 0. Raises Misconfigured, which names
    `setting`, when the port cannot be had. A connection may last `patience_s`; from `most` connections on the answer
    is 503."""
    try:
        socket_ = socket.create_server((host, port))
    except OSError as error:
        raise Misconfigured(f"cannot listen on {host}:{port} ({error.strerror}): set {setting}") from None
    with socket_:
        config = uvicorn.Config(
            asgi,
            http=_patient(patience_s) if patience_s else "h11",
            ws="none",
            log_config=None,
            access_log=False,
            lifespan="off",
            server_header=False,
            limit_concurrency=most,
            timeout_graceful_shutdown=STOP_GRACE_S,
        )
        server = _Server(config)
        task = asyncio.create_task(server.serve([socket_]))
        try:
            yield socket_.getsockname()[1]
        finally:
            server.should_exit = True
            await task


async def answer(send: Send, status: int, content_type: str, body: bytes, *more: tuple[bytes, bytes]) -> None:
    """A whole answer, with headers besides type and length in `more`."""
    headers = [(b"content-type", content_type.encode()), (b"content-length", str(len(body)).encode()), *more]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
