"""Subscriptions, deliveries and silences over REST on real brokers, and what reaches the endpoint."""

import asyncio
from typing import Any

import pytest
from standardwebhooks import Webhook

from services.contracts.alert import ChangeKind
from services.contracts.audit import AuditEntry
from services.contracts.token import Role
from services.contracts.topics import ALERTS, AUDIT
from services.runtime.kafka import Publisher
from services.runtime.settings import Settings
from services.runtime.topic_table import snapshot
from tests.integration.conftest import on_embedded
from tests.integration.test_console import of, serving_console, until
from tests.integration.test_notify import alert, notifier
from tests.unit.notify.endpoint import answer, endpoint

pytestmark = pytest.mark.integration


@on_embedded
async def test_who_subscribes_over_rest_is_sent_messages_that_verify(kafka: Settings) -> None:
    """Proved, told, paused, silenced, rotated, sent again: what the receiver sees of each, by one secret or both."""
    async with (
        endpoint(answer(200, b"got it T0KEN-of-the-endpoint")) as served,
        serving_console(kafka, Role.OPERATOR) as client,
        notifier(kafka),
        Publisher(kafka, "/chancery/test") as publisher,
    ):
        new = {"channel": "webhook", "endpoint": served.url, "name": "desk", "filter": {"host_states": ["IQ"]}}
        made = of(await client.post("/v1/subscriptions", json=new), 201)
        (test,) = served.requests
        verifier = Webhook(made["secret"])
        assert verifier.verify(test.body, test.headers)["data"]["exercise"] is True
        where = f"/v1/subscriptions/{made['subscription']['subscription_id']}"

        first = alert(1)
        await publisher.publish(ALERTS, first)
        await asyncio.wait_for(served.until(2), 60)
        assert (
            verifier.verify(served.requests[1].body, served.requests[1].headers)["data"]["alert_id"] == first.alert_id
        )

        delivered = of(await until(client, "/v1/deliveries?state=delivered", lambda each: bool(of(each)["items"])))
        (line,) = delivered["items"]
        assert line["delivery_id"] == served.requests[1].headers["webhook-id"]
        told = of(await client.get(f"/v1/deliveries/{line['delivery_id']}"))
        assert (told["subscription"], told["attempts"][0]["answer"]) == ("desk", "got it [removed]")
        recipients = of(await client.get(f"/v1/alerts/{first.alert_id}/recipients"))["recipients"]
        assert [(each["name"], each["told"], each["delivery"]) for each in recipients] == [
            ("desk", True, "delivered: HTTP 200")
        ]
        preview = of(await client.post("/v1/subscriptions/preview", json={"channel": "slack", "alert": first.alert_id}))
        assert first.headline in preview["body"]

        rotated = of(await client.post(f"{where}/rotate", json={"overlap_s": 3_600}))
        await asyncio.wait_for(_sent_again(client, line["delivery_id"]), 60)
        await asyncio.wait_for(served.until(3), 60)
        for secret in (made["secret"], rotated["secret"]):
            Webhook(secret).verify(served.requests[2].body, served.requests[2].headers)
        assert served.requests[2].headers["webhook-id"] == line["delivery_id"]
        await until(client, f"/v1/deliveries/{line['delivery_id']}", lambda each: of(each)["redelivered_after"] == [1])

        matcher = {"matcher": {"host_states": ["IQ"]}, "reason": "march", "lasts_s": 3_600}
        silenced = of(await client.post("/v1/silences", json=matcher), 201)
        await publisher.publish(ALERTS, alert(1, 2).model_copy(update={"change": ChangeKind.ESCALATED}))
        await until(client, "/v1/silences", lambda each: of(each)["items"][0]["alerts"] == 1)
        of(await client.post(f"/v1/silences/{silenced['silence_id']}/end"))
        of(await client.patch(where, json={"state": "paused"}))
        assert (await client.delete(where)).status_code == 204
        assert of(await client.get("/v1/subscriptions"))["items"] == []
        assert len(served.requests) == 3
    await _audited(kafka)


async def _sent_again(client: Any, delivery_id: str) -> None:
    effect = of(await client.post("/v1/deliveries/redeliver", json={"delivery_id": delivery_id, "dry_run": True}))
    done = of(await client.post("/v1/deliveries/redeliver", json={"delivery_id": delivery_id}))
    assert done == effect | {"dry_run": False}
    assert done["deliveries"] == [delivery_id]


async def _audited(kafka: Settings) -> None:
    actions = []
    await snapshot(
        kafka, [AUDIT], row=lambda each: actions.append(each.action) if isinstance(each, AuditEntry) else None
    )
    assert sorted(actions) == [
        "delivery.changed",
        "silence.added",
        "silence.changed",
        "subscription.added",
        "subscription.changed",
        "subscription.changed",
        "subscription.removed",
    ]
