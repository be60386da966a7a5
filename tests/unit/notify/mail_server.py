"""Mail servers on loopback: aiosmtpd as it is told to answer, and one that reads its lines from a script."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

USER, PASSWORD = "chancery", "pa55word-of-the-relay"


@dataclass
class MailServer:
    """Recipient number n is answered with `recipients[n]`, message number n with `messages[n]`; the last of them stays.
    What it takes is in `taken`."""

    recipients: list[str]
    messages: list[str]
    port: int = 0
    asked: int = 0
    taken: list[Envelope] = field(default_factory=list)
    arrived: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def until(self, number: int) -> list[Envelope]:
        """Wait until so many messages have been taken."""
        async with self.arrived:
            await self.arrived.wait_for(lambda: len(self.taken) >= number)
        return self.taken

    async def handle_RCPT(self, _: SMTP, __: Session, envelope: Envelope, address: str, ___: list[str]) -> str:
        told = self.recipients[min(self.asked, len(self.recipients) - 1)]
        self.asked += 1
        if told.startswith("250"):
            envelope.rcpt_tos.append(address)
        return told

    async def handle_DATA(self, _: SMTP, __: Session, envelope: Envelope) -> str:
        told = self.messages[min(len(self.taken), len(self.messages) - 1)]
        async with self.arrived:
            self.taken.append(envelope)
            self.arrived.notify_all()
        return told


@asynccontextmanager
async def mail_server(
    *,
    recipients: tuple[str, ...] = ("250 2.1.5 recipient ok",),
    messages: tuple[str, ...] = ("250 2.0.0 queued",),
    starttls: ssl.SSLContext | None = None,
    implicit: ssl.SSLContext | None = None,
    login: bool = False,
) -> AsyncIterator[MailServer]:
    """aiosmtpd on a free port of loopback; with `login` it wants USER and PASSWORD."""
    served = MailServer(list(recipients), list(messages))

    def authenticate(_: SMTP, __: Session, ___: Envelope, ____: str, data: object) -> AuthResult:
        right = isinstance(data, LoginPassword) and (data.login, data.password) == (USER.encode(), PASSWORD.encode())
        return AuthResult(success=right, handled=right, message=None if right else f"535 5.7.8 not {PASSWORD}")

    def session() -> SMTP:
        return SMTP(
            served,
            hostname="relay.example",
            tls_context=starttls,
            require_starttls=starttls is not None,
            auth_required=login,
            auth_require_tls=implicit is None,
            authenticator=authenticate,
        )

    server = await asyncio.get_running_loop().create_server(session, "127.0.0.1", 0, ssl=implicit)
    served.port = server.sockets[0].getsockname()[1]
    try:
        yield served
    finally:
        server.close()


class HangUp(ConnectionError):
    """For a script to raise: the connection is closed."""


class Hang(Exception):
    """For a script to raise: nothing more is said or read."""


POLITE = {
    b"": b"220 relay.example\r\n",
    b"EHLO": b"250 relay.example\r\n",
    b"HELO": b"502 no\r\n",
    b"MAIL": b"250 ok\r\n",
    b"RCPT": b"250 ok\r\n",
    b"DATA": b"354 go on\r\n",
    b".": b"250 queued\r\n",
    b"QUIT": b"221 bye\r\n",
}
"""What a server that takes everything says to a line, by its first word; b"" is the connection itself."""


def polite_but(word: bytes, reply: bytes | type[Exception]) -> Callable[[bytes], bytes]:
    """A script: polite, but for one word. Lines of a message are answered with nothing."""

    def script(line: bytes) -> bytes:
        said = b"." if line == b".\r\n" else line[:4].upper()
        if said != word:
            return POLITE.get(said, b"")
        if isinstance(reply, bytes):
            return reply
        raise reply

    return script


@asynccontextmanager
async def scripted(script: Callable[[bytes], bytes]) -> AsyncIterator[tuple[int, list[bytes]]]:
    """A server that answers each line by the script. Gives its port and the lines that it has read."""
    lines: list[bytes] = []
    sessions: set[asyncio.Task[None]] = set()

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            writer.write(script(b""))
            while line := await reader.readline():
                lines.append(line)
                writer.write(script(line))
                await writer.drain()
        except Hang:
            await asyncio.Event().wait()
        except ConnectionError:
            pass
        finally:
            writer.close()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(converse(reader, writer))
        sessions.add(task)
        task.add_done_callback(sessions.discard)

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1], lines
    finally:
        server.close()
        for task in list(sessions):
            task.cancel()
        await asyncio.gather(*sessions, return_exceptions=True)


def certificate(directory: Path) -> tuple[Path, ssl.SSLContext]:
    """A certificate for loopback that nobody has signed but itself: the file to trust, and a server's context."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "relay.example")])
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=5))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    trusted, private = directory / "relay.pem", directory / "relay.key"
    trusted.write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(trusted, private)
    return trusted, context
