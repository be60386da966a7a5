"""No connection to an address that was not checked."""

import asyncio
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from ipaddress import ip_network

import httpcore
import httpx
import pytest

from services.runtime.egress import AddressGuard, EgressRefused, guarded_client
from services.runtime.settings import EgressSettings

NETWORKS = """
0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.0.0.0/24 192.0.2.0/24 192.88.99.0/24
192.168.0.0/16 198.18.0.0/15 198.51.100.0/24 203.0.113.0/24 224.0.0.0/4 240.0.0.0/4
::/96 ::1/128 64:ff9b::/96 64:ff9b:1::/48 100::/64 2001::/32 2001:db8::/32 2002::/16 3fff::/20 5f00::/16 fc00::/7
fe80::/10 fec0::/10 ff00::/8
""".split()
"""The special-purpose registries of IANA (RFC 6890 and its heirs), and the multicast blocks."""

REFUSED = {
    "the metadata service": "169.254.169.254",
    "the metadata service over IPv6": "fd00:ec2::254",
    "a 6to4 relay, which Python calls global": "192.88.99.1",
    "an IETF assignment, which Python calls global": "192.0.0.8",
    "multicast, which Python calls global": "224.1.1.1",
    "broadcast": "255.255.255.255",
    "IPv4-mapped": "::ffff:127.0.0.1",
    "IPv4-mapped, private": "::ffff:10.0.0.1",
    "IPv4-compatible": "::127.0.0.1",
    "IPv4-translated (SIIT)": "::ffff:0:127.0.0.1",
    "NAT64 to loopback": "64:ff9b::7f00:1",
    "NAT64 of local use": "64:ff9b:1::1",
    "6to4 with loopback in it": "2002:7f00:1::",
    "6to4 with a public address in it": "2002:808:808::1",
    "Teredo": "2001:0:4136:e378:8000:63bf:3fff:fdd2",
    "ORCHID": "2001:20::1",
    "ISATAP to a private address": "2600::5efe:a00:1",
    "ISATAP to loopback, called unique": "2600::200:5efe:7f00:1",
    "link-local ISATAP to a public address": "fe80::5efe:808:808",
    "link-local with a zone": "fe80::1%eth0",
    "loopback with a zone": "::1%lo",
    "site-local": "fec0::1",
    "an address nobody was given": "4000::1",
}  # fmt: skip


@pytest.mark.parametrize("address", REFUSED.values(), ids=REFUSED)
def test_addresses_that_are_not_public_are_refused(address: str) -> None:
    assert not AddressGuard().allows("example.org", address)


@pytest.mark.parametrize("network", NETWORKS)
def test_networks_that_are_not_public_are_refused_to_their_ends(network: str) -> None:
    net = ip_network(network)
    assert not any(AddressGuard().allows("example.org", str(ip)) for ip in (net[0], net[-1]))


@pytest.mark.parametrize("address", ["8.8.8.8", "1.1.1.1", "2606:4700::1", "::ffff:8.8.8.8", "2600::5efe:808:808"])
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


WRITTEN = {
    "plainly": "127.0.0.1",
    "another of the network": "127.8.8.8",
    "by name": "localhost",
    "by name, rooted": "localhost.",
    "by name, in capitals": "LOCALHOST",
    "as a number": "2130706433",
    "as a hexadecimal number": "0x7f000001",
    "as an octal number": "017700000001",
    "short": "127.1",
    "shortest": "0",
    "in octal parts": "0177.0.0.01",
    "in hexadecimal parts": "0x7f.0x0.0x0.0x1",
    "nowhere": "0.0.0.0",
    "IPv6": "[::1]",
    "IPv6, in full": "[0:0:0:0:0:0:0:1]",
    "IPv6, nowhere": "[::]",
    "IPv4-mapped": "[::ffff:127.0.0.1]",
    "IPv4-mapped, in hexadecimal": "[::ffff:7f00:1]",
    "IPv4-compatible": "[::127.0.0.1]",
    "with a zone": "[fe80::1%25lo]",
    "with a user": "user:pw@127.0.0.1",
    "behind a public user": "8.8.8.8@127.0.0.1",
    "percent-encoded": "%31%32%37.0.0.1",
    "percent-encoded name": "%6cocalhost",
    "full-width digits": "\uff11\uff12\uff17.0.0.1",
    "circled digits": "\u2460\u2461\u2466.0.0.1",
    "Arabic digits": "\u0661\u0662\u0667.0.0.1",
    "ideographic full stops": "127\u30020\u30020\u30021",
    "full-width full stops": "127\uff0e0\uff0e0\uff0e1",
    "full-width letters": "\uff4c\uff4f\uff43\uff41\uff4c\uff48\uff4f\uff53\uff54",
    "with a soft hyphen": "local\u00adhost",
}


