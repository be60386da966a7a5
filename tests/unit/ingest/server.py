"""A local HTTP server that does to a client whatever a test wants done."""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Request:
    path: str
    headers: dict[str, str]
    method: str = "GET"
    body: bytes = b""


Handler = Callable[[Request, asyncio.StreamWriter], Awaitable[None]]


@dataclass
class Server:
    """`requests` are all that arrived. `url(path)` is where a path is served. `unread` answers before any request."""

    routes: dict[str, Handler]
    unread: Handler | None = None
    port: int = 0
    requests: list[Request] = field(default_factory=list)

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    def asked(self, path: str) -> list[Request]:
        return [request for request in self.requests if request.path == path]

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            if self.unread is not None:
                await self.unread(Request("", {}), writer)
                await writer.drain()
                return
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            first, *lines = head.rstrip("\r\n").split("\r\n")
            headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
            body = await reader.readexactly(int(headers.get("content-length", "0")))
            request = Request(first.split()[1], headers, first.split()[0], body)
            self.requests.append(request)
            await self.routes.get(request.path, answer(404))(request, writer)
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def serving(routes: Mapping[str, Handler], unread: Handler | None = None) -> AsyncIterator[Server]:
    """Listens on a free loopback port; on leaving, every connection ends, whatever it was doing."""
    server = Server(dict(routes), unread)
    connections: set[asyncio.Task[None]] = set()

    def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(server.handle(reader, writer))
        connections.add(task)
        task.add_done_callback(connections.discard)

    listening = await asyncio.start_server(connected, "127.0.0.1", 0)
    server.port = listening.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listening.close()
        for task in connections:
            task.cancel()
        await asyncio.gather(*connections, return_exceptions=True)


def answer(status: int, body: bytes = b"", /, *, length: int | None = None, **headers: str) -> Handler:
    """A plain answer. Header names are written with underscores; `length` is what Content-Length claims."""

    async def handle(_: Request, writer: asyncio.StreamWriter) -> None:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        named |= {"content-length": str(len(body) if length is None else length), "connection": "close"}
        lines = "".join(f"{name}: {value}\r\n" for name, value in named.items())
        writer.write(f"HTTP/1.1 {status} Whatever\r\n{lines}\r\n".encode("latin-1") + body)

    return handle


def redirect(status: int, to: str) -> Handler:
    """`{port}` in the address is the server's own."""

    async def handle(request: Request, writer: asyncio.StreamWriter) -> None:
        port = writer.get_extra_info("sockname")[1]
        await answer(status, location=to.replace("{port}", str(port)))(request, writer)

    return handle


def bytes_of(raw: bytes) -> Handler:
    """Exactly these bytes, then the end of the connection."""

    async def handle(_: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(raw)

    return handle


def stall(raw: bytes) -> Handler:
    """These bytes, and then nothing more."""

    async def handle(request: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(raw)
        await silence(request, writer)

    return handle


def reset(raw: bytes) -> Handler:
    """These bytes, then a connection that is reset instead of closed."""

    async def handle(_: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(raw)
        await writer.drain()
        no_wait = struct.pack("ii", 1, 0)
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, no_wait)

    return handle


def endless(head: bytes, chunk: bytes, pause_s: float = 0.0) -> Handler:
    """A head, then the chunk for ever."""

    async def handle(_: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(head)
        while True:
            writer.write(chunk)
            await writer.drain()
            await asyncio.sleep(pause_s)

    return handle


async def silence(_: Request, writer: asyncio.StreamWriter) -> None:
    """Accepts, and never says anything."""
    await writer.wait_closed()
