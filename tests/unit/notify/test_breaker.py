"""How long an endpoint that fails is left alone: the rule by cases, and in the dispatcher's world."""

import itertools
from datetime import timedelta

import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st

from services.contracts.delivery import Attempt, DeliveryState
from services.notify.core import breaker
from services.notify.core.breaker import Run
from services.notify.core.status import Answer, Outcome
from tests.unit.notify.dispatching import BROKEN, DESK, OK, OTHER, dispatching, to, world
from tests.unit.notify.given import NOW


def attempt(number: int, outcome: Outcome) -> Attempt:
    return Attempt(at=NOW + timedelta(seconds=number), took_s=0.1, outcome=outcome)


@pytest.mark.parametrize(
    ("failures", "seconds"), [(0, 0), (1, 0), (4, 0), (5, 1), (6, 2), (7, 4), (10, 32), (11, 60), (12, 60), (9_999, 60)]
)
def test_the_rest_grows_to_a_minute(failures: int, seconds: float) -> None:
    assert breaker.rest_s(Run(failures, NOW)) == seconds


@pytest.mark.parametrize(
    ("outcomes", "failures"),
    [
        ([], 0),
        ([Outcome.FAILED, Outcome.TIMED_OUT, Outcome.THROTTLED], 3),
        ([Outcome.FAILED, Outcome.DELIVERED], 0),
        ([Outcome.DELIVERED, Outcome.UNREACHABLE, Outcome.DENIED], 2),
        ([Outcome.BODY_REFUSED, Outcome.LAYOUT_REFUSED, Outcome.UNWRITABLE, Outcome.UNREADABLE], 0),
        ([Outcome.FAILED, Outcome.NOT_ALLOWED, Outcome.FAILED], 2),
    ],
)
def test_what_counts(outcomes: list[Outcome], failures: int) -> None:
    run = breaker.run_of(attempt(number, outcome) for number, outcome in enumerate(outcomes))
    assert run.failures == failures
    assert (run.since is None) == (failures == 0)


@for_all(outcomes=st.lists(st.sampled_from(Outcome), max_size=12), data=st.data())
def test_the_log_in_any_order_gives_the_run_that_was(outcomes: list[Outcome], data: st.DataObject) -> None:
    log = [attempt(number, outcome) for number, outcome in enumerate(outcomes)]
    run = Run()
    for each in log:
        run = breaker.after(run, each.outcome, each.at)
    assert breaker.run_of(data.draw(st.permutations(log))) == run


async def test_many_deliveries_to_a_broken_endpoint_are_an_attempt_a_minute_and_none_expires_for_it() -> None:
    """Without the rest a hundred deliveries were five hundred attempts in the first ten minutes."""
    waiting = [to(DESK, number) for number in range(100)]
    healthy = [to(OTHER, number) for number in range(100)]
    in_it = world(*waiting, *healthy)
    in_it.answers(DESK, *[BROKEN] * 200, OK)
    async with dispatching(in_it, days=7):
        await in_it.until_final(*waiting, *healthy)
    assert {in_it.state(each).state for each in waiting} == {DeliveryState.DELIVERED}
    times = sorted(at for each in waiting for at in in_it.seconds(each))
    assert sum(at < 600 for at in times) == 19
    for each in waiting:
        *seconds, _ = in_it.seconds(each)  # the last, which was taken, may have been brought forward
        assert all(b - a >= wait for a, b, wait in zip(seconds, seconds[1:], (5, 30, 120, 300, 1_800), strict=False))
    assert {at for each in healthy for at in in_it.seconds(each)} == {0}


async def test_what_an_outage_made_wait_goes_as_soon_as_it_is_over() -> None:
    """The sixth attempt failed after 38 minutes, and the seventh would be made two hours later."""
    waiting, newer = to(DESK, 1), to(DESK, 2)
    in_it = world(waiting)
    in_it.answers(DESK, *[BROKEN] * 6, OK)
    async with dispatching(in_it, days=0.05):
        await in_it.until(lambda: len(in_it.sent) == 6)
        in_it.write(newer)
        await in_it.until_final(waiting, newer)
    assert in_it.state(waiting).state is in_it.state(newer).state is DeliveryState.DELIVERED
    assert in_it.seconds(waiting)[-1] < in_it.seconds(waiting)[-2] + 3 * 60


async def test_what_has_few_attempts_left_keeps_them_for_their_times() -> None:
    """Six failed, the next two would come after two and seven hours; the schedule is not spent on one good moment."""
    waiting, newer = to(DESK, 1), to(DESK, 2)
    in_it = world(waiting)
    in_it.answers(DESK, *[BROKEN] * 7, OK, BROKEN)
    async with dispatching(in_it, days=0.2):
        await in_it.until(lambda: len(in_it.sent) == 7)
        in_it.write(newer)
        await in_it.until_final(newer)
    assert len(in_it.state(waiting).attempts) == 7
    assert in_it.state(waiting).state is DeliveryState.PENDING


async def test_a_restart_remembers_how_often_it_failed_and_lets_it_rest() -> None:
    waiting = [to(DESK, number) for number in range(30)]
    in_it = world(*waiting)
    in_it.answers(DESK, BROKEN)
    async with dispatching(in_it, days=7):
        await in_it.until(lambda: len(in_it.sent) == 15)
    async with dispatching(in_it, days=7):
        await in_it.until(lambda: len(in_it.sent) == 18)
    times = [at for _, at, _ in in_it.sent[14:]]
    assert [later - earlier for earlier, later in itertools.pairwise(times)] == [timedelta(minutes=1)] * 3


@pytest.mark.parametrize(("ahead_s", "seconds"), [(0, 1.1), (-30, -28.9), (7_200, 11.0)])
def test_the_rest_is_from_the_end_of_the_last_attempt_and_not_by_a_clock_that_was_ahead(
    ahead_s: int, seconds: float
) -> None:
    failed = [attempt(ahead_s - number, Outcome.FAILED) for number in range(5)]
    until = breaker.rests_until(breaker.run_of(failed), failed, NOW + timedelta(seconds=10))
    assert until == NOW + timedelta(seconds=seconds)
    assert breaker.rests_until(Run(4, NOW), failed, NOW) is None


async def test_our_own_fault_holds_nobody_back() -> None:
    refused = [to(DESK, number) for number in range(20)]
    in_it = world(*refused)
    in_it.answers(DESK, Answer(outcome=Outcome.UNREADABLE), *[Answer(outcome=Outcome.NOT_ALLOWED)] * 18, OK)
    async with dispatching(in_it):
        await in_it.until_final(*refused)
    assert {at for each in refused for at in in_it.seconds(each)} == {0, 5}
