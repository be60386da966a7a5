"""What a Slack bot is told, request by request, and what comes of its answers."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime

import pytest

from services.contracts.ids import DeliveryId
from services.contracts.subscription import Channel
from services.notify.adapters.sender import Sender
from services.notify.core.channels import slack_bot
from services.notify.core.channels.rules import Envelope, Posting
from services.notify.core.channels.slack_bot.answers import judge, receipt
from services.notify.core.status import Answer, Outcome
from tests.unit.notify import given
from tests.unit.notify.dispatching import DESK, World, dispatching
from tests.unit.notify.endpoint import answer, endpoint
from tests.unit.notify.test_sender import settings, subscription

TOKEN = "xoxb-a-token-of-the-bot"
HEAD = "1714650000.000100"


def posted(head: str | None, endpoint: str = "https://slack.example/api?channel=C0123ABCD") -> Sequence[Envelope]:
    body = slack_bot.RULES.render(given.alert())
    return slack_bot.RULES.dress(body, Posting(endpoint, TOKEN, "del_x", 0, head))


def test_the_first_word_is_one_message() -> None:
    (call,) = posted(None)
    assert call.url == "https://slack.example/api/chat.postMessage"
    assert call.headers["authorization"] == f"Bearer {TOKEN}"
    assert TOKEN.encode() not in call.body
    told = json.loads(call.body)
    assert told["channel"] == "C0123ABCD"
    assert told["blocks"][0]["type"] == "header"
    assert "thread_ts" not in told


def test_what_follows_updates_it_before_it_adds_to_its_thread() -> None:
    update, follow_up = posted(HEAD)
    assert (update.url[-11:], json.loads(update.body)["ts"]) == ("chat.update", HEAD)
    assert (follow_up.url[-16:], json.loads(follow_up.body)["thread_ts"]) == ("chat.postMessage", HEAD)
    assert "Told because" in json.loads(follow_up.body)["text"]
    assert "blocks" not in json.loads(follow_up.body)


@pytest.mark.parametrize("query", ["", "?channel=", "?channel=general", "?channel=C01%2F..", "?team=C0123ABCD"])
def test_an_endpoint_without_a_channel_is_refused(query: str) -> None:
    with pytest.raises(ValueError, match="names no channel"):
        posted(None, f"https://slack.example/api{query}")


@pytest.mark.parametrize(
    ("status", "body", "outcome"),
    [
        (200, '{"ok": true, "ts": "1.2"}', Outcome.DELIVERED),
        (200, '{"ok":true,"channel":"C1","ts":"1714650000.000100","message":{"text":"cut he', Outcome.DELIVERED),
        (200, '{"ok": false, "error": "not_in_channel"}', Outcome.DENIED),
        (200, '{"ok": false, "error": "is_archived"}', Outcome.GONE),
        (200, '{"ok": false, "error": "invalid_blocks"}', Outcome.LAYOUT_REFUSED),
        (200, '{"ok": false, "error": "message_not_found"}', Outcome.DELIVERED),
        (200, '{"ok": false, "error": "of_tomorrow"}', Outcome.FAILED),
        (200, '{"ok": false, "message": {"text": "\\"ok\\": true"}}', Outcome.FAILED),
        (200, "<html>a proxy", Outcome.FAILED),
        (429, '{"ok": false, "error": "ratelimited"}', Outcome.THROTTLED),
        (500, "", Outcome.FAILED),
    ],
)
def test_what_an_answer_means(status: int, body: str, outcome: Outcome) -> None:
    assert judge(Answer(http_status=status, body=body)).outcome is outcome


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ('{"ok":true,"channel":"C1","ts":"1714650000.000100","message":{"te', HEAD),
        ('{"ok":false,"ts":"1714650000.000100"}', None),
        ('{"ok":true,"ts":"<script>"}', None),
        ("", None),
    ],
)
def test_the_receipt_is_the_time_stamp_of_a_message_that_was_taken(body: str, found: str | None) -> None:
    assert receipt(DeliveryId("dlv_x"), b"", body) == found


async def test_nothing_is_added_to_a_thread_whose_head_could_not_be_updated() -> None:
    async with endpoint(answer(200, b'{"ok": false, "error": "internal_error"}')) as served:
        desk = subscription(f"{served.url}?channel=C0123ABCD", Channel.SLACK_BOT)
        async with Sender(settings()) as sender:
            body = slack_bot.RULES.render(given.alert())
            told = await sender.send(desk, DeliveryId("del_x"), body, datetime.now(UTC), HEAD)
        assert judge(told).outcome is Outcome.FAILED
        assert [request.path.partition("?")[0][-11:] for request in served.requests] == ["chat.update"]


async def test_later_alerts_come_back_to_the_first_message() -> None:
    world = World()
    desk = DESK.model_copy(update={"channel": Channel.SLACK_BOT})
    world.subscribe(desk)
    world.answers(desk, *(Answer(http_status=200, body=f'{{"ok": true, "ts": "{n}.5"}}') for n in (1, 2, 3)))
    first, second, third = (given.delivery(given.alert(revision=revision), desk) for revision in (1, 2, 3))
    async with dispatching(world):
        for each in (first, second, third):
            world.write(each)
            await world.until_final(each)
    assert world.heads == [None, "1.5", "1.5"]
    assert [world.state(each).receipt for each in (first, second, third)] == ["1.5", "2.5", "3.5"]
