"""Connections out, guarded: the address that was checked is the address connected to, on every hop.

The check stands at the socket, after name resolution, so a name that resolves to two addresses, changes between
two look-ups, or hides behind a redirect finds the same guard. Python's `is_global` is true for some of the refused
networks (multicast, 6to4 relays, NAT64 among them), so the list is our own, from the IANA special-purpose registries.
"""

import asyncio
import functools
import socket
import ssl
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from http.cookiejar import DefaultCookiePolicy
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any

import httpcore
import httpx

from services.runtime.connections import Connections
from services.runtime.settings import EgressSettings

REFUSED = tuple(
    ip_network(net)
    for net in (
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24",
        "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24",
        "224.0.0.0/4", "240.0.0.0/4",
        # IANA gives out nothing but 2000::/3 as global unicast; what embeds IPv4 addresses (mapped ones are unwrapped
        # first), is local, or is nobody's yet lies outside, but for these parts of it.
        "::/3", "4000::/2", "8000::/1", "2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20",
    )
)  # fmt: skip
_MAPPED = IPv6Network("::ffff:0:0/96")
# An interface id of ISATAP ends in the IPv4 address its packets are tunnelled to (RFC 5214, 6.1).
_ISATAP = frozenset({0x00005EFE, 0x02005EFE})

KEPT_IDLE_S = 30


class EgressRefused(httpx.ConnectError):
    """The guard refused to connect. Not a fault of the network: trying again will not help."""


class AddressGuard:
    """Decides which addresses may be connected to. `allow_private` names networks or hosts that may be private;
    `setting` is what someone is told to do who means another."""

    def __init__(
        self, allow_private: Iterable[str] = (), setting: str = "name it in CHANCERY_EGRESS__ALLOW_PRIVATE"
    ) -> None:
        self.setting = setting
        self._hosts: set[str] = set()
        self._networks: list[IPv4Network | IPv6Network] = []
        for entry in allow_private:
            try:
                self._networks.append(ip_network(entry))
            except ValueError:
                self._hosts.add(entry.lower().rstrip("."))

    def allows(self, host: str, address: str) -> bool:
        """May a connection for `host` go to `address`?"""
        if host.lower().rstrip(".") in self._hosts:
            return True
        return all(_is_in(way, self._networks) for way in _ways(address) if _is_in(way, REFUSED))


def _ways(address: str) -> Iterator[IPv4Address | IPv6Address]:
    """Where packets to `address` may end: the address, and the IPv4 address that it stands for or is tunnelled to."""
    ip: IPv4Address | IPv6Address = ip_address(address.partition("%")[0])
    if ip not in _MAPPED:
        yield ip
    if ip.version == 6 and (ip in _MAPPED or (int(ip) >> 32) & 0xFFFFFFFF in _ISATAP):
        yield IPv4Address(int(ip) & 0xFFFFFFFF)


def _is_in(ip: IPv4Address | IPv6Address, networks: Iterable[IPv4Network | IPv6Network]) -> bool:
    return any(ip.version == net.version and ip in net for net in networks)


_LOOK_UPS = ThreadPoolExecutor(64, thread_name_prefix="look-up")
"""Threads of our own: uvloop and asyncio give all look-ups so few that some dead names would hold up every other."""


async def _look_up(host: str, port: int) -> list[tuple[Any, ...]]:
    look_up = functools.partial(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM)
    return list(await asyncio.get_running_loop().run_in_executor(_LOOK_UPS, look_up))


async def _allowed(guard: AddressGuard, host: str, port: int) -> list[str]:
    """The addresses of a host that may be connected to, one at least. Raises EgressRefused, or OSError where its name
    cannot be looked up."""
    if not 0 < port < 65_536:  # httpx lets any number pass, and a socket raises what nobody expects
        raise EgressRefused(f"{host}:{port} is no address: ports are 1 to 65535")
    try:
        found = await _look_up(host, port)
    except (OSError, UnicodeError) as error:
        raise OSError(f"cannot look up {host}: {error}") from None
    addresses = list(dict.fromkeys(str(info[4][0]) for info in found))
    allowed = [address for address in addresses if guard.allows(host, address)]
    if not allowed:
        found_at = f"{', '.join(addresses)}: " if addresses != [host] else ""
        raise EgressRefused(f"{host} is {found_at}not a public address. If it is meant, {guard.setting}")
    return allowed


