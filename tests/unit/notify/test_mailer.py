"""Mail through real servers on loopback, most of them bad: what arrives, and what is made of what they say."""

import asyncio
import email
import email.policy
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from services.contracts.ids import DeliveryId
from services.contracts.subscription import Channel, Subscription
from services.notify.adapters.sender import Sender
from services.notify.core.channels import CHANNELS
from services.notify.core.status import Answer, Outcome
from services.runtime.secrets import Vault
from services.runtime.settings import Misconfigured, Settings
from tests.unit.notify import given
from tests.unit.notify.mail_server import (
    PASSWORD,
    USER,
    Hang,
    HangUp,
    certificate,
    mail_server,
    polite_but,
    scripted,
)
from tests.unit.notify.test_sender import KEY
from tests.unit.notify.test_sender import settings as with_defaults

RULES = CHANNELS[Channel.EMAIL]
AT = datetime(2024, 5, 2, 11, 40, tzinfo=UTC)
FIRST, SECOND = DeliveryId("dlv_first"), DeliveryId("dlv_second")


def settings(port: int, **more: str) -> Settings:
    """Of a server on loopback without TLS, which may be there; names without their prefix."""
    chosen = {"HOST": "127.0.0.1", "PORT": str(port), "SENDER": "chancery@example.org", "TLS": "none"}
    chosen |= {"ALLOW_PRIVATE": "true", "TIMEOUT_S": "2"} | more
    return with_defaults(**{f"CHANCERY_MAIL__{name}": value for name, value in chosen.items() if value})


def desk(address: str = "desk@example.org") -> Subscription:
    return given.subscription(channel=Channel.EMAIL, endpoint=Vault([KEY]).encrypt(f"mailto:{address}"))


async def send(chosen: Settings, delivery_id: DeliveryId = FIRST, head: str | None = None) -> Answer:
    async with Sender(chosen) as sender:
        return await sender.send(desk(), delivery_id, RULES.render(given.alert()), AT, head)


async def test_a_message_arrives_whole_and_comes_back_to_the_first_of_its_incident() -> None:
    async with mail_server() as served:
        answers = [
            await send(settings(served.port), FIRST),
            await send(settings(served.port), SECOND, head=RULES.receipt(FIRST, b"", "250 ok")),
            await send(settings(served.port), FIRST, head=FIRST),  # someone had it sent again
        ]
        assert [RULES.judge(told).outcome for told in answers] == [Outcome.DELIVERED] * 3
        assert answers[0].body == "250 2.0.0 queued"
    first, second, again = (
        email.message_from_bytes(each.original_content or b"", policy=email.policy.default) for each in served.taken
    )
    assert {(each.mail_from, *each.rcpt_tos) for each in served.taken} == {("chancery@example.org", "desk@example.org")}
    assert (first["From"], first["To"]) == ("Chancery <chancery@example.org>", "desk@example.org")
    assert first["Date"].datetime == AT
    assert (first["Message-ID"], second["Message-ID"]) == ("<dlv_first@example.org>", "<dlv_second@example.org>")
    assert second["In-Reply-To"] == second["References"] == first["Message-ID"]
    assert first["In-Reply-To"] is None
    assert again.as_bytes() == first.as_bytes()
    assert first["Auto-Submitted"] == "auto-generated"
    assert first["Subject"].startswith("▲ SEVERE · Rocket fire")
    text, html = first.iter_parts()
    for part in (text, html):
        assert "Trois roquettes sont tombées près de l'ambassade." in part.get_content()


@pytest.mark.parametrize(
    ("recipient", "message", "outcome"),
    [
        ("451 4.7.1 Greylisted, come back", "", Outcome.THROTTLED),
        ("550 5.1.1 No such user", "", Outcome.GONE),
        ("550 No such user", "", Outcome.DENIED),
        ("554 5.7.1 Relay access denied", "", Outcome.BODY_REFUSED),
        ("250 ok", "452 4.3.1 Insufficient storage", Outcome.THROTTLED),
        ("250 ok", "552 5.3.4 Message too big", Outcome.BODY_REFUSED),
        ("250 ok", "554 5.6.0 Content refused", Outcome.BODY_REFUSED),
        ("250 ok", "250 2.0.0 queued", Outcome.DELIVERED),
    ],
)
async def test_what_the_server_says_of_recipient_and_message(recipient: str, message: str, outcome: Outcome) -> None:
    async with mail_server(recipients=(recipient,), messages=(message,)) as served:
        told = await send(settings(served.port))
    assert (told.outcome, told.http_status) == (None, None)
    assert told.body == (message or recipient)
    assert RULES.judge(told).outcome is outcome


@pytest.mark.parametrize("word", [b"", b"EHLO", b"MAIL", b"RCPT", b"DATA", b"."])
@pytest.mark.parametrize(
    ("reply", "detail"),
    [
        (Hang, "no answer within 0.3 s"),
        (HangUp, "SMTP"),
        (b"what?\r\n", "Malformed SMTP response line: what?"),
        (b"250-and on\r\n" * 20_000, "Response too long"),
        (b"x" * 1_000_000, "Response too long"),
        (b"999 \xff\xfe\x00\r\n", ""),
    ],
)
async def test_a_server_that_fails_is_ours_and_never_the_subscribers(
    word: bytes, reply: bytes | type[Exception], detail: str
) -> None:
    async with scripted(polite_but(word, reply)) as (port, _):
        told = await send(settings(port, TIMEOUT_S="0.3"))
    if reply == b"999 \xff\xfe\x00\r\n" and word in (b"RCPT", b"DATA", b"."):
        assert (RULES.judge(told).outcome, told.body) == (Outcome.FAILED, "999 \ufffd\ufffd\0")
    else:
        assert (told.outcome, detail in told.detail) == (Outcome.RELAY_FAILED, True)
        assert len(told.detail) < 400
    json.dumps(told.body + told.detail).encode()


