"""A line to each endpoint: what is needed to post to it, decrypted, and the connection it left open.

Each endpoint has a connection pool of its own, for the one connection that one attempt at a time needs. A shared pool
looks at every connection it holds for every request; with hundreds of endpoints in it that costs more than the
requests do (httpcore, `_assign_requests_to_connections`). Requests go to the transport rather than through a client, so
there are no redirects, cookies or proxies to be careful about.
"""

from collections import OrderedDict
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

import httpx

from services.contracts.ids import SubscriptionId
from services.contracts.subscription import Subscription
from services.runtime.egress import AddressGuard, GuardedTransport
from services.runtime.secrets import Vault

SHORTEST_SECRET = 8
"""Pieces of a URL shorter than this (`/`, `services`) are no secrets and may be repeated."""


class EndpointRefused(ValueError):
    """The endpoint is nothing that alerts may be sent to."""


@dataclass(frozen=True)
class Line:
    """`sealed` is what it was opened from, to see when the subscription has changed; `account` is the header that a
    user and password in its address make, where no token of the channel goes before it."""

    sealed: tuple[str | None, ...]
    url: httpx.URL = field(repr=False)
    secret: str = field(repr=False)
    previous_secret: str = field(repr=False)
    account: Mapping[str, str] = field(repr=False)
    unspeakable: tuple[str, ...] = field(repr=False)
    transport: GuardedTransport = field(repr=False)

    def without_secrets(self, text: str) -> str:
        """The text with nothing in it that gives the endpoint's password or secret away."""
        for piece in self.unspeakable:
            text = text.replace(piece, "[removed]")
        return text


class Lines:
    """Opens lines and keeps the `most` used last. One that is in use is never among those that are closed."""

    def __init__(self, vault: Vault, guard: AddressGuard, *, require_https: bool, most: int) -> None:
        self._vault = vault
        self._guard = guard
        self._schemes = ("https",) if require_https else ("https", "http")
        self._most = most
        self._tls = httpx.create_ssl_context(trust_env=False)
        self._idle: OrderedDict[SubscriptionId, Line] = OrderedDict()

    @asynccontextmanager
    async def to(self, subscription: Subscription) -> AsyncIterator[Line]:
        """The endpoint's line, for one exchange. Raises SecretUnreadable or EndpointRefused."""
        endpoint = subscription.subscription_id
        line = self._idle.pop(endpoint, None)
        if line is None or line.sealed != _sealed(subscription):
            await _close(line)
            line = self._open(subscription)
        try:
            yield line
        finally:
            surplus = self._idle.pop(endpoint, None)
            self._idle[endpoint] = line
            if len(self._idle) > self._most:
                _, surplus = self._idle.popitem(last=False)
            await _close(surplus)

    async def close(self) -> None:
        while self._idle:
            _, line = self._idle.popitem()
            await _close(line)

    def _open(self, subscription: Subscription) -> Line:
        url = self._vault.decrypt(subscription.endpoint)
        secret, previous = (
            self._vault.decrypt(sealed) if sealed else ""
            for sealed in (subscription.secret, subscription.previous_secret)
        )
        scheme = urlsplit(url).scheme
        if scheme not in self._schemes:
            raise EndpointRefused(
                f"the endpoint is {scheme or 'no URL'}; only {' and '.join(self._schemes)} may be used"
            )
        try:
            parsed = httpx.URL(url)
        except httpx.InvalidURL:
            raise EndpointRefused("the endpoint is no URL") from None
        if not parsed.host:
            raise EndpointRefused("the endpoint names no host")
        account = _account(parsed)
        return Line(
            sealed=_sealed(subscription),
            url=parsed,
            secret=secret,
            previous_secret=previous,
            account=account,
            unspeakable=_unspeakable(url, secret, previous, *account.values()),
            transport=GuardedTransport(self._guard, max_connections=1, verify=self._tls),
        )


async def _close(line: Line | None) -> None:
    if line is not None:
        await line.transport.aclose()


def _sealed(subscription: Subscription) -> tuple[str | None, ...]:
    return subscription.endpoint, subscription.secret, subscription.previous_secret


def _account(url: httpx.URL) -> Mapping[str, str]:
    if not url.userinfo:
        return {}
    request = next(httpx.BasicAuth(url.username, url.password).auth_flow(httpx.Request("POST", url)))
    return {"authorization": request.headers["authorization"]}


def _unspeakable(url: str, *secrets: str) -> tuple[str, ...]:
    """What must not be repeated, longest first: the whole, and the pieces that are the password."""
    parts = urlsplit(url)
    pieces = {url, f"{parts.path}?{parts.query}", parts.path, parts.query}
    pieces |= {piece for secret in secrets for piece in (secret, secret.partition("_")[2], secret.partition(" ")[2])}
    password = parts.password or ""
    pieces |= {parts.netloc.rpartition("@")[0], password, unquote(password), *parts.path.split("/")}
    return tuple(sorted((piece for piece in pieces if len(piece) >= SHORTEST_SECRET), key=len, reverse=True))
