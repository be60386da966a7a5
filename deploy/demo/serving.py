"""Runs a small HTTP application the way both demo servers do: one ready line, a clean end on a signal."""

import json
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from types import FrameType

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse

Lifespan = Callable[[Starlette], AbstractAsyncContextManager[None]]


async def healthz(_: Request) -> JSONResponse:
    return JSONResponse({"status": "ok"})


def say(**event: object) -> None:
    """One JSON line on standard output, flushed, so that whoever started this process reads it at once."""
    print(json.dumps(event, ensure_ascii=False), flush=True)


def run(make_app: Callable[[Lifespan], Starlette], host: str, port: int) -> None:
    """Serves on `host:port` (port 0: a free one) until SIGINT or SIGTERM, then returns.

    Prints `{"ready": true, "port": ...}` once connections are accepted. Exits with 1 and a line on standard error
    when the address cannot be had.
    """
    try:
        listener = socket.create_server((host, port))
    except OSError as error:
        sys.exit(f"cannot listen on {host}:{port}: {error.strerror}")
    with listener:
        bound: int = listener.getsockname()[1]

        @asynccontextmanager
        async def lifespan(_: Starlette) -> AsyncIterator[None]:
            say(ready=True, port=bound)  # the socket already listens: a caller from here on is queued, not refused
            yield

        config = uvicorn.Config(make_app(lifespan), log_level="warning", access_log=False, lifespan="on")
        # uvicorn raises the signal again after its shutdown; without these handlers that would end in a traceback
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, _already_handled)
        uvicorn.Server(config).run(sockets=[listener])


def _already_handled(_: int, __: FrameType | None) -> None:
    return
