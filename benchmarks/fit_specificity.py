"""Fits the points of `services/classify/core/reading/weights.py` to documents with a known answer. Holds no text.

    python -m benchmarks.fit_specificity MUC.jsonl.gz [--write]

A row holds `text` (in capitals), `text_cased`, `date`, `label_any_incident` and `incidents` with the names of their
targets; both texts count alike. Two logistic regressions make one table. The first knows tellings: those whose sentence
names a target of the key, against every telling of a document without incident. The second knows documents: the score
of the best telling, from a fit that has not seen the document, and the shares of the whole article. Their product is
linear in the features, so it is a sum of points.

First every fold of the documents is measured, as the engine would read it, with the points that the other folds give;
then all are fitted. The same rows give the same table. `--write` replaces `weights.py`.

numpy is no dependency of the project's own: it comes with py3langid.
"""

import argparse
import gzip
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import track

from services.classify.adapters.data import load_rules
from services.classify.core.reading import weights
from services.classify.core.reading.article import ArticleText, Work
from services.classify.core.reading.gist import Gist, Mention
from services.classify.core.reading.incidents import is_rejected_elsewhere
from services.classify.core.reading.pipeline import STAGES, Reader
from services.classify.core.reading.specificity import features_of, tone_of
from services.classify.core.reading.text import fold_term
from services.classify.core.scoring.gold import from_row
from services.contracts.report import Relation

try:
    import numpy as np
    from numpy.typing import NDArray
except ImportError:
    raise SystemExit(
        "benchmarks.fit_specificity needs numpy, which comes with py3langid: install the project"
    ) from None

FIELDS = ("text", "text_cased")
LEAST_SEEN = 20
"""Tellings a feature must be in, in each text on average: a rarer one fits noise."""
RIDGE_OF_TELLINGS, RIDGE_OF_DOCUMENTS = 20.0, 3.0
FOLDS = 5
LEAN = 0.3
"""By how much log odds the limit lies under even odds: there F1 is best."""
LEAST_POINTS = 0.1
"""What has fewer points is left out: F1 does not change, and the table can be read."""
SHORTEST_TARGET = 4

Features = tuple[str, ...]
Numbers = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Reading:
    """One text as the engine reads it, all that the points decide left open.

    `on_target`: for each telling, whether its sentence names a target of the key. `told`: something is reported
    whatever the points. `weighed`: for each incident that the points decide on, its tellings.
    """

    shares: Mapping[str, float]
    tellings: tuple[Features, ...]
    on_target: tuple[bool, ...]
    told: bool
    weighed: tuple[tuple[Features, ...], ...]


@dataclass(frozen=True, slots=True)
class Document:
    """Whether it tells an incident, and its text in each of `FIELDS`."""

    incident: bool
    readings: tuple[Reading, ...]


@dataclass(frozen=True, slots=True)
class Points:
    """What is fitted: feature -> points, and the sum that is enough."""

    weights: Mapping[str, float]
    enough: float

    def tell(self, reading: Reading) -> bool:
        """Whether the engine would report anything."""
        tone = sum(self.weights.get(name, 0.0) * share for name, share in reading.shares.items())
        return reading.told or any(
            sum(self.weights.get(name, 0.0) for name in telling) + tone >= self.enough
            for incident in reading.weighed
            for telling in incident
        )


def documents_of(rows: Iterable[Mapping[str, Any]], reader: Reader) -> Iterator[Document]:
    """The rows whose answer is not left open. Raises GoldError."""
    for number, row in enumerate(rows, 1):
        golds = [from_row(row, text_field=name, published_field="date", states={}, number=number) for name in FIELDS]
        incident = golds[0].any_incident
        if incident is not None:
            targets = frozenset(_targets(row))
            yield Document(incident, tuple(read(reader, gold.article, targets) for gold in golds))


def _targets(row: Mapping[str, Any]) -> Iterator[str]:
    for incident in row.get("incidents", ()):
        for target in incident.get("targets", ()):
            yield from (f" {fold_term(name)} " for name in target["names"] if len(name) >= SHORTEST_TARGET)


