"""`chancery doctor` on a deployment that works, on what then breaks, and on brokers that do not answer."""

import asyncio
import contextlib
import datetime as dt
import json
import os
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer

from deploy.demo.newsroom import Alert, Item, Publication
from services.contracts.dead_letter import DeadLetter
from services.contracts.feed import SourceGrade
from services.contracts.report import IncidentType
from services.contracts.subscription import SubscriptionState
from services.contracts.topics import ALERTS, DEAD_LETTERS, SUBSCRIPTIONS, TOPICS
from services.launch.broker import free_port
from services.runtime.kafka import Publisher, consumer_options
from services.runtime.settings import Settings
from services.runtime.work import group_options
from tests.contracts.examples import DEAD_LETTER, SUBSCRIPTION
from tests.integration.chain import Chain
from tests.integration.conftest import settings_on
from tests.integration.test_cli import chancery

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]


def todays_attack() -> Publication:
    at = dt.datetime.now(dt.UTC) - dt.timedelta(minutes=30)
    told = Alert(kind="alert", site="embassy:FR:XX:x", type=IncidentType.ROCKET_MORTAR_MISSILE, date=at.date())
    item = Item.model_validate(
        {
            "guid": "attack",
            "link": "https://wire.example/1",
            "title": "Rockets hit the French embassy in Algiers",
            "text": f"Two rockets hit the French embassy in Algiers on {at:%A}, police said. Nobody was hurt.",
            "published": at,
            "expect": told,
        }
    )
    return Publication(
        feed="wire",
        format="rss",
        title="Wire",
        site="https://wire.example/",
        language="en",
        country="FR",
        grade=SourceGrade.B,
        items=(item,),
    )


def examined(settings: Settings, *arguments: str) -> tuple[int, dict[str, list[tuple[str, str, str]]]]:
    """The exit code, and by check what was found: level, words, how to mend it."""
    run = chancery(settings, "doctor", "--json", *arguments)
    assert run.stdout, run.stderr
    found: dict[str, list[tuple[str, str, str]]] = {}
    for each in json.loads(run.stdout)["findings"]:
        found.setdefault(each["check"], []).append((each["level"], each["says"], each["mend"]))
    return run.returncode, found


def levels(found: dict[str, list[tuple[str, str, str]]]) -> dict[str, set[str]]:
    return {check: {level for level, _, _ in several} for check, several in found.items()}


@pytest.fixture
def settings(embedded: str) -> Settings:
    return settings_on(embedded, embedded=True)


async def test_a_deployment_that_works_and_what_then_breaks(settings: Settings, tmp_path: Path) -> None:
    chain = Chain(settings, tmp_path)
    async with contextlib.AsyncExitStack() as stack:
        await chain.start([todays_attack()], 0.1, stack)
        await chain.until(1)
        made = await asyncio.to_thread(chancery, settings, "tokens", "create", "--name", "desk", "--expires", "90d")
        assert made.returncode == 0, made.stderr
        code, found = await asyncio.to_thread(examined, settings)
        found.pop("disk")  # of whatever machine this runs on
        assert levels(found) == {
            check: {"ok"}
            for check in (
                "brokers", "topics", "work", "feeds", "subscriptions", "silences", "tokens", "secrets", "dead letters",
                "egress", "clock",
            )
        }, found  # fmt: skip
        assert "127.0.0.1 answers (HTTP 200)" in found["egress"][0][1]

        await broken(settings)
        code, found = await asyncio.to_thread(examined, settings)
        assert code == 2
        assert {check for check, level in levels(found).items() if "problem" in level} == {"secrets"}
        assert "no key opens 1 of 2 subscriptions: duty" in found["secrets"][0][1]
        assert "duty is disabled: 410 Gone" in found["subscriptions"][0][1]
        assert "1 in the last day (1 not_json)" in found["dead letters"][0][1]
        assert ("warning", "admin tokens that never expire: root") in [each[:2] for each in found["tokens"]]


@pytest.mark.kafka
async def test_groups_that_everybody_left(on_apache: Settings) -> None:
    """The embedded broker goes on to name who has left."""
    member = AIOKafkaConsumer(
        ALERTS.in_namespace(on_apache.topics.namespace),
        **consumer_options(on_apache.kafka),
        **group_options(on_apache, "notify"),
    )
    await member.start()
    await member.getmany(timeout_ms=0)
    await member.stop()
    code, found = await asyncio.to_thread(examined, on_apache)
    assert (code, found["work"][0][0]) == (2, "problem")
    assert "nobody works as ingest, classify, notify, dispatch: nothing waits yet" in found["work"][0][1]
    spoken = await asyncio.to_thread(chancery, on_apache, "doctor")
    assert spoken.returncode == 2
    assert "-> start ingest, classify, notify" in spoken.stdout
    assert "\x1b[" not in spoken.stdout, "colours are for terminals"


async def broken(settings: Settings) -> None:
    disabled: dict[str, Any] = {"state": SubscriptionState.DISABLED, "state_reason": "410 Gone"}
    letter = DEAD_LETTER.model_copy(update={"first_failed_at": dt.datetime.now(dt.UTC)})
    assert isinstance(letter, DeadLetter)
    async with Publisher(settings, "/chancery/test") as publisher:
        await publisher.publish(SUBSCRIPTIONS, SUBSCRIPTION.model_copy(update=disabled))
        await publisher.publish(DEAD_LETTERS, letter)
    made = await asyncio.to_thread(chancery, settings, "tokens", "create", "--name", "root", "--role", "admin")
    assert made.returncode == 0, made.stderr


def test_topics_that_were_never_made(settings: Settings) -> None:
    nowhere = settings.model_copy(
        update={"topics": settings.topics.model_copy(update={"namespace": f"none.{settings.topics.namespace}"})}
    )
    code, found = examined(nowhere)
    assert code == 2
    assert f"{len(TOPICS)} of {len(TOPICS)} topics do not exist" in found["topics"][0][1]
    assert "chancery topics ensure" in found["topics"][0][2]


def test_brokers_that_do_not_answer_are_one_finding(settings: Settings) -> None:
    kafka = settings.kafka.model_copy(
        update={"bootstrap_servers": f"127.0.0.1:{free_port()}", "connect_timeout_s": 1.0}
    )
    down = settings.model_copy(update={"kafka": kafka})
    code, found = examined(down)
    assert code == 2
    assert levels(found)["brokers"] == {"problem"}
    assert {"topics", "work", "feeds"}.isdisjoint(found)
    assert "no broker answers at" in found["brokers"][0][1]
    run = chancery(down, "doctor")
    assert "Traceback" not in run.stdout + run.stderr
    assert os.linesep in run.stdout
