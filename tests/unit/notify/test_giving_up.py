"""When a subscription is disabled because its endpoint only fails, and who is told."""

import json
from datetime import datetime, timedelta
from email import message_from_bytes
from email.policy import default

import pytest

from services.contracts.delivery import Attempt, Delivery, DeliveryState
from services.contracts.subscription import Channel, SubscriptionState
from services.notify.core import breaker, channels, notices
from services.notify.core.breaker import Run
from services.notify.core.status import Answer, Outcome
from tests.unit.notify import given
from tests.unit.notify.dispatching import BROKEN, DESK, OK, OTHER, World, dispatching, to, world
from tests.unit.notify.given import NOW

PATIENCE = timedelta(days=5)
OPERATOR = given.subscription("operator", channel=Channel.SLACK)
TAKEN = Answer(http_status=200, body="ok")


def days(number: float) -> datetime:
    return NOW + timedelta(days=number)


@pytest.mark.parametrize(
    ("failures", "last_day", "status", "forgiven", "others", "given_up"),
    [
        (20, 5, 500, None, None, True),
        (19, 9, 500, None, None, False),
        (99, 4.99, 500, None, None, False),
        (99, 9, 500, 5, None, False),
        (99, 10, 500, 5, None, True),
        (99, 9, None, None, None, False),
        (99, 9, None, None, -1, False),
        (99, 9, None, None, 1, True),
    ],
)
def test_days_of_nothing_but_failure(
    failures: int, last_day: float, status: int | None, forgiven: float | None, others: float | None, given_up: bool
) -> None:
    last = Attempt(at=days(last_day), took_s=1, http_status=status, outcome=Outcome.FAILED if status else "timed_out")
    reason = breaker.hopeless(
        Run(failures, NOW),
        last,
        forgiven=None if forgiven is None else days(forgiven),
        others_took=None if others is None else days(others),
        patience=PATIENCE,
    )
    assert (reason is not None) == given_up


def failing_for_days(in_it: World) -> list[Delivery]:
    """An alert a day for six days; nine attempts each take most of one."""
    return [to(DESK, number).model_copy(update={"next_attempt_at": days(number)}) for number in range(7)]


async def test_it_is_disabled_with_the_reason_and_the_operator_is_told_once() -> None:
    alerts = failing_for_days(in_it := world())
    in_it.log += alerts
    in_it.subscribe(OPERATOR)
    in_it.answers(DESK, BROKEN)
    in_it.answers(OPERATOR, TAKEN)
    async with dispatching(in_it, days=9, operator=OPERATOR.subscription_id):
        await in_it.until_final(*alerts)
        await in_it.until(lambda: any(each.notice and each.state is DeliveryState.DELIVERED for each in in_it.log))
    disabled = in_it.subscriptions[DESK.subscription_id]
    assert disabled.state is SubscriptionState.DISABLED
    assert disabled.state_reason == "46 attempts since 2024-05-02 09:30 UTC and all failed, the last with HTTP 500"
    assert in_it.state(alerts[0]).state is DeliveryState.EXPIRED
    assert in_it.state(alerts[-1]).state is DeliveryState.DROPPED
    [(_, _, body)] = [sent for sent in in_it.sent if sent[0] in in_it.sent_to(OPERATOR)]
    text = json.loads(body)["text"]
    assert DESK.name in text
    assert disabled.state_reason in text


async def test_one_answer_in_between_keeps_it() -> None:
    alerts = failing_for_days(in_it := world())
    in_it.log += alerts
    in_it.answers(DESK, *[BROKEN] * 30, OK, BROKEN)
    async with dispatching(in_it, days=9):
        await in_it.until_final(*alerts)
    assert in_it.subscriptions[DESK.subscription_id].state is SubscriptionState.ACTIVE


@pytest.mark.parametrize("others_take_it", [True, False])
async def test_a_network_that_reaches_nobody_disables_nobody(others_take_it: bool) -> None:
    alerts = failing_for_days(in_it := world())
    elsewhere = [each.model_copy(update={"created_at": days(4)}) for each in [to(OTHER)]]
    in_it.log += [*alerts, *elsewhere]
    nobody = Answer(outcome=Outcome.UNREACHABLE, detail="no route")
    in_it.answers(DESK, nobody)
    in_it.answers(OTHER, OK if others_take_it else nobody)
    async with dispatching(in_it, days=9):
        await in_it.until_final(*alerts, *elsewhere)
    state = in_it.subscriptions[DESK.subscription_id].state
    assert state is (SubscriptionState.DISABLED if others_take_it else SubscriptionState.ACTIVE)


async def test_an_operator_that_is_disabled_is_not_told_of_itself_and_our_fault_disables_nobody() -> None:
    reason = "HTTP 410: the endpoint is gone"
    assert notices.of_disabled(OPERATOR, reason, NOW, OPERATOR, NOW) is None
    again = [notices.of_disabled(DESK, reason, NOW, OPERATOR, days(number)) for number in (0, 1)]
    assert again[0]
    assert again[1]
    assert again[0].delivery_id == again[1].delivery_id
    refused = [to(DESK, number).model_copy(update={"created_at": days(number / 4)}) for number in range(30)]
    in_it = world(*refused)
    slack = DESK.model_copy(update={"channel": Channel.SLACK})
    in_it.subscribe(slack)
    in_it.answers(slack, Answer(http_status=400, body="invalid_payload"))
    async with dispatching(in_it, days=9):
        await in_it.until_final(*refused)
    assert in_it.subscriptions[DESK.subscription_id].state is SubscriptionState.ACTIVE
    assert {in_it.state(each).state for each in refused} == {DeliveryState.REJECTED}


async def test_an_operator_on_a_channel_for_alerts_alone_is_a_dead_letter_that_says_so() -> None:
    in_it = world(to())
    in_it.answers(DESK, Answer(http_status=410))
    async with dispatching(in_it, operator=OTHER.subscription_id):
        await in_it.until(lambda: bool(in_it.buried))
    assert "CHANCERY_NOTIFY__OPERATOR" in in_it.buried[0][1]


@pytest.mark.parametrize("channel", [each for each in Channel if channels.CHANNELS[each].notice])
def test_a_name_in_a_notice_can_neither_mention_nor_be_too_long(channel: Channel) -> None:
    hostile = given.subscription("<!channel> @everyone <https://a.example|b> " + "x" * 900)
    told = notices.of_disabled(hostile, "HTTP 410", NOW, OPERATOR, NOW)
    assert told is not None
    body = channels.body(channel, told, late=False)
    assert len(body) < (8_000 if channel is Channel.EMAIL else 4_000)
    if channel is Channel.EMAIL:
        mail = message_from_bytes(body, policy=default)
        assert [part.get_content_type() for part in mail.walk()] == ["text/plain"]  # where nothing is markup
        return
    assert json.loads(body)
    assert b"<!channel>" not in body or channel is Channel.NTFY  # which shows plain text
