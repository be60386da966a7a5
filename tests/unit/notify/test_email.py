"""A mailbox as an endpoint, what replies mean, and what a message shows of foreign text."""

import email
import email.policy

import lxml.html  # type: ignore[import-untyped]
import pytest
from hypothesis import given as for_all
from hypothesis import settings
from hypothesis import strategies as st

from services.contracts.alert import Alert
from services.contracts.subscription import Channel
from services.notify.core import breaker, subscribing
from services.notify.core.channels import CHANNELS
from services.notify.core.channels.email.mailbox import mailbox, mailto
from services.notify.core.channels.rules import Posting
from services.notify.core.retry import VERDICTS, Verdict
from services.notify.core.status import Answer, Outcome
from services.notify.core.subscribing import Asked
from services.runtime.secrets import Vault, new_key
from tests.suites.alerts import HOSTILE, alerts
from tests.unit.notify import given

RULES = CHANNELS[Channel.EMAIL]


@pytest.mark.parametrize(
    ("given_as", "meant"),
    [
        ("desk@example.org", "desk@example.org"),
        (" mailto:Desk@EXAMPLE.org\n", "Desk@example.org"),
        ("MAILTO:duty+iq@mail.example.org", "duty+iq@mail.example.org"),
        ("o'neill@xn--bcher-kva.example", "o'neill@xn--bcher-kva.example"),
    ],
)
def test_a_mailbox(given_as: str, meant: str) -> None:
    assert mailbox(given_as) == meant
    assert mailto(given_as) == f"mailto:{meant}"


def test_a_mailbox_is_one_subscription_however_it_is_spelt() -> None:
    vault = Vault([new_key()])
    spelt = "desk@example.org", "mailto:desk@EXAMPLE.org"
    made, same = (
        subscribing.subscribed(Asked(Channel.EMAIL, each, each), None, vault, str, given.NOW)[0] for each in spelt
    )
    assert made.subscription_id == same.subscription_id
    assert (made.name, made.secret, vault.decrypt(made.endpoint)) == (
        "desk@example.org",
        None,
        "mailto:desk@example.org",
    )


@pytest.mark.parametrize(
    "text",
    [
        "",
        "desk",
        "desk@",
        "@example.org",
        "desk@localhost",
        "desk@example.org, other@example.org",
        "desk@example.org\r\nBcc: all@example.org",
        "desk@example.org\nx",
        "<desk@example.org>",
        "Desk <desk@example.org>",
        "desk@example.org?subject=x",
        "desk%40other@example.org",
        "desk@@example.org",
        ".desk@example.org",
        "desk@-example.org",
        "desk@example..org",
        "desk@bücher.example",
        "bücher@example.org",
        "desk@[127.0.0.1]",
        "https://example.org/desk@example.org",
        "mailto:mailto:desk@example.org",
        f"{'a' * 250}@example.org",
    ],
)
def test_what_is_no_mailbox(text: str) -> None:
    with pytest.raises(ValueError, match="one address is expected"):
        mailbox(text)


@pytest.mark.parametrize(
    ("reply", "outcome", "verdict", "reason"),
    [
        ("250 2.0.0 queued as 4F2", Outcome.DELIVERED, Verdict.DELIVERED, "SMTP 250"),
        ("250", Outcome.DELIVERED, Verdict.DELIVERED, "SMTP 250"),
        ("421 4.3.2 shutting down", Outcome.THROTTLED, Verdict.RETRY, "SMTP 421 4.3.2: the server is busy"),
        ("450 4.2.1 too much mail", Outcome.THROTTLED, Verdict.RETRY, "SMTP 450"),
        ("451 4.7.1 greylisted", Outcome.THROTTLED, Verdict.RETRY, "SMTP 451"),
        ("452 4.2.2 mailbox full", Outcome.THROTTLED, Verdict.RETRY, "SMTP 452"),
        ("455 what", Outcome.FAILED, Verdict.RETRY, "SMTP 455"),
        ("550 5.1.1 <desk@example.org>: unknown", Outcome.GONE, Verdict.REJECTED, "SMTP 550 5.1.1: there is no such"),
        ("550\n5.1.1 of many\n5.1.1 lines", Outcome.GONE, Verdict.REJECTED, "SMTP 550 5.1.1"),
        ("556 5.1.10 null MX", Outcome.GONE, Verdict.REJECTED, "SMTP 556 5.1.10"),
        ("550 5.1.11 of tomorrow", Outcome.DENIED, Verdict.REJECTED, "SMTP 550"),
        ("550 5.1.1.1 none", Outcome.DENIED, Verdict.REJECTED, "SMTP 550"),
        ("550 4.1.1 at odds", Outcome.DENIED, Verdict.REJECTED, "SMTP 550"),
        ("450 5.1.1 at odds", Outcome.THROTTLED, Verdict.RETRY, "SMTP 450"),
        ("550 no 5.1.1 here", Outcome.DENIED, Verdict.REJECTED, "SMTP 550"),
        ("552 5.2.2 mailbox full", Outcome.DENIED, Verdict.REJECTED, "SMTP 552 5.2.2: the mailbox is full"),
        ("552 too much", Outcome.BODY_REFUSED, Verdict.REJECTED, "SMTP 552"),
        ("553 5.1.8 sender", Outcome.BODY_REFUSED, Verdict.REJECTED, "SMTP 553 5.1.8"),
        ("550 5.7.1 spam", Outcome.BODY_REFUSED, Verdict.REJECTED, "SMTP 550 5.7.1: a policy"),
        ("554 5.6.0 content", Outcome.BODY_REFUSED, Verdict.REJECTED, "SMTP 554 5.6.0"),
        ("554 no", Outcome.BODY_REFUSED, Verdict.REJECTED, "SMTP 554"),
        ("554 5.4.4 unroutable", Outcome.DENIED, Verdict.REJECTED, "SMTP 554 5.4.4"),
        ("999 \0", Outcome.FAILED, Verdict.RETRY, "SMTP 999"),
        ("", Outcome.FAILED, Verdict.RETRY, "no code"),
    ],
)
def test_what_a_reply_means(reply: str, outcome: Outcome, verdict: Verdict, reason: str) -> None:
    judged = RULES.judge(Answer(body=reply))
    assert (judged.outcome, VERDICTS[judged.outcome]) == (outcome, verdict)
    assert reason in judged.reason


