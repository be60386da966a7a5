"""A line between two of our processes that can be cut: a TCP proxy on loopback, run by who cuts it."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

CHUNK_BYTES = 65_536


class Wire:
    """Carries what comes to `port` on to `to`, both on 127.0.0.1.

    While it is `down`, every connection that there is has been reset and every new one is; while it is `stalled`, both
    sides stay connected and hear nothing.
    """

    def __init__(self, to: int) -> None:
        self._to = to
        self._down = False
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._ends: set[asyncio.StreamWriter] = set()
        self.port = 0
        self.resets = 0

    @contextlib.asynccontextmanager
    async def laid(self) -> AsyncIterator["Wire"]:
        server = await asyncio.start_server(self._joined, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            self._reset()

    async def cut(self, for_s: float) -> None:
        self._down = True
        self._reset()
        try:
            await asyncio.sleep(for_s)
        finally:
            self._down = False

    async def stall(self, for_s: float) -> None:
        self._flowing.clear()
        try:
            await asyncio.sleep(for_s)
        finally:
            self._flowing.set()

    def _reset(self) -> None:
        self.resets += len(self._ends) // 2
        for end in self._ends:
            end.transport.abort()

    async def _joined(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            if self._down:
                raise ConnectionResetError
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._to)
        except OSError:
            writer.transport.abort()
            return
        ends = {writer, far_writer}
        self._ends |= ends
        ways = [
            asyncio.create_task(self._carry(reader, far_writer)),
            asyncio.create_task(self._carry(far_reader, writer)),
        ]
        try:
            # Neither side of Kafka or HTTP goes on talking to one that has hung up.
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            for end in ends:
                end.close()
            self._ends -= ends

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while chunk := await reader.read(CHUNK_BYTES):
                await self._flowing.wait()
                writer.write(chunk)
                await writer.drain()
