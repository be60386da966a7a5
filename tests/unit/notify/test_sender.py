"""The sender against a real endpoint on loopback that behaves badly."""

import asyncio
import socket
from datetime import UTC, datetime, timedelta

import pytest
from standardwebhooks import Webhook

from services.contracts.ids import DeliveryId, SubscriptionId
from services.contracts.subscription import Channel, Subscription
from services.notify.adapters.sender import Sender
from services.notify.core.channels import CHANNELS
from services.notify.core.channels.rules import Secret
from services.notify.core.status import Answer, Outcome
from services.runtime.egress import GuardedTransport
from services.runtime.secrets import Vault, new_key, new_webhook_secret
from services.runtime.settings import Settings, load_settings
from tests.unit.notify import given
from tests.unit.notify.endpoint import (
    Behaviour,
    answer,
    drip,
    endpoint,
    hang,
    hang_up,
    talk_without_end,
)

KEY = new_key()
ID = DeliveryId("dlv_1")


def settings(**more: str) -> Settings:
    return load_settings(
        {
            "CHANCERY_SECRETS__KEYS": KEY,
            "CHANCERY_NOTIFY__REQUIRE_HTTPS": "false",
            "CHANCERY_NOTIFY__TIMEOUT_S": "0.3",
            "CHANCERY_EGRESS__ALLOW_PRIVATE": "127.0.0.0/8",
        }
        | more
    )


def subscription(url: str, channel: Channel = Channel.WEBHOOK) -> Subscription:
    vault = Vault([KEY])
    secret = None if CHANNELS[channel].secret is Secret.NONE else vault.encrypt(given.SECRET)
    return given.subscription(channel=channel, endpoint=vault.encrypt(url), secret=secret)


async def send(url: str, configuration: Settings | None = None, body: bytes = b'{"a": 1}') -> Answer:
    async with Sender(configuration or settings()) as sender:
        return await sender.send(subscription(url), ID, body, datetime.now(UTC))


async def test_what_is_sent_verifies_and_carries_the_time_of_the_attempt() -> None:
    async with endpoint() as served, Sender(settings()) as sender:
        first, second = datetime.now(UTC), datetime.now(UTC) + timedelta(seconds=5)
        for at in (first, second):
            assert (await sender.send(subscription(served.url), ID, b'{"a": "\xc3\xa9"}', at)).http_status == 204
        for request, at in zip(served.requests, (first, second), strict=True):
            assert Webhook(given.SECRET).verify(request.body, request.headers) == {"a": "é"}
            assert request.headers["webhook-id"] == ID
            assert request.headers["webhook-timestamp"] == str(int(at.timestamp()))
            assert request.headers["content-type"] == "application/json"


async def test_slack_is_not_signed() -> None:
    async with endpoint(answer(200, b"ok")) as served, Sender(settings()) as sender:
        told = await sender.send(subscription(served.url, Channel.SLACK), ID, b"{}", datetime.now(UTC))
        assert (told.http_status, told.body) == (200, "ok")
        assert not [name for name in served.requests[0].headers if name.startswith("webhook-")]


@pytest.mark.parametrize(
    ("behaviour", "status", "outcome", "detail"),
    [
        (answer(500, b"oh no"), 500, None, ""),
        (answer(302, location="http://127.0.0.1/elsewhere"), 302, None, ""),
        (hang, None, Outcome.TIMED_OUT, "no answer within 0.3 s"),
        (drip, None, Outcome.TIMED_OUT, "no answer within 0.3 s"),
        (hang_up, None, Outcome.UNREACHABLE, "Server disconnected"),
        (talk_without_end, 200, None, ""),
    ],
)
async def test_what_an_endpoint_may_do(
    behaviour: Behaviour, status: int | None, outcome: Outcome | None, detail: str
) -> None:
    async with endpoint(behaviour) as served:
        told = await send(served.url)
        assert (told.http_status, told.outcome) == (status, outcome)
        assert detail in told.detail
        assert len(served.requests) == 1
        assert told.took_s < 5


async def test_the_connection_serves_again_after_an_answer_that_was_cut() -> None:
    async with endpoint(talk_without_end, answer(204)) as served, Sender(settings()) as sender:
        sent = [await sender.send(subscription(served.url), ID, b"{}", datetime.now(UTC)) for _ in range(2)]
        assert [told.http_status for told in sent] == [200, 204]


async def test_the_line_serves_again_after_a_time_out() -> None:
    async with endpoint(hang, answer(204)) as served, Sender(settings()) as sender:
        sent = [await sender.send(subscription(served.url), ID, b"{}", datetime.now(UTC)) for _ in range(2)]
        assert [told.outcome for told in sent] == [Outcome.TIMED_OUT, None]


async def test_an_endpoint_that_keeps_its_connection_open_is_not_connected_to_twice() -> None:
    async with endpoint() as served, Sender(settings()) as sender:
        desk = subscription(served.url)
        for _ in range(5):
            await sender.send(desk, ID, b"{}", datetime.now(UTC))
        assert (len(served.requests), served.connections) == (5, 1)