def test_our_own_server_is_tried_again_and_counts_against_nobody() -> None:
    judged = RULES.judge(Answer(outcome=Outcome.RELAY_FAILED, detail="the mail server: no answer within 20 s"))
    assert VERDICTS[judged.outcome] is Verdict.RETRY
    for outcome in (Outcome.RELAY_FAILED, Outcome.BODY_REFUSED):
        assert breaker.after(breaker.Run(3, given.NOW), outcome, given.NOW) == breaker.Run(3, given.NOW)


@settings(max_examples=60, deadline=None)
@for_all(alert=alerts, words=st.text(max_size=80) | st.sampled_from(HOSTILE))
def test_no_text_adds_a_header_field_or_a_recipient(alert: Alert, words: str) -> None:
    posting = Posting("mailto:desk@example.org", "", "dlv_2", 1_714_650_000, "dlv_1", sender="chancery@example.org")
    for body in (RULES.render(alert), RULES.notice(words) if RULES.notice else b""):
        (envelope,) = RULES.dress(body, posting)
        message = email.message_from_bytes(envelope.body, policy=email.policy.default)
        assert len(message.keys()) == len(set(message.keys()))
        assert set(message.keys()) - {"Content-Transfer-Encoding"} == {
            *("Date", "From", "To", "Message-ID", "In-Reply-To", "References", "Content-Type", "MIME-Version"),
            *("Subject", "Auto-Submitted", "X-Auto-Response-Suppress"),
        }
        assert (message["To"], message.defects) == ("desk@example.org", [])


@pytest.mark.parametrize(
    ("language", "quote", "lang", "direction"),
    [
        ("fr", "Trois roquettes", "fr", "ltr"),
        ("ar", "سقطت ثلاثة صواريخ", "ar", "rtl"),
        ("zh-Hant-TW", "使館附近發生爆炸", "zh-Hant-TW", "ltr"),
        ('fr" onclick="x', "<b>=?utf-8?q?x?=</b>", None, "ltr"),
    ],
)
def test_a_quote_says_its_language_and_direction(language: str, quote: str, lang: str | None, direction: str) -> None:
    claim = given.claim(language=language, quote=quote)
    alert = given.alert(about=given.incident(claims=(claim,)), headline="=?utf-8?q?=0d=0aBcc:_x?= & <b>")
    message = email.message_from_bytes(RULES.render(alert), policy=email.policy.default)
    assert message["Subject"] == "▲ SEVERE · =?utf-8?q?=0d=0aBcc:_x?= & <b>"
    _, html = message.iter_parts()
    (block,) = lxml.html.document_fromstring(html.get_content()).iter("blockquote")
    assert (block.text, block.get("lang"), block.get("dir")) == (quote, lang, direction)


def test_the_operator_reads_plain_words() -> None:
    assert RULES.notice is not None
    message = email.message_from_bytes(
        RULES.notice("Chancery tells desk\nnothing any more: é"), policy=email.policy.default
    )
    assert message["Subject"] == "Chancery tells desk nothing any more: é"
    assert message.get_content().splitlines() == ["Chancery tells desk nothing any more: é"]
