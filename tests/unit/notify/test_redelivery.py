"""What is sent again, and what becomes of it."""

from collections.abc import Iterable
from datetime import timedelta

import pytest

from services.contracts.codec import decode, encode
from services.contracts.delivery import MOST_AGAIN, Delivery, DeliveryState
from services.contracts.report import Severity
from services.notify.core import redelivery, retry
from services.notify.core.matching import MOST_CLAIMS
from services.notify.core.refused import Refused
from services.notify.core.status import Answer, Judgement, Outcome
from tests.unit.notify import given
from tests.unit.notify.dispatching import BROKEN, DESK, OK, OTHER, Crash, compacted, dispatching, to, world
from tests.unit.notify.given import NOW

HOUR = timedelta(hours=1)


def ended(
    number: int = 1, revision: int = 1, *, state: DeliveryState = DeliveryState.EXPIRED, at: float = 0
) -> Delivery:
    made = to(number=number, revision=revision).model_copy(update={"created_at": NOW + at * HOUR})
    return retry.final(made, state, "as it was")


def found(log: Iterable[Delivery], *states: DeliveryState) -> tuple[list[tuple[str, int]], int]:
    choice = redelivery.chosen(log, NOW, NOW + 10 * HOUR, states or redelivery.SENT_AGAIN)
    return [(each.incident_id, each.revision) for each in choice.deliveries], choice.superseded


def test_a_range_is_what_was_made_in_it_the_oldest_first() -> None:
    log = [ended(1, at=10), ended(2, at=9), ended(3, at=0), ended(4, at=-1)]
    assert found(log) == ([(given.incident_of(3), 1), (given.incident_of(2), 1)], 0)


@pytest.mark.parametrize("state", list(DeliveryState))
def test_what_was_kept_back_or_is_said_elsewhere_goes_only_where_it_is_asked_for(state: DeliveryState) -> None:
    others = {DeliveryState.PENDING, DeliveryState.FOLDED, DeliveryState.SILENCED}
    assert len(found([ended(state=state)])[0]) == (state not in others)
    assert len(found([ended(state=state)], state)[0]) == 1


@pytest.mark.parametrize("newer", [ended(1, 2, at=20), to(revision=2), ended(1, 2, state=DeliveryState.SILENCED)])
def test_of_an_incident_only_the_last_word_is_sent_again(newer: Delivery) -> None:
    assert found([ended(1, 1), newer], DeliveryState.EXPIRED) == ([], 1)


def test_each_endpoint_has_its_own_last_word() -> None:
    log = [retry.final(to(OTHER, revision=2), DeliveryState.DELIVERED, ""), ended(1, 1)]
    assert found(log, DeliveryState.EXPIRED) == ([(given.incident_of(1), 1)], 0)


def test_it_is_pending_under_its_id_with_the_alert_and_the_log_goes_on() -> None:
    told = given.alert(about=given.incident(claims=tuple(given.claim(number) for number in range(2 * MOST_CLAIMS))))
    before = retry.after_attempt(
        to(), Answer(http_status=403), Judgement(Outcome.DENIED, "no"), started=NOW, late=False, jitter=0.5
    )
    after = redelivery.again(before, told, NOW + HOUR, "ana has it sent again")
    assert (after.delivery_id, after.attempts, after.state) == (
        before.delivery_id,
        before.attempts,
        DeliveryState.PENDING,
    )
    assert (after.redelivered_after, after.reason) == ((1,), "ana has it sent again")
    assert retry.due_at(after) == NOW + HOUR
    assert after.alert is not None
    assert after.alert.incident.claims == told.incident.claims[-MOST_CLAIMS:]
    assert retry.progress(after) > retry.progress(before)
    assert decode(encode(after), Delivery) == after


async def test_a_delivery_that_expired_is_sent_again_with_a_schedule_of_its_own() -> None:
    there = world(to())
    there.answers(DESK, *[BROKEN] * (2 * len(retry.DELAYS_S)), OK)
    times = len(retry.DELAYS_S)
    async with dispatching(there, days=9) as _:
        for had in (times, 2 * times):
            await there.until_final(to())
            last = there.state(to())
            assert (last.state, len(last.attempts)) == (DeliveryState.EXPIRED, had)
            assert last.reason.startswith(f"{times} attempts")
            there.write(redelivery.again(last, given.alert(), there.clock.now(), ""))
        await there.until(lambda: there.state(to()).state is DeliveryState.DELIVERED)
    last = there.state(to())
    assert (len(last.attempts), last.redelivered_after) == (2 * times + 1, (times, 2 * times))
    assert set(there.sent_to(DESK)) == {to().delivery_id}


async def test_what_is_sent_again_is_not_taken_back_by_what_was() -> None:
    """The alert is matched again, and a worker that lost the partition writes late, while it is pending once more."""
    delivered = retry.after_attempt(
        to(), Answer(http_status=204), Judgement(Outcome.DELIVERED, ""), started=NOW, late=False, jitter=0.5
    )
    renewed = redelivery.again(delivered, given.alert(), NOW, "")
    there = world(delivered, renewed, to(), delivered)
    async with dispatching(there):
        await there.until(lambda: len(there.state(to()).attempts) == 2)
    assert there.state(to()).state is DeliveryState.DELIVERED
    assert len(there.sent) == 1


@pytest.mark.parametrize("steps", range(4))
async def test_a_crash_after_it_was_asked_for_loses_nothing(steps: int) -> None:
    delivered = retry.final(to(), DeliveryState.DROPPED, "the subscription is paused")
    there = world(delivered, redelivery.again(delivered, given.alert(), NOW, ""))
    there.steps_to_crash = steps
    try:
        async with dispatching(there):
            await there.until_final(to())
    except* Crash:
        pass
    there.steps_to_crash = None
    async with dispatching(there, log=compacted(there.log)):
        await there.until_final(to())
    assert there.state(to()).state is DeliveryState.DELIVERED
    assert set(there.sent_to(DESK)) == {to().delivery_id}


async def test_a_newer_word_that_comes_meanwhile_goes_instead() -> None:
    expired = ended()
    there = world(expired, redelivery.again(expired, given.alert(), NOW, ""))
    there.answers(DESK, BROKEN, OK)
    newer = given.delivery(given.alert(1, 2, about=given.incident(severity=Severity.EXTREME)), DESK)
    async with dispatching(there):
        await there.until(lambda: bool(there.sent))
        there.write(newer)
        await there.until_final(to(), newer)
    assert there.state(to()).state is DeliveryState.FOLDED
    assert there.state(newer).state is DeliveryState.DELIVERED


async def test_what_was_never_sent_gives_way_to_a_newer_word_that_came_while_someone_had_it_sent_again() -> None:
    """It was dropped while the subscription was paused. Between what someone was shown and his yes the next revision
    came: nobody is taken back."""
    dropped, newer = retry.final(to(), DeliveryState.DROPPED, "the subscription is paused"), to(revision=2)
    in_it = world(dropped, newer)
    async with dispatching(in_it):
        await in_it.until_final(newer)
        in_it.write(redelivery.again(dropped, given.alert(), in_it.clock.now(), "ana has it sent again"))
        await in_it.until_final(dropped)
    assert [delivery_id for delivery_id, _, _ in in_it.sent] == [newer.delivery_id]
    assert in_it.state(dropped).reason == "revision 2 goes instead"


def test_a_delivery_is_not_sent_again_without_end() -> None:
    often = ended().model_copy(update={"redelivered_after": (0,) * MOST_AGAIN})
    assert found([often]) == ([], 0)
    with pytest.raises(Refused, match="sent again 100 times"):
        redelivery.one(often, [often])
