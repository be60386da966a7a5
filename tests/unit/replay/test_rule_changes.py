"""What differs between rules is found entry by entry, and each can be made alone."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.classify.adapters.data import rule_tables
from services.replay.core.rule_changes import Change, changes, may_speak, with_change

A: dict[str, Any] = {
    "fr.toml": {
        "language": {"code": "fr", "spaced": True},
        "events": {"x": ["bombe", "attentat"], "killing": []},
        "numbers": {"words": {"deux": 2}},
    },
    "sites.toml": {"quarter": [{"name": "Zone", "names": []}]},
}


def changed(path: tuple[str, ...], value: Any) -> dict[str, Any]:
    """`A` with another value there."""
    first, *rest = path

    def put(table: Any, way: list[str]) -> Any:
        return value if not way else {**table, way[0]: put(table.get(way[0], {}), way[1:])}

    return {**A, first: put(A.get(first, {}), list(rest))}


CASES = {
    "a term out": (("fr.toml", "events", "x"), ["bombe"], 'fr.toml: events.x: "attentat" was taken out'),
    "a term in": (("fr.toml", "events", "killing"), ["tué"], 'fr.toml: events.killing: "tué" was put in'),
    "a new key": (("fr.toml", "events", "shooting"), ["tir"], 'fr.toml: events.shooting: "tir" was put in'),
    "a number": (("fr.toml", "numbers", "words", "deux"), 3, "fr.toml: numbers.words.deux: 2 became 3"),
    "a new name": (("fr.toml", "language", "name"), "français", 'fr.toml: language.name: "français" was put in'),
    "a place out": (("sites.toml", "quarter"), [], 'sites.toml: quarter: {"name": "Zone", "names": []} was taken out'),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_a_change_is_named_and_can_be_made_alone(case: str) -> None:
    path, value, says = CASES[case]
    b = changed(path, value)
    (change,) = changes(A, b)
    assert str(change) == says
    assert with_change(A, change) == b
    assert changes(A, A) == []


WORDS = st.lists(st.sampled_from(["a", "b", "c", "d"]), max_size=4, unique=True)
LEXICON = st.fixed_dictionaries(
    {}, optional={"events": st.dictionaries(st.sampled_from(["x", "y"]), WORDS), "n": st.integers(0, 3)}
)
RULES = st.dictionaries(st.sampled_from(["fr.toml", "de.toml"]), LEXICON)


def entries(value: Any, path: tuple[str, ...] = ()) -> set[tuple[Any, ...]]:
    if isinstance(value, dict):
        return {entry for name, each in value.items() for entry in entries(each, (*path, name))}
    return {(*path, each) for each in value} if isinstance(value, list) else {(*path, value)}


@given(a=RULES, b=RULES)
def test_all_changes_together_lead_from_one_to_the_other(a: dict[str, Any], b: dict[str, Any]) -> None:
    found = a
    for change in changes(a, b):
        found = dict(with_change(found, change))
    assert entries(found) == entries(b)


def test_the_present_rules_differ_in_nothing_from_themselves() -> None:
    tables = rule_tables().by_name
    assert changes(tables, tables) == []
    assert "it.toml" in tables


@pytest.mark.parametrize(
    ("entry", "language", "speaks"),
    [
        ('"consolat{o,i}"', "it", True),
        ('"consolat{o,i}"', "fr", False),
        ('"ambasciata"', "it", False),
        ('"autobomba ~ consolato"', "it", True),
        ("7", "it", True),
        ('{"name": "Cairo", "lat": 30.0}', "it", True),
    ],
)
def test_which_entries_may_have_to_do_with_an_article(entry: str, language: str, speaks: bool) -> None:
    change = Change(file="it.toml", key=("sites", "consulate"), out=entry, listed=True)
    assert may_speak(change, language, " autobomba contro il consolato italiano al cairo ") is speaks


def test_places_concern_every_language() -> None:
    change = Change(file="sites.toml", key=("quarter",), in_='{"name": "Zamalek"}', listed=True)
    assert may_speak(change, "de", " in zamalek ")
