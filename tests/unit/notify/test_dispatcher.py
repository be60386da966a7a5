"""The dispatcher in a small world with a clock of its own: what it promises, case by case."""

import asyncio
from datetime import timedelta

import pytest

from services.contracts.delivery import Attempt, DeliveryState
from services.contracts.subscription import Channel, SubscriptionState
from services.notify.core import retry
from services.notify.core.status import Answer
from tests.unit.notify import given
from tests.unit.notify.dispatching import (
    ALL,
    BROKEN,
    DESK,
    GROUP,
    HANGS,
    OK,
    OTHER,
    Crash,
    compacted,
    dispatching,
    to,
    world,
)
from tests.unit.notify.given import NOW


async def test_what_is_pending_is_sent_and_becomes_a_record_without_the_alert() -> None:
    told = to()
    in_it = world(told)
    async with dispatching(in_it):
        await in_it.until_final(told)
    done = in_it.state(told)
    assert (done.state, done.alert, done.reason) == (DeliveryState.DELIVERED, None, "HTTP 204")
    assert in_it.seconds(told) == [0]
    assert in_it.sent[0][0] == told.delivery_id


async def test_nothing_is_sent_before_the_partition_is_loaded() -> None:
    told = to()
    in_it = world(told)
    async with dispatching(in_it, active=False) as dispatcher:
        for _ in range(20):
            await asyncio.sleep(0)
        assert in_it.sent == []
        dispatcher.activate(ALL)
        await in_it.until_final(told)


async def test_a_failing_endpoint_gets_the_whole_schedule_and_then_no_more() -> None:
    told = to()
    in_it = world(told)
    in_it.answers(DESK, BROKEN)
    async with dispatching(in_it):
        await in_it.until_final(told)
    assert in_it.seconds(told) == [0, 5, 35, 155, 455, 2255, 9455, 27455, 63455]
    assert in_it.state(told).state is DeliveryState.EXPIRED
    assert len({delivery_id for delivery_id, _, _ in in_it.sent}) == 1
    pending = [each for each in in_it.log if each.state is DeliveryState.PENDING]
    assert [len(each.attempts) for each in pending] == list(range(9))
    assert all(each.alert is not None for each in pending)


async def test_it_recovers() -> None:
    told = to()
    in_it = world(told)
    in_it.answers(DESK, BROKEN, Answer(http_status=502), OK)
    async with dispatching(in_it):
        await in_it.until_final(told)
    assert in_it.state(told).state is DeliveryState.DELIVERED
    assert [attempt.http_status for attempt in in_it.state(told).attempts] == [500, 502, 204]


async def test_retry_after_holds_the_endpoint_and_nobody_else() -> None:
    first, second, other = to(number=1), to(number=2), to(OTHER)
    in_it = world(first, second, other)
    in_it.answers(DESK, Answer(http_status=429, retry_after_s=60), OK)
    async with dispatching(in_it):
        await in_it.until_final(first, second, other)
    assert sorted(in_it.seconds(first) + in_it.seconds(second)) == [0, 60, 60]
    assert in_it.seconds(other) == [0]


async def test_gone_disables_the_subscription_and_drops_what_waits_for_it() -> None:
    first, second, other = to(number=1), to(number=2), to(OTHER)
    in_it = world(first, second, other)
    in_it.answers(DESK, Answer(http_status=410))
    async with dispatching(in_it, concurrency=1):
        await in_it.until_final(first, second, other)
    assert in_it.subscriptions[DESK.subscription_id].state is SubscriptionState.DISABLED
    assert in_it.subscriptions[DESK.subscription_id].state_reason == "HTTP 410: the endpoint is gone"
    assert len(in_it.sent_to(DESK)) == 1
    assert {in_it.state(first).state, in_it.state(second).state} == {DeliveryState.REJECTED, DeliveryState.DROPPED}
    assert in_it.state(other).state is DeliveryState.DELIVERED


async def test_a_subscription_that_was_mended_during_the_attempt_is_not_disabled() -> None:
    told = to()
    in_it = world(told)
    in_it.answers(DESK, Answer(http_status=410))
    async with dispatching(in_it):
        await in_it.until(lambda: len(in_it.sent) == 1)
        in_it.subscribe(DESK.model_copy(update={"endpoint": "the new one"}))
        await in_it.until_final(told)
        for _ in range(20):
            await asyncio.sleep(0)
    assert in_it.subscriptions[DESK.subscription_id].state is SubscriptionState.ACTIVE
    assert in_it.subscriptions[DESK.subscription_id].endpoint == "the new one"


