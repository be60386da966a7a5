"""Turns at hosts."""

import heapq
import itertools

from hypothesis import given
from hypothesis import strategies as st

from services.ingest.core.politeness import HostPacer


def test_one_after_the_other_and_each_at_the_moment_it_was_told() -> None:
    pacer = HostPacer(at_once=9, spacing_s=2)
    assert [pacer.begins_at(key, "a.example", 10) for key in "xyz"] == [10, 12, 14]
    assert pacer.begins_at("other", "b.example", 10) == 10
    assert pacer.begins_at("y", "a.example", 12) == 12
    assert pacer.begins_at("new", "a.example", 12) == 16
    assert pacer.begins_at("z", "a.example", 14.5) == 14.5


def test_no_more_at_once_than_allowed() -> None:
    pacer = HostPacer(at_once=2, spacing_s=0)
    assert [pacer.begins_at(key, "a.example", 1) for key in "wxyz"] == [1, 1, None, None]
    assert pacer.ended("a.example") == ["y", "z"]
    assert pacer.begins_at("y", "a.example", 2) == 2
    assert pacer.begins_at("z", "a.example", 2) is None


@given(
    st.lists(st.tuples(st.integers(0, 30), st.sampled_from("ab"), st.integers(0, 9)), max_size=30),
    st.integers(1, 3),
    st.integers(0, 4),
)
def test_everyone_has_a_turn_and_no_host_too_many(
    wanted: list[tuple[int, str, int]], at_once: int, spacing_s: int
) -> None:
    """Polls that come at a time, at a host, and last so long: a small world with a clock of its own."""
    pacer = HostPacer(at_once, spacing_s)
    todo = [(float(due), f"{number}") for number, (due, _, _) in enumerate(wanted)]
    heapq.heapify(todo)
    ends: list[tuple[float, str]] = []
    begun: dict[str, list[float]] = {"a": [], "b": []}
    while todo or ends:
        if ends and (not todo or ends[0][0] <= todo[0][0]):
            now, host = heapq.heappop(ends)
            for key in pacer.ended(host):
                heapq.heappush(todo, (now, key))
            continue
        now, key = heapq.heappop(todo)
        _, host, lasts = wanted[int(key)]
        at = pacer.begins_at(key, host, now)
        if at == now:
            begun[host].append(now)
            heapq.heappush(ends, (now + lasts, host))
            assert sum(each == host for _, each in ends) <= at_once
        elif at is not None:
            heapq.heappush(todo, (at, key))
    assert sum(map(len, begun.values())) == len(wanted)
    for times in begun.values():
        assert all(later - earlier >= spacing_s for earlier, later in itertools.pairwise(times))
