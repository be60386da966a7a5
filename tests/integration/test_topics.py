"""Topics as the console sees them on real brokers: lag of who works on them, their records, followed as they come."""

import asyncio
import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from prometheus_client import REGISTRY

from services.contracts import ids
from services.contracts.alert import Alert
from services.contracts.topics import ALERTS, DEAD_LETTERS
from services.runtime.dead_letters import DeadLetterBox
from services.runtime.kafka import Publisher
from services.runtime.settings import Settings
from services.runtime.work import WorkQueue
from tests.contracts.examples import ALERT
from tests.integration.conftest import on_embedded
from tests.integration.test_console import of, serving_console, until
from tests.integration.test_dead_letters import buried, everything

pytestmark = pytest.mark.integration
RECORDS = "/v1/topics/alerts/records"


def quick(settings: Settings) -> Settings:
    return settings.model_copy(update={"console": settings.console.model_copy(update={"sample_s": 1})})


def alert_id(number: int) -> ids.AlertId:
    return ids.alert_id(ALERT.incident.incident_id, number + 1)


def alerts(begin: int, end: int) -> list[Alert]:
    """Of one incident, whose revisions they are."""
    return [
        ALERT.model_copy(
            update={
                "alert_id": alert_id(number),
                "incident": ALERT.incident.model_copy(update={"revision": number + 1}),
            }
        )
        for number in range(begin, end)
    ]


def row(answered: httpx.Response) -> dict[str, Any]:
    """What is told of the topic of alerts; nothing before it was looked at."""
    topics = answered.json().get("topics", []) if answered.status_code == 200 else []
    return next((each for each in topics if each["name"] == "alerts"), {"records": None, "workers": [{"lag": None}]})


def lag(answered: httpx.Response) -> int | None:
    found: int | None = row(answered)["workers"][0]["lag"]
    return found


async def work_off(settings: Settings, publisher: Publisher, count: int) -> None:
    """As notify does it: acknowledged in its group."""
    stop, read = asyncio.Event(), 0

    async def handle(batch: Sequence[Alert]) -> None:
        nonlocal read
        read += len(batch)
        if read >= count:
            stop.set()

    queue = WorkQueue(settings, ALERTS, Alert, "notify", handle, DeadLetterBox(publisher, "test"))
    async with asyncio.timeout(60):
        await queue.run(stop)


async def test_lag_is_seen_and_goes_when_it_is_worked_off(kafka: Settings) -> None:
    async with Publisher(kafka, "/chancery/test") as publisher, serving_console(quick(kafka)) as client:
        for each in alerts(0, 5):
            await publisher.publish(ALERTS, each)
        told = await until(client, "/v1/topics", lambda answered: lag(answered) == 5)
        assert row(told)["records"] == 5
        assert REGISTRY.get_sample_value("chancery_lag_records", {"group": "notify", "topic": "alerts"}) == 5
        await work_off(kafka, publisher, 5)
        await until(client, "/v1/topics", lambda answered: lag(answered) == 0)
        history = of(await client.get("/v1/topics/history?name=alerts"))["topics"][0]["points"]
        assert max(point["out_per_s"]["notify"] for point in history) > 0
        assert (history[-1]["lag"], REGISTRY.get_sample_value("chancery_topic_records", {"topic": "alerts"})) == (
            {"notify": 0},
            5,
        )


async def test_records_are_looked_at_and_nobodys_place_moves(kafka: Settings) -> None:
    async with Publisher(kafka, "/chancery/test") as publisher, serving_console(quick(kafka)) as client:
        begun = datetime.now(UTC)
        await publisher.publish(ALERTS, *alerts(0, 40))
        newest = of(await client.get(RECORDS, params={"limit": 10}))
        assert [each["value"]["alert_id"] for each in newest["records"]] == [alert_id(n) for n in range(30, 40)]
        (place,) = {each["partition"] for each in newest["records"]}
        page = of(await client.get(RECORDS, params={"partition": place, "offset": 5, "limit": 20}))
        assert [each["offset"] for each in page["records"]] == list(range(5, 25))
        rest = of(await client.get(RECORDS, params={"cursor": page["next_cursor"], "partition": place}))
        assert ([each["offset"] for each in rest["records"]], rest["stopped"]) == (list(range(25, 40)), "end")
        since = of(await client.get(RECORDS, params={"since": (begun - timedelta(minutes=1)).isoformat()}))
        assert len(since["records"]) == 40
        later = of(await client.get(RECORDS, params={"since": (begun + timedelta(minutes=1)).isoformat()}))
        assert later["records"] == []
        one = of(await client.get(RECORDS, params={"field": f"alert_id={alert_id(7)}", "limit": 1}))
        assert [each["offset"] for each in one["records"]] == [7]
        await work_off(kafka, publisher, 40)  # from the first on: nothing was acknowledged in its place


async def test_records_are_followed_as_they_come(kafka: Settings) -> None:
    async with Publisher(kafka, "/chancery/test") as publisher, serving_console(quick(kafka)) as client:
        await publisher.publish(ALERTS, *alerts(0, 3))
        (message, *_) = await everything(kafka, ALERTS)
        where: dict[str, str | int] = {"partition": message.partition, "offset": 0, "key": ALERT.key}
        found: list[str] = []
        async with asyncio.timeout(30), client.stream("GET", f"{RECORDS}/follow", params=where) as stream:
            async for line in stream.aiter_lines():
                if line.startswith("data: ") and "value" in (data := json.loads(line[6:])):
                    found.append(data["value"]["alert_id"])
                    if len(found) == 3:
                        await publisher.publish(ALERTS, *alerts(3, 5))
                    if len(found) == 5:
                        break
    assert found == [alert_id(n) for n in range(5)]


@on_embedded
async def test_a_dead_letter_is_put_back_over_rest(kafka: Settings) -> None:
    async with Publisher(kafka, "/chancery/test") as publisher, serving_console(kafka) as client:
        await publisher.publish(DEAD_LETTERS, buried(kafka, ALERTS, ALERT, 1), buried(kafka, ALERTS, b"x", 2))
        wanted: dict[str, object] = {"topic": "alerts"}
        shown = of(await client.post("/v1/dead-letters/redrive", json=wanted))
        assert (shown["put_back"], shown["redriven"]) == (1, 0)
        assert await everything(kafka, ALERTS) == []
        wanted |= {"dry_run": False, "effect": shown["effect"]}
        assert of(await client.post("/v1/dead-letters/redrive", json=wanted))["redriven"] == 1
        assert len(await everything(kafka, ALERTS)) == 1
        told = of(await client.get("/v1/dead-letters?redriven=true"))
        assert [each["dead_letter_id"] for each in told["items"]] == [buried(kafka, ALERTS, ALERT, 1).dead_letter_id]
        whole = of(await client.get(f"/v1/dead-letters/{told['items'][0]['dead_letter_id']}"))
        assert whole["original"]["value"]["alert_id"] == ALERT.alert_id
