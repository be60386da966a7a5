"""HTTP in: an ASGI application served on a port of its own for as long as its service lives."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Iterator
from typing import Any

import uvicorn

from services.runtime.settings import Misconfigured

STOP_GRACE_S = 5
"""What is being answered at a stop gets this long."""


class _Server(uvicorn.Server):
    """Leaves signals to the service."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@contextlib.asynccontextmanager
async def serving(app: Any, host: str, port: int, setting: str) -> AsyncIterator[int]:
    """Serve `app` while the context lasts; yields the port (0 takes a free one). What a proxy says of the client is not
    believed. Raises Misconfigured, which names `setting`, when the port cannot be had."""
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listening = socket.create_server((host, port), family=family)
    except OSError as error:
        raise Misconfigured(f"cannot listen on {host}:{port} ({error.strerror}): set {setting}") from None
    with listening:
        options = uvicorn.Config(
            app,
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
