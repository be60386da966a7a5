"""What a service notices of the clock that it lives by."""

import pytest

from services.runtime.service import set_back_s


async def noticed(*readings: tuple[float, float]) -> float:
    """Of a clock, and seconds that passed, at each look."""
    clock, passed = iter([at for at, _ in readings]), iter([at for _, at in readings])
    return await set_back_s(lambda: next(clock), lambda: next(passed), every_s=0)


@pytest.mark.parametrize("readings", [[(1_000, 5), (940, 6)], [(1_000, 5), (1_001, 6), (1_001, 6), (2, 7)]])
async def test_a_clock_that_is_set_back_is_noticed(readings: list[tuple[float, float]]) -> None:
    assert await noticed(*readings) >= 60


@pytest.mark.parametrize(
    "second",
    [(1_001, 6), (1_000.5, 60), (990, 6), (9_000, 6)],
    ids=["as it should", "a process that slept", "a little back", "ahead"],
)
async def test_nothing_else_is(second: tuple[float, float]) -> None:
    with pytest.raises(RuntimeError, match="StopIteration"):  # it goes on looking
        await noticed((1_000, 5), second)
