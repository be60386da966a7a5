"""Laws of the reader: total, deterministic, exact spans, bounded time."""

import datetime as dt
import sys
import time
from collections.abc import Callable
from functools import partial
from types import FrameType

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.speed import _adversaries
from services.classify.adapters.data import load_rules
from services.classify.core.reading.article import MAX_CHARACTERS, ArticleText
from services.classify.core.reading.pipeline import STAGES, Reader
from services.contracts.report import Relation, Standing

READER = Reader(load_rules())
PUBLISHED = dt.datetime(2020, 12, 21, tzinfo=dt.UTC)
CALLS_COUNTED_IN, MOST_CALLS = 6_000, 60
WORDS = st.sampled_from(
    "the US American embassy consulate in Baghdad Paris attack attacked bomb rockets exploded near killed wounded "
    "three 20 December Sunday . , ; \n "
    "ambassade des Etats-Unis à Bagdad attaque roquettes dimanche le la été visée par tirs "
    "morts blessés İ ß ʼ é\u0301 \u0640 \u200f 大使馆 السفارة if could anniversary film said by of".split(" ")
)
TEXTS = st.one_of(st.text(max_size=400), st.lists(WORDS, max_size=80).map(" ".join))


@settings(max_examples=300, deadline=None)
@given(TEXTS, st.text(max_size=40), st.sampled_from([None, "en", "fr", "xx", "ar-IQ", ""]))
def test_no_text_makes_it_raise_and_every_span_is_exact(text: str, title: str, hint: str | None) -> None:
    article = ArticleText(
        id="x", text=text, title=title, language_hint=hint, published_at=dt.datetime(2020, 12, 21, tzinfo=dt.UTC)
    )
    explanation = READER.explain(article)
    whole = article.full_text
    for finding in explanation.classification.reports:
        for spans in finding.evidence.values():
            for span in spans:
                assert whole[span.start : span.end] == span.quote
        if finding.alertable:
            assert finding.standing is not Standing.BACKGROUND
            assert finding.relation is not Relation.NONE
            assert not finding.guards
    for rejection in explanation.rejected:
        assert whole[rejection.start : rejection.end] == rejection.quote
        assert rejection.gates
    assert READER.read(article) == explanation.classification


@pytest.mark.parametrize(
    "unit",
    [
        "if anniversary attack of the and in embassy ",
        "killed 1 2 3 4 the and of one two three attack ",
        "attack, the embassy, of, ",
        "U.S. embassy in Baghdad was attacked on Sunday. ",
        "heart attack the of ",
        "fired the a of and to in is ",
        "attack e\u0301 the of and ",
        "attack of the and\n",
    ],
)
def test_four_times_the_text_is_nowhere_near_sixteen_times_the_work(unit: str) -> None:
    """Linear would be 4, quadratic 16. Processor time of two sizes in one run; what is absolute is in benchmarks/."""

    def work(characters: int) -> float:
        text = (unit * (characters // len(unit) + 1))[:characters]
        article = ArticleText(
            id="x", text=text, language_hint="en", published_at=dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
        )
        spent = []
        for _ in range(3):
            started = time.process_time()
            READER.read(article)
            spent.append(time.process_time() - started)
        return min(spent)

    assert work(MAX_CHARACTERS) / work(MAX_CHARACTERS // 4) < 10


@pytest.mark.parametrize("language", sorted(READER.rules.lexicons))
def test_no_text_takes_many_calls_a_character(language: str) -> None:
    """Counted, not timed: the same on any machine. Where each word was measured against each it would be hundreds."""
    for kind, unit in _adversaries(READER, language):
        text = (unit * (CALLS_COUNTED_IN // len(unit) + 1))[:CALLS_COUNTED_IN]
        article = ArticleText(id="x", text=text, language_hint=language, published_at=PUBLISHED)
        READER.read(article)  # builds what is built once
        assert _calls(partial(READER.read, article)) / CALLS_COUNTED_IN < MOST_CALLS, kind


def _calls(work: Callable[[], object]) -> int:
    """The calls of functions that `work` makes, built-in ones too."""
    number = 0

    def count(frame: FrameType, event: str, argument: object) -> None:
        nonlocal number
        number += event in ("call", "c_call")

    sys.setprofile(count)
    try:
        work()
    finally:
        sys.setprofile(None)
    return number


def test_what_lies_behind_the_bound_is_not_read() -> None:
    text = "The sun was out over the hills and in the town. " * (MAX_CHARACTERS // 40)
    article = ArticleText(id="x", text=text + "A bomb exploded at the US embassy in Baghdad.", language_hint="en")
    assert READER.read(article).reports == ()


def test_an_unknown_language_is_said() -> None:
    text = "A robbanás a nagykövetségnél történt, és senki sem sérült meg a rendőrség szerint ma reggel hét órakor."
    assert READER.read(ArticleText(id="x", text=text)).language == "und"


def test_stages_are_named_once() -> None:
    names = [name for name, _ in STAGES]
    assert len(names) == len(set(names))


def test_a_rejection_names_its_gate() -> None:
    explanation = READER.explain(
        ArticleText(id="x", text="The US embassy in Kabul condemned the bombing of a mosque in Herat on Friday.")
    )
    assert explanation.classification.reports == ()
    assert [gate.name for rejection in explanation.rejected for gate in rejection.gates] == ["statement"]
