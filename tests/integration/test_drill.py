"""A drill through running services: told to those who asked for exercises, measured, called off; what is real beside it
is told as ever."""

import asyncio
import json
import os
import signal
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks import Webhook

from services.contracts import ids
from services.contracts.alert import ChangeKind
from services.contracts.article import Article
from services.contracts.feedback import CALLED_OFF_BY
from services.contracts.incident import Incident, IncidentStatus
from services.contracts.subscription import Channel, Filter
from services.contracts.topics import ALERTS, ARTICLES, FEEDBACK, INCIDENTS, SUBSCRIPTIONS, Topic
from services.replay.adapters.scenarios import named
from services.runtime.kafka import Publisher
from services.runtime.settings import Settings, environment_of
from services.runtime.topic_table import snapshot
from tests.integration.chain import everything_on
from tests.integration.conftest import on_embedded
from tests.integration.test_exercises import ASKS_FOR_EXERCISES, subscription
from tests.integration.test_notify import notifier
from tests.integration.test_replay import chancery, command
from tests.integration.workers import Worker
from tests.unit.notify import given
from tests.unit.notify.endpoint import Endpoint, answer, endpoint

pytestmark = [pytest.mark.integration, pytest.mark.timeout(400)]

NAME = "baghdad-2020"
PATIENCE_S = 120


def real_articles() -> list[Article]:
    """The first two articles of the scenario, as if they were in the news: of other feeds, and of no drill."""
    made = named(NAME)[1].articles(NAME, ids.drill_id(NAME, "no drill"), datetime.now(UTC))[:2]
    return [
        each.model_copy(update={"drill": None, "article_id": ids.article_id(each.source.feed_id, f"real-{number}")})
        for number, each in enumerate(made)
    ]


