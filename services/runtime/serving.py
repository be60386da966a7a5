"""HTTP in: an ASGI application served on a port of its own for as long as its service lives."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Iterator
from typing import Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from services.runtime.settings import Misconfigured

STOP_GRACE_S = 5
"""What is being answered at a stop gets this long."""
WHOLE_WITHIN_S = 30.0
"""A request that is not whole after this time may be cut off, after twice as long it is; an answer may last."""


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


def _brisk(within_s: float) -> type[asyncio.Protocol]:
    """Connections that end where no whole request came between two looks: else whoever sends a byte now and then keeps
    them all."""

    class Brisk(H11Protocol):
        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            super().connection_made(transport)
            self._seen: tuple[bool, object] | None = None
            self._next = self.loop.call_later(within_s, self._look)

        def _look(self) -> None:
            cycle = self.cycle
            waiting = cycle is None or cycle.more_body or cycle.response_complete
            if waiting and self._seen == (True, cycle):
                self.transport.abort()
                return
            self._seen = (waiting, cycle)
            self._next = self.loop.call_later(within_s, self._look)

        def connection_lost(self, exc: Exception | None) -> None:
            self._next.cancel()
            super().connection_lost(exc)

    return Brisk


@contextlib.asynccontextmanager
async def serving(
    app: Any,
    host: str,
    port: int,
    setting: str,
    *,
    patience_s: float | None = None,
    most: int | None = None,
    whole_within_s: float = WHOLE_WITHIN_S,
) -> AsyncIterator[int]:
    """Serve `app` while the context lasts; yields the port (0 takes a free one). What a proxy says of the client is not
    believed. A connection may last `patience_s`, or else a request take `whole_within_s` to come; from `most` at once
    on the answer is 503. Raises Misconfigured, which names `setting`, when the port cannot be had."""
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listening = socket.create_server((host, port), family=family)
    except OSError as error:
        raise Misconfigured(f"cannot listen on {host}:{port} ({error.strerror}): set {setting}") from None
    with listening:
        options = uvicorn.Config(
            app,
            http=_patient(patience_s) if patience_s else _brisk(whole_within_s),
            limit_concurrency=most,
            log_config=None,
            access_log=False,
            lifespan="off",
            ws="none",
            proxy_headers=False,
            server_header=False,
            timeout_graceful_shutdown=STOP_GRACE_S,
        )
        server = _Server(options)
        task = asyncio.create_task(server.serve([listening]))
        try:
            yield listening.getsockname()[1]
        finally:
            server.should_exit = True
            await task
