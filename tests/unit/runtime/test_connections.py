"""A connection is used again by the next request to the same place, and by no two at once."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from services.runtime.egress import AddressGuard, GuardedTransport, guarded_client
from services.runtime.settings import EgressSettings
from tests.unit.notify.mail_server import certificate


class Server:
    """Answers with the number of the connection. A request for /slow waits for `release`, one for /last closes."""

    def __init__(self) -> None:
        self.connections = 0
        self.open: set[int] = set()
        self.release = asyncio.Event()
        self.asked = asyncio.Event()
        self.changed = asyncio.Condition()
        self.port = 0

    def url(self, path: str = "/") -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    async def closed(self, number: int) -> None:
        async with asyncio.timeout(5), self.changed:
            await self.changed.wait_for(lambda: number not in self.open)

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        number = self.connections
        self.open.add(number)
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                path = head.split(b" ")[1]
                if path == b"/slow":
                    self.asked.set()
                    await self.release.wait()
                length = b"9" if path == b"/cut" else b"1"
                writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: " + length + b"\r\n\r\n%d" % number)
                await writer.drain()
                if path in (b"/last", b"/cut"):
                    break
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()
            self.open.discard(number)
            async with self.changed:
                self.changed.notify_all()


@asynccontextmanager
async def serving() -> AsyncIterator[Server]:
    server = Server()
    listening = await asyncio.start_server(server.handle, "127.0.0.1", 0)
    server.port = listening.sockets[0].getsockname()[1]
    async with listening:
        yield server


def client(most: int = 10) -> httpx.AsyncClient:
    settings = EgressSettings(allow_private=("127.0.0.0/8",))
    return guarded_client(settings, user_agent="test", timeout_s=5, max_connections=most)


async def test_one_request_after_another_takes_one_connection() -> None:
    async with serving() as server, client() as http:
        assert [(await http.get(server.url())).text for _ in range(3)] == ["1", "1", "1"]
    await server.closed(1)


async def test_two_requests_at_once_take_two_and_both_are_kept() -> None:
    async with serving() as server, client() as http:
        slow = asyncio.create_task(http.get(server.url("/slow")))
        await server.asked.wait()
        assert (await http.get(server.url())).text == "2"
        server.release.set()
        assert (await slow).text == "1"
        server.asked.clear()
        server.release.clear()
        again = asyncio.create_task(http.get(server.url("/slow")))
        await server.asked.wait()
        assert (await http.get(server.url())).text == "2"
        server.release.set()
        assert (await again).text == "1"
    assert server.connections == 2


async def test_what_the_server_closed_is_not_used_again() -> None:
    async with serving() as server, client() as http:
        assert (await http.get(server.url("/last"))).text == "1"
        await server.closed(1)
        assert (await http.get(server.url())).text == "2"


async def test_another_place_takes_a_connection_of_its_own() -> None:
    async with serving() as one, serving() as other, client() as http:
        for server in (one, other, one, other):
            assert (await http.get(server.url())).text == "1"


async def test_of_idle_connections_no_more_are_kept_than_may_be_used_at_once() -> None:
    async with serving() as one, serving() as other, client(most=1) as http:
        assert (await http.get(one.url())).text == "1"
        assert (await http.get(other.url())).text == "1"
        await one.closed(1)
        assert (await http.get(other.url())).text == "1"
        assert (await http.get(one.url())).text == "2"


async def test_a_request_beyond_the_most_at_once_waits_its_turn() -> None:
    async with serving() as server, client(most=1) as http:
        slow = asyncio.create_task(http.get(server.url("/slow")))
        await server.asked.wait()
        waiting = asyncio.create_task(http.get(server.url()))
        server.release.set()
        assert [(await slow).text, (await waiting).text] == ["1", "1"]


async def test_waiting_for_a_turn_ends_with_the_time_out() -> None:
    async with serving() as server, client(most=1) as http:
        async with http.stream("GET", server.url()) as held:
            with pytest.raises(httpx.PoolTimeout):
                await http.get(server.url(), timeout=httpx.Timeout(5, pool=0.01))
            await held.aread()
        assert (await http.get(server.url())).text == "1"


@pytest.mark.parametrize("path", ["/cut", "/slow"])
async def test_after_a_failed_or_cancelled_request_its_place_is_free(path: str) -> None:
    async with serving() as server, client(most=1) as http:
        failing = asyncio.create_task(http.get(server.url(path)))
        if path == "/slow":
            await server.asked.wait()
            failing.cancel()
            server.release.set()
        with pytest.raises((httpx.RemoteProtocolError, asyncio.CancelledError)):
            await failing
        await server.closed(1)
        assert (await http.get(server.url())).text == "2"


async def test_an_answer_that_is_not_read_to_its_end_closes_its_connection() -> None:
    async with serving() as server, client(most=1) as http:
        async with http.stream("GET", server.url("/cut")) as answer:
            assert answer.status_code == 200
        await server.closed(1)
        assert (await http.get(server.url())).text == "2"


async def test_a_refused_connection_leaves_no_place_taken() -> None:
    async with serving() as server, client(most=1) as http:
        for _ in range(3):
            with pytest.raises(httpx.ConnectError):
                await http.get("http://10.0.0.1/")
        assert (await http.get(server.url())).text == "1"


@pytest.mark.parametrize("before", [b"", b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n1"])
async def test_a_broken_record_of_tls_is_an_error_in_reading(tmp_path: Path, before: bytes) -> None:
    """httpcore lets it through as ssl.SSLError, which nobody who handles HTTP errors expects."""
    trusted, context = certificate(tmp_path)

    async def breaks(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = context.wrap_bio(incoming, outgoing, server_side=True)
        try:
            while True:
                try:
                    tls.do_handshake()
                    break
                except ssl.SSLWantReadError:
                    writer.write(outgoing.read())
                    incoming.write(await reader.read(65_536))
            tls.write(before) if before else None
            writer.write(outgoing.read() + b"\x17\x03\x03\x00\x20" + bytes(32))
            await reader.read(65_536)
        finally:
            writer.close()

    verify = ssl.create_default_context(cafile=trusted)
    transport = GuardedTransport(AddressGuard(["127.0.0.1"]), max_connections=1, verify=verify)
    async with (
        await asyncio.start_server(breaks, "127.0.0.1", 0) as server,
        httpx.AsyncClient(transport=transport) as http,
    ):
        for _ in range(2):  # the one place is free again
            with pytest.raises(httpx.ReadError, match="RECORD_MAC"):
                await http.get(f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}/")