@pytest.fixture
def connected(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The addresses to which a connection was tried; none is made."""
    addresses: list[str] = []

    async def connect(self: object, host: str, *_: object, **__: object) -> None:
        addresses.append(host)
        raise httpcore.ConnectError("far away")

    monkeypatch.setattr("httpcore.AnyIOBackend.connect_tcp", connect)
    return addresses


def resolve(monkeypatch: pytest.MonkeyPatch, *answers: Sequence[str]) -> None:
    """One answer a look-up."""
    following = iter(answers)

    def look_up(*_: object, **__: object) -> list[object]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 80)) for address in next(following)]

    monkeypatch.setattr("socket.getaddrinfo", look_up)


@pytest.mark.parametrize("port", ["", ":8080"])
@pytest.mark.parametrize("host", WRITTEN.values(), ids=WRITTEN)
async def test_every_way_to_write_loopback_is_refused(host: str, port: str, connected: list[str]) -> None:
    async with client() as http:
        with pytest.raises((EgressRefused, httpx.InvalidURL, httpx.ConnectError)) as caught:
            await http.get(f"http://{host}{port}/")
    assert connected == []
    if isinstance(caught.value, EgressRefused):
        assert "CHANCERY_EGRESS__ALLOW_PRIVATE" in str(caught.value)


async def test_a_named_target_is_reached_and_no_redirect_is_followed() -> None:
    async with server() as port, client("127.0.0.0/8") as http:
        answer = await http.get(f"http://127.0.0.1:{port}/")
        assert answer.status_code == 302


async def test_a_name_that_changes_its_address_finds_the_same_guard(
    monkeypatch: pytest.MonkeyPatch, connected: list[str]
) -> None:
    """The address that was checked is the address connected to: there is no second look-up to win."""
    resolve(monkeypatch, ["8.8.8.8"], ["127.0.0.1"])
    async with client() as http:
        with pytest.raises(httpx.ConnectError, match="far away"):
            await http.get("http://rebinding.example/")
        with pytest.raises(EgressRefused):
            await http.get("http://rebinding.example/")
    assert connected == ["8.8.8.8"]


@pytest.mark.parametrize(
    ("addresses", "reached"),
    [
        (["10.0.0.1", "8.8.8.8"], ["8.8.8.8"]),
        (["8.8.8.8", "127.0.0.1"], ["8.8.8.8"]),
        (["8.8.8.8", "::1", "1.1.1.1"], ["8.8.8.8", "1.1.1.1"]),
        (["10.0.0.1", "::1", "fe80::1%lo"], []),
    ],
)
async def test_of_a_names_addresses_only_the_public_ones_are_tried(
    addresses: list[str], reached: list[str], monkeypatch: pytest.MonkeyPatch, connected: list[str]
) -> None:
    resolve(monkeypatch, addresses)
    async with client() as http:
        with pytest.raises(httpx.ConnectError) as caught:
            await http.get("http://both.example/")
    assert connected == reached
    assert isinstance(caught.value, EgressRefused) == (not reached)


async def test_a_proxy_in_the_environment_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    async with server() as port, client("127.0.0.0/8") as http:
        assert (await http.get(f"http://127.0.0.1:{port}/")).status_code == 302
