"""Messages handed to the operator's mail server (SMTP, RFC 5321), one session a message.

What the server says of a recipient or a message is the answer. All else, from a name that is not found to a password
that is refused, is between us and our own server: it is RELAY_FAILED, tried again, and never the subscriber's fault.
"""

import asyncio
import ssl

import httpx
from aiosmtplib import SMTP, SMTPDataError, SMTPException, SMTPRecipientRefused, SMTPResponseException

from services.notify.core.status import Answer, Outcome
from services.runtime.egress import AddressGuard, EgressRefused, connected_socket
from services.runtime.settings import MailSettings, Misconfigured

NOT_SET = (
    "no mail server is set: CHANCERY_MAIL__HOST and CHANCERY_MAIL__SENDER have to name the server and the address that "
    "messages come from"
)
PORTS = {"starttls": 587, "implicit": 465, "none": 25}
CONNECT_SHARE = 0.4
"""Of the time-out, for one address of the server."""
QUITTING_S = 1.0
REFUSALS = 400
"""The codes from here on (RFC 5321, 4.2.1)."""
MOST_DETAIL = 300
"""Characters of what our own server says that stand in the log."""


class Mailer:
    """Hands messages from `sender` to the server `host`, both empty where none is set. Safe to use from many tasks at
    once. Raises Misconfigured where the certificates of the settings cannot be read. Replies are kept up to
    `answer_max` characters."""

    def __init__(self, settings: MailSettings, answer_max: int) -> None:
        self.host, self.sender = settings.host or "", settings.sender or ""
        self._settings, self._answer_max = settings, answer_max
        allowed = (self.host,) if settings.allow_private else ()
        self._guard = AddressGuard(allowed, setting="set CHANCERY_MAIL__ALLOW_PRIVATE=true")
        self._sessions = asyncio.Semaphore(settings.sessions)
        self._tls = _tls(settings) if self.host else None

    @property
    def has_session(self) -> bool:
        """Is one free?"""
        return not self._sessions.locked()

    async def send(self, mailbox: str, message: bytes) -> Answer:
        """The server's reply to one message for one mailbox: its code and its first characters. Waits for a session.
        Never raises for what the server does; a message that was taken is not called failed for what comes after."""
        async with self._sessions:
            return await self._session(mailbox, message)

    async def _session(self, mailbox: str, message: bytes) -> Answer:
        answer: Answer | None = None
        failure, smtp = "", self._client()
        try:
            async with asyncio.timeout(self._settings.timeout_s):
                port = self._settings.port or PORTS[self._settings.tls]
                share = self._settings.timeout_s * CONNECT_SHARE
                await smtp.connect(sock=await connected_socket(self._guard, self.host, port, share))
                await smtp.mail(self.sender)
                answer = await self._handed_over(smtp, mailbox, message)
                await smtp.quit(timeout=QUITTING_S)
        except TimeoutError:
            failure = f"no answer within {self._settings.timeout_s:g} s"
        except SMTPResponseException as error:
            failure = f"it answers {error.code} {error.message}"
        except (SMTPException, EgressRefused, OSError, ValueError) as error:
            failure = f"{type(error).__name__}: {error}"
        finally:
            if smtp.transport is not None:  # what is not sent by now is not wanted any more
                smtp.transport.abort()  # type: ignore[attr-defined]  # said to be a BaseTransport
            smtp.close()
        return answer or self._failed(failure)

    def _client(self) -> SMTP:
        password = self._settings.password
        return SMTP(
            hostname=self.host,
            use_tls=self._settings.tls == "implicit",
            start_tls=self._settings.tls == "starttls",
            tls_context=self._tls,
            username=self._settings.user,
            password=password.get_secret_value() if password else None,
            local_hostname=self.sender.rpartition("@")[2],  # the machine's own name is nobody's business
            timeout=None,
        )

    async def _handed_over(self, smtp: SMTP, mailbox: str, message: bytes) -> Answer:
        """The reply to the recipient where he is refused, else to the message."""
        try:
            await smtp.rcpt(mailbox)
            reply = await smtp.data(message)
        except (SMTPRecipientRefused, SMTPDataError) as refused:
            if refused.code < REFUSALS:  # said at the wrong time: nothing is refused, and nothing taken
                raise
            return Answer(body=self._told(f"{refused.code} {refused.message}", self._answer_max))
        return Answer(body=self._told(f"{reply.code} {reply.message}", self._answer_max))

    def _failed(self, detail: str) -> Answer:
        told = " ".join(self._told(detail, MOST_DETAIL).split())
        return Answer(outcome=Outcome.RELAY_FAILED, detail=f"the mail server: {told}")

    def _told(self, text: str, most: int) -> str:
        """What the server says as text, without our password."""
        text = text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
        password = self._settings.password
        return (text.replace(password.get_secret_value(), "[removed]") if password else text)[:most]


def _tls(settings: MailSettings) -> ssl.SSLContext:
    context = httpx.create_ssl_context(trust_env=False)
    if settings.ca_file:
        try:
            context.load_verify_locations(settings.ca_file)
        except OSError as error:
            raise Misconfigured(f"CHANCERY_MAIL__CA_FILE {settings.ca_file}: {error}") from None
    return context
