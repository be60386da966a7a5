"""Turns at hosts."""

import heapq
import itertools
import math

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from services.ingest.core import politeness
from services.ingest.core.politeness import ASK_AGAIN_S, HostPacer, host_of


def test_one_after_the_other_and_each_at_the_moment_it_was_told() -> None:
    pacer = HostPacer(at_once=9, spacing_s=2)
    assert [pacer.begins_at(key, "a.example", 10) for key in "xyz"] == [10, 12, 14]
    assert pacer.begins_at("other", "b.example", 10) == 10
    assert pacer.begins_at("y", "a.example", 12) == 12
    assert pacer.begins_at("new", "a.example", 12) == 16
    assert pacer.begins_at("z", "a.example", 14.5) == 14.5


def test_who_comes_late_waits_for_a_new_turn() -> None:
    """A poller that was busy finds two whose turns have both come; and one turn is not moved by asking again."""
    pacer = HostPacer(at_once=9, spacing_s=2)
    assert [pacer.begins_at(key, "a.example", 10) for key in "xyz"] == [10, 12, 14]
    assert pacer.begins_at("z", "a.example", 11) == 14
    assert pacer.begins_at("y", "a.example", 20) == 20
    assert pacer.begins_at("z", "a.example", 20) == 22
    assert pacer.begins_at("new", "a.example", 20) == 24
    assert pacer.begins_at("z", "a.example", 22) == 22


def test_no_more_at_once_than_allowed() -> None:
    pacer = HostPacer(at_once=2, spacing_s=0)
    assert [pacer.begins_at(key, "a.example", 1) for key in "wxyz"] == [1, 1, None, None]
    assert pacer.ended("a.example") == ["y", "z"]
    assert pacer.begins_at("y", "a.example", 2) == 2
    assert pacer.begins_at("z", "a.example", 2) is None


def test_a_throttled_host_is_left_alone_and_then_asked_by_turns() -> None:
    pacer = HostPacer(at_once=9, spacing_s=2, longest_hold_s=600)
    assert [pacer.begins_at(key, "a.example", 10) for key in "xyz"] == [10, 12, 14]
    assert pacer.hold("a.example", 11, 120) == 120
    assert pacer.begins_at("y", "a.example", 12) == 131
    assert pacer.begins_at("z", "a.example", 14) == 133
    assert pacer.begins_at("other", "b.example", 14) == 14
    assert pacer.begins_at("y", "a.example", 131) == 131
    assert pacer.begins_at("z", "a.example", 133) == 133


@pytest.mark.parametrize(("asked_s", "held_s"), [(None, 60), (0, 60), (5, 60), (90, 90), (86_400, 600)])
def test_a_hold_is_bounded_and_never_shortened(asked_s: float | None, held_s: float) -> None:
    pacer = HostPacer(at_once=1, spacing_s=0, longest_hold_s=600)
    assert pacer.hold("a.example", 1_000, asked_s) == held_s
    assert pacer.hold("a.example", 1_001, None) == max(60, held_s - 1)
    assert HostPacer(at_once=1, spacing_s=0).hold("a.example", 1_000, asked_s) == 0


@pytest.mark.parametrize(
    "url",
    [
        "https://a.example/1",
        "http://A.Example:8080/2?q=b.example",
        "https://user:secret@a.example./",
        "HTTP://a.EXAMPLE",
    ],
)
def test_a_host_is_one_however_it_is_written(url: str) -> None:
    assert host_of(url) == "a.example"


@example([(0, "a", 0)] * 3, 3, 2, set(), 20)
@given(
    st.lists(st.tuples(st.integers(0, 30), st.sampled_from("ab"), st.integers(0, 9)), max_size=30),
    st.integers(1, 3),
    st.integers(0, 4),
    st.sets(st.integers(0, 30)),
    st.sampled_from([1, 1, 5, 20]),
)
def test_everyone_has_a_turn_and_no_host_too_many(
    wanted: list[tuple[int, str, int]], at_once: int, spacing_s: int, throttled: set[int], tick_s: int
) -> None:
    """Polls that come at a time, at a host, and last so long, some throttled: a small world with a clock of its own,
    in which a busy poller looks at what is due only every `tick_s`."""
    pacer = HostPacer(at_once, spacing_s, longest_hold_s=20)
    held_until = {"a": 0.0, "b": 0.0}
    todo = [(float(due), f"{number}") for number, (due, _, _) in enumerate(wanted)]
    heapq.heapify(todo)
    ends: list[tuple[float, str, str]] = []
    begun: dict[str, list[float]] = {"a": [], "b": []}
    while todo or ends:
        if ends and (not todo or ends[0][0] <= todo[0][0]):
            now, host, ended = heapq.heappop(ends)
            if int(ended) in throttled:
                held_until[host] = now + pacer.hold(host, now, None)
            for key in pacer.ended(host):
                heapq.heappush(todo, (now, key))
            continue
        due, key = heapq.heappop(todo)
        if (now := math.ceil(due / tick_s) * float(tick_s)) > due:
            heapq.heappush(todo, (now, key))
            continue
        _, host, lasts = wanted[int(key)]
        at = pacer.begins_at(key, host, now)
        if at == now:
            begun[host].append(now)
            assert now >= held_until[host]
            heapq.heappush(ends, (now + lasts, host, key))
            assert sum(each == host for _, each, _ in ends) <= at_once
        elif at is not None:
            heapq.heappush(todo, (at, key))
    assert sum(map(len, begun.values())) == len(wanted)
    for times in begun.values():
        assert all(later - earlier >= spacing_s for earlier, later in itertools.pairwise(times))


def test_a_page_has_its_turn_between_polls_and_after_those_that_wait_for_a_moment() -> None:
    hosts = HostPacer(at_once=1, spacing_s=1.0)
    assert hosts.begins_at("poll", "a", 100.0) == 100.0
    assert hosts.visited_at("a", 100.5, lent=True) == 101.0  # a second after the poll began
    assert hosts.visited_at("a", 101.0, lent=True) == 101.0
    assert hosts.visited_at("a", 102.0, lent=False) == 102.0 + ASK_AGAIN_S  # the poll is not over
    assert hosts.begins_at("next", "a", 102.0) is None
    assert hosts.ended("a") == ["next"]
    assert hosts.visited_at("a", 102.0, lent=False) == 102.0
    assert hosts.begins_at("next", "a", 102.0) is None
    assert hosts.ended("a") == ["next"]
    assert hosts.begins_at("next", "a", 102.5) == 103.0
    assert hosts.visited_at("a", 102.5, lent=False) == 104.0  # behind the poll, whose moment is kept


def test_a_page_waits_while_its_host_is_held() -> None:
    hosts = HostPacer(at_once=1, spacing_s=1.0, longest_hold_s=600.0)
    hosts.hold("a", 100.0, 120.0)
    assert hosts.visited_at("a", 101.0, lent=False) == 220.0
    assert hosts.visited_at("b", 101.0, lent=False) == 101.0
    assert hosts.visited_at("a", 220.0, lent=False) == 220.0


def test_hosts_of_pages_are_forgotten_when_they_are_free(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(politeness, "MAX_REMEMBERED", 10)
    hosts = HostPacer(at_once=1, spacing_s=1.0)
    for n in range(100):
        assert hosts.visited_at(f"{n}", 2.0 * n, lent=True) == 2.0 * n
    assert len(hosts._begun_s) <= 10
