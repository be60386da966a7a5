"""No connection to an address that was not checked."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest

from services.runtime.egress import AddressGuard, EgressRefused, guarded_client
from services.runtime.settings import EgressSettings

REFUSED = [
    "127.0.0.1",
    "::1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "169.254.169.254",
    "fd00:ec2::254",
    "100.64.0.1",
    "10.0.0.1",
    "192.168.1.1",
    "0.0.0.0",
    "192.88.99.1",
    "192.0.0.8",
    "224.1.1.1",
    "255.255.255.255",
    "64:ff9b::7f00:1",
    "64:ff9b:1::1",
    "2002:7f00:1::",
    "fe80::1%eth0",
]


@pytest.mark.parametrize("address", REFUSED)
def test_addresses_that_are_not_public_are_refused(address: str) -> None:
    assert not AddressGuard().allows("example.org", address)


@pytest.mark.parametrize("address", ["8.8.8.8", "1.1.1.1", "2606:4700::1", "::ffff:8.8.8.8"])
def test_public_addresses_are_allowed(address: str) -> None:
    assert AddressGuard().allows("example.org", address)


def test_private_targets_only_when_a_setting_names_them() -> None:
    guard = AddressGuard(["10.0.0.0/8", "Feeds.Internal", "::1"])
    assert guard.allows("example.org", "10.1.2.3")
    assert guard.allows("feeds.internal.", "192.168.0.7")
    assert guard.allows("example.org", "::1")
    assert not guard.allows("example.org", "192.168.0.7")
    assert not guard.allows("example.org", "127.0.0.1")


@asynccontextmanager
async def server() -> AsyncIterator[int]:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 302 Found\r\nlocation: http://10.0.0.1/\r\ncontent-length: 0\r\n\r\n")
        await writer.drain()
        writer.close()

    listening = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with listening:
        yield listening.sockets[0].getsockname()[1]


def client(*allow: str) -> httpx.AsyncClient:
    return guarded_client(EgressSettings(allow_private=allow), user_agent="test", timeout_s=5)


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "2130706433", "127.1", "0", "user:pw@127.0.0.1"]
)
async def test_every_way_to_write_loopback_is_refused(host: str) -> None:
    async with server() as port, client() as http:
        with pytest.raises((EgressRefused, httpx.InvalidURL)) as caught:
            await http.get(f"http://{host}:{port}/")
        if isinstance(caught.value, EgressRefused):
            assert "CHANCERY_EGRESS__ALLOW_PRIVATE" in str(caught.value)


async def test_a_named_target_is_reached_and_no_redirect_is_followed() -> None:
    async with server() as port, client("127.0.0.0/8") as http:
        answer = await http.get(f"http://127.0.0.1:{port}/")
        assert answer.status_code == 302


async def test_a_name_that_changes_its_address_finds_the_same_guard(monkeypatch: pytest.MonkeyPatch) -> None:
    """The address that was checked is the address connected to: there is no second look-up to win."""
    lookups = iter(["8.8.8.8", "127.0.0.1"])

    def look_up(*_: object, **__: object) -> list[object]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (next(lookups), 80))]

    guard = AddressGuard()
    monkeypatch.setattr("socket.getaddrinfo", look_up)
    connected: list[str] = []

    async def connect(self: object, host: str, *_: object, **__: object) -> None:
        connected.append(host)
        raise httpx.ConnectError("far away")

    monkeypatch.setattr("httpcore.AnyIOBackend.connect_tcp", connect)
    async with client() as http:
        with pytest.raises(httpx.ConnectError):
            await http.get("http://rebinding.example/")
        with pytest.raises(EgressRefused):
            await http.get("http://rebinding.example/")
    assert connected == ["8.8.8.8"]
    assert guard.allows("rebinding.example", connected[0])


async def test_a_name_with_a_private_and_a_public_address_reaches_the_public_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def look_up(*_: object, **__: object) -> list[object]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (ip, 80)) for ip in ("10.0.0.1", "8.8.8.8")]

    monkeypatch.setattr("socket.getaddrinfo", look_up)
    connected: list[str] = []

    async def connect(self: object, host: str, *_: object, **__: object) -> None:
        connected.append(host)
        raise httpx.ConnectError("far away")

    monkeypatch.setattr("httpcore.AnyIOBackend.connect_tcp", connect)
    async with client() as http:
        with pytest.raises(httpx.ConnectError):
            await http.get("http://both.example/")
    assert connected == ["8.8.8.8"]


async def test_a_proxy_in_the_environment_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    async with server() as port, client("127.0.0.0/8") as http:
        assert (await http.get(f"http://127.0.0.1:{port}/")).status_code == 302