async def connected_socket(guard: AddressGuard, host: str, port: int, timeout_s: float) -> socket.socket:
    """A socket connected to the first address of the host that answers within `timeout_s` and that the guard allows,
    for protocols other than HTTP. Raises EgressRefused or OSError, TimeoutError among it."""
    failure: OSError | None = None
    for address in await _allowed(guard, host, port):
        connecting = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM)
        try:
            connecting.setblocking(False)
            async with asyncio.timeout(timeout_s):
                await asyncio.get_running_loop().sock_connect(connecting, (address, port))
        except OSError as error:
            connecting.close()
            failure = error
        except BaseException:
            connecting.close()
            raise
        else:
            return connecting
    raise failure or OSError(f"{host} has no address")


class _GuardedBackend(httpcore.AsyncNetworkBackend):
    def __init__(self, guard: AddressGuard) -> None:
        self._guard = guard
        self._inner = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore's signature
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        try:
            allowed = await asyncio.wait_for(_allowed(self._guard, host, port), timeout)
        except TimeoutError:
            raise httpcore.ConnectTimeout(f"looking up {host} took longer than {timeout} s") from None
        except OSError as error:
            raise httpcore.ConnectError(str(error)) from None
        for address in allowed[:-1]:
            try:
                return await self._inner.connect_tcp(address, port, timeout, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                continue
        return await self._inner.connect_tcp(allowed[-1], port, timeout, local_address, socket_options)

    async def connect_unix_socket(
        self,
        path: str,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore's signature
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        raise EgressRefused("unix sockets are not used")

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class GuardedTransport(httpx.AsyncHTTPTransport):
    """httpx's transport on guarded connections. httpx offers no parameter for the network backend.

    Who makes many of them gives them one TLS context as `verify`: it takes most of the time and memory.
    """

    def __init__(self, guard: AddressGuard, *, max_connections: int, verify: ssl.SSLContext | bool = True) -> None:
        tls = httpx.create_ssl_context(verify=verify, trust_env=False)
        super().__init__(verify=tls, trust_env=False)
        backend = _GuardedBackend(guard)

        def connect(origin: httpcore.Origin) -> httpcore.AsyncHTTPConnection:
            return httpcore.AsyncHTTPConnection(
                origin, ssl_context=tls, keepalive_expiry=KEPT_IDLE_S, network_backend=backend
            )

        self._pool = Connections(connect, at_once=max_connections)  # type: ignore[assignment]


class GuardedClient(httpx.AsyncClient):
    """An httpx client that reaches public addresses only, follows no redirect by itself, keeps no cookie and reads no
    proxy from the environment. Refusals raise EgressRefused, an httpx.ConnectError."""

    def __init__(self, transport: GuardedTransport, *, user_agent: str, timeout_s: float) -> None:
        super().__init__(
            transport=transport,
            headers={"user-agent": user_agent},
            timeout=timeout_s,
            follow_redirects=False,
            trust_env=False,
        )
        self.cookies.jar.set_policy(DefaultCookiePolicy(allowed_domains=()))  # nobody we fetch from may follow us
        self._guarded = transport
        self._always = (b"User-Agent", user_agent.encode())

    async def get_unread(self, url: str, headers: Mapping[bytes, bytes]) -> httpx.Response:
        """The answer to a GET, for the caller to read and to close.

        By the transport alone: what a client does besides, its cookies, redirects and merging of addresses, is nothing
        that a poller wants and a third of what its exchange costs.
        """
        request = httpx.Request(
            "GET", url, headers=[self._always, *headers.items()], extensions={"timeout": self.timeout.as_dict()}
        )
        if request.url.userinfo:
            request = next(httpx.BasicAuth(request.url.username, request.url.password).auth_flow(request))
        response = await self._guarded.handle_async_request(request)
        response.request = request
        return response


def guarded_client(
    settings: EgressSettings, *, user_agent: str, timeout_s: float, max_connections: int = 100
) -> GuardedClient:
    """A client to what the settings allow, with as many connections at a time as `max_connections`."""
    transport = GuardedTransport(AddressGuard(settings.allow_private), max_connections=max_connections)
    return GuardedClient(transport, user_agent=user_agent, timeout_s=timeout_s)