async def test_of_many_endpoints_the_lines_used_last_are_kept() -> None:
    async with endpoint() as served, Sender(settings(CHANCERY_NOTIFY__CONCURRENCY="1")) as sender:
        desks = [
            subscription(served.url).model_copy(update={"subscription_id": SubscriptionId(f"sub_{number}")})
            for number in range(3)
        ]
        for number in (0, 1, 2, 2, 1, 0):  # two are kept: the first is closed when the third comes
            told = await sender.send(desks[number], ID, b"{}", datetime.now(UTC))
            assert told.http_status == 204
        assert served.connections == 4


async def test_a_subscription_that_changes_is_sent_to_where_it_now_says() -> None:
    async with endpoint() as before, endpoint() as after, Sender(settings()) as sender:
        desk = subscription(before.url)
        await sender.send(desk, ID, b"{}", datetime.now(UTC))
        moved = desk.model_copy(update={"endpoint": Vault([KEY]).encrypt(after.url)})
        await sender.send(moved, ID, b"{}", datetime.now(UTC))
        assert (len(before.requests), len(after.requests)) == (1, 1)


@pytest.mark.parametrize(
    ("url", "channel", "authorization"),
    [
        ("http://desk:p%40ss-w0rd@127.0.0.1:{port}/", Channel.CAP, f"Bearer {given.SECRET}"),
        ("http://desk:p%40ss-w0rd@127.0.0.1:{port}/", Channel.WEBHOOK, "Basic ZGVzazpwQHNzLXcwcmQ="),
        ("http://desk:p%40ss-w0rd@127.0.0.1:{port}/", Channel.TEAMS, "Basic ZGVzazpwQHNzLXcwcmQ="),
        ("http://127.0.0.1:{port}/", Channel.TEAMS, None),
    ],
)
async def test_the_account_in_an_address_is_shown_to_the_endpoint(
    url: str, channel: Channel, authorization: str | None
) -> None:
    said = b"<references />" if channel is Channel.CAP else b"{}"
    async with (
        endpoint(answer(200, b"ZGVzazpwQHNzLXcwcmQ= p@ss-w0rd p%40ss-w0rd")) as served,
        Sender(settings()) as one,
    ):
        port = served.url.split(":")[2].split("/")[0]
        told = await one.send(subscription(url.format(port=port), channel), ID, said, datetime.now(UTC))
        assert served.requests[0].headers.get("authorization") == authorization
        assert ("w0rd" in told.body, "ZGVz" in told.body) == ("desk" not in url,) * 2


async def test_whatever_a_library_raises_is_an_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    async def surprised(*_: object) -> None:
        raise RuntimeError("T0KEN-of-the-endpoint, that was not foreseen")

    monkeypatch.setattr(GuardedTransport, "handle_async_request", surprised)
    told = await send("http://127.0.0.1:1/T0KEN-of-the-endpoint")
    assert (told.outcome, told.detail) == (Outcome.UNREACHABLE, "RuntimeError: [removed], that was not foreseen")


async def test_retry_after_is_read() -> None:
    async with endpoint(answer(429, retry_after="7")) as served:
        assert (await send(served.url)).retry_after_s == 7


async def test_an_answer_is_kept_up_to_the_cap_and_without_what_must_stay_secret() -> None:
    token = "T0KEN-of-the-endpoint"
    body = f"no such hook {token} {given.SECRET} ".encode() * 300
    async with endpoint(answer(404, body)) as served:
        told = await send(
            served.url, settings(CHANCERY_NOTIFY__ANSWER_MAX_BYTES="512", CHANCERY_NOTIFY__TIMEOUT_S="10")
        )
        assert told.body.startswith("no such hook [removed] [removed]")
        assert len(told.body) <= 512
        kept = (await send(served.url)).body
        assert 1_000 < len(kept) <= 4_096
        assert not [piece for piece in ("T0KEN", "QUJD", "whsec") if piece in kept]


@pytest.mark.parametrize("size", range(472, 542))
async def test_no_cut_leaves_half_a_secret(size: int) -> None:
    async with endpoint(answer(404, b"x" * (542 - size) + given.SECRET.encode() * 3)) as served:
        told = await send(served.url, settings(CHANCERY_NOTIFY__ANSWER_MAX_BYTES="512"))
        assert "QUJD" not in told.body
        assert "whsec" not in told.body


@pytest.mark.parametrize(
    ("url", "detail"),
    [
        ("http://127.0.0.1:{port}/", "127.0.0.1 is not a public address"),
        ("http://localhost:{port}/", "not a public address"),
        ("http://[::ffff:127.0.0.1]:{port}/", "not a public address"),
        ("http://2130706433:{port}/", "not a public address"),
        ("http://0:{port}/", "not a public address"),
        ("http://127.1:{port}/", "not a public address"),
        ("http://user:pw@127.0.0.1:{port}/", "not a public address"),
        ("ftp://files.example/", "the endpoint is ftp"),
        ("not a url", "the endpoint is no URL"),
        ("http://", ""),
    ],
)
async def test_what_must_not_be_connected_to_is_refused_for_good(url: str, detail: str) -> None:
    async with endpoint() as served:
        port = served.url.split(":")[2].split("/")[0]
        told = await send(url.format(port=port), settings(CHANCERY_EGRESS__ALLOW_PRIVATE=""))
        assert told.outcome is Outcome.NOT_ALLOWED
        assert detail in told.detail
        assert served.requests == []


