"""The notify service on real brokers: alert in, signed webhook out, also when it is killed in between."""

import asyncio
import email
import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import pytest
from pydantic import SecretStr
from standardwebhooks import Webhook

from services.contracts.alert import Alert, ChangeKind
from services.contracts.audit import AuditEntry
from services.contracts.delivery import Delivery, DeliveryState
from services.contracts.report import Severity
from services.contracts.subscription import Channel, Filter, Subscription, SubscriptionState
from services.contracts.topics import ALERTS, AUDIT, DELIVERIES, SUBSCRIPTIONS, Topic
from services.notify.app import BROKER, DELIVERIES_LOADED, SUBSCRIPTIONS_LOADED, notify
from services.notify.core import retry
from services.runtime.dead_letters import DeadLetterBox
from services.runtime.health import Health
from services.runtime.kafka import Publisher
from services.runtime.secrets import Vault, new_key
from services.runtime.settings import MailSettings, SecretsSettings, Settings
from services.runtime.topic_table import TopicTable
from tests.integration.chain import everything_on
from tests.integration.conftest import on_embedded
from tests.unit.notify import given
from tests.unit.notify.endpoint import answer, endpoint, hang
from tests.unit.notify.mail_server import POLITE, Hang, mail_server, polite_but, scripted

pytestmark = pytest.mark.integration


def subscription(kafka: Settings, url: str, name: str = "desk", **changes: object) -> Subscription:
    vault = Vault([key.get_secret_value() for key in kafka.secrets.keys])
    made = given.subscription(name, endpoint=vault.encrypt(url), secret=vault.encrypt(given.SECRET))
    return made.model_copy(update=changes)


def alert(number: int = 1, revision: int = 1) -> Alert:
    now = datetime.now(UTC)
    ledger = given.LEDGER.model_copy(update={"fetched_at": now, "correlated_at": now})
    return given.alert(number, revision, about=given.incident(ledger=ledger))


@asynccontextmanager
async def notifier(kafka: Settings) -> AsyncIterator[Health]:
    """The service as a task of this process."""
    health = Health(BROKER, SUBSCRIPTIONS_LOADED, DELIVERIES_LOADED)
    stop = asyncio.Event()
    running = asyncio.create_task(notify(kafka, health, stop))
    try:
        yield health
    finally:
        stop.set()
        await asyncio.wait_for(running, 30)


@asynccontextmanager
async def table(kafka: Settings, publisher: Publisher, topic: Topic) -> AsyncIterator[TopicTable]:
    stop = asyncio.Event()
    read = TopicTable(kafka, [topic], DeadLetterBox(publisher, "test"))
    running = asyncio.create_task(read.run(stop))
    await asyncio.wait_for(read.loaded(), 30)
    yield read
    stop.set()
    await running


async def finals(kafka: Settings, publisher: Publisher, number: int) -> list[Delivery]:
    """The deliveries, once so many are final."""
    done: dict[str, Delivery] = {}
    enough = asyncio.Event()

    def on_change(_: Topic, key: str, record: object) -> None:
        if isinstance(record, Delivery) and record.state is not DeliveryState.PENDING:
            done[key] = record
        if len(done) >= number:
            enough.set()

    stop = asyncio.Event()
    read = TopicTable(kafka, [DELIVERIES], DeadLetterBox(publisher, "test"), on_change=on_change)
    running = asyncio.create_task(read.run(stop))
    try:
        await asyncio.wait_for(enough.wait(), 60)
    finally:
        stop.set()
        await running
    return list(done.values())


async def test_an_alert_becomes_a_signed_webhook_and_a_delivery_record(kafka: Settings) -> None:
    async with endpoint() as served, Publisher(kafka, "/chancery/test") as publisher:
        wanted = subscription(kafka, served.url)
        others = [
            subscription(kafka, served.url, "paused", state=SubscriptionState.PAUSED),
            subscription(kafka, served.url, "elsewhere", filter=Filter(host_states=("FR",))),
            subscription(kafka, served.url, "extreme only", filter=Filter(min_severity=Severity.EXTREME)),
        ]
        await publisher.publish(SUBSCRIPTIONS, wanted, *others)
        told = alert()
        await publisher.publish(ALERTS, told)
        async with notifier(kafka) as health:
            (request,) = await asyncio.wait_for(served.until(1), 60)
            (done,) = await finals(kafka, publisher, 1)
            assert health.ready
        payload = Webhook(given.SECRET).verify(request.body, request.headers)
        assert payload["data"]["alert_id"] == told.alert_id
        assert request.headers["webhook-id"] == done.delivery_id
        assert (done.state, done.subscription_id, done.alert) == (
            DeliveryState.DELIVERED,
            wanted.subscription_id,
            None,
        )
        assert [attempt.http_status for attempt in done.attempts] == [204]