def read(reader: Reader, article: ArticleText, targets: frozenset[str]) -> Reading:
    """Through the engine's own stages."""
    work = Work(article, reader.rules)
    for _, stage in STAGES:
        if not stage(reader, work):
            break
    gist = work.gist
    if gist is None:
        return Reading({}, (), (), False, ())
    mentions = [item for item in work.told if isinstance(item, Mention)]
    sentences = [f" {' '.join(gist.folded.norm[one.sentence.start : one.sentence.end].split())} " for one in mentions]
    measured = bool(work.hits.all("actors"))
    by_points = [one for one in work.incidents if measured and one.relation is Relation.NONE]
    others = [one for one in work.incidents if not measured or one.relation is not Relation.NONE]
    return Reading(
        shares=tone_of(gist, len(mentions)).shares,
        tellings=tuple(_features(gist, one) for one in mentions),
        on_target=tuple(any(target in sentence for target in targets) for sentence in sentences),
        told=any(not one.rejected for one in others),
        weighed=tuple(
            tuple(_features(gist, mention) for mention in one.mentions)
            for one in by_points
            if not is_rejected_elsewhere(one)
        ),
    )


def _features(gist: Gist, mention: Mention) -> Features:
    return tuple(dict.fromkeys(features_of(gist, mention)))


@dataclass(frozen=True, slots=True)
class _Sample:
    """One reading as numbers: a row a telling, a column a feature; `shares` those of the article alone."""

    incident: bool
    fold: int
    table: Numbers
    on_target: tuple[bool, ...]
    shares: tuple[float, ...]


def fit(documents: Sequence[Document]) -> Points:
    """The points that tell documents with an incident from those without, as the module's docstring says."""
    seen = Counter(name for one in documents for reading in one.readings for row in reading.tellings for name in row)
    shares = sorted({name for one in documents for reading in one.readings for name in reading.shares})
    columns = sorted(name for name, times in seen.items() if times >= LEAST_SEEN * len(FIELDS)) + shares
    samples = list(_samples(documents, columns, shares))
    slopes, base = _fit_tellings(samples)
    rows: list[list[float]] = []
    answers: list[bool] = []
    for fold in range(FOLDS):
        inner, inner_base = _fit_tellings([one for one in samples if one.fold != fold])
        for one in samples:
            if one.fold == fold:
                rows.append([float((one.table @ inner).max()) + inner_base, *one.shares])
                answers.append(one.incident)
    (scale, *tones), shift = _logistic(np.array(rows), np.array(answers, float), RIDGE_OF_DOCUMENTS)
    points = dict(zip(columns, (float(scale * slope) for slope in slopes), strict=True))
    for name, tone in zip(shares, tones, strict=True):
        points[name] += float(tone)
    kept = {name: round(value, 2) for name, value in points.items() if abs(value) >= LEAST_POINTS}
    # Adding zero makes of -0.0 a plain 0.0.
    return Points(kept, round(-(float(scale) * base + shift + LEAN), 2) + 0.0)


def _samples(documents: Sequence[Document], columns: Sequence[str], shares: Sequence[str]) -> Iterator[_Sample]:
    position = {name: index for index, name in enumerate(columns)}
    for number, document in enumerate(documents):
        for reading in document.readings:
            if not reading.tellings:
                continue
            tones = tuple(reading.shares[name] for name in shares)
            table = np.zeros((len(reading.tellings), len(columns)))
            table[:, len(columns) - len(shares) :] = tones
            for row, telling in zip(table, reading.tellings, strict=True):
                row[[position[name] for name in telling if name in position]] = 1.0
            yield _Sample(document.incident, number % FOLDS, table, reading.on_target, tones)


def _fit_tellings(samples: Sequence[_Sample]) -> tuple[Numbers, float]:
    """What a document without incident tells is none; of one with incidents only what names a target is sure."""
    tables = [one.table[list(one.on_target)] if one.incident else one.table for one in samples]
    answers = np.concatenate(
        [np.full(len(table), float(one.incident)) for one, table in zip(samples, tables, strict=True)]
    )
    return _logistic(np.concatenate(tables), answers, RIDGE_OF_TELLINGS)


