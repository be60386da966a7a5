"""One attempt at one endpoint, by HTTP or by mail. Whatever the endpoint does becomes an Answer."""

import asyncio
import time
from dataclasses import replace
from datetime import datetime

import httpx

from services.contracts.ids import DeliveryId
from services.contracts.subscription import Subscription
from services.notify.adapters.lines import EndpointRefused, Line, Lines
from services.notify.adapters.mailer import NOT_SET, Mailer
from services.notify.core.channels import CHANNELS
from services.notify.core.channels.email.mailbox import mailbox
from services.notify.core.channels.rules import Envelope, Posting, Transport
from services.notify.core.retry import retry_after_s
from services.notify.core.status import Answer, Outcome
from services.runtime.egress import AddressGuard, EgressRefused
from services.runtime.secrets import SecretUnreadable, Vault
from services.runtime.settings import Settings

HEADERS = {
    "user-agent": "Chancery/0.1 (security alerts)",
    "accept-encoding": "identity",  # what is not compressed cannot burst
}
MOST_DETAIL = 500
"""Characters of a library's words on what an endpoint did: they may repeat what it sent."""
CONNECT_SHARE = 0.4
"""Of the time-out, for one address of the host: where the first is deaf, another still gets its chance."""


class Sender:
    """Posts bodies. Use as an async context manager; safe to use from many tasks at once."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings.notify
        self._vault = Vault([key.get_secret_value() for key in settings.secrets.keys])
        self._mailer = Mailer(settings.mail, settings.notify.answer_max_bytes)
        self._lines = Lines(
            self._vault,
            AddressGuard(settings.egress.allow_private),
            require_https=settings.notify.require_https,
            most=2 * settings.notify.concurrency,
        )

    async def __aenter__(self) -> "Sender":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._lines.close()

    def has_place(self, subscription: Subscription) -> bool:
        """May it be sent to at once? Mailboxes share the sessions with the mail server."""
        return CHANNELS[subscription.channel].transport is not Transport.SMTP or self._mailer.has_session

    async def send(
        self, subscription: Subscription, delivery_id: DeliveryId, body: bytes, at: datetime, head: str | None = None
    ) -> Answer:
        """One attempt at `at`, dressed as the channel asks: its requests in turn until one is not taken, and the answer
        to the last. Never raises for what an endpoint does.

        All requests together may take `timeout_s`; of an answer no more than `answer_max_bytes` are kept. Redirects are
        answers like any other.
        """
        started = time.monotonic()
        by = self._mail if CHANNELS[subscription.channel].transport is Transport.SMTP else self._post
        try:
            answer = await by(subscription, delivery_id, body, at, head)
        except SecretUnreadable as error:
            answer = Answer(outcome=Outcome.UNREADABLE, detail=str(error))
        except EndpointRefused as error:
            answer = Answer(outcome=Outcome.NOT_ALLOWED, detail=str(error))
        return replace(answer, took_s=time.monotonic() - started)

    async def _mail(
        self, subscription: Subscription, delivery_id: DeliveryId, body: bytes, at: datetime, head: str | None
    ) -> Answer:
        if not self._mailer.host:
            return Answer(outcome=Outcome.RELAY_FAILED, detail=NOT_SET)
        endpoint = self._vault.decrypt(subscription.endpoint)
        posting = Posting(endpoint, "", delivery_id, int(at.timestamp()), head, sender=self._mailer.sender)
        try:
            (message,) = CHANNELS[subscription.channel].dress(body, posting)
            return await self._mailer.send(mailbox(endpoint), message.body)
        except ValueError as error:
            return Answer(outcome=Outcome.NOT_ALLOWED, detail=str(error))

    async def _post(
        self, subscription: Subscription, delivery_id: DeliveryId, body: bytes, at: datetime, head: str | None
    ) -> Answer:
        rules = CHANNELS[subscription.channel]
        async with self._lines.to(subscription) as line:
            try:
                until = subscription.previous_until
                retiring = line.previous_secret if until and at < until else ""
                posting = Posting(str(line.url), line.secret, delivery_id, int(at.timestamp()), head, retiring)
                async with asyncio.timeout(self._settings.timeout_s):
                    for envelope in rules.dress(body, posting):
                        answer = await self._exchange(line, envelope, at)
                        if rules.judge(answer).outcome is not Outcome.DELIVERED:
                            break
            except (TimeoutError, httpx.TimeoutException):
                return Answer(outcome=Outcome.TIMED_OUT, detail=f"no answer within {self._settings.timeout_s:g} s")
            except (EgressRefused, ValueError) as error:
                return Answer(outcome=Outcome.NOT_ALLOWED, detail=line.without_secrets(str(error)))
            except Exception as error:  # noqa: BLE001 - whatever an endpoint brings a library to, the others are told
                detail = line.without_secrets(f"{type(error).__name__}: {error}".removesuffix(": "))[:MOST_DETAIL]
                return Answer(outcome=Outcome.UNREACHABLE, detail=detail)
            return answer

    async def _exchange(self, line: Line, envelope: Envelope, at: datetime) -> Answer:
        connect = {"timeout": {"connect": self._settings.timeout_s * CONNECT_SHARE}}
        url = _same_origin(line.url, envelope.url)
        headers = {**HEADERS, **line.account, **envelope.headers}
        request = httpx.Request("POST", url, headers=headers, content=envelope.body, extensions=connect)
        response = await line.transport.handle_async_request(request)
        try:
            told = await self._beginning(response, line)
        finally:
            await response.aclose()
        return Answer(
            http_status=response.status_code,
            body=told,
            retry_after_s=retry_after_s(response.headers.get("retry-after"), at),
        )

    async def _beginning(self, response: httpx.Response, line: Line) -> str:
        """The first characters of the answer, secrets removed; the rest is left unread and the connection closed.

        A margin as long as the longest secret is read and thrown away, so that the cut leaves no half of one.
        """
        kept = self._settings.answer_max_bytes
        margin = len(line.unspeakable[0])
        read = bytearray()
        async for chunk in response.aiter_raw():
            read += chunk
            if len(read) >= kept + margin:
                text = line.without_secrets(read[: kept + margin].decode("utf-8", "replace"))
                return text[:-margin][:kept]
        return line.without_secrets(read.decode("utf-8", "replace"))[:kept]


def _same_origin(endpoint: httpx.URL, wanted: str) -> httpx.URL:
    url = httpx.URL(wanted) if wanted else endpoint
    if (url.scheme, url.host, url.port) != (endpoint.scheme, endpoint.host, endpoint.port):
        raise ValueError("a request may not leave its endpoint's host")
    return url
