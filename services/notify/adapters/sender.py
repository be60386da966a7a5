"""One request to one endpoint. Endpoint and secret are decrypted here and nowhere else, and leave no trace."""

import asyncio
import time
from collections.abc import Iterable
from datetime import datetime
from urllib.parse import urlsplit

import httpx

from services.contracts.ids import DeliveryId
from services.contracts.subscription import Subscription
from services.notify.adapters.connections import Connections
from services.notify.core.channel import CHANNELS
from services.notify.core.retry import retry_after_s
from services.notify.core.signing import sign
from services.notify.core.status import Answer, Outcome
from services.runtime.egress import EgressRefused
from services.runtime.secrets import SecretUnreadable, Vault
from services.runtime.settings import Settings

LEAST_READ_BYTES = 64
"""Read of an answer even where none is kept: Slack says in the body whether it took the message."""


class Sender:
    """Posts bodies. Use as an async context manager; safe to use from many tasks at once."""

    def __init__(self, settings: Settings) -> None:
        self._vault = Vault([key.get_secret_value() for key in settings.secrets.keys])
        self._settings = settings.notify
        self._connections = Connections(
            settings.egress, timeout_s=settings.notify.timeout_s, most=2 * settings.notify.concurrency
        )

    async def __aenter__(self) -> "Sender":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._connections.close()

    async def send(self, subscription: Subscription, delivery_id: DeliveryId, body: bytes, at: datetime) -> Answer:
        """One attempt at `at`, signed where the channel asks for it. Never raises for what an endpoint does.

        The whole exchange may take `timeout_s`; of the answer no more than `answer_max_bytes` are read. Redirects
        are answers like any other.
        """
        started = time.monotonic()
        secrets: list[str] = []
        try:
            endpoint = self._vault.decrypt(subscription.endpoint)
            secret = self._vault.decrypt(subscription.secret) if subscription.secret else ""
            secrets += _secret_parts(endpoint, secret)
            self._check(endpoint)
            headers = {"content-type": "application/json", "accept-encoding": "identity"}
            if CHANNELS[subscription.channel].signed:
                headers |= sign(secret, delivery_id, int(at.timestamp()), body)
            async with self._connections.lend(subscription.subscription_id) as client:
                async with asyncio.timeout(self._settings.timeout_s):
                    answer = await self._exchange(client, endpoint, headers, body, at, secrets)
        except SecretUnreadable as error:
            answer = Answer(outcome=Outcome.UNREADABLE, detail=str(error))
        except (EgressRefused, httpx.InvalidURL, httpx.UnsupportedProtocol, ValueError) as error:
            answer = Answer(outcome=Outcome.NOT_ALLOWED, detail=str(error))
        except (TimeoutError, httpx.TimeoutException):
            answer = Answer(outcome=Outcome.TIMED_OUT, detail=f"no answer within {self._settings.timeout_s:g} s")
        except httpx.TransportError as error:
            answer = Answer(outcome=Outcome.UNREACHABLE, detail=f"{type(error).__name__}: {error}")
        return Answer(
            http_status=answer.http_status,
            body=answer.body,
            retry_after_s=answer.retry_after_s,
            took_s=time.monotonic() - started,
            outcome=answer.outcome,
            detail=_without(secrets, answer.detail),
        )

    def _check(self, endpoint: str) -> None:
        allowed = ("https",) if self._settings.require_https else ("https", "http")
        scheme = urlsplit(endpoint).scheme
        if scheme not in allowed:
            raise ValueError(f"the endpoint is {scheme or 'no URL'}; only {' and '.join(allowed)} may be used")

    async def _exchange(
        self,
        client: httpx.AsyncClient,
        endpoint: str,
        headers: dict[str, str],
        body: bytes,
        at: datetime,
        secrets: list[str],
    ) -> Answer:
        async with client.stream("POST", endpoint, content=body, headers=headers) as response:
            return Answer(
                http_status=response.status_code,
                body=await self._beginning(response, secrets),
                retry_after_s=retry_after_s(response.headers.get("retry-after"), at),
            )

    async def _beginning(self, response: httpx.Response, secrets: list[str]) -> str:
        """The first characters of the answer, secrets removed; the rest is left unread and the connection closed.

        A margin as long as the longest secret is read and thrown away, so that the cut leaves no half of one.
        """
        margin = len(secrets[0])
        most = max(self._settings.answer_max_bytes, LEAST_READ_BYTES) + margin
        read = bytearray()
        async for chunk in response.aiter_raw():
            read += chunk
            if len(read) >= most:
                break
        text = _without(secrets, read[:most].decode("utf-8", "replace"))
        kept = text[:-margin] if len(read) >= most else text
        return kept[: max(self._settings.answer_max_bytes, LEAST_READ_BYTES)]


def _secret_parts(endpoint: str, secret: str) -> list[str]:
    """What must not be repeated, longest first: the whole, and the pieces that are the password."""
    parts = urlsplit(endpoint)
    pieces = (endpoint, f"{parts.path}?{parts.query}", parts.path, parts.query, secret, secret.partition("_")[2])
    segments = (segment for segment in parts.path.split("/") if len(segment) >= 8)
    return sorted({piece for piece in (*pieces, *segments) if len(piece) >= 8}, key=len, reverse=True)


def _without(secrets: Iterable[str], text: str) -> str:
    for secret in secrets:
        text = text.replace(secret, "[removed]")
    return text
