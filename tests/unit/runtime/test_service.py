"""How a service ends, and what it notices of the clock that it lives by."""

import asyncio

import pytest

from services.runtime.service import NotEnded, ended, set_back_s


async def test_who_is_told_to_stop_and_cannot_finish_is_ended() -> None:
    """As one that waits for brokers that are gone."""
    stop, cancelled = asyncio.Event(), asyncio.Event()

    async def work() -> None:
        stop.set()
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    with pytest.raises(NotEnded, match="do the brokers answer"):
        await ended(work(), stop, within_s=0.001)
    assert cancelled.is_set()


async def test_what_is_held_is_finished_first() -> None:
    stop, done = asyncio.Event(), asyncio.Event()

    async def work() -> None:
        await stop.wait()
        done.set()

    asyncio.get_running_loop().call_soon(stop.set)
    await ended(work(), stop)
    assert done.is_set()


async def test_what_ends_it_comes_through() -> None:
    async def work() -> None:
        raise TimeoutError("its own")

    with pytest.raises(TimeoutError, match="its own"):
        await ended(work(), asyncio.Event())


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
