"""What the load benchmark sends, how it searches and what it draws; and the laws of the model on paper."""

import itertools
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks import load, load_sheets, measured, model, news, surroundings
from benchmarks.correlation_load import WINDOWS
from benchmarks.growing_site import CITIES, SENDERS
from benchmarks.load_deployment import CHANCERY, Run
from services.classify.adapters.data import state_names
from services.classify.core.chain import Chain, read
from services.classify.core.sites.known_sites import KnownSites
from services.cli.scoresheet import Sheet, as_markdown
from services.contracts.alert import ChangeKind
from services.contracts.article import Article
from tests.unit.benchmarks.test_benchmarks import LANGUAGES, READER

COSTS = measured.Measured(
    poll_ms=0.8, document_ms=14, feed_kb=16, state_kb=6, classify_ms=3, classify_mb=300, article_kb=3, report_kb=2,
    incident_kb=3, alert_kb=3, delivery_kb=2, told_kb=1.5, delivery_ms=1.6, reports_a_second=600, shown_kb=26,
)  # fmt: skip


def of_these(articles: list[Article]) -> list[str]:
    """The articles that opened an incident which is told."""
    chain, known, found = Chain(WINDOWS, state_names()), KnownSites(), list[str]()
    for article in articles:
        fetched = article.model_copy(update={"fetched_at": article.fetched_at.replace(year=2026)})
        for report in chain.take_article(fetched, read(READER, known, fetched)):
            _, alerts = chain.take_report(report)
            found += [article.article_id for alert in alerts if alert.change is ChangeKind.OPENED]
    return found


def test_who_is_first_to_tell_of_an_attack_opens_an_incident_and_hardly_anybody_else() -> None:
    sent = list(itertools.islice(news.all_news(), 600))
    first = {each.article.article_id for each in sent if each.first}
    opening = of_these([each.article for each in sent])
    assert len(opening) == len(set(opening))
    assert first <= set(opening)
    assert len(set(opening) - first) <= 3, "the recorded day's others are no openings"
    assert 0.02 < len(first) / len(sent) < 0.06
    assert {each.article.language_hint for each in sent} == set(LANGUAGES)


def test_an_embassy_has_its_turn_again_when_the_first_attack_is_another() -> None:
    turns = len(CITIES) * len(SENDERS) / news.FIRST
    assert turns * news.APART > WINDOWS.merge


def test_the_news_are_the_same_each_time_and_thinned_where_too_few_tell() -> None:
    assert [each.article for each in itertools.islice(news.all_news(), 50)] == [
        each.article for each in itertools.islice(news.all_news(), 50)
    ]
    assert len(news.some(news.all_news(), 40, 0)) == 40
    first = {each.article.article_id for each in itertools.islice(news.all_news(), 2_000) if each.first}
    thinned = news.some(news.all_news(), 40, 20)
    assert 14 <= sum(article.article_id in first for article in thinned) <= 26


@given(st.floats(20, 5_000))
def test_the_search_ends_close_below_what_is_held(limit: float) -> None:
    tried: dict[float, bool] = {}
    while (rate := load.next_rate(tried, 200)) is not None:
        assert rate not in tried
        tried[rate] = rate <= limit
        assert len(tried) < 20
    best = max(rate for rate, kept in tried.items() if kept)
    assert best <= limit < best * load.CLOSEST * load.CLOSEST


def a_run(waited_s: tuple[float, ...], rate: float = 100) -> Run:
    used, idle = {"broker": 1.0, "classify": 0.5, "notify": 0.25}, {"broker": 0.1, "classify": 0.01, "notify": 0.01}
    return Run(rate, 1_000, 10, 0.01, waited_s, used, idle)


@pytest.mark.parametrize(
    ("waited_s", "kept"),
    [((0.1,) * 20, True), ((0.1,) * 19 + (5.1,), False), (tuple(each / 10 for each in range(20)), False)],
)
def test_a_rate_is_held_when_none_is_late_and_nothing_piles_up(waited_s: tuple[float, ...], kept: bool) -> None:
    assert load_sheets.held(a_run(waited_s)) is kept


def test_the_side_by_side_leaves_the_broker_out_and_what_a_process_takes_anyhow() -> None:
    run = a_run((0.1,) * 20)
    half = replace(run, cpu_s={name: used / 2 for name, used in run.cpu_s.items()}, idle=dict.fromkeys(run.idle, 0.0))
    sides = [load_sheets.Held(CHANCERY, each, {200.0: run}) for each in (run, half)]
    _, second = (line.split(" | ") for line in load_sheets.side_by_side(sides).splitlines()[-2:])
    assert second[3:5] == ["0.38", "1.47"]