async def test_one_that_hangs_delays_nobody_else() -> None:
    hanging = [to(DESK, number) for number in range(5)]
    others = [to(OTHER, number) for number in range(5)]
    in_it = world(*hanging, *others)
    in_it.answers(DESK, HANGS)
    async with dispatching(in_it, concurrency=2):
        await in_it.until_final(*others)
        assert len(in_it.sent_to(DESK)) == 1
    assert len(in_it.sent_to(OTHER)) == 5


async def test_no_more_at_once_than_allowed() -> None:
    desks = [given.subscription(f"desk {number}") for number in range(20)]
    deliveries = [to(desk) for desk in desks]
    in_it = world(*deliveries)
    in_it.subscribe(*desks)
    async with dispatching(in_it, concurrency=3):
        await in_it.until_final(*deliveries)
    assert in_it.most_at_once == 3


async def test_a_finished_delivery_is_not_started_again_and_the_topic_says_so() -> None:
    told = to()
    in_it = world(told)
    async with dispatching(in_it):
        await in_it.until_final(told)
        in_it.write(told)
        await in_it.until(lambda: len(in_it.log) == 4)
    assert len(in_it.sent) == 1
    assert in_it.state(told).state is DeliveryState.DELIVERED


async def test_a_repeat_does_not_start_the_schedule_again() -> None:
    told = to()
    in_it = world(told)
    in_it.answers(DESK, BROKEN, BROKEN, OK)
    async with dispatching(in_it):
        await in_it.until(lambda: len(in_it.state(told).attempts) == 1)
        in_it.write(told)
        await in_it.until_final(told)
    assert in_it.seconds(told) == [0, 5, 35]
    assert len(in_it.state(told).attempts) == 3


@pytest.mark.parametrize("squeeze", [list, compacted])
async def test_a_repeat_that_was_written_while_nobody_looked_is_seen_on_loading(squeeze: object) -> None:
    """The record of the repeat is the last one; where the broker has not compacted yet, the truth is still there."""
    assert callable(squeeze)
    told = to()
    in_it = world(told)
    async with dispatching(in_it):
        await in_it.until_final(told)
    in_it.log.append(told)
    log = squeeze(in_it.log)
    async with dispatching(in_it, log=log):
        await in_it.until(lambda: in_it.state(told).state is DeliveryState.DELIVERED)
    assert len(in_it.sent) == (1 if len(log) > 1 else 2)
    assert len({delivery_id for delivery_id, _, _ in in_it.sent}) == 1


async def test_a_restart_keeps_the_attempts_and_the_time_of_the_next() -> None:
    told = to()
    in_it = world(told)
    in_it.answers(DESK, BROKEN, BROKEN, BROKEN, OK)
    async with dispatching(in_it, days=60 / 86400):
        await in_it.until(lambda: len(in_it.state(told).attempts) == 3)
    async with dispatching(in_it, log=compacted(in_it.log)):
        await in_it.until_final(told)
    assert in_it.seconds(told) == [0, 5, 35, 155]
    assert in_it.state(told).state is DeliveryState.DELIVERED


async def test_what_was_written_by_a_clock_two_hours_ahead_waits_no_longer_for_it() -> None:
    ahead = NOW + timedelta(hours=2)
    first, again = to(), to(OTHER)
    failed = Attempt(at=ahead, took_s=0, http_status=401, outcome="failed")
    first = first.model_copy(update={"created_at": ahead})
    again = again.model_copy(update={"attempts": (failed,), "next_attempt_at": ahead + timedelta(seconds=5)})
    in_it = world(first, again)
    async with dispatching(in_it):
        await in_it.until_final(first, again)
    assert (in_it.seconds(first), in_it.seconds(again)) == ([0], [5])


async def test_partitions_that_are_lost_are_left_alone_but_a_running_attempt_is_told() -> None:
    running, waiting = to(number=1), to(number=2)
    in_it = world(running, waiting)
    async with dispatching(in_it) as dispatcher:
        await in_it.until(lambda: len(in_it.sent) == 1)
        dispatcher.drop(ALL)
        await in_it.until(lambda: len(in_it.log) == 3)
        for _ in range(20):
            await asyncio.sleep(0)
    assert len(in_it.sent) == 1
    states = {in_it.state(running).state, in_it.state(waiting).state}
    assert states == {DeliveryState.DELIVERED, DeliveryState.PENDING}


async def test_partitions_that_come_back_during_an_attempt_do_not_start_it_twice() -> None:
    told = to()
    in_it = world(told)
    async with dispatching(in_it) as dispatcher:
        in_it.brokers_answer.clear()
        await in_it.until(lambda: len(in_it.sent) == 1)
        dispatcher.drop(ALL)
        dispatcher.absorb(told, 0)
        dispatcher.activate(ALL)
        for _ in range(20):
            await asyncio.sleep(0)
        assert len(in_it.sent) == 1
        in_it.brokers_answer.set()
        await in_it.until_final(told)
        for _ in range(20):
            await asyncio.sleep(0)
    assert len(in_it.sent) == 1


