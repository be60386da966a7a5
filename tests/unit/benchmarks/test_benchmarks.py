"""The benchmarks measure what they say: articles of one size, quiet ones without an event, the bars that are asked."""

import datetime as dt
import json
from typing import Any

import pytest

from benchmarks import (
    correlation_load,
    delivery,
    delivery_chaos,
    feed_site,
    fit_specificity,
    pages,
    polling,
    quality,
    speed,
    stages,
)
from benchmarks.pollers import Pass
from deploy.demo import newsroom
from services.classify.adapters.data import load_rules, state_names
from services.classify.core.correlation.memory import Memory
from services.classify.core.reading import specificity
from services.classify.core.reading.article import ArticleText
from services.classify.core.reading.pipeline import Reader
from services.classify.core.scoring.evaluation import Judgement, SlotVerdict, Verdict
from services.classify.core.scoring.tally import count
from services.contracts.alert import Alert, ChangeKind
from services.contracts.incident import Incident
from services.ingest.adapters.parsing import parse
from services.ingest.core.full_text import read_page
from services.notify.core.filter import should_notify

READER = Reader(load_rules())


LANGUAGES = sorted(READER.rules.lexicons)


@pytest.mark.parametrize("name", speed.MIXES)
def test_articles_are_of_one_size_in_every_language_and_the_same_each_time(name: str) -> None:
    lines = speed._lines(speed.MIXES[name], 40, LANGUAGES)
    rows = [json.loads(line) for line in lines]
    assert [row["lang"] for row in rows[: len(LANGUAGES)]] == LANGUAGES
    assert all(speed.ARTICLE_BYTES - 3 <= len(row["text"].encode()) <= speed.ARTICLE_BYTES for row in rows)
    assert speed._lines(speed.MIXES[name], 40, LANGUAGES) == lines


def test_pages_hold_a_story_in_every_language_among_what_is_none() -> None:
    htmls = pages._pages(len(LANGUAGES))
    assert len(set(htmls)) == len(LANGUAGES)
    for html in htmls:
        text = read_page(html.decode()).text
        assert text.count("\n") + 1 >= 8  # the story's paragraphs, and its headline perhaps
        assert "var a" not in text
        assert "menu__item" not in text


def test_leads_tell_an_attack_and_ordinary_paragraphs_none() -> None:
    for language, texts in speed._texts(LANGUAGES).items():
        for text, tells in ((texts.leads[0], True), ("\n".join(texts.ordinary), False)):
            article = ArticleText(id="1", text=text, language_hint=language)
            assert any(report.alertable for report in READER.read(article).reports) is tells, text


def test_about_one_article_of_a_day_in_ten_tells_an_attack() -> None:
    rows = map(json.loads, speed._lines(speed.MIXES["a day of feeds"], 240, LANGUAGES))
    articles = (ArticleText(id=row["id"], text=row["text"], language_hint=row["lang"]) for row in rows)
    assert 0.06 < sum(bool(READER.read(article).reports) for article in articles) / 240 < 0.14


def test_terms_lose_their_notation() -> None:
    assert speed._terms({"attack": ["attack{s,ed} ~ on", "*bomb*", "=US"]}) == ["attacks  on", "bomb", "US"]


def test_bars_are_held_against_what_the_gold_answers() -> None:
    right = SlotVerdict("killed", Verdict.RIGHT, 0, True, "1", "1")
    judged = [
        Judgement("a", "en", "1", {"any_incident": (True, True), "diplomatic": (True, True)}, slots=(right,)),
        Judgement("b", "en", "1", {"any_incident": (False, True), "diplomatic": (False, True)}),
    ]
    rows = {row[0]: row[1:] for row in quality._bars(count(judged)).rows}
    assert rows["any incident, F1"] == ("0.88", "0.667", "no")
    assert rows["certain diplomatic targets, recall"] == ("0.90", "1.000", "yes")
    assert rows["false alarms on them per 1,000 documents"] == ("5.00", "500.000", "no")
    assert rows["slot killed, F1"] == ("0.80", "1.000", "yes")
    golden = [
        Judgement("a", "fr", "1", {"alert": (True, True)}),
        Judgement("b", "de", "1", {"alert": (True, False)}),
        Judgement("c", "de", "1", {"alert": (False, False)}),
    ]
    rows = {row[0]: row[1:] for row in quality._bars(count(golden)).rows}
    assert rows["recall of the lowest language (de)"] == ("0.75", "0.000", "no")
    assert rows["false alarms among the negatives"] == ("0.05", "0.000", "yes")


TOLD = "Lima, 3 May 1990 -- A bomb exploded yesterday at the home of Judge Ana Solis and wounded two of her guards."
UNTOLD = "Lima, 3 May 1990 -- The army says that combat goes on every year and that many soldiers have died in attacks."


def _rows(pairs: int) -> list[dict[str, Any]]:
    target = {"type": "BOMBING", "targets": [{"names": ["HOME OF JUDGE ANA SOLIS"]}]}
    return [
        {"date": "1990-05-03", "text": text.upper(), "text_cased": text, "label_any_incident": bool(told)}
        | {"incidents": told}
        for _ in range(pairs)
        for text, told in ((TOLD, [target]), (UNTOLD, []))
    ]


