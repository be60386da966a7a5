"""What a replay sends outside: nothing by itself; else to those named alone, and each message says EXERCISE."""

import asyncio
import json
import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from services.contracts.subscription import Channel, Filter, Subscription, SubscriptionState
from services.contracts.topics import ARTICLES, DELIVERIES, SUBSCRIPTIONS
from services.replay.core.recording import Recorded
from services.runtime.kafka import Publisher
from services.runtime.secrets import Vault
from services.runtime.settings import Settings, environment_of
from services.runtime.topic_table import snapshot
from tests.day import day
from tests.integration.conftest import on_embedded
from tests.integration.test_replay import chancery, command, everything_on
from tests.suites.limits import FIRST_WORDS
from tests.unit.notify import given
from tests.unit.notify.endpoint import Endpoint, answer, endpoint
from tests.unit.notify.mail_server import mail_server
from tests.unit.replay.recordings import written

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

TAKEN = {Channel.SLACK: b"ok", Channel.SLACK_BOT: b'{"ok":true,"ts":"1700000000.000100"}'}
POSTED_AS = {Channel.SLACK_BOT: Channel.SLACK}
"""What a bot posts is of the form of a message of an incoming webhook."""
ASKS_FOR_EXERCISES = Filter(exercises=True)


@pytest.fixture(scope="module")
def attack(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("attack") / "recording"
    articles = day.articles()[:12]
    written(
        path,
        [
            Recorded(ARTICLES, 0, n, each.fetched_at, each.key, each.model_dump_json().encode())
            for n, each in enumerate(articles)
        ],
    )
    return path


def subscription(kafka: Settings, channel: Channel, url: str, **changes: object) -> Subscription:
    vault = Vault([key.get_secret_value() for key in kafka.secrets.keys])
    made = given.subscription(f"to-{channel}", channel=channel, endpoint=vault.encrypt(url))
    return made.model_copy(update={"secret": vault.encrypt(given.SECRET), "filter": ASKS_FOR_EXERCISES} | changes)


@asynccontextmanager
async def served(kafka: Settings) -> AsyncIterator[dict[Channel, Endpoint]]:
    """A live subscription of each channel that posts, to an endpoint of its own that takes what it gets."""
    async with AsyncExitStack() as stack, Publisher(kafka, "/chancery/test") as publisher:
        found: dict[Channel, Endpoint] = {}
        for channel in Channel:
            if channel is not Channel.EMAIL:
                found[channel] = await stack.enter_async_context(endpoint(answer(200, TAKEN.get(channel, b"{}"))))
                url = f"{found[channel].url}?channel=C0123456789"
                await publisher.publish(SUBSCRIPTIONS, subscription(kafka, channel, url))
        yield found


async def replayed(kafka: Settings, *arguments: str | Path, **more: str) -> dict[str, Any]:
    done = await asyncio.to_thread(chancery, kafka, "replay", *arguments, "--json", **more)
    assert done.returncode == 0, done.stderr
    came_to: dict[str, Any] = json.loads(done.stdout)
    return came_to


@on_embedded
async def test_without_the_flag_nobody_hears_anything(kafka: Settings, attack: Path) -> None:
    async with served(kafka) as endpoints:
        came_to = await replayed(kafka, attack)
        assert came_to["written"]["alerts"] > 0
        assert came_to["sent"] == []
        assert {channel: each.connections for channel, each in endpoints.items()} == dict.fromkeys(endpoints, 0)


@on_embedded
async def test_who_is_named_hears_of_an_exercise_on_every_channel_and_nobody_else_does(
    kafka: Settings, attack: Path
) -> None:
    async with served(kafka) as endpoints, endpoint() as other, mail_server() as mail:
        async with Publisher(kafka, "/chancery/test") as publisher:
            unnamed = subscription(kafka, Channel.WEBHOOK, other.url, name="unnamed")
            unnamed = unnamed.model_copy(update={"subscription_id": "sub_unnamed"})
            letters = subscription(kafka, Channel.EMAIL, "mailto:desk@example.org", secret=None, filter=Filter())
            await publisher.publish(SUBSCRIPTIONS, unnamed, letters)
        before = await everything_on(kafka)
        to = [part for channel in Channel for part in ("--to", f"to-{channel}")]
        came_to = await replayed(
            kafka,
            attack,
            "--really-send",
            *to,
            CHANCERY_NOTIFY__OPERATOR="sub_unnamed",
            CHANCERY_MAIL__HOST="127.0.0.1",
            CHANCERY_MAIL__PORT=str(mail.port),
            CHANCERY_MAIL__TLS="none",
            CHANCERY_MAIL__SENDER="alerts@chancery.example",
            CHANCERY_MAIL__ALLOW_PRIVATE="true",
        )
        assert other.connections == 0
        told = {each["name"]: each["states"] for each in came_to["sent"]}
        assert told.keys() == {f"to-{channel}" for channel in Channel}
        assert all(states.keys() <= {"delivered", "folded"} for states in told.values()), told
        for channel, each in endpoints.items():
            assert len(each.requests) >= told[f"to-{channel}"]["delivered"] > 0
            for request in each.requests:
                words = list(FIRST_WORDS[POSTED_AS.get(channel, channel)](request.body))
                assert words, request.body
                assert all(each.startswith("EXERCISE") for each in words), words
        assert len(mail.taken) == told["to-email"]["delivered"] > 0
        for message in mail.taken:
            assert isinstance(message.content, bytes)
            words = list(FIRST_WORDS[Channel.EMAIL](message.content))
            assert all(each.startswith("EXERCISE") for each in words), words
        assert b"<status>Exercise</status>" in endpoints[Channel.CAP].requests[0].body
        assert json.loads(endpoints[Channel.WEBHOOK].requests[0].body)["data"]["exercise"] is True
        assert await everything_on(kafka) == before, "no delivery, verdict or change of a subscription is live"
        assert list((await snapshot(kafka, [DELIVERIES])).values(DELIVERIES)) == []


@on_embedded
async def test_one_that_is_killed_while_it_sends_tells_nobody_else_and_can_be_cleaned_up(
    kafka: Settings, attack: Path
) -> None:
    async with (
        endpoint() as desk,
        endpoint(answer(500)) as failing,
        endpoint() as other,
        Publisher(kafka, "/chancery/test") as publisher,
    ):
        await publisher.publish(
            SUBSCRIPTIONS,
            subscription(kafka, Channel.WEBHOOK, desk.url, name="desk"),
            subscription(kafka, Channel.NTFY, failing.url, name="failing"),
            subscription(kafka, Channel.CAP, other.url, name="other"),
        )
        before = await everything_on(kafka)
        # What fails is tried again in seconds: so its notifier is in the middle of it when it is killed.
        asked = command("replay", attack, "--run", "sending", "--really-send", "--to", "desk", "--to", "failing")
        killed = await asyncio.create_subprocess_exec(
            *map(str, asked),
            env={**os.environ, **environment_of(kafka)},
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        try:
            async with asyncio.timeout(150):
                await asyncio.gather(desk.until(1), failing.until(1))
            assert killed.returncode is None, "it was not over"
        finally:
            killed.kill()
            await killed.wait()
        left = await everything_on(kafka)
        assert left.keys() > before.keys()
        assert {name: number for name, number in left.items() if name in before} == before
        cleaned = await asyncio.to_thread(chancery, kafka, "replay", "--clean")
        assert cleaned.returncode == 0, cleaned.stderr
        assert await everything_on(kafka) == before
        assert other.connections == 0
        for channel, told in ((Channel.WEBHOOK, desk), (Channel.NTFY, failing)):
            words = [each for request in told.requests for each in FIRST_WORDS[channel](request.body)]
            assert words
            assert all(each.startswith("EXERCISE") for each in words), words
        (webhook, *_) = desk.requests
        assert json.loads(webhook.body)["data"]["exercise"] is True
        subscriptions = (await snapshot(kafka, [SUBSCRIPTIONS])).values(SUBSCRIPTIONS)
        assert {each.state for each in subscriptions} == {SubscriptionState.ACTIVE}


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--really-send"], "go together"),
        (["--to", "desk"], "go together"),
        (["--really-send", "--to", "desk", "--dry-run"], "sends nothing"),
        (["--really-send", "--to", "nobody"], "no subscription nobody"),
        (["--really-send", "--to", "*"], "no subscription *"),
        (["--really-send", "--to", "to-ntfy"], "is paused"),
    ],
)
@on_embedded
async def test_whoever_is_not_named_outright_is_not_told(
    kafka: Settings, attack: Path, arguments: list[str], says: str
) -> None:
    async with endpoint() as desk, Publisher(kafka, "/chancery/test") as publisher:
        await publisher.publish(
            SUBSCRIPTIONS,
            subscription(kafka, Channel.WEBHOOK, desk.url, name="desk"),
            subscription(kafka, Channel.NTFY, desk.url, state=SubscriptionState.PAUSED),
        )
        before = await everything_on(kafka)
        refused = await asyncio.to_thread(chancery, kafka, "replay", attack, *arguments)
        assert (refused.returncode, says in refused.stderr.replace("\n", " ")) == (2, True), refused.stderr
        assert (desk.connections, await everything_on(kafka)) == (0, before)