def _logistic(x: Numbers, y: Numbers, ridge: float) -> tuple[Numbers, float]:
    """Slopes and intercept of a logistic regression with a ridge on the slopes, by Newton's steps."""
    x = np.hstack([x, np.ones((len(x), 1))])
    penalty = np.eye(x.shape[1]) * ridge
    penalty[-1, -1] = 1e-6
    found = np.zeros(x.shape[1])
    for _ in range(12):
        chance = 1 / (1 + np.exp(-np.clip(x @ found, -30, 30)))
        curve = (x.T * (chance * (1 - chance) + 1e-6)) @ x + penalty
        found = found - np.linalg.solve(curve, x.T @ (chance - y) + penalty @ found)
    return found[:-1], float(found[-1])


def answers(points: Points, documents: Sequence[Document], field: int) -> Counter[tuple[bool, bool]]:
    """How often which answer was given on one of the texts: (wanted, told) -> documents."""
    return Counter((one.incident, points.tell(one.readings[field])) for one in documents)


def f1(given: Mapping[tuple[bool, bool], int]) -> float:
    """F1 of "tells an incident"."""
    right, wrong = given.get((True, True), 0), given.get((True, False), 0) + given.get((False, True), 0)
    return 2 * right / (2 * right + wrong) if right else 0.0


def held_out(documents: Sequence[Document]) -> dict[str, float]:
    """Field -> F1 over all documents, each answered by points that were fitted without its fold."""
    given: dict[str, Counter[tuple[bool, bool]]] = {name: Counter() for name in FIELDS}
    for fold in range(FOLDS):
        points = fit([one for number, one in enumerate(documents) if number % FOLDS != fold])
        for field, name in enumerate(FIELDS):
            given[name] += answers(points, documents[fold::FOLDS], field)
    return {name: f1(counted) for name, counted in given.items()}


def as_source(points: Points, measured: Mapping[str, float]) -> str:
    """`weights.py`: what speaks for an incident first, the strongest before the weaker."""
    figures = ", ".join(f"{name} {figure:.3f}" for name, figure in measured.items())
    ordered = sorted(points.weights.items(), key=lambda pair: (pair[1] < 0, -abs(pair[1]), pair[0]))
    lines = "\n".join(f'    "{name}": {value},' for name, value in ordered)
    return f'''"""Points of the features of `specificity.py`: how much each speaks for one concrete incident.

Written by `python -m benchmarks.fit_specificity`, which tells how; fitted on the MUC-3/MUC-4 development set, in
capitals and re-cased. F1 of any incident, each document answered by points fitted without its fold of {FOLDS}:
{figures}.
"""

ENOUGH = {points.enough}
"""The points that make a telling a concrete incident."""

WEIGHTS: dict[str, float] = {{
{lines}
}}
"""Feature -> points. Features of the whole article count by their share, 0 to 1."""
'''


def _rows(path: Path) -> list[dict[str, Any]]:
    with gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else path.open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines if line.strip()]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("corpus", type=Path, help="labelled rows (.jsonl, .jsonl.gz)")
    parser.add_argument("--write", action="store_true", help="replace services/classify/core/reading/weights.py")
    options = parser.parse_args()
    try:
        rows = track(_rows(options.corpus), "reading", console=Console(stderr=True))
        documents = list(documents_of(rows, Reader(load_rules())))
    except (OSError, ValueError, KeyError) as error:  # GoldError and what JSON raises are ValueErrors
        parser.error(f"{options.corpus.name}: {error}")
    if len({one.incident for one in documents}) < 2 or len(documents) < 2 * FOLDS:
        parser.error(f"{options.corpus.name}: a fit needs documents with and without an incident")
    measured = held_out(documents)
    points = fit(documents)
    for field, name in enumerate(FIELDS):
        in_sample = f1(answers(points, documents, field))
        print(f"{name}: F1 {measured[name]:.3f} held out, fold by fold of {FOLDS}; {in_sample:.3f} in sample")
    source = as_source(points, measured)
    if options.write:
        Path(weights.__file__).write_text(source, encoding="utf-8")
    else:
        print(source)


if __name__ == "__main__":
    main()