def test_a_table_that_was_kept_is_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(surroundings, "RESULTS", tmp_path)
    sheets = [Sheet("One", ("", "a"), (("x", "1"),), "a note"), Sheet("Two", ("", "b", "c"), (("y", "2", "3"),))]
    surroundings.show("kept", "Title", "intro", map(as_markdown, sheets), write=True)
    assert surroundings.result("kept", "Two") == sheets[1]
    assert surroundings.result("kept", "One") == replace(sheets[0], note="")
    with pytest.raises(LookupError, match=r"python -m benchmarks\.kept --write"):
        surroundings.result("kept", "Three")


def test_a_chart_has_a_value_for_each_place_of_its_axis() -> None:
    chart = surroundings.plot("Times", "rate", [1, 10_000], "seconds", {"p50": [0.1, 0.25], "p99": [1, 2]})
    assert chart.splitlines() == [
        "```mermaid",
        "xychart-beta",
        '    title "Times: p50, p99"',
        '    x-axis "rate" ["1", "10,000"]',
        '    y-axis "seconds"',
        "    line [0.1, 0.25]",
        "    line [1, 2]",
        "```",
    ]


def values(asked: model.Asked) -> Mapping[str, float]:
    return {line.name: line.value for line in model.model(asked, COSTS).lines}


def test_twice_the_feeds_are_twice_the_polls_and_nothing_more_to_read() -> None:
    one, two = (values(model.Asked(feeds=feeds)) for feeds in (1e6, 2e6))
    for name in ("polls", "memory of feeds", "cores that poll", "feed states written"):
        assert two[name] == pytest.approx(2 * one[name])
    assert two["ingest replicas"] == pytest.approx(2 * one["ingest replicas"], abs=1)
    for name in ("articles", "reports", "alerts", "classify workers", "notifiers", "articles written"):
        assert two[name] == one[name]


def test_twice_the_articles_are_twice_the_workers_and_no_more_polls() -> None:
    one, two = (values(model.Asked(articles_a_day=number)) for number in (1e7, 2e7))
    for name in ("articles", "reports", "alerts", "deliveries", "articles written", "what passes through, kept"):
        assert two[name] == pytest.approx(2 * one[name])
    assert two["classify workers"] == pytest.approx(2 * one["classify workers"], abs=1)
    assert two["polls"] == one["polls"]


def test_copies_multiply_what_lies_on_brokers_and_prices_what_is_paid() -> None:
    one, three = (values(model.Asked(replication=copies)) for copies in (1, 3))
    for name in ("disk", "written at the peak, with copies", "partitions of all topics"):
        assert three[name] == pytest.approx(3 * one[name])
    prices = ("core_hour", "gb_hour", "disk_gb_month", "traffic_gb")
    cheap = model.Asked()
    dear = replace(cheap, **{name: 2 * getattr(cheap, name) for name in prices})
    assert values(dear)["money"] == pytest.approx(2 * values(cheap)["money"])
    assert values(cheap)["money"] == pytest.approx(
        sum(values(cheap)[f"money for {name}"] for name in ("cores", "memory", "disk", "traffic"))
    )


@given(st.floats(1, 1e8), st.floats(1, 1e9), st.floats(1.01, 10))
def test_more_never_takes_less(feeds: float, articles: float, times: float) -> None:
    asked = model.Asked(feeds=feeds, articles_a_day=articles)
    before, after = values(asked), values(replace(asked, feeds=feeds * times, articles_a_day=articles * times))
    each = {"money for a million articles"}
    assert all(after[name] >= before[name] * (1 - 1e-9) for name in before.keys() - each)


def test_partitions_are_enough_for_every_replica() -> None:
    for feeds in (1e3, 1e6, 3e7):
        found = values(model.Asked(feeds=feeds, articles_a_day=10 * feeds))
        assert found["partitions"] >= max(found[name] for name in ("ingest replicas", "classify workers", "notifiers"))


def test_workers_have_room_for_what_they_remember() -> None:
    asked = model.Asked(telling=0.5)
    found = values(asked)
    assert found["classify workers"] > values(model.Asked())["classify workers"]
    spare_gb = asked.replica_gb - COSTS.classify_mb / 1000
    assert found["classify workers"] * spare_gb >= found["memory of what was told"]


def test_limits_come_nearer_with_what_drives_them() -> None:
    def met(asked: model.Asked) -> Mapping[str, float]:
        return {each.what: each.at for each in model.bends(asked, COSTS, model.model(asked, COSTS))}

    one, two = met(model.Asked()), met(model.Asked(telling=0.004))
    for what in ("one country on one partition", "the console holds every incident"):
        assert two[what] == pytest.approx(one[what] / 2)
    listed = model.bends(model.Asked(), COSTS, model.model(model.Asked(), COSTS))
    assert len({each.what for each in listed}) == len(listed) == 5
    times = [each.at for each in listed if each.unit == model.TIMES]
    assert times == sorted(times)
