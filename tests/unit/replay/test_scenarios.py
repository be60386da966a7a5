"""Scenarios: those that there are lead to what their files say, and what is wrong with one is said."""

import ast
import datetime as dt
from pathlib import Path
from typing import Any

import pytest

from services.classify.adapters.data import load_rules, state_names, windows_of
from services.classify.core.chain import Chain, read
from services.classify.core.reading.pipeline import Reader
from services.classify.core.sites.known_sites import KnownSites
from services.contracts import ids
from services.contracts.alert import ChangeKind
from services.contracts.article import Article
from services.contracts.incident import IncidentStatus
from services.contracts.report import Classification
from services.replay.adapters import scenarios
from services.replay.adapters.rule_sets import CHECKOUT
from services.replay.core.drilling import Step, emptied, foreseen
from services.replay.core.scenario import BadScenario, scenario_of
from services.runtime.settings import ClassifySettings

READER = Reader(load_rules())
NOW = dt.datetime(2026, 11, 23, 8, tzinfo=dt.UTC)


def steps_of(name: str, begun: str = "now") -> list[Step]:
    articles = scenarios.named(name)[1].articles(name, ids.drill_id(name, begun), NOW)
    chain = Chain(windows_of(ClassifySettings()), state_names())
    return foreseen(articles, lambda article: read(READER, KnownSites(), article), chain)


@pytest.mark.parametrize("name", scenarios.names())
def test_each_leads_to_what_its_file_says(name: str) -> None:
    scenario, steps = scenarios.named(name)[1], steps_of(name)
    told = [[alert.change for alert in step.alerts] for step in steps]
    assert told == [list(each.tells) for each in scenario.article]
    assert told[0] == [ChangeKind.OPENED]
    assert steps[0].alerts[0].incident.site.site_key == scenario.site
    assert all(alert.exercise for step in steps for alert in step.alerts)
    assert len({each.language for each in scenario.publisher}) >= 3
    published = [step.article.published_at for step in steps]
    assert published == [each.published for each in scenario.article], "as then, for ADR 3"


@pytest.mark.parametrize("name", scenarios.names())
def test_an_edit_of_each_article_that_says_nothing_takes_all_back(name: str) -> None:
    articles = scenarios.named(name)[1].articles(name, ids.drill_id(name, "now"), NOW)
    chain = Chain(windows_of(ClassifySettings()), state_names())

    def said(article: Article) -> Classification:
        return read(READER, KnownSites(), article)

    steps = foreseen(articles, said, chain)
    foreseen(emptied(steps, NOW), said, chain)
    assert {each.status for each in chain.incidents} == {IncidentStatus.RETRACTED}


def test_there_are_five_and_the_founding_case_is_among_them() -> None:
    assert len(scenarios.names()) >= 5
    assert "baghdad-2020" in scenarios.names()


def test_played_again_it_is_another_drill() -> None:
    once, again = steps_of("baghdad-2020"), steps_of("baghdad-2020", "later")
    for kind in ("incident", "alert"):
        ours, theirs = (
            {getattr(each, f"{kind}_id") for step in steps for each in getattr(step, f"{kind}s")}
            for steps in (once, again)
        )
        assert ours.isdisjoint(theirs)
    assert {step.article.article_id for step in once}.isdisjoint(step.article.article_id for step in again)


def test_nothing_else_makes_an_article_of_a_drill() -> None:
    made = {
        str(path.relative_to(CHECKOUT))
        for path in (CHECKOUT / "services").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
        and ast.unparse(node.func) == "Article"
        and "drill" in [k.arg for k in node.keywords]
    }
    assert made == {"services/replay/core/scenario.py"}


GOOD: dict[str, Any] = {
    "title": "An attack",
    "about": "One article.",
    "site": "embassy:US:IQ:baghdad",
    "publisher": [{"id": "wire", "name": "Wire", "language": "en", "country": "GB"}],
    "article": [{"id": "1", "by": "wire", "published": NOW, "title": "Rockets", "text": "Rockets hit."}],
}
LATER = GOOD["article"][0] | {"id": "2", "published": NOW + dt.timedelta(days=31)}


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"title": ""}, "title: String should have at least 1 character"),
        ({"site": "Baghdad"}, "site: String should match pattern"),
        ({"sites": "x"}, "sites: Extra inputs are not permitted"),
        ({"article": []}, "article: Tuple should have at least 1 item"),
        ({"publisher": GOOD["publisher"] * 2}, "publisher: two are called 'wire'"),
        ({"article": [GOOD["article"][0] | {"by": "nobody"}]}, "article.0.by: there is no publisher 'nobody': wire"),
        ({"article": [GOOD["article"][0] | {"published": NOW.replace(tzinfo=None)}]}, "article.0.published: Input"),
        ({"article": [GOOD["article"][0] | {"tells": ["shouted"]}]}, "article.0.tells.0: Input should be 'opened'"),
        ({"article": [LATER, GOOD["article"][0]]}, "article.1.published: is before the article above it"),
        ({"article": [GOOD["article"][0], LATER]}, "article: the last is published more than 30 days after"),
    ],
)
def test_what_is_wrong_is_said_with_file_and_key(change: dict[str, Any], says: str) -> None:
    assert scenario_of("mine.toml", GOOD).lasts == dt.timedelta(0)
    with pytest.raises(BadScenario) as refused:
        scenario_of("mine.toml", GOOD | change)
    assert str(refused.value).startswith(f"mine.toml: {says}")


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        (b"title = ", "is no TOML in UTF-8"),
        (b'title = "\xff"', "is no TOML in UTF-8"),
        (b"x = " + b"[" * 100_000, "is no TOML in UTF-8"),
        (b"", "title: Field required"),
        (b" " * (scenarios.MOST_BYTES + 1), "is longer than 5,000,000 bytes"),
    ],
)
def test_a_file_that_is_none_is_refused(tmp_path: Path, raw: bytes, says: str) -> None:
    file = tmp_path / "mine.toml"
    file.write_bytes(raw)
    with pytest.raises(BadScenario) as refused:
        scenarios.named(str(file))
    assert str(refused.value).startswith(f"{file}: {says}")


def test_a_file_of_ones_own_is_played_under_its_name(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_bytes((scenarios.DIRECTORY / "kabul-2017.toml").read_bytes())
    name, scenario = scenarios.named(str(file))
    assert (name, scenario) == ("mine", scenarios.named("kabul-2017")[1])
    with pytest.raises(BadScenario, match="no scenario 'nowhere': there are ankara-2013, baghdad-2020"):
        scenarios.named("nowhere")