async def test_an_endpoint_need_not_wait_for_the_brokers() -> None:
    """The state of one delivery is on its way while the next is sent; neither is touched again before it is known."""
    first, second = to(number=1), to(number=2)
    in_it = world(first, second)
    async with dispatching(in_it):
        in_it.brokers_answer.clear()
        await in_it.until(lambda: len(in_it.sent) == 2)
        assert len(in_it.log) == 2
        in_it.brokers_answer.set()
        await in_it.until_final(first, second)


async def test_the_late_word_of_another_worker_is_overwritten() -> None:
    told = to()
    attempt = Attempt(at=NOW, took_s=1, http_status=500, outcome="failed")
    behind = told.model_copy(update={"attempts": (attempt,), "next_attempt_at": NOW + timedelta(seconds=5)})
    in_it = world(told)
    async with dispatching(in_it):
        await in_it.until_final(told)
        in_it.write(behind)
        await in_it.until(lambda: len(in_it.log) == 4)
    assert in_it.state(told).state is DeliveryState.DELIVERED
    assert len(in_it.sent) == 1


async def test_what_another_worker_finished_is_not_sent() -> None:
    told = to()
    in_it = world(told)
    in_it.answers(DESK, BROKEN)
    done = retry.final(told, DeliveryState.DELIVERED, "HTTP 204")
    async with dispatching(in_it, days=1 / 86400) as dispatcher:
        await in_it.until(lambda: len(in_it.state(told).attempts) == 1)
        in_it.write(done)
        in_it.clock.run_to(NOW + timedelta(days=1))
        for _ in range(50):
            await asyncio.sleep(0)
        assert dispatcher is not None
    assert len(in_it.sent) == 1


async def test_a_tombstone_ends_it() -> None:
    told = to()
    in_it = world(told)
    in_it.answers(DESK, BROKEN)
    async with dispatching(in_it, days=1 / 86400) as dispatcher:
        await in_it.until(lambda: len(in_it.state(told).attempts) == 1)
        for _ in range(5):
            await asyncio.sleep(0)
        dispatcher.forget(told.delivery_id)
        in_it.clock.run_to(NOW + timedelta(days=1))
        for _ in range(50):
            await asyncio.sleep(0)
    assert len(in_it.sent) == 1


async def test_a_subscription_that_is_not_read_yet_is_waited_for() -> None:
    late = given.subscription("late")
    told = to(late)
    in_it = world(told)
    async with dispatching(in_it, days=0):
        await in_it.until(lambda: len(in_it.log) == 2)
        assert in_it.sent == []
        in_it.subscribe(late)
        in_it.clock.run_to(NOW + timedelta(seconds=5))
        await in_it.until_final(told)
    assert in_it.seconds(told) == [1]


@pytest.mark.parametrize(
    ("state", "reason"),
    [
        (None, "the subscription was removed"),
        (SubscriptionState.PAUSED, "the subscription is paused"),
        (SubscriptionState.DISABLED, "the subscription is disabled"),
    ],
)
async def test_what_nobody_wants_any_more_is_dropped(state: SubscriptionState | None, reason: str) -> None:
    told = to()
    in_it = world(told)
    in_it.subscriptions.clear()
    if state:
        in_it.subscribe(DESK.model_copy(update={"state": state}))
    async with dispatching(in_it):
        await in_it.until_final(told)
    assert (in_it.state(told).state, in_it.state(told).reason) == (DeliveryState.DROPPED, reason)
    assert in_it.sent == []


async def test_an_alert_that_cannot_be_written_is_buried_and_stops_nobody() -> None:
    broken = given.delivery(given.alert(1, headline=None), DESK)
    good = to(number=2)
    in_it = world(broken, good)
    async with dispatching(in_it):
        await in_it.until_final(broken, good)
    assert in_it.state(broken).state is DeliveryState.REJECTED
    assert [delivery_id for delivery_id, _ in in_it.buried] == [broken.delivery_id]
    assert in_it.state(good).state is DeliveryState.DELIVERED


async def test_slack_refusing_the_blocks_gets_plain_text_at_once() -> None:
    slack = given.subscription("slack", channel=Channel.SLACK)
    told = to(slack)
    in_it = world(told)
    in_it.subscribe(slack)
    in_it.answers(slack, Answer(http_status=400, body="invalid_blocks"), Answer(http_status=200, body="ok"))
    async with dispatching(in_it):
        await in_it.until_final(told)
    assert in_it.seconds(told) == [0, 1]
    assert [b'"blocks"' in body for _, _, body in in_it.sent] == [True, False]
    assert in_it.state(told).state is DeliveryState.DELIVERED
    assert in_it.buried == []


