"""Which alerts of two runs are the same, which changed, and which only one of them has."""

import pytest

from services.contracts.difference import Kind, Telling
from services.replay.core.comparison import Condition, paired
from services.replay.core.telling import telling_of
from tests.contracts.examples import ALERT

TOLD = telling_of(ALERT)


def told(name: str, cause: str = "art-1", **facts: str) -> Telling:
    return TOLD.model_copy(update={"alert_id": name, "cause": cause, "facts": TOLD.facts | facts})


def test_an_alert_is_told_by_its_cause_its_facts_and_its_quotes() -> None:
    newest = ALERT.incident.claims[-1]
    assert TOLD.cause == f"{newest.article_id}-{newest.article_revision}"
    assert TOLD.quotes[0].quote == newest.quote
    assert TOLD.facts["site"] == ALERT.incident.site.site_key
    assert TOLD.articles[0] == TOLD.cause


CASES = {
    "the same": ([told("a")], [told("a")], []),
    "lost": ([told("a"), told("b", "art-2")], [told("a")], [Kind.LOST]),
    "gained": ([told("a")], [told("a"), told("b", "art-2")], [Kind.GAINED]),
    "changed in what it says": ([told("a")], [told("a", killed="7")], [Kind.CHANGED]),
    "another id, since another type was read": ([told("a")], [told("b", type="suicide_attack")], [Kind.CHANGED]),
    "another id and nothing else": ([told("a")], [told("b")], []),
    "told by another article": ([told("a", "art-1")], [told("b", "art-2")], [Kind.LOST, Kind.GAINED]),
    "one of two of an article": (
        [told("a", site="x"), told("b", site="y")],
        [told("c", site="y")],
        [Kind.LOST],
    ),
    "nothing at all": ([], [], []),
}


@pytest.mark.parametrize("case", CASES)
def test_kinds_of_difference(case: str) -> None:
    a, b, kinds = CASES[case]
    pairs = paired(a, b)
    assert [pair.kind for pair in pairs if pair.kind] == kinds
    assert [pair.a for pair in pairs if pair.a] == a
    assert sorted(pair.b.alert_id for pair in pairs if pair.b) == sorted(each.alert_id for each in b)


def test_what_changed_is_named() -> None:
    (pair,) = paired([told("a", killed="3")], [told("a", killed="7", weapon="rocket")])
    changed = {field.field: (field.a, field.b) for field in pair.otherwise}
    assert changed["killed"] == ("3", "7")
    assert changed.get("weapon", ("", "rocket")) == (TOLD.facts.get("weapon", ""), "rocket")


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("lost>0", True),
        ("lost > 1", False),
        ("gained>=0", True),
        ("changed==0", True),
        ("lost!=1", False),
        ("lost<=1", True),
    ],
)
def test_conditions(text: str, holds: bool) -> None:
    assert Condition.parse(text).holds([Kind.LOST]) is holds


@pytest.mark.parametrize("text", ["lost", "missing>0", "lost>many", "lost>0 or gained>0", ""])
def test_a_condition_that_is_none_says_how_to_write_one(text: str) -> None:
    with pytest.raises(ValueError, match="write lost>0, gained>=3"):
        Condition.parse(text)