async def test_an_alert_that_is_read_again_is_not_sent_again(kafka: Settings) -> None:
    async with endpoint() as served, Publisher(kafka, "/chancery/test") as publisher:
        await publisher.publish(SUBSCRIPTIONS, subscription(kafka, served.url))
        async with notifier(kafka):
            await publisher.publish(ALERTS, alert(1))
            await asyncio.wait_for(served.until(1), 60)
            await publisher.publish(ALERTS, alert(1))
            await publisher.publish(ALERTS, alert(2))
            await asyncio.wait_for(served.until(2), 60)
            done = await finals(kafka, publisher, 2)
        ids = [request.headers["webhook-id"] for request in served.requests]
        assert len(ids) == len(set(ids)) == 2
        assert {delivery.state for delivery in done} == {DeliveryState.DELIVERED}


async def test_gone_disables_the_subscription_and_says_why(kafka: Settings) -> None:
    async with endpoint(answer(410)) as served, Publisher(kafka, "/chancery/test") as publisher:
        wanted = subscription(kafka, served.url)
        await publisher.publish(SUBSCRIPTIONS, wanted)
        async with notifier(kafka):
            await publisher.publish(ALERTS, alert(1))
            (done,) = await finals(kafka, publisher, 1)
            assert done.state is DeliveryState.REJECTED
        async with table(kafka, publisher, SUBSCRIPTIONS) as subscriptions:
            kept = subscriptions.get(SUBSCRIPTIONS, wanted.subscription_id)
        assert isinstance(kept, Subscription)
        assert (kept.state, kept.state_reason) == (SubscriptionState.DISABLED, "HTTP 410: the endpoint is gone")


@on_embedded
async def test_a_silence_keeps_an_alert_back_and_is_shown_with_what_it_kept(kafka: Settings) -> None:
    async with endpoint() as served, Publisher(kafka, "/chancery/test") as publisher:
        await publisher.publish(SUBSCRIPTIONS, subscription(kafka, served.url))
        code, told = await chancery(
            kafka, "silences", "add", "--host-state", "IQ", "--for", "8h", "--reason", "yearly march", "--json"
        )
        assert code == 0, told
        silence = json.loads(told)
        async with notifier(kafka):
            await publisher.publish(ALERTS, alert())
            (kept,) = await finals(kafka, publisher, 1)
        assert (kept.state, kept.reason) == (DeliveryState.SILENCED, f"{silence['silence_id']}: yearly march")
        assert served.requests == []
        code, told = await chancery(kafka, "silences", "list", "--json")
        assert [(each["silence_id"], each["alerts"]) for each in json.loads(told)] == [(silence["silence_id"], 1)]
        code, told = await chancery(kafka, "silences", "end", silence["silence_id"])
        assert code == 0, told
        code, told = await chancery(kafka, "silences", "end", silence["silence_id"])
        assert (code, "is over since" in told) == (1, True)
    audited = (await everything_on(kafka, AUDIT))[AUDIT]
    assert [(each.action, each.target) for each in audited if isinstance(each, AuditEntry)] == [
        ("silence.added", silence["silence_id"]),
        ("silence.changed", silence["silence_id"]),
    ]


@on_embedded
async def test_slack_gets_blocks(kafka: Settings) -> None:
    async with endpoint(answer(200, b"ok")) as served, Publisher(kafka, "/chancery/test") as publisher:
        await publisher.publish(SUBSCRIPTIONS, subscription(kafka, served.url, channel=Channel.SLACK, secret=None))
        async with notifier(kafka):
            await publisher.publish(ALERTS, alert())
            (done,) = await finals(kafka, publisher, 1)
        assert done.state is DeliveryState.DELIVERED
        assert b'"blocks"' in served.requests[0].body