def test_reports_of_a_season_open_join_repeat_and_close() -> None:
    reports = list(correlation_load.reports(400, correlation_load.templates(READER)))
    assert len({report.record_id for report in reports}) == 400
    memory, states = Memory(), state_names()
    caused = [record for report in reports for _, record in stages.caused_by(report, memory, states)]
    alerts = [record for record in caused if isinstance(record, Alert)]
    made = {alert.change for alert in alerts}
    assert made >= {ChangeKind.OPENED, ChangeKind.CASUALTIES_REVISED, ChangeKind.CORROBORATED, ChangeKind.CLOSED}
    assert max(len(record.claims) for record in caused if isinstance(record, Incident)) > 3


def test_incidents_of_a_recovery_are_those_a_report_joins() -> None:
    models = correlation_load.templates(READER)
    known = list(correlation_load.incidents(600, models))
    assert len({incident.incident_id for _, incident in known}) == 600
    state, incident = known[0]
    memory = Memory()
    memory.put(state, None, [other for own, other in known if own == state])
    again = correlation_load.told_again(incident, models[0])
    ((_, joined), *_) = stages.caused_by(again, memory, state_names())
    assert isinstance(joined, Incident)
    assert (joined.incident_id, joined.revision) == (incident.incident_id, incident.revision + 1)


def test_articles_of_the_newsroom_are_one_in_five_and_new_each_time() -> None:
    articles = list(correlation_load.articles(1_000))
    assert len({article.article_id for article in articles}) == 1_000
    titles = {item.title for publication in newsroom.read() for item in publication.items}
    assert sum(article.title in titles for article in articles) == 200
    assert stages.quantile([3.0, 1.0, 2.0], 0.5) == 2.0


def test_the_site_has_twenty_entries_of_every_language_in_both_formats() -> None:
    read = [parse(feed_site.document(n), "application/xml", "https://feeds.example/", 100) for n in range(24)]
    assert {(document.problem, len(document.entries)) for document in read} == {("", feed_site.ENTRIES)}
    assert {document.format for document in read} == {"RSS 2.0", "Atom 1.0"}
    assert len({document.language for document in read}) > 8
    assert len({entry.id for document in read for entry in document.entries}) == 24 * feed_site.ENTRIES


def test_ratios_are_of_one_round_and_chancery_stands_over_the_others() -> None:
    ours, other = polling.CONTENDERS[:2]
    runs = {
        ours: [Pass(seconds, 1.0, 150.0) for seconds in (1.0, 2.0, 4.0)],
        other: [Pass(seconds, 2.0, 90.0) for seconds in (2.0, 2.0, 2.0)],
    }
    mine, theirs = polling._pass_sheet("", runs, 1_000, "").rows
    assert mine == (ours.name, "500", "250 to 1,000", "1.00", "1.00", "1.00", "150")
    assert theirs == (other.name, "500", "500 to 500", "1.00", "2.00", "0.50", "90")


def test_a_state_of_the_steady_run_has_the_validators_of_its_feed_but_one_in_twenty() -> None:
    states = [polling._state(feed, number, 1_600_000_000.0) for number, feed in enumerate(polling._feeds(1, 40))]
    kept = [state.etag == feed_site.etag(number) for number, state in enumerate(states)]
    assert kept.count(False) == 2
    assert {len(state.seen) for state in states} == {50}


def test_fitted_points_tell_what_the_engine_would_report_with_them(monkeypatch: pytest.MonkeyPatch) -> None:
    documents = list(fit_specificity.documents_of(_rows(60), READER))
    assert [reading.on_target for reading in documents[0].readings] == [(True,), (True,)]
    points = fit_specificity.fit(documents)
    assert points == fit_specificity.fit(documents)
    monkeypatch.setattr(specificity, "WEIGHTS", dict(points.weights))
    monkeypatch.setattr(specificity, "ENOUGH", points.enough)
    for document, text in zip(documents, (TOLD, UNTOLD), strict=False):
        article = ArticleText(id="a", text=text, published_at=dt.datetime(1990, 5, 3, 12, tzinfo=dt.UTC))
        assert points.tell(document.readings[1]) is bool(READER.read(article).reports) is document.incident


def test_the_written_table_is_the_fitted_one() -> None:
    points = fit_specificity.Points({"wounded": 0.6, "quoted": -0.52, "a name": 0.14}, 0.25)
    table: dict[str, Any] = {}
    exec(fit_specificity.as_source(points, {"text": 0.8}), table)
    assert (table["WEIGHTS"], table["ENOUGH"]) == (points.weights, points.enough)
    assert list(table["WEIGHTS"]) == ["wounded", "a name", "quoted"]


def test_a_crowd_has_four_sick_in_ten_and_every_state_has_both() -> None:
    told = delivery.alerts(2 * delivery_chaos.STATES, correlation_load.host_states()[: delivery_chaos.STATES])
    assert [alert.change for alert in told] == [ChangeKind.OPENED] * len(told)
    everyone = delivery_chaos.crowd(1, 200)
    healthy = delivery_chaos.crowd(1, 200, sick=False)
    assert sum(everyone.healthy) == len(healthy.subscriptions) == 120
    ids_of_all = {each.subscription_id for each in everyone.subscriptions}
    assert {each.subscription_id for each in healthy.subscriptions} <= ids_of_all
    for alert in told:
        wanting = [
            well
            for each, well in zip(everyone.subscriptions, everyone.healthy, strict=True)
            if should_notify(each, alert).notify
        ]
        assert len(wanting) in (15, 16)
        assert set(wanting) == {True, False}
    for each, state in zip(everyone.subscriptions, everyone.states, strict=True):
        assert [should_notify(each, alert).notify for alert in told] == [
            index % delivery_chaos.STATES == state for index in range(len(told))
        ]