async def test_slack_gets_no_more_than_a_message_a_second() -> None:
    slack = given.subscription("slack", channel=Channel.SLACK)
    deliveries = [to(slack, number) for number in range(4)]
    in_it = world(*deliveries)
    in_it.subscribe(slack)
    in_it.answers(slack, Answer(http_status=200, body="ok"))
    async with dispatching(in_it):
        await in_it.until_final(*deliveries)
    assert sorted(seconds for each in deliveries for seconds in in_it.seconds(each)) == [0, 1, 2, 3]


async def test_our_own_fault_is_buried_and_never_disables_the_subscriber() -> None:
    slack = given.subscription("slack", channel=Channel.SLACK)
    told = to(slack)
    in_it = world(told)
    in_it.subscribe(slack)
    in_it.answers(slack, Answer(http_status=400, body="invalid_payload"))
    async with dispatching(in_it):
        await in_it.until_final(told)
    assert in_it.state(told).state is DeliveryState.REJECTED
    assert in_it.buried == [(told.delivery_id, "invalid_payload: Slack cannot read the message")]
    assert in_it.subscriptions[slack.subscription_id].state is SubscriptionState.ACTIVE


async def test_what_comes_too_late_goes_out_and_says_so() -> None:
    told = to()
    in_it = world(told)
    in_it.answers(DESK, *[BROKEN] * 6, OK)
    async with dispatching(in_it):
        await in_it.until_final(told)
    lateness = [b'"late":true' in body for _, _, body in in_it.sent]
    assert lateness == [False] * 5 + [True] * 2  # severe: half an hour, and the sixth attempt is at 2255 s
    assert in_it.state(told).late


async def test_when_the_brokers_do_not_take_a_state_the_dispatcher_ends() -> None:
    in_it = world(to())
    in_it.steps_to_crash = 1
    with pytest.raises(ExceptionGroup) as died:
        async with dispatching(in_it):
            await in_it.until(lambda: False)
    assert died.value.subgroup(Crash)


async def test_what_is_paused_while_its_delivery_is_written_gets_nothing() -> None:
    """The first update takes along the one before it, which is written first; meanwhile someone pauses."""
    opened, *updates = (to(revision=revision) for revision in (1, 2, 3))
    in_it = world(opened)
    async with dispatching(in_it, group=GROUP):
        await in_it.until_final(opened)
        for _ in range(20):  # until that is acknowledged
            await asyncio.sleep(0)
        paused = DESK.model_copy(update={"state": SubscriptionState.PAUSED})
        in_it.happens[in_it.steps + 1] = lambda: in_it.subscribe(paused)
        in_it.write(*updates)
        await in_it.until_final(*updates)
    assert len(in_it.sent) == 1
    assert in_it.state(updates[1]).reason == "the subscription is paused"


async def test_mailboxes_that_wait_for_the_mail_server_hold_no_place_and_use_up_no_attempt() -> None:
    """Twenty of them, all that may run are two, and another endpoint gets its alert at once."""
    boxes = [given.subscription(f"box {number}", channel=Channel.EMAIL) for number in range(20)]
    mails, told = [to(box) for box in boxes], to(OTHER)
    in_it = world(*mails, told)
    in_it.subscribe(*boxes)
    for box in boxes:
        in_it.answers(box, Answer(body="250 ok"))
    in_it.crowded |= {box.subscription_id for box in boxes}
    async with dispatching(in_it, concurrency=2, days=0.01):
        await in_it.until_final(told)
        assert in_it.seconds(told) == [0]
        assert len(in_it.log) == len(mails) + 2, "nothing was written of those that wait"
        in_it.crowded.clear()
        in_it.clock.run_to(in_it.clock.now() + timedelta(seconds=60))
        await in_it.until_final(*mails)
    assert {len(in_it.state(mail).attempts) for mail in mails} == {1}


@pytest.mark.parametrize("years", [-50, 6_000])
async def test_a_delivery_of_another_time_to_nobody_is_dropped_at_once(years: int) -> None:
    """Written by whom, and for whom, one can only guess."""
    stranger = to(given.subscription("nobody")).model_copy(
        update={"created_at": NOW.replace(year=NOW.year + years), "next_attempt_at": NOW}
    )
    in_it = world(stranger)
    async with dispatching(in_it):
        await in_it.until_final(stranger)
    assert len(in_it.log) == 2