@on_embedded
async def test_a_mailbox_gets_an_incident_as_one_conversation_through_greylisting(kafka: Settings) -> None:
    """The mail server wants the first message later and takes it then; the second refers to it."""
    greylisting = "451 4.7.1 greylisted", "250 ok"
    async with mail_server(recipients=greylisting) as served, Publisher(kafka, "/chancery/test") as publisher:
        mail = MailSettings(
            host="127.0.0.1", port=served.port, tls="none", sender="chancery@example.org", allow_private=True
        )
        notify_at_once = kafka.notify.model_copy(update={"group_s": 0})
        chosen = kafka.model_copy(update={"mail": mail, "notify": notify_at_once})
        desk = subscription(kafka, "mailto:desk@example.org", channel=Channel.EMAIL, secret=None)
        await publisher.publish(SUBSCRIPTIONS, desk)
        async with notifier(chosen):
            await publisher.publish(ALERTS, alert())
            await asyncio.wait_for(served.until(1), 60)
            await publisher.publish(ALERTS, alert(revision=2))
            await asyncio.wait_for(served.until(2), 60)
            done = await finals(kafka, publisher, 2)
    first, second = (email.message_from_bytes(each.original_content or b"") for each in served.taken)
    opened, followed = sorted(done, key=lambda each: each.revision)
    assert [attempt.outcome for attempt in opened.attempts] == ["throttled", "delivered"]
    assert [attempt.answer for attempt in opened.attempts] == ["451 4.7.1 greylisted", "250 2.0.0 queued"]
    assert (opened.receipt, followed.receipt) == (opened.delivery_id, followed.delivery_id)
    assert first["Message-ID"] == f"<{opened.delivery_id}@example.org>"
    assert second["In-Reply-To"] == second["References"] == first["Message-ID"] != second["Message-ID"]


@on_embedded
async def test_a_mail_server_that_hangs_delays_nobody_else(kafka: Settings) -> None:
    """Twenty mailboxes, four places and two sessions: webhooks are told at once, of this alert and the next, and the
    mailboxes once the server speaks again, none of them in vain but for those that hung."""
    hangs = asyncio.Event()
    hangs.set()

    def script(line: bytes) -> bytes:
        if hangs.is_set() and line.startswith(b"EHLO"):
            raise Hang
        return polite_but(b"", POLITE[b""])(line)

    async with endpoint() as served, scripted(script) as (port, _), Publisher(kafka, "/chancery/test") as publisher:
        mail = MailSettings(
            host="127.0.0.1", port=port, tls="none", sender="chancery@example.org", allow_private=True,
            sessions=2, timeout_s=3,
        )  # fmt: skip
        chosen = kafka.model_copy(
            update={"mail": mail, "notify": kafka.notify.model_copy(update={"concurrency": 4, "timeout_s": 3})}
        )
        boxes = [
            subscription(kafka, f"mailto:desk{n}@example.org", f"box {n}", channel=Channel.EMAIL, secret=None)
            for n in range(20)
        ]
        await publisher.publish(SUBSCRIPTIONS, subscription(kafka, served.url), *boxes)
        async with notifier(chosen):
            for number in (1, 2, 3):
                await publisher.publish(ALERTS, alert(number))
                await asyncio.wait_for(served.until(number), 60)
            hangs.clear()
            done = await finals(kafka, publisher, 63)
        waited = [each for each in done if each.subscription_id != boxes[0].subscription_id]
        to_webhook = [each for each in done if each.subscription_id not in {box.subscription_id for box in boxes}]
        assert {each.state for each in waited} == {DeliveryState.DELIVERED}
        assert max((each.attempts[0].at - each.created_at).total_seconds() for each in to_webhook) < 3
        assert sum(len(each.attempts) > 1 for each in done) <= 10


