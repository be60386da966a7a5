"""The notify service on real brokers: alert in, signed webhook out, also when it is killed in between."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import pytest
from pydantic import SecretStr
from standardwebhooks import Webhook

from services.contracts.alert import Alert
from services.contracts.delivery import Delivery, DeliveryState
from services.contracts.report import Severity
from services.contracts.subscription import Channel, Filter, Subscription, SubscriptionState
from services.contracts.topics import ALERTS, DELIVERIES, SUBSCRIPTIONS, Topic
from services.notify.app import BROKER, DELIVERIES_LOADED, SUBSCRIPTIONS_LOADED, notify
from services.runtime.dead_letters import DeadLetterBox
from services.runtime.health import Health
from services.runtime.kafka import Publisher
from services.runtime.secrets import Vault
from services.runtime.settings import Settings
from services.runtime.topic_table import TopicTable
from tests.unit.notify import given
from tests.unit.notify.endpoint import answer, endpoint, hang

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


async def test_slack_gets_blocks(kafka: Settings) -> None:
    async with endpoint(answer(200, b"ok")) as served, Publisher(kafka, "/chancery/test") as publisher:
        await publisher.publish(SUBSCRIPTIONS, subscription(kafka, served.url, channel=Channel.SLACK, secret=None))
        async with notifier(kafka):
            await publisher.publish(ALERTS, alert())
            (done,) = await finals(kafka, publisher, 1)
        assert done.state is DeliveryState.DELIVERED
        assert b'"blocks"' in served.requests[0].body


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


async def process(kafka: Settings) -> asyncio.subprocess.Process:
    """The service as a process of its own, given these settings by its environment."""
    names = {
        f"CHANCERY_{section}__{field}".upper(): _written(value)
        for section, fields in kafka
        for field, value in fields
        if value is not None
    }
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("CHANCERY_")}
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "services.notify.app", env=inherited | names, stdout=asyncio.subprocess.DEVNULL
    )


def _written(value: object) -> str:
    if isinstance(value, tuple):
        return ",".join(map(_written, value))
    return value.get_secret_value() if isinstance(value, SecretStr) else str(value)
