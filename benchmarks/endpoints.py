"""What alerts are sent to in benchmarks: endpoints on one port of loopback that answer, hang, refuse or hang up.

    python -m benchmarks.endpoints PORT

POST /NAME/NUMBER is taken down and met as `Manner` says, whose value is the name. GET /arrivals tells what came to the
healthy ones, as [time, number, webhook-id], and /samples some whole requests. DELETE forgets all of it.
"""

import asyncio
import json
import sys
from enum import StrEnum
from http import HTTPStatus
from time import time
from typing import cast

import uvloop

ONE_KEPT_IN = 100


class Manner(StrEnum):
    HEALTHY = "healthy"
    HANGS = "hangs"
    BROKEN = "broken"
    THROTTLES = "throttles"
    HANGS_UP = "hangs-up"


SICK = tuple(manner for manner in Manner if manner is not Manner.HEALTHY)
STATUS = {
    Manner.HEALTHY: HTTPStatus.NO_CONTENT,
    Manner.BROKEN: HTTPStatus.INTERNAL_SERVER_ERROR,
    Manner.THROTTLES: HTTPStatus.TOO_MANY_REQUESTS,
}


def url(port: int, manner: Manner, number: int) -> str:
    return f"http://127.0.0.1:{port}/{manner}/{number}"


class Seen:
    def __init__(self) -> None:
        self.arrivals: list[tuple[float, int, str]] = []
        self.samples: list[dict[str, object]] = []


class Endpoint(asyncio.Protocol):
    """One connection. It reads as much of HTTP as its clients write: a head, and a body with its length."""

    def __init__(self, seen: Seen) -> None:
        self._seen = seen
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # of uvloop it is not by name

    def data_received(self, data: bytes) -> None:
        self._received += data
        while b"\r\n\r\n" in self._received:
            head, _, rest = self._received.partition(b"\r\n\r\n")
            request, *lines = head.decode("latin-1").split("\r\n")
            headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
            length = int(headers.get("content-length", 0))
            if len(rest) < length:
                return
            self._received = rest[length:]
            method, path, _ = request.split(" ")
            if method == "POST":
                self._post(path, headers, rest[:length])
            else:
                self._tell(method, path)

    def _post(self, path: str, headers: dict[str, str], body: bytes) -> None:
        name, number = path.strip("/").split("/")
        manner = Manner(name)
        if manner is Manner.HANGS_UP:
            self._transport.close()
        if manner is Manner.HEALTHY:
            arrivals = self._seen.arrivals
            arrivals.append((time(), int(number), headers.get("webhook-id", "")))
            if len(arrivals) % ONE_KEPT_IN == 1:
                self._seen.samples.append({"headers": headers, "body": body.decode()})
        if manner in STATUS:
            self._answer(STATUS[manner], b"")

    def _tell(self, method: str, path: str) -> None:
        told = self._seen.samples if path == "/samples" else self._seen.arrivals
        self._answer(HTTPStatus.OK, json.dumps(told).encode())
        if method == "DELETE":
            self._seen.arrivals.clear()
            self._seen.samples.clear()

    def _answer(self, status: HTTPStatus, body: bytes) -> None:
        length = b"" if status is HTTPStatus.NO_CONTENT else b"content-length: %d\r\n" % len(body)
        self._transport.write(b"HTTP/1.1 %d %s\r\n%s\r\n" % (status, status.phrase.encode(), length) + body)


async def _serve(port: int) -> None:
    seen = Seen()
    server = await asyncio.get_running_loop().create_server(lambda: Endpoint(seen), "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(_serve(int(sys.argv[1])))