@pytest.mark.parametrize("reply", [Hang, HangUp, b"500 no\r\n", b"x" * 100_000])
async def test_a_message_that_was_taken_is_delivered_whatever_follows(reply: bytes | type[Exception]) -> None:
    async with scripted(polite_but(b"QUIT", reply)) as (port, _):
        told = await send(settings(port, TIMEOUT_S="1"))
    assert (told.outcome, told.body) == (None, "250 queued")


@pytest.mark.parametrize("word", [b"RCPT", b"DATA", b"."])
async def test_a_yes_at_the_wrong_time_is_no_delivery(word: bytes) -> None:
    async with scripted(polite_but(word, b"214 here is help\r\n")) as (port, _):
        told = await send(settings(port))
    assert (told.outcome, told.detail) == (Outcome.RELAY_FAILED, "the mail server: it answers 214 here is help")


async def test_a_long_answer_is_kept_up_to_the_cap() -> None:
    async with scripted(polite_but(b".", b"554-no and\r\n" * 1_500 + b"554 no\r\n")) as (port, _):
        told = await send(settings(port))
    assert told.body.startswith("554 no and\n")
    assert len(told.body) == 4_096


async def test_without_starttls_no_word_of_the_message_and_no_password_is_sent() -> None:
    async with scripted(polite_but(b"QUIT", HangUp)) as (port, lines):
        told = await send(settings(port, TLS="starttls", USER=USER, PASSWORD=PASSWORD))
    assert (told.outcome, "STARTTLS" in told.detail) == (Outcome.RELAY_FAILED, True)
    assert [line.split()[0] for line in lines if line] == [b"EHLO"]


@pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")  # it does not see that TLS is there
@pytest.mark.parametrize("kind", ["starttls", "implicit"])
async def test_tls_is_for_a_server_whose_certificate_is_trusted(kind: str, tmp_path: Path) -> None:
    trusted, context = certificate(tmp_path)
    login = {"TLS": kind, "USER": USER, "PASSWORD": PASSWORD}
    async with mail_server(login=True, **{kind: context}) as served:  # type: ignore[arg-type]  # one of two
        told = await send(settings(served.port, **login))
        assert (told.outcome, "CERTIFICATE_VERIFY_FAILED" in told.detail) == (Outcome.RELAY_FAILED, True)
        login |= {"CA_FILE": str(trusted)}
        assert (await send(settings(served.port, **login))).body == "250 2.0.0 queued"
        told = await send(settings(served.port, **login | {"PASSWORD": PASSWORD[:-1]}))
        assert (told.outcome, "535 5.7.8" in told.detail) == (Outcome.RELAY_FAILED, True)
        told = await send(settings(served.port, **login | {"USER": "nobody"}))
        assert "535 5.7.8 not [removed]" in told.detail
        assert len(served.taken) == 1


async def test_certificates_that_cannot_be_read_end_the_service_at_once(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="CHANCERY_MAIL__CA_FILE"):
        Sender(settings(25, CA_FILE=str(tmp_path / "none.pem")))


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::ffff:127.0.0.1", "2130706433"])
async def test_a_private_server_has_to_be_allowed(host: str) -> None:
    async with mail_server() as served:
        told = await send(settings(served.port, HOST=host, ALLOW_PRIVATE="false"))
        assert (told.outcome, served.asked) == (Outcome.RELAY_FAILED, 0)
        assert "not a public address. If it is meant, set CHANCERY_MAIL__ALLOW_PRIVATE=true" in told.detail


async def test_without_a_server_it_is_said_what_to_set() -> None:
    told = await send(settings(25, HOST="", SENDER=""))
    assert told.outcome is Outcome.RELAY_FAILED
    assert "CHANCERY_MAIL__HOST and CHANCERY_MAIL__SENDER" in told.detail


async def test_nobody_listens() -> None:
    async with mail_server() as served:
        port = served.port
    assert (await send(settings(port))).outcome is Outcome.RELAY_FAILED


async def test_an_endpoint_that_is_no_mailbox_is_not_written_to() -> None:
    async with mail_server() as served, Sender(settings(served.port)) as sender:
        told = await sender.send(desk("desk@example.org>\r\nBcc: <all@example.org"), FIRST, b"", AT)
        assert (told.outcome, served.asked) == (Outcome.NOT_ALLOWED, 0)
        assert "one address is expected" in told.detail


async def test_of_many_messages_as_many_sessions_run_as_are_allowed() -> None:
    """While they do, no other mailbox has a place, and what is no mailbox has."""
    async with scripted(polite_but(b"EHLO", Hang)) as (port, lines), Sender(settings(port, SESSIONS="1")) as sender:
        assert sender.has_place(desk())
        first = asyncio.create_task(sender.send(desk(), FIRST, RULES.render(given.alert()), AT))
        await asyncio.sleep(0)
        assert not sender.has_place(desk())
        assert sender.has_place(given.subscription())
        assert "no answer within 2 s" in (await first).detail
        assert sender.has_place(desk())
    assert len(lines) == 1