async def test_plain_http_is_refused_where_https_is_required() -> None:
    async with endpoint() as served:
        told = await send(served.url, settings(CHANCERY_NOTIFY__REQUIRE_HTTPS="true"))
        assert (told.outcome, told.detail) == (
            Outcome.NOT_ALLOWED,
            "the endpoint is http; only https may be used",
        )
        assert served.requests == []


async def test_a_port_nobody_listens_on_is_unreachable() -> None:
    async with endpoint() as served:
        url = served.url
    told = await send(url)
    assert told.outcome is Outcome.UNREACHABLE
    assert "T0KEN" not in told.detail


async def test_an_endpoint_under_another_key_is_unreadable_and_may_be_tried_again() -> None:
    async with Sender(settings(CHANCERY_SECRETS__KEYS=new_key())) as sender:
        told = await sender.send(subscription("https://hooks.example/x"), ID, b"{}", datetime.now(UTC))
    assert told.outcome is Outcome.UNREADABLE


async def test_one_that_hangs_delays_nobody() -> None:
    async with endpoint(hang) as sick, endpoint() as healthy, Sender(settings()) as sender:
        hanging = asyncio.create_task(sender.send(subscription(sick.url), ID, b"{}", datetime.now(UTC)))
        await sick.until(1)
        told = await sender.send(subscription(healthy.url), ID, b"{}", datetime.now(UTC))
        assert told.http_status == 204
        assert not hanging.done()
        assert (await hanging).outcome is Outcome.TIMED_OUT


async def test_until_the_overlap_ends_both_secrets_sign_and_neither_is_repeated() -> None:
    old, now = new_webhook_secret(), datetime.now(UTC)
    async with endpoint(answer(200, old.encode() + b" " + given.SECRET.encode())) as served:
        rotated = subscription(served.url).model_copy(
            update={"previous_secret": Vault([KEY]).encrypt(old), "previous_until": now + timedelta(hours=1)}
        )
        async with Sender(settings()) as sender:
            told = await sender.send(rotated, ID, b'{"a": 1}', now)
            await sender.send(rotated, ID, b'{"a": 1}', now + timedelta(hours=1))
        assert told.body == "[removed] [removed]"
        during, after = served.requests
        for secret in (old, given.SECRET):
            assert Webhook(secret).verify(during.body, during.headers) == {"a": 1}
        assert len(after.headers["webhook-signature"].split()) == 1


async def test_a_rotation_counts_from_the_next_message_on() -> None:
    old, now = new_webhook_secret(), datetime.now(UTC)
    async with endpoint() as served, Sender(settings()) as sender:
        before = subscription(served.url)
        rotated = before.model_copy(
            update={
                "secret": Vault([KEY]).encrypt(old),
                "previous_secret": before.secret,
                "previous_until": now + timedelta(hours=1),
            }
        )
        for each in (before, rotated):
            await sender.send(each, ID, b'{"a": 1}', now)
        assert [len(each.headers["webhook-signature"].split()) for each in served.requests] == [1, 2]
        Webhook(old).verify(served.requests[1].body, served.requests[1].headers)


async def test_a_name_that_leads_elsewhere_the_next_time_is_refused_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """It answers with an address that is allowed (127.0.0.2 stands for a public one), takes a message and hangs up;
    then it answers with loopback. Each connection looks it up once, so nothing comes between the check and the use."""
    async with endpoint(host="127.0.0.2") as allowed:
        port = allowed.url.split(":")[2].split("/")[0]
        async with endpoint(port=int(port)) as inside:
            answers = iter(["127.0.0.2", "127.0.0.1"])

            def look_up(host: str, *_: object, **__: object) -> list[tuple[object, ...]]:
                assert host == "rebinding.example"
                return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (next(answers), int(port)))]

            allowed.behaviours[:] = [answer(204, connection="close")]
            monkeypatch.setattr("socket.getaddrinfo", look_up)
            to = subscription(f"http://rebinding.example:{port}/hook")
            async with Sender(settings(CHANCERY_EGRESS__ALLOW_PRIVATE="127.0.0.2/32")) as sender:
                told = [await sender.send(to, ID, b"{}", datetime.now(UTC)) for _ in range(2)]
            assert (told[0].http_status, told[1].outcome) == (204, Outcome.NOT_ALLOWED)
            assert "127.0.0.1: not a public address" in told[1].detail
            assert (len(allowed.requests), inside.connections) == (1, 0)
            assert list(answers) == []