async def test_killed_in_the_middle_nothing_is_lost_and_the_id_stays(kafka: Settings) -> None:
    """One delivery hangs, one is between two attempts, and the process dies without a word. The next makes both."""
    async with (
        endpoint(hang, answer(204)) as hanging,
        endpoint(answer(500), answer(204)) as failing,
        Publisher(kafka, "/chancery/test") as publisher,
    ):
        await publisher.publish(
            SUBSCRIPTIONS, subscription(kafka, hanging.url, "hanging"), subscription(kafka, failing.url, "failing")
        )
        first = await process(kafka)
        await publisher.publish(ALERTS, alert())
        await asyncio.wait_for(asyncio.gather(hanging.until(1), failing.until(1)), 60)
        first.kill()
        await first.wait()
        second = await process(kafka)
        try:
            done = await finals(kafka, publisher, 2)
        finally:
            second.terminate()
            assert await asyncio.wait_for(second.wait(), 30) == 0
        assert {delivery.state for delivery in done} == {DeliveryState.DELIVERED}
        for served in (hanging, failing):
            assert len(served.requests) == 2
            assert len({request.headers["webhook-id"] for request in served.requests}) == 1
            for request in served.requests:
                Webhook(given.SECRET).verify(request.body, request.headers)


async def test_two_share_the_work_and_one_takes_over(kafka: Settings) -> None:
    """Eight endpoints and two notifiers; one is killed while every endpoint has an alert waiting."""
    async with (
        endpoint(*[answer(500)] * 8, answer(204)) as served,
        Publisher(kafka, "/chancery/test") as publisher,
    ):
        await publisher.publish(
            SUBSCRIPTIONS, *(subscription(kafka, served.url, f"desk {number}") for number in range(8))
        )
        members = [await process(kafka), await process(kafka)]
        try:
            await publisher.publish(ALERTS, alert())
            await asyncio.wait_for(served.until(8), 60)
            members[0].kill()
            done = await finals(kafka, publisher, 8)
        finally:
            for member in members:
                if member.returncode is None:
                    member.terminate()
                await asyncio.wait_for(member.wait(), 30)
        assert {delivery.state for delivery in done} == {DeliveryState.DELIVERED}
        assert {request.headers["webhook-id"] for request in served.requests} == {d.delivery_id for d in done}


async def chancery(kafka: Settings, *arguments: str, given_in: str = "") -> tuple[int, str]:
    """Run the command; its exit code and what it printed."""
    running = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "services.cli",
        *arguments,
        env=environment(kafka) | {"COLUMNS": "300"},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    told, _ = await asyncio.wait_for(running.communicate(given_in.encode()), 60)
    assert running.returncode is not None
    return running.returncode, told.decode()


@on_embedded
async def test_subscribing_on_the_command_line(kafka: Settings) -> None:
    async with endpoint() as served, Publisher(kafka, "/chancery/test") as publisher:
        code, told = await chancery(
            kafka, "subscribe", "webhook", "-", "--name", "desk", "--host-state", "IQ,FR", "--json", given_in=served.url
        )
        made = json.loads(told)
        assert code == 0
        assert made["test"] == {"delivered": True, "outcome": "delivered", "reason": "HTTP 204"}
        Webhook(made["secret"]).verify(served.requests[0].body, served.requests[0].headers)
        served.requests.clear()
        assert "T0KEN" not in told
        code, told = await chancery(kafka, "subscriptions", "test", "desk")
        assert (code, told.strip()) == (0, "delivered: HTTP 204")
        Webhook(made["secret"]).verify(served.requests[0].body, served.requests[0].headers)
        assert json.loads(served.requests[0].body)["data"]["exercise"]

        async with notifier(kafka):
            await publisher.publish(ALERTS, alert())
            await asyncio.wait_for(served.until(2), 60)
        Webhook(made["secret"]).verify(served.requests[1].body, served.requests[1].headers)

        code, told = await chancery(kafka, "subscriptions", "pause", "desk")
        assert code == 0
        code, told = await chancery(kafka, "subscriptions", "list", "--json")
        (listed,) = json.loads(told)
        assert (listed["state"], listed["filter"]["host_states"]) == ("paused", ["IQ", "FR"])
        assert "T0KEN" not in told
        assert not {"endpoint", "secret"} & listed.keys()
        code, told = await chancery(kafka, "subscriptions", "resume", made["subscription"]["subscription_id"])
        assert code == 0
        code, told = await chancery(kafka, "subscriptions", "list")
        assert "active" in told
        code, told = await chancery(kafka, "subscriptions", "remove", "desk")
        assert code == 0
        code, told = await chancery(kafka, "subscriptions", "list", "--json")
        assert json.loads(told) == []
        code, told = await chancery(kafka, "subscriptions", "pause", "desk")
        assert code == 1
        assert "no subscription desk" in told


