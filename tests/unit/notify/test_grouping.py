"""Updates of one incident at one endpoint: in order, folded into the newer, grouped."""

import json

from services.contracts.alert import ChangeKind
from services.contracts.delivery import DeliveryState
from tests.unit.notify import given
from tests.unit.notify.dispatching import BROKEN, DESK, GROUP, OK, dispatching, to, world


async def test_revisions_reach_an_endpoint_in_order() -> None:
    revisions = [to(revision=revision) for revision in (1, 2, 3)]
    in_it = world(*revisions)
    async with dispatching(in_it):
        await in_it.until_final(*revisions)
    assert in_it.sent_to(DESK) == [each.delivery_id for each in revisions]


async def test_a_retry_is_folded_into_the_newer_revision() -> None:
    first, second = to(revision=1), to(revision=2)
    in_it = world(first)
    in_it.answers(DESK, BROKEN, OK)
    async with dispatching(in_it):
        await in_it.until(lambda: len(in_it.state(first).attempts) == 1)
        in_it.write(second)
        await in_it.until_final(first, second)
    assert in_it.sent_to(DESK) == [first.delivery_id, second.delivery_id]
    assert (in_it.state(first).state, in_it.state(first).reason) == (DeliveryState.FOLDED, "revision 2 goes instead")
    assert in_it.state(second).state is DeliveryState.DELIVERED


async def test_updates_wait_for_each_other_and_go_as_one() -> None:
    first, second, third = (to(revision=revision) for revision in (1, 2, 3))
    in_it = world(first)
    async with dispatching(in_it, group=GROUP):
        await in_it.until_final(first)
        in_it.write(second, third)
        await in_it.until_final(second, third)
    assert in_it.sent_to(DESK) == [first.delivery_id, third.delivery_id]
    assert in_it.seconds(third) == [300]
    assert (in_it.state(second).state, in_it.state(second).reason) == (
        DeliveryState.FOLDED,
        "revision 3 says it too",
    )


async def test_what_was_folded_is_said_by_the_newer() -> None:
    first, third = to(revision=1), to(revision=3)
    toll = given.alert(1, 2, change=ChangeKind.CASUALTIES_REVISED, reason="killed none → 2")
    in_it = world(first)
    async with dispatching(in_it, group=GROUP):
        await in_it.until_final(first)
        in_it.write(given.delivery(toll, DESK), third)
        await in_it.until_final(third)
    assert "killed none → 2; a second independent source reports it" in json.loads(in_it.sent[-1][2])["data"]["reason"]


async def test_a_rise_in_severity_waits_for_nothing_and_takes_along_what_waits() -> None:
    first, second = to(revision=1), to(revision=2)
    worse = given.delivery(given.alert(1, 3, change=ChangeKind.ESCALATED), DESK)
    in_it = world(first)
    async with dispatching(in_it, group=GROUP):
        await in_it.until_final(first)
        in_it.write(second)
        in_it.write(worse)
        await in_it.until_final(second, worse)
    assert in_it.sent_to(DESK) == [first.delivery_id, worse.delivery_id]
    assert in_it.seconds(worse) == [0]


async def test_an_update_that_comes_with_the_first_word_waits_too() -> None:
    first, second = to(revision=1), to(revision=2)
    in_it = world(first, second)
    async with dispatching(in_it, group=GROUP):
        await in_it.until_final(first, second)
    assert (in_it.seconds(first), in_it.seconds(second)) == ([0], [300])


async def test_an_update_that_the_first_word_gave_way_to_does_not_wait() -> None:
    first, second = to(revision=1), to(revision=2)
    in_it = world(first, second)
    in_it.answers(DESK, BROKEN, OK)
    async with dispatching(in_it, group=GROUP):
        await in_it.until_final(first, second)
    assert in_it.state(first).state is DeliveryState.FOLDED
    assert in_it.seconds(second)[0] < 30


async def test_a_restart_keeps_the_group_together() -> None:
    first, second, third = (to(revision=revision) for revision in (1, 2, 3))
    in_it = world(first)
    async with dispatching(in_it, days=0):
        await in_it.until_final(first)
    in_it.write(second, third)
    async with dispatching(in_it, group=GROUP):
        await in_it.until_final(second, third)
    assert in_it.sent_to(DESK) == [first.delivery_id, third.delivery_id]
    assert in_it.seconds(third) == [300]


async def test_an_update_that_was_sent_is_not_taken_for_one_that_waits() -> None:
    """The state of the second is on its way to the brokers while the third goes."""
    second, third = to(revision=2), to(revision=3)
    in_it = world(second, third)
    in_it.lag = 5
    async with dispatching(in_it):
        await in_it.until_final(second, third)
    assert [len(in_it.state(each).attempts) for each in (second, third)] == [1, 1]
    assert in_it.state(second).state is DeliveryState.DELIVERED
    assert in_it.state(third).also == ()
