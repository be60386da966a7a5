"""Connections kept by where they lead, so that a request finds one for itself without a look at all the others.

httpcore's pool goes over all its connections twice a request, and asks each socket whether it still stands: with 64
of them that is most of what a poll costs. To connect, to speak HTTP and to notice an end remains httpcore's.
"""

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable
from types import TracebackType
from typing import Protocol, Self, cast

import httpcore

Connect = Callable[[httpcore.Origin], httpcore.AsyncHTTPConnection]


class _Stream(Protocol):
    def __aiter__(self) -> AsyncIterator[bytes]: ...
    async def aclose(self) -> None: ...


class Connections:
    """Stands in for an httpcore.AsyncConnectionPool of HTTP/1.1 connections that `connect` makes.

    `at_once` requests are under way at a time, others wait for as long as their pool time-out says. As many idle
    connections are kept; those to the origin asked longest ago are closed first.
    """

    def __init__(self, connect: Connect, *, at_once: int) -> None:
        self._connect = connect
        self._at_once = at_once
        self._places = asyncio.Semaphore(at_once)
        self._idle: OrderedDict[str, list[httpcore.AsyncHTTPConnection]] = OrderedDict()
        self._kept = 0

    async def handle_async_request(self, request: httpcore.Request) -> httpcore.Response:
        """Raises what httpcore raises, PoolTimeout and UnsupportedProtocol among it, and nothing besides: a TLS record
        that is broken comes out of httpcore as ssl.SSLError."""
        if request.url.scheme not in (b"http", b"https"):
            raise httpcore.UnsupportedProtocol(f"{request.url.scheme.decode()[:40]!r} is neither http nor https")
        origin = request.url.origin
        await self._take_place(request)
        try:
            connection = await self._idle_to(str(origin)) or self._connect(origin)
            response = await connection.handle_async_request(request)  # closes itself where this raises
        except BaseException as error:
            self._places.release()
            if isinstance(error, OSError):
                raise httpcore.ReadError(str(error)) from error
            raise
        response.stream = _Body(cast("_Stream", response.stream), self, str(origin), connection)
        return response

    async def _take_place(self, request: httpcore.Request) -> None:
        if not self._places.locked():
            await self._places.acquire()
            return
        try:
            async with asyncio.timeout(request.extensions.get("timeout", {}).get("pool")):
                await self._places.acquire()
        except TimeoutError:
            raise httpcore.PoolTimeout(f"{self._at_once} requests are under way") from None

    async def _idle_to(self, origin: str) -> httpcore.AsyncHTTPConnection | None:
        while origin in self._idle:
            connection = self._remove(origin, -1)
            if not connection.has_expired():
                return connection
            await connection.aclose()
        return None

    def _remove(self, origin: str, index: int) -> httpcore.AsyncHTTPConnection:
        connections = self._idle[origin]
        connection = connections.pop(index)
        if not connections:
            del self._idle[origin]
        self._kept -= 1
        return connection

    async def give_back(self, origin: str, connection: httpcore.AsyncHTTPConnection) -> None:
        """Its response is closed: keep the connection if it can be used again."""
        self._places.release()
        if not connection.is_idle():
            await connection.aclose()
            return
        self._idle.setdefault(origin, []).append(connection)
        self._idle.move_to_end(origin)
        self._kept += 1
        longest_ago, (oldest, *_) = next(iter(self._idle.items()))
        if self._kept > self._at_once or oldest.has_expired():
            await self._remove(longest_ago, 0).aclose()

    async def aclose(self) -> None:
        while self._idle:
            await self._remove(next(iter(self._idle)), 0).aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None = None,
        error: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> None:
        await self.aclose()


class _Body:
    """The body of an answer; once closed, its connection is free."""

    def __init__(
        self,
        stream: _Stream,
        connections: Connections,
        origin: str,
        connection: httpcore.AsyncHTTPConnection,
    ) -> None:
        self._stream = stream
        self._connections, self._origin, self._connection = connections, origin, connection
        self._closed = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            async for part in self._stream:
                yield part
        except OSError as error:
            raise httpcore.ReadError(str(error)) from error

    async def aclose(self) -> None:
        if self._closed:
            return
        self._closed = True
        try:
            await self._stream.aclose()
        finally:
            await self._connections.give_back(self._origin, self._connection)