@on_embedded
async def test_an_endpoint_that_does_not_take_the_test_is_not_subscribed(kafka: Settings) -> None:
    async with endpoint(answer(401, b"bad signature"), answer(204)) as served:
        subscribe = ("subscribe", "webhook", served.url, "--name", "desk")
        code, told = await chancery(kafka, *subscribe)
        assert (code, "HTTP 401; it answered: bad signature" in told, "--secret-file" in told) == (1, True, True)
        code, told = await chancery(kafka, "subscriptions", "list", "--json")
        assert json.loads(told) == []
        code, told = await chancery(kafka, *subscribe, "--no-test", "--json")
        assert code == 0, told
        secret = json.loads(told)["secret"]
        assert len(served.requests) == 1
        code, told = await chancery(
            kafka, *subscribe, "--host-state", "FR", "--json"
        )  # another filter, the same secret
        assert code == 0, told
        assert json.loads(told)["secret"] is None
        Webhook(secret).verify(served.requests[1].body, served.requests[1].headers)


@on_embedded
async def test_secrets_and_the_key_that_encrypts_them_are_rotated(kafka: Settings) -> None:
    """A running notifier signs with both secrets from the rotation on, also under a new key with the old one gone."""
    old_key = kafka.secrets.keys[0].get_secret_value()
    async with endpoint() as served, Publisher(kafka, "/chancery/test") as publisher:
        await publisher.publish(SUBSCRIPTIONS, subscription(kafka, served.url))
        code, told = await chancery(kafka, "subscriptions", "rotate", "desk", "--overlap", "2h", "--json")
        assert code == 0, told
        secrets = [json.loads(told)["secret"], given.SECRET]
        assert secrets[0] not in json.dumps(json.loads(told)["subscription"])
        assert not {"endpoint", "secret", "previous_secret"} & json.loads(told)["subscription"].keys()
        code, told = await chancery(kafka, "subscriptions", "rotate", "desk")
        assert (code, "overlap of 0" in told) == (1, True)

        new = kafka.model_copy(update={"secrets": SecretsSettings(keys=(SecretStr(new_key()),))})
        code, told = await chancery(new, "secrets", "rotate")
        assert (code, "no key" in told) == (1, True)
        both = SecretsSettings(keys=(*new.secrets.keys, SecretStr(old_key)))
        code, told = await chancery(kafka.model_copy(update={"secrets": both}), "secrets", "rotate")
        assert (code, told.strip()) == (0, "1 subscriptions are encrypted with the newest key")
        async with notifier(new):
            await publisher.publish(ALERTS, alert())
            (request,) = await asyncio.wait_for(served.until(1), 60)
            for secret in secrets:
                Webhook(secret).verify(request.body, request.headers)
            code, told = await chancery(new, "subscriptions", "rotate", "desk", "--overlap", "0", "--asymmetric")
            assert (code, "whpk_" in told, "whsk_" in told) == (0, True, False)
        code, told = await chancery(new, "subscriptions", "test", "desk")
        assert code == 0, told
        (signature,) = served.requests[-1].headers["webhook-signature"].split()
        assert signature.startswith("v1a,")


