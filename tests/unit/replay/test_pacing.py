"""A replay keeps the pauses that lay between records, so many times shorter."""

from collections.abc import Sequence

import pytest

from services.replay.stage import paced
from tests.unit.replay.recordings import recorded


class Clock:
    """Time passes by sleeping, and by what is done with a record."""

    def __init__(self) -> None:
        self.now = 100.0
        self.slept: list[float] = []
        self.waited = 0

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds

    async def on_wait(self) -> None:
        self.waited += 1


async def given_at(after_s: Sequence[float], speed: float, takes_s: float = 0) -> tuple[list[float], Clock]:
    """When each record was given, in seconds from the first."""
    clock, at = Clock(), []
    records = iter([recorded(number, after_s=each) for number, each in enumerate(after_s)])
    async for _ in paced(records, speed, clock.on_wait, clock, clock.sleep):
        at.append(round(clock.now - 100.0, 6))
        clock.now += takes_s
    return at, clock


@pytest.mark.parametrize(
    ("speed", "at"),
    [(60, [0, 1, 1, 61]), (1, [0, 60, 60, 3_660]), (0.5, [0, 120, 120, 7_320]), (3_600, [0, 1 / 60, 1 / 60, 61 / 60])],
)
async def test_an_hour_takes_so_many_times_less(speed: float, at: list[float]) -> None:
    told, _ = await given_at([0, 60, 60, 3_660], speed)
    assert told == pytest.approx(at, abs=1e-5)


async def test_who_takes_long_over_one_is_given_the_next_at_once_and_the_whole_takes_no_longer() -> None:
    at, _ = await given_at([0, 60, 120, 6_000], 60, takes_s=5)
    assert at == [0, 5, 10, 100]


async def test_long_pauses_are_told_of_and_broken_off_within_a_second() -> None:
    _, clock = await given_at([0, 600], 60)
    assert max(clock.slept) <= 1
    assert clock.waited == len(clock.slept) == 10


async def test_a_record_from_before_the_first_waits_for_nothing() -> None:
    at, clock = await given_at([0, -50, 60], 60)
    assert at == [0, 0, 1]
    assert clock.slept == [1.0]
