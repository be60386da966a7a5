"""A shadow is given articles in the order in which live took them, whatever the order of their topic."""

from hypothesis import given
from hypothesis import strategies as st

from services.replay.core.ordering import LiveOrder
from services.replay.core.recording import Recorded
from tests.unit.replay.recordings import recorded


def names(passed: object) -> list[tuple[int, int]]:
    assert hasattr(passed, "__iter__")
    return [(each.partition, each.offset) for each in passed]


def test_an_article_waits_for_its_report() -> None:
    order = LiveOrder()
    assert names(order.article("a", recorded(0))) == []
    assert names(order.article("b", recorded(1))) == []
    assert names(order.report("b")) == [(0, 1)]
    assert names(order.report("b")) == [], "its second report"
    assert names(order.report("a")) == [(0, 0)]
    assert len(order) == 0


def test_one_of_which_nothing_is_reported_waits_until_live_has_acknowledged_it() -> None:
    order = LiveOrder()
    for number, partition in enumerate((0, 1, 0)):
        assert names(order.article(f"a{number}", recorded(number, partition=partition))) == []
    assert order.held_from == {0: 0, 1: 1}
    assert names(order.release({0: 1})) == [(0, 0)]
    assert names(order.release({0: 3, 1: 1})) == [(0, 2)]
    assert order.held_from == {1: 1}


def test_a_report_that_is_seen_before_its_article_lets_it_pass() -> None:
    order = LiveOrder()
    assert names(order.report("a")) == []
    assert names(order.article("a", recorded(0))) == [(0, 0)]


def test_an_article_that_was_written_twice_is_given_once_while_it_waits() -> None:
    order = LiveOrder()
    assert names(order.article("a", recorded(0))) == []
    assert names(order.article("a", recorded(1))) == []
    assert names(order.report("a")) == [(0, 0)]


def test_of_what_live_had_done_before_only_the_reported_wait() -> None:
    order = LiveOrder({0: 5}, {"told"})
    assert names(order.article("silent", recorded(3))) == [(0, 3)]
    assert names(order.article("told", recorded(4))) == []
    assert names(order.article("not yet", recorded(5))) == []
    assert names(order.report("told")) == [(0, 4)]


@st.composite
def live_runs(draw: st.DrawFn) -> tuple[list[list[bool]], list[int], list[str]]:
    """Partitions of articles, each reported or not; in which order live takes from them; and what is seen when."""
    partitions = draw(st.lists(st.lists(st.booleans(), max_size=6), min_size=1, max_size=4))
    taken = draw(st.permutations([number for number, own in enumerate(partitions) for _ in own]))
    steps = ["article"] * len(taken) + ["report"] * len(taken) + ["release"] * draw(st.integers(0, 5))
    return partitions, taken, draw(st.permutations(steps))


@given(live_runs())
def test_all_pass_once_and_the_reported_in_the_order_in_which_live_took_them(
    run: tuple[list[list[bool]], list[int], list[str]],
) -> None:
    partitions, taken, steps = run
    at = [0] * len(partitions)
    lived: list[tuple[int, int]] = []
    for partition in taken:
        lived.append((partition, at[partition]))
        at[partition] += 1
    articles = iter([(p, n) for p, own in enumerate(partitions) for n in range(len(own))])
    reports = [place for place in lived if partitions[place[0]][place[1]]]
    waiting = iter(reports)
    order, passed = LiveOrder(), list[Recorded]()
    seen: set[tuple[int, int]] = set()
    reported: set[tuple[int, int]] = set()
    for step in [*steps, *["report"] * len(lived), "release"]:
        if step == "article" and (place := next(articles, None)) is not None:
            seen.add(place)
            passed += order.article(str(place), recorded(place[1], partition=place[0]))
        elif step == "report":
            # A report is read after its article, as live wrote it after it read that.
            upcoming = reports[len(reported)] if len(reported) < len(reports) else None
            if upcoming in seen and (place := next(waiting, None)) is not None:
                reported.add(place)
                passed += order.report(str(place))
        elif step == "release":
            passed += order.release(_acknowledged(lived, reported, reports))
    assert {(each.partition, each.offset) for each in passed} == set(lived)
    assert len(passed) == len(lived)
    assert [(p, n) for p, n in names(passed) if partitions[p][n]] == reports


def _acknowledged(
    lived: list[tuple[int, int]], reported: set[tuple[int, int]], reports: list[tuple[int, int]]
) -> dict[int, int]:
    """How far live may have come when no more reports than these are there."""
    done: dict[int, int] = {}
    for partition, offset in lived:
        if (partition, offset) in reports and (partition, offset) not in reported:
            break
        done[partition] = offset + 1
    return done
