"""The benchmarks measure what they say: articles of one size, quiet ones without an event, the bars that are asked."""

import json

from benchmarks import quality, speed
from services.classify.adapters.data import load_rules
from services.classify.core.evaluation import Judgement, SlotVerdict, Verdict
from services.classify.core.pipeline import ArticleText, Reader
from services.classify.core.tally import count

READER = Reader(load_rules())


def test_articles_are_of_one_size_in_every_language_and_the_same_each_time() -> None:
    lines = speed._lines(40, READER, quiet=False)
    rows = [json.loads(line) for line in lines]
    assert {row["lang"] for row in rows} == set(READER.rules.lexicons)
    assert all(speed.ARTICLE_BYTES - 3 <= len(row["text"].encode()) <= speed.ARTICLE_BYTES for row in rows)
    assert speed._lines(40, READER, quiet=False) == lines


def test_quiet_articles_tell_nothing() -> None:
    for line in speed._lines(20, READER, quiet=True):
        row = json.loads(line)
        article = ArticleText(id=row["id"], text=row["text"], language_hint=row["lang"])
        assert READER.read(article).reports == ()


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
