"""Final deliveries leave the topic, late and a few at a time; what is still asked for stays."""

import asyncio
from datetime import datetime, timedelta

from services.contracts.delivery import Delivery, DeliveryState
from services.contracts.ids import DeliveryId
from services.notify.core import retry
from services.notify.core.retention import BETWEEN_SWEEPS, MOST_AT_ONCE, Retention
from tests.unit.notify.dispatching import BROKEN, DESK, OTHER, dispatching, to, world
from tests.unit.notify.given import NOW


def days(number: float) -> datetime:
    return NOW + timedelta(days=number)


def done(delivery: Delivery, day: float) -> Delivery:
    """Delivered so many days from now; before, where negative."""
    return retry.final(delivery.model_copy(update={"created_at": days(day)}), DeliveryState.SILENCED, "quiet")


def test_a_few_at_a_time_the_oldest_first_and_each_once() -> None:
    retention = Retention(timedelta(days=1))
    ids = [DeliveryId(f"dlv_{number:04}") for number in range(MOST_AT_ONCE + 3)]
    for number, each in reversed(list(enumerate(ids))):
        retention.note(each, NOW + timedelta(microseconds=number))
    assert retention.over(days(0.99)) == []
    assert retention.over(days(2)) == ids[:MOST_AT_ONCE]
    assert retention.over(days(2) + BETWEEN_SWEEPS / 2) == []
    assert retention.over(days(2) + BETWEEN_SWEEPS) == ids[MOST_AT_ONCE:]
    assert retention.over(days(3)) == []


async def test_what_is_final_for_long_is_forgotten_unless_its_incident_is_still_told() -> None:
    old, older = done(to(DESK, 1), -101), done(to(DESK, 2), -300)
    recent = done(to(DESK, 3), -99)
    told_again = done(to(DESK, 4, revision=1), -200), done(to(DESK, 4, revision=2), -50)
    in_it = world(old, older, recent, *told_again)
    async with dispatching(in_it, days=0):
        await in_it.until(lambda: len(in_it.forgotten) >= 2)
        assert set(in_it.forgotten) == {old.delivery_id, older.delivery_id}


async def test_while_an_update_is_pending_its_first_message_stays_and_afterwards_all_go_together() -> None:
    first, update = done(to(DESK, 1, revision=1), -200), to(DESK, 1, revision=2)
    later = [
        to(OTHER, number).model_copy(update={"next_attempt_at": days(day)})
        for number, day in enumerate((50, 99.9, 101))
    ]
    in_it = world(first, update, *later)
    in_it.answers(DESK, BROKEN)
    async with dispatching(in_it, days=99.95):
        await in_it.until_final(update, *later[:2])
        for _ in range(20):
            await asyncio.sleep(0)
        assert in_it.forgotten == []
        in_it.clock.run_to(days(102))
        await in_it.until_final(later[2])
        await in_it.until(lambda: len(in_it.forgotten) == 2)
    assert set(in_it.forgotten) == {first.delivery_id, update.delivery_id}


async def test_partitions_of_others_are_left_alone() -> None:
    in_it = world(done(to(DESK, 1), -101))
    waiting = to(OTHER, 2)
    in_it.log.append(waiting)
    async with dispatching(in_it, active=False) as dispatcher:
        dispatcher.drop(frozenset({0}))
        dispatcher.activate(frozenset({1}))
        dispatcher.absorb(to(OTHER, 3), 1)
        await in_it.until(lambda: len(in_it.sent) == 1)
    assert in_it.forgotten == []
