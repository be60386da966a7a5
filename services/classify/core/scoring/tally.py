"""Judgements of documents added up to precision, recall and F1, by language.

Slots are counted twice: `paired` over matched pairs only, `all` also over incidents and reports that found no partner.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from services.classify.core.scoring.evaluation import Judgement, Verdict


@dataclass(frozen=True, slots=True)
class Ratio:
    """Precision, recall and F1 from counts; None where nothing could be counted."""

    right: int
    told: int
    wanted: int

    @property
    def precision(self) -> float | None:
        return self.right / self.told if self.told else None

    @property
    def recall(self) -> float | None:
        return self.right / self.wanted if self.wanted else None

    @property
    def f1(self) -> float | None:
        return 2 * self.right / (self.told + self.wanted) if self.told + self.wanted else None


@dataclass(slots=True)
class Answers:
    """Documents by (gold, told) of one measure."""

    counts: Counter[tuple[bool, bool]] = field(default_factory=Counter)

    @property
    def ratio(self) -> Ratio:
        right, alarms, missed = (self.counts[key] for key in ((True, True), (False, True), (True, False)))
        return Ratio(right, right + alarms, right + missed)

    @property
    def documents(self) -> int:
        return self.counts.total()

    @property
    def false_alarms(self) -> int:
        return self.counts[False, True]

    @property
    def false_alarms_per_1000(self) -> float:
        return 1000 * self.false_alarms / self.documents if self.documents else 0.0

    @property
    def negatives(self) -> int:
        return self.counts[False, True] + self.counts[False, False]


def slot_ratio(counts: Mapping[Verdict, int]) -> Ratio:
    """Told: right, wrong and spurious; wanted: right, wrong and missed."""
    right, wrong = counts[Verdict.RIGHT], counts[Verdict.WRONG]
    return Ratio(right, right + wrong + counts[Verdict.SPURIOUS], right + wrong + counts[Verdict.MISSED])


EVERY = "all"
"""The key of a table's line over all languages."""


@dataclass(slots=True)
class Evaluation:
    """Judgements, counted. Tables are by language first, with `EVERY` for the sum."""

    documents: Counter[str] = field(default_factory=Counter)
    answers: dict[str, dict[str, Answers]] = field(default_factory=lambda: defaultdict(lambda: defaultdict(Answers)))
    paired: dict[str, dict[str, Counter[Verdict]]] = field(
        default_factory=lambda: defaultdict(lambda: defaultdict(Counter))
    )
    all: dict[str, dict[str, Counter[Verdict]]] = field(
        default_factory=lambda: defaultdict(lambda: defaultdict(Counter))
    )
    labels: dict[str, Counter[bool]] = field(default_factory=lambda: defaultdict(Counter))
    types: dict[str, Counter[bool]] = field(default_factory=lambda: defaultdict(Counter))
    exact: dict[str, list[int]] = field(default_factory=lambda: defaultdict(lambda: [0, 0]))
    extra_alerts: Counter[str] = field(default_factory=Counter)
    unscored: Counter[str] = field(default_factory=Counter)


def count(judgements: Iterable[Judgement]) -> Evaluation:
    """Add judgements up."""
    evaluation = Evaluation()
    for judgement in judgements:
        for language in (EVERY, judgement.language):
            _count_one(evaluation, judgement, language)
        for label, matched in judgement.labels:
            evaluation.labels[label][matched] += 1
        for kind, matched in judgement.types:
            evaluation.types[kind][matched] += 1
        evaluation.unscored.update(judgement.unscored)
    return evaluation


def _count_one(evaluation: Evaluation, judgement: Judgement, language: str) -> None:
    evaluation.documents[language] += 1
    for name, answer in judgement.answers.items():
        evaluation.answers[language][name].counts[answer] += 1
    for one in judgement.slots:
        evaluation.all[language][one.slot][one.verdict] += 1
        if one.paired:
            evaluation.paired[language][one.slot][one.verdict] += 1
    for position, number in enumerate(judgement.exact):
        evaluation.exact[language][position] += number
    evaluation.extra_alerts[language] += judgement.extra_alerts