async def until_there(settings: Settings, topic: Topic, wanted: Callable[[Any], bool]) -> Any:
    """The first record of the topic that is wanted, once there is one."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            for each in (await everything_on(settings, topic))[topic]:
                if wanted(each):
                    return each


def verified(request: Any) -> dict[str, Any]:
    told: dict[str, Any] = Webhook(given.SECRET).verify(request.body, request.headers)["data"]
    return told


@asynccontextmanager
async def served(settings: Settings) -> AsyncIterator[tuple[Endpoint, Endpoint, Endpoint]]:
    """Who asked for exercises, by webhook and by PagerDuty, and a desk that did not."""
    async with endpoint() as asked, endpoint(answer(202, b"{}")) as pager, endpoint() as desk:
        async with Publisher(settings, "/chancery/test") as publisher:
            wants = ASKS_FOR_EXERCISES
            subscriptions = [
                subscription(settings, Channel.WEBHOOK, asked.url, name="asked", filter=wants),
                subscription(settings, Channel.PAGERDUTY, pager.url, name="pager", filter=wants),
                subscription(settings, Channel.WEBHOOK, desk.url, name="desk", filter=Filter()),
            ]
            await publisher.publish(
                SUBSCRIPTIONS,
                *(each.model_copy(update={"subscription_id": f"sub_{each.name}"}) for each in subscriptions),
            )
        yield asked, pager, desk


@on_embedded
async def test_a_drill_is_told_measured_and_over_and_the_news_beside_it_is_told_as_ever(
    kafka: Settings, tmp_path: Path
) -> None:
    settings = kafka.model_copy(update={"notify": kafka.notify.model_copy(update={"group_s": 0})})
    first, second = real_articles()
    async with served(settings) as (asked, pager, desk), Publisher(settings, "/chancery/test") as publisher:
        idle = await asyncio.to_thread(chancery, settings, "drill", NAME, "--yes")
        assert (idle.returncode, "nobody works as" in idle.stderr) == (1, True), idle.stderr
        async with Worker(settings, tmp_path / "classify.log"), notifier(settings):
            await publisher.publish(ARTICLES, first)
            await asyncio.wait_for(desk.until(1), PATIENCE_S)
            played = asyncio.create_task(
                asyncio.to_thread(
                    chancery, settings, "drill", NAME, "--speed", "600", "--wait", "2m", "--yes", "--json"
                )
            )
            drilled = await until_there(settings, INCIDENTS, lambda each: each.drill is not None)
            said = ("feedback", "confirm", drilled.incident_id, "--why", "we saw it", "--author", "ana")
            confirmed = await asyncio.to_thread(chancery, settings, *said)
            assert confirmed.returncode == 0, confirmed.stderr
            done = await played
            await publisher.publish(ARTICLES, second)
            await asyncio.wait_for(desk.until(2), PATIENCE_S)
        exported = await asyncio.to_thread(chancery, settings, "feedback", "export")
        listed = await asyncio.to_thread(chancery, settings, "feedback", "list", "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    result = json.loads(done.stdout)
    assert (result["ended"], result["played"], result["left"]) == ("acknowledged", 6, [])
    of_each = {each["name"]: [told["change"] for told in each["told"]] for each in result["heard"]}
    assert of_each.keys() == {"asked", "pager"}
    changes = of_each["asked"]
    assert of_each["pager"] == changes
    assert (changes[0], changes[-1]) == ("opened", "retracted")
    assert Counter(changes[1:-1]) == {"casualties_revised": 3, "corroborated": 1}, "the verdict, whenever it came"
    told = [each for listener in result["heard"] for each in listener["told"]]
    assert {each["state"] for each in told} == {"delivered"}
    assert all(0 < each["first_attempt_s"] <= each["delivered_s"] for each in told)
    (said_by,) = result["acknowledged"]
    assert (said_by["by"], said_by["verdict"]) == ("ana", "confirmed")
    assert 0 < said_by["since_told_s"] < said_by["since_published_s"]

    of_desk, of_asked = map(verified, desk.requests), list(map(verified, asked.requests))
    assert [(each["exercise"], each["change"]) for each in of_desk] == [
        (False, "opened"),
        (False, "casualties_revised"),
    ]
    exercises = [each for each in of_asked if each["exercise"]]
    assert [each["change"] for each in exercises] == changes
    assert exercises[-1]["reason"] == "the exercise is over"
    assert {each["incident_id"] for each in exercises} == {drilled.incident_id}
    assert len(of_asked) == len(exercises) + 2, "what is real is told to them too"
    paged = [json.loads(each.body) for each in pager.requests]
    of_drill = [each for each in paged if "EXERCISE" in json.dumps(each)]
    assert (of_drill[0]["event_action"], of_drill[-1]["event_action"]) == ("trigger", "resolve")
    assert len({each["dedup_key"] for each in of_drill}) == 1
    assert paged[-1]["event_action"] == "trigger", "what is real still stands"

    incidents = list((await snapshot(settings, [INCIDENTS])).values(INCIDENTS))
    assert {each.drill is not None: each.status for each in incidents} == {
        True: IncidentStatus.RETRACTED,
        False: IncidentStatus.OPEN,
    }
    (real,) = [each for each in incidents if each.drill is None]
    assert [claim.article_id for claim in real.claims] == [first.article_id, second.article_id]
    assert exported.stdout == ""
    assert {each["author"] for each in json.loads(listed.stdout)} == {"ana", CALLED_OFF_BY}
    assert all(each["drill"] == result["drill"] for each in json.loads(listed.stdout))


async def test_who_breaks_it_off_calls_it_off(kafka: Settings, tmp_path: Path) -> None:
    async with (
        served(kafka) as (asked, _, desk),
        Publisher(kafka, "/chancery/test") as publisher,
        Worker(kafka, tmp_path / "classify.log"),
        notifier(kafka),
    ):
        await publisher.publish(ARTICLES, real_articles()[0])
        await asyncio.wait_for(desk.until(1), PATIENCE_S)
        process = await asyncio.create_subprocess_exec(
            *command("drill", NAME, "--speed", "1", "--yes", "--json"),
            env={**os.environ, **environment_of(kafka)},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        await until_there(kafka, INCIDENTS, lambda each: each.drill is not None)
        process.send_signal(signal.SIGINT)
        told, said = await asyncio.wait_for(process.communicate(), PATIENCE_S)
    assert process.returncode == 130, said.decode()
    result = json.loads(told)
    assert (result["ended"], result["played"], result["left"]) == ("stopped", 1, [])
    assert [verified(each)["change"] for each in asked.requests] == ["opened", "opened", "retracted"]
    assert len(desk.requests) == 1
    incidents = list((await snapshot(kafka, [INCIDENTS])).values(INCIDENTS))
    assert {each.drill is None: each.status for each in incidents} == {
        True: IncidentStatus.OPEN,
        False: IncidentStatus.RETRACTED,
    }


@on_embedded
async def test_what_a_killed_drill_left_is_called_off(kafka: Settings, tmp_path: Path) -> None:
    async with Publisher(kafka, "/chancery/test") as publisher, Worker(kafka, tmp_path / "classify.log"):
        drill = ids.drill_id(NAME, "killed")
        killed = named(NAME)[1].articles(NAME, drill, datetime.now(UTC))[0]
        await publisher.publish(ARTICLES, killed, real_articles()[0])
        await until_there(kafka, ALERTS, lambda each: each.exercise)
        await until_there(kafka, ALERTS, lambda each: not each.exercise)
        ended = await asyncio.to_thread(chancery, kafka, "drill", "--end")
        assert (ended.returncode, ended.stdout) == (0, "1 incidents of drills called off\n"), ended.stderr
        over = await until_there(kafka, ALERTS, lambda each: each.change is ChangeKind.RETRACTED)
        assert (over.exercise, over.incident.drill) == (True, drill)
        again = await asyncio.to_thread(chancery, kafka, "drill", "--end")
        assert again.stdout == "0 incidents of drills called off\n"
    standing = [each for each in (await everything_on(kafka, INCIDENTS))[INCIDENTS] if isinstance(each, Incident)]
    assert {each.status for each in standing if each.drill is None} == {IncidentStatus.OPEN}


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        ([NAME, "--yes"], 3, "nobody would be told of any of its 4 alerts: none of 1 subscriptions takes it"),
        ([NAME, "--dry-run"], 3, "--exercises"),
        ([NAME + "x"], 2, f"no scenario '{NAME}x'"),
        (["nowhere.toml"], 2, "nowhere.toml: cannot be read: No such file"),
        ([NAME, "--speed", "fast"], 2, "write a number"),
        ([], 2, "--list"),
    ],
)
@on_embedded
async def test_where_nobody_would_be_told_nothing_is_played(
    kafka: Settings, arguments: list[str], code: int, says: str
) -> None:
    async with Publisher(kafka, "/chancery/test") as publisher:
        desk = subscription(kafka, Channel.WEBHOOK, "http://127.0.0.1:9/", name="desk", filter=Filter())
        await publisher.publish(SUBSCRIPTIONS, desk)
    refused = await asyncio.to_thread(chancery, kafka, "drill", *arguments)
    assert (refused.returncode, says in refused.stderr.replace("\n", " ")) == (code, True), refused.stderr
    found = await everything_on(kafka, ARTICLES, FEEDBACK)
    assert found == {ARTICLES: [], FEEDBACK: []}
