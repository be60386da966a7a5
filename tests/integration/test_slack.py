"""Slack on running services: what is told there, how it follows an incident, and what a button does."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import pytest
from pydantic import SecretStr

from services.contracts.audit import AuditEntry
from services.contracts.delivery import DeliveryState
from services.contracts.feedback import Feedback, Verdict
from services.contracts.silence import Silence
from services.contracts.subscription import Channel, Subscription
from services.contracts.topics import ALERTS, AUDIT, FEEDBACK, INCIDENTS, SILENCES, SUBSCRIPTIONS
from services.notify.core.channels.slack.message import render_answerable
from services.runtime.kafka import Publisher
from services.runtime.secrets import Vault
from services.runtime.serving import serving
from services.runtime.settings import Settings
from tests.integration.chain import everything_on
from tests.integration.conftest import on_embedded
from tests.integration.test_console import serving_console
from tests.integration.test_notify import alert, finals, notifier
from tests.unit.notify import given
from tests.unit.notify.workspace import CHANNEL, HOOK, SIGNING_SECRET, TOKEN, Message, Workspace, signed

pytestmark = pytest.mark.integration


@asynccontextmanager
async def working(kafka: Settings, workspace: Workspace) -> AsyncIterator[Settings]:
    """The workspace on loopback, and settings with its secret, of services that may reply there."""
    async with serving(workspace.app(), "127.0.0.1", 0, "") as port:
        workspace.url = f"http://127.0.0.1:{port}"
        slack = kafka.slack.model_copy(
            update={"signing_secret": SecretStr(SIGNING_SECRET), "replies": workspace.url, "silence_h": 2}
        )
        yield kafka.model_copy(update={"slack": slack, "notify": kafka.notify.model_copy(update={"group_s": 0})})


def by_bot(settings: Settings, workspace: Workspace) -> Subscription:
    return _to(settings, Channel.SLACK_BOT, f"{workspace.url}/api?channel={CHANNEL}", TOKEN)


def by_hook(settings: Settings, workspace: Workspace) -> Subscription:
    return _to(settings, Channel.SLACK, workspace.url + HOOK, None)


def _to(settings: Settings, channel: Channel, url: str, secret: str | None) -> Subscription:
    vault = Vault([key.get_secret_value() for key in settings.secrets.keys])
    return given.subscription(
        channel, channel=channel, endpoint=vault.encrypt(url), secret=secret and vault.encrypt(secret)
    )


@on_embedded
async def test_a_bot_keeps_the_first_message_current_and_threads_what_follows(kafka: Settings) -> None:
    workspace = Workspace()
    async with working(kafka, workspace) as settings, Publisher(settings, "/chancery/test") as publisher:
        await publisher.publish(SUBSCRIPTIONS, by_bot(settings, workspace))
        async with notifier(settings):
            await publisher.publish(ALERTS, alert())
            await finals(settings, publisher, 1)
            await publisher.publish(ALERTS, alert(revision=2))
            done = await finals(settings, publisher, 2)
    head, follow_up = workspace.messages
    assert {each.state for each in done} == {DeliveryState.DELIVERED}
    assert (head.edits, head.thread_ts, follow_up.thread_ts) == (1, None, head.ts)
    assert "revision 2" in str(head.payload["blocks"])
    assert "a second independent source" in follow_up.payload["text"]
    assert list(head.buttons()) == ["confirm", "false_alarm", "silence_site"]


@on_embedded
async def test_a_channel_that_takes_one_message_a_second_gets_all_of_them(kafka: Settings) -> None:
    workspace = Workspace()
    async with working(kafka, workspace) as settings, Publisher(settings, "/chancery/test") as publisher:
        await publisher.publish(SUBSCRIPTIONS, by_bot(settings, workspace), by_hook(settings, workspace))
        async with notifier(settings):
            await publisher.publish(ALERTS, alert(1), alert(2))
            done = await finals(settings, publisher, 4)
    assert {each.state for each in done} == {DeliveryState.DELIVERED}
    written = sorted((each.by, element["value"]) for each in workspace.messages for element in each.buttons().values())
    assert written == sorted(
        (by, given.incident_of(number)) for by in (HOOK, TOKEN) for number in (1, 2) for _ in "abc"
    )


@on_embedded
async def test_buttons_pressed_in_slack_end_as_a_verdict_and_a_silence(kafka: Settings) -> None:
    workspace, told = Workspace(), alert()
    async with working(kafka, workspace) as settings, Publisher(settings, "/chancery/test") as publisher:
        await publisher.publish(SUBSCRIPTIONS, by_hook(settings, workspace))
        await publisher.publish(INCIDENTS, told.incident)
        await publisher.publish(ALERTS, told)
        async with notifier(settings):
            await finals(settings, publisher, 1)
        (message,) = workspace.messages
        async with serving_console(settings) as client:

            async def press(button: str, shown: Message = message) -> str:
                """What is then said in Slack."""
                body, replies = workspace.press(shown, button), len(workspace.replies)
                headers = signed(body, datetime.now(UTC).timestamp())
                answered = await client.post("/v1/slack/actions", content=body, headers=headers)
                assert (answered.status_code, answered.content) == (200, b"")
                reply = await asyncio.wait_for(workspace.reply(replies + 1), 30)
                return f"{reply['response_type']}: {reply['text']}"

            assert (await press("false_alarm")).startswith("in_channel: ana.b called this incident a false alarm")
            assert await press("false_alarm") == "ephemeral: You have said so already."
            assert (await press("silence_site")).startswith("in_channel: ana.b silenced embassy (United States)")
            assert "is silenced until" in await press("silence_site")
            unknown = Message(CHANNEL, "1.1", HOOK, json.loads(render_answerable(alert(9))))
            assert (
                await press("confirm", unknown) == f"ephemeral: The incident {given.incident_of(9)} is not known here."
            )
            forged = workspace.press(message, "confirm")
            headers = signed(forged, datetime.now(UTC).timestamp(), "another secret")
            assert (await client.post("/v1/slack/actions", content=forged, headers=headers)).status_code == 401
        async with notifier(settings):
            await publisher.publish(ALERTS, alert(2))
            states = {each.state for each in await finals(settings, publisher, 2)}
    assert states == {DeliveryState.DELIVERED, DeliveryState.SILENCED}
    found = await everything_on(kafka, FEEDBACK, SILENCES, AUDIT)
    (said,), (silence,) = found[FEEDBACK], found[SILENCES]
    assert isinstance(said, Feedback)
    assert (said.incident_id, said.verdict, said.author) == (
        told.incident.incident_id,
        Verdict.FALSE_ALARM,
        "ana.b (Slack U024BE7LH)",
    )
    assert isinstance(silence, Silence)
    assert (silence.expires_at - silence.created_at).total_seconds() == 7_200
    audited = {(each.action, each.actor) for each in found[AUDIT] if isinstance(each, AuditEntry)}
    assert audited == {(f"{what}.added", "slack:T0001TEAM/U024BE7LH") for what in ("feedback", "silence")}


@on_embedded
async def test_without_the_secret_there_are_no_buttons(kafka: Settings) -> None:
    workspace = Workspace()
    async with working(kafka, workspace) as settings, Publisher(settings, "/chancery/test") as publisher:
        without = settings.model_copy(update={"slack": kafka.slack})
        await publisher.publish(SUBSCRIPTIONS, by_hook(settings, workspace))
        async with notifier(without):
            await publisher.publish(ALERTS, alert())
            await finals(settings, publisher, 1)
    (message,) = workspace.messages
    assert message.buttons() == {}
