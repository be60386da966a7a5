"""As much of an HTTP/1.1 server as benchmarks need: what is measured beside it should have the machine."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import cast

BODILESS = (HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED)


@dataclass(frozen=True, slots=True)
class Request:
    """`headers` by their names in lower case."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Reply:
    """What is written, perhaps nothing, and whether the connection ends then."""

    data: bytes = b""
    close: bool = False


def response(status: HTTPStatus, headers: Mapping[str, str] | None = None, body: bytes = b"") -> bytes:
    sized = {} if status in BODILESS else {"content-length": str(len(body))}
    lines = "".join(f"{name}: {value}\r\n" for name, value in {**(headers or {}), **sized}.items())
    return f"HTTP/1.1 {status} {status.phrase}\r\n{lines}\r\n".encode("latin-1") + body


class _Connection(asyncio.Protocol):
    """It reads as much of HTTP as its clients write: a head, and a body with its length."""

    def __init__(self, answer: Callable[[Request], Reply]) -> None:
        self._answer = answer
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # of uvloop it is not by name

    def data_received(self, data: bytes) -> None:
        self._received += data
        while b"\r\n\r\n" in self._received:
            head, _, rest = self._received.partition(b"\r\n\r\n")
            asked, *lines = head.decode("latin-1").split("\r\n")
            headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
            length = int(headers.get("content-length", 0))
            if len(rest) < length:
                return
            self._received = rest[length:]
            method, path, _ = asked.split(" ")
            reply = self._answer(Request(method, path, headers, rest[:length]))
            self._transport.write(reply.data)
            if reply.close:
                self._transport.close()


async def serve(port: int, answer: Callable[[Request], Reply]) -> None:
    """On loopback, until it is cancelled."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Connection(answer), "127.0.0.1", port)
    await server.serve_forever()