@on_embedded
async def test_what_was_sent_is_shown_and_sent_again_under_its_id(kafka: Settings) -> None:
    """Two incidents, one with a second revision; the notifier runs on while they are asked for again."""
    async with (
        endpoint(answer(200, b"got it\x1b[2J T0KEN-of-the-endpoint")) as served,
        Publisher(kafka, "/chancery/test") as publisher,
    ):
        await publisher.publish(SUBSCRIPTIONS, subscription(kafka, served.url))
        async with notifier(kafka):
            await publisher.publish(ALERTS, alert(1), alert(2))
            await asyncio.wait_for(served.until(2), 60)
            escalated = alert(1, 2).model_copy(update={"change": ChangeKind.ESCALATED})
            await publisher.publish(ALERTS, escalated)
            await asyncio.wait_for(served.until(3), 60)
            await finals(kafka, publisher, 3)

            code, told = await chancery(kafka, "deliveries", "list", "--subscription", "desk", "--json")
            assert code == 0, told
            old, last = sorted(
                (each for each in json.loads(told) if each["incident_id"] == escalated.incident.incident_id),
                key=lambda each: int(each["revision"]),
            )
            code, told = await chancery(kafka, "deliveries", "list", "--state", "rejected")
            assert (code, told.strip()) == (0, "no such deliveries")
            code, told = await chancery(kafka, "deliveries", "redeliver", old["delivery_id"], "--yes")
            assert (code, last["delivery_id"] in told) == (1, True)

            again = ("deliveries", "redeliver", "--subscription", "desk", "--since", "1h")
            code, told = await chancery(kafka, *again, given_in="n\n")
            assert code == 1
            assert "2 to send again to desk (2 delivered); 1 left out" in told
            assert len(served.requests) == 3
            code, told = await chancery(kafka, *again, "--yes", "--json")
            assert code == 0, told
            sent_again = json.loads(told)["sent_again"]
            requests = await asyncio.wait_for(served.until(5), 60)
            assert [request.headers["webhook-id"] for request in requests[3:]] == sent_again
            assert last["delivery_id"] in sent_again
            for request in requests:
                Webhook(given.SECRET).verify(request.body, request.headers)
        code, told = await chancery(kafka, "deliveries", "show", last["delivery_id"])
        assert code == 0, told
        assert ("sent again:" in told, told.count("HTTP 200, delivered"), "got it" in told) == (True, 2, True)
        assert "\x1b" not in told
        assert "T0KEN" not in told


@on_embedded
async def test_what_cannot_be_sent_again_is_said(kafka: Settings) -> None:
    async with Publisher(kafka, "/chancery/test") as publisher:
        desk = subscription(kafka, "https://hooks.example/x")
        await publisher.publish(SUBSCRIPTIONS, desk)
        waiting, gone = (given.delivery(alert(number), desk) for number in (1, 2))
        expired = retry.final(gone, DeliveryState.EXPIRED, "9 attempts")
        for each in (waiting, expired):
            await publisher.publish(DELIVERIES, each)

        async def refused(*arguments: str) -> str:
            code, told = await chancery(kafka, "deliveries", "redeliver", *arguments, "--yes")
            assert code != 0, told
            return told

        assert "it goes by itself" in await refused(waiting.delivery_id)
        assert "no delivery dlv_x" in await refused("dlv_x")
        assert "no subscription other" in await refused("--subscription", "other", "--since", "1h")
        assert "give the ID of a delivery" in await refused("--subscription", "desk")
        since = ("--subscription", "desk", "--since", "2024-05-01")
        code, told = await chancery(kafka, "deliveries", "redeliver", *since, "--yes")
        assert (code, told.strip()) == (
            0,
            "0 to send again to desk; 1 left out, for the alert is no longer kept (90 days)",
        )
        await chancery(kafka, "subscriptions", "pause", "desk")
        assert "is paused: resume it first" in await refused(*since)
        async with table(kafka, publisher, DELIVERIES) as deliveries:
            assert {each.key: each for each in deliveries.values(DELIVERIES)} == {
                each.key: each for each in (waiting, expired)
            }


def environment(kafka: Settings) -> dict[str, str]:
    """These settings as a process of their own reads them."""
    names = {
        f"CHANCERY_{section}__{field}".upper(): _written(value)
        for section, fields in kafka
        for field, value in fields
        if value is not None
    }
    return {name: value for name, value in os.environ.items() if not name.startswith("CHANCERY_")} | names


async def process(kafka: Settings) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "services.notify.app", env=environment(kafka), stdout=asyncio.subprocess.DEVNULL
    )


def _written(value: object) -> str:
    if isinstance(value, tuple):
        return ",".join(map(_written, value))
    return value.get_secret_value() if isinstance(value, SecretStr) else str(value)
