"""Two sides compared while they go on: what waits, what is settled, and that it ends as a comparison of the whole."""

import datetime as dt
from collections import Counter
from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from services.contracts.difference import Kind, Telling
from services.replay.core.comparison import paired
from services.replay.core.running import SHOWN, Running, Side
from services.replay.core.telling import moment_of, telling_of
from tests.contracts.examples import ALERT, FETCHED

TOLD = telling_of(ALERT)
AT = moment_of(ALERT)


def told(name: str, cause: str = "", **facts: str) -> Telling:
    return TOLD.model_copy(update={"alert_id": name, "cause": cause or f"of {name}", "facts": TOLD.facts | facts})


def settled(running: Running) -> Running:
    running.settle(running.mark())
    return running


def test_an_alert_of_one_side_waits_until_the_other_could_have_told_it() -> None:
    running = Running()
    mark = running.mark()
    running.tell(Side.LIVE, told("a"), AT)
    running.settle(mark)
    assert (running.standing.waiting, running.waiting) == (1, 1), "it was told after the mark"
    running.settle(running.mark())
    assert running.waiting == 0
    (lost,) = running.standing.differences
    assert (lost.kind, lost.a and lost.a.headline, lost.b, lost.at) == (Kind.LOST, TOLD.headline, None, FETCHED)


def test_a_pair_waits_for_the_one_that_was_told_last() -> None:
    running = Running()
    running.tell(Side.LIVE, told("a"), AT)
    mark = running.mark()
    running.tell(Side.SHADOW, told("a"), AT)
    running.settle(mark)
    assert running.standing.waiting == 1
    assert settled(running).standing.kinds == {None: 1}


def test_what_is_told_late_after_all_is_lost_no_more() -> None:
    running = Running()
    running.tell(Side.LIVE, told("a", killed="3"), AT)
    assert settled(running).standing.kinds == {Kind.LOST: 1}
    running.tell(Side.SHADOW, told("a", killed="7"), AT)
    standing = settled(running).standing
    assert standing.kinds == {Kind.CHANGED: 1}
    assert [(each.field, each.a, each.b) for each in standing.differences[0].otherwise] == [("killed", "3", "7")]


def test_one_that_tells_again_tells_nothing_new() -> None:
    running = Running()
    for _ in range(3):
        running.tell(Side.SHADOW, told("a"), AT)
    assert settled(running).standing.kinds == {Kind.GAINED: 1}


def test_an_alert_is_shown_under_its_own_id_and_found_by_the_one_it_has_on_the_other_side() -> None:
    running = Running()
    running.tell(Side.LIVE, told("live", killed="3"), AT, known_as="exercise")
    running.tell(Side.SHADOW, told("exercise", "another", killed="4"), AT)
    (changed,) = settled(running).standing.differences
    assert (changed.kind, changed.a and changed.a.alert_id, changed.b and changed.b.alert_id) == (
        Kind.CHANGED,
        "live",
        "exercise",
    )


def test_days_of_alerts_are_counted_and_not_kept() -> None:
    running = Running(kept=10)
    for number in range(500):
        at = AT + dt.timedelta(seconds=number)
        running.tell(Side.LIVE, told(f"a{number}"), at)
        if number % 2:
            running.tell(Side.SHADOW, told(f"a{number}"), at)
        if number % 7 == 0:
            running.settle(running.mark())
        assert sum(map(len, running._heard.values())) <= 2 * (10 + 7)
    standing = settled(running).standing
    assert standing.kinds == {None: 250, Kind.LOST: 250}
    assert len(standing.differences) == SHOWN
    newest_first = [each.at for each in standing.differences]
    assert newest_first == sorted(newest_first, reverse=True)
    assert newest_first[0] == AT + dt.timedelta(seconds=498)


def test_whatever_publishers_write_a_record_stays_small() -> None:
    running = Running()
    quote = TOLD.quotes[0].model_copy(update={"quote": "大" * 50_000, "title": "x" * 50_000, "url": "https://a/" * 999})
    for number in range(60):
        huge = told(f"a{number}", weapon="y" * 50_000)
        huge = huge.model_copy(update={"headline": "z" * 50_000, "quotes": (quote,) * 5, "articles": ("art",) * 999})
        running.tell(Side.LIVE, huge, AT)
    shown = settled(running).standing.differences
    assert len(shown) > 1
    assert sum(len(each.model_dump_json().encode()) for each in shown) < 300_000


CAUSES = st.sampled_from(["art-1", "art-2", "art-3"])
FACTS = st.fixed_dictionaries({"site": st.sampled_from("xy"), "type": st.sampled_from("pq")})


@st.composite
def sides(draw: st.DrawFn) -> tuple[list[Telling], list[Telling], list[str]]:
    """What each side tells, with ids that are its own within the side; and when which of them tells, and marks."""
    both = []
    for _ in Side:
        names = draw(st.lists(st.sampled_from("abcdefgh"), unique=True, max_size=8))
        both.append([told(name, draw(CAUSES), **draw(FACTS)) for name in names])
    steps = ["live"] * len(both[0]) + ["shadow"] * len(both[1]) + ["mark"] * draw(st.integers(0, 4))
    steps += ["settle"] * draw(st.integers(0, 4))
    return both[0], both[1], draw(st.permutations(steps))


def differences(pairs: Sequence[tuple[Telling | None, Telling | None]]) -> Counter[tuple[str, str]]:
    return Counter((a.alert_id if a else "", b.alert_id if b else "") for a, b in pairs)


@given(sides())
def test_once_all_is_settled_it_is_the_comparison_of_the_whole(
    given_sides: tuple[list[Telling], list[Telling], list[str]],
) -> None:
    live, shadow, steps = given_sides
    running, marks = Running(), [0]
    left = {"live": iter(live), "shadow": iter(shadow)}
    for step in steps:
        if step == "mark":
            marks.append(running.mark())
        elif step == "settle":
            running.settle(marks[-1])
        else:
            running.tell(Side(step), next(left[step]), AT)
        standing = running.standing
        assert sum(standing.kinds.values()) + standing.waiting == len(_pairs_of(running))
    standing = settled(running).standing
    pairs = paired(live, shadow)
    assert standing.kinds == Counter(pair.kind for pair in pairs)
    assert standing.waiting == 0
    assert differences([(each.a, each.b) for each in standing.differences]) == differences(
        [(pair.a, pair.b) for pair in pairs if pair.kind]
    )


def _pairs_of(running: Running) -> list[object]:
    return list(running._pairs())
