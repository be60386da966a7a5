"""An evaluation as people and machines read it: sheets for the terminal and for Markdown, and one JSON document."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.table import Table

from services.classify.core.scoring.evaluation import MEASURES, SLOTS, Judgement, Verdict
from services.classify.core.scoring.tally import EVERY, Answers, Evaluation, Ratio, count, slot_ratio


@dataclass(frozen=True)
class Sheet:
    """A table of texts; the first column names the line."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""


def sheets(evaluation: Evaluation) -> Iterator[Sheet]:
    """The sheets of an evaluation that have a line."""
    languages = sorted(set(evaluation.documents) - {EVERY})
    over = [EVERY, *languages] if len(languages) > 1 else [EVERY]
    for sheet in (
        _documents(evaluation, over),
        _slots(evaluation),
        _by_language(evaluation, over),
        _types("Incidents of the gold by type", "incidents", "recall", evaluation.labels),
        _types("Reports by type (of the documents found)", "reports", "precision", evaluation.types),
        _unscored(evaluation),
    ):
        if sheet.rows:
            yield sheet


def as_table(sheet: Sheet) -> Table:
    table = Table(
        title=sheet.title, caption=sheet.note or None, title_justify="left", caption_justify="left", box=SIMPLE_HEAD,
        padding=(0, 1, 0, 0), pad_edge=False,
    )  # fmt: skip
    for number, (column, *cells) in enumerate(zip(sheet.columns, *sheet.rows, strict=True)):
        # Where room is short a heading may break, a figure may not.
        table.add_column(column, justify="right" if number else "left", min_width=max(map(len, cells)), overflow="fold")
    for row in sheet.rows:
        table.add_row(*row)
    return table


def as_markdown(sheet: Sheet) -> str:
    lines = [f"### {sheet.title}", "", *([sheet.note, ""] if sheet.note else [])]
    lines += [_line(sheet.columns), _line(["---"] * len(sheet.columns)), *map(_line, sheet.rows)]
    return "\n".join(lines) + "\n"


def as_document(judgements: list[Judgement]) -> dict[str, Any]:
    """Figures by language (`all` is their sum), then every document that was judged wrong on a measure or a slot."""
    evaluation = count(judgements)
    return {
        "documents": dict(evaluation.documents),
        "ruleset_version": judgements[0].ruleset_version,
        "measures": {
            language: {name: _answers(answers) for name, answers in table.items()}
            for language, table in evaluation.answers.items()
        },
        "slots": {
            kind: {
                language: {slot: _counts(counts) | _ratio(slot_ratio(counts)) for slot, counts in by_slot.items()}
                for language, by_slot in table.items()
            }
            for kind, table in (("paired", evaluation.paired), ("all", evaluation.all))
        },
        "exact": {
            language: {"right": right, "wanted": wanted} for language, (right, wanted) in evaluation.exact.items()
        },
        "extra_alerts": dict(evaluation.extra_alerts),
        "labels": {label: {"matched": one[True], "of": one.total()} for label, one in evaluation.labels.items()},
        "types": {kind: {"matched": one[True], "of": one.total()} for kind, one in evaluation.types.items()},
        "unscored": dict(evaluation.unscored),
        "mistakes": [mistake for judgement in judgements if (mistake := _mistake(judgement))],
    }


def _mistake(judgement: Judgement) -> dict[str, Any] | None:
    missed = [name for name, answer in judgement.answers.items() if answer == (True, False)]
    alarms = [name for name, answer in judgement.answers.items() if answer == (False, True)]
    slots = [asdict(one) for one in judgement.slots if one.verdict is not Verdict.RIGHT]
    if not (missed or alarms or slots):
        return None
    return {
        "id": judgement.id,
        "language": judgement.language,
        "missed": missed,
        "false_alarms": alarms,
        "slots": slots,
        "gold": judgement.wanted,
        "why": judgement.why,
    }


def _answers(answers: Answers) -> dict[str, Any]:
    return {
        "documents": answers.documents,
        "right": answers.ratio.right,
        "missed": answers.ratio.wanted - answers.ratio.right,
        "false_alarms": answers.false_alarms,
        "negatives": answers.negatives,
        "false_alarms_per_1000": answers.false_alarms_per_1000,
        **_ratio(answers.ratio),
    }


def _ratio(ratio: Ratio) -> dict[str, float | None]:
    return {"precision": ratio.precision, "recall": ratio.recall, "f1": ratio.f1}


def _counts(counts: Mapping[Verdict, int]) -> dict[str, int]:
    return {verdict.value: counts[verdict] for verdict in Verdict}


def _documents(evaluation: Evaluation, languages: list[str]) -> Sheet:
    rows = []
    for name, measure in MEASURES.items():
        for language in languages:
            answers = evaluation.answers[language][name]
            if answers.documents:
                ratio = answers.ratio
                # Precision says nothing where all documents should be answered the same.
                telling = answers.negatives and ratio.wanted
                precision, f1 = (ratio.precision, ratio.f1) if telling else (None, None)
                rows.append(
                    (
                        measure.title, language, str(answers.documents), str(ratio.wanted), str(ratio.right),
                        _figure(precision), _figure(ratio.recall), _figure(f1),
                        f"{answers.false_alarms} of {answers.negatives}", f"{answers.false_alarms_per_1000:.1f}",
                    )
                )  # fmt: skip
    columns = ("", "in", "scored", "wanted", "found", "P", "R", "F1", "false alarms", "/1,000")
    return Sheet(
        "Documents", columns, tuple(rows),
        "P, R: precision, recall. False alarms are of the documents without; /1,000: of those scored.",
    )  # fmt: skip


def _slots(evaluation: Evaluation) -> Sheet:
    rows = []
    for slot in SLOTS:
        paired, every = (table[EVERY][slot] for table in (evaluation.paired, evaluation.all))
        if every:
            one = slot_ratio(paired)
            counts = (str(one.wanted), str(one.told), str(one.right))
            rows.append((slot.replace("_", " "), *counts, *_figures(one), *_figures(slot_ratio(every))))
    columns = ("", "wanted", "told", "right", "P", "R", "F1", "P of all", "R of all", "F1 of all")
    return Sheet(
        "Slots on the documents found", columns, tuple(rows),
        "Over matched pairs of report and incident; `of all`: also incidents and reports without a partner.",
    )  # fmt: skip


def _by_language(evaluation: Evaluation, languages: list[str]) -> Sheet:
    used = [slot for slot in SLOTS if evaluation.paired[EVERY][slot]]
    rows = []
    for language in languages if len(languages) > 1 else ():
        right, wanted = evaluation.exact[language]
        figures = [_figure(slot_ratio(evaluation.paired[language][slot]).f1) for slot in used]
        rows.append((language, f"{right} of {wanted}", str(evaluation.extra_alerts[language]), *figures))
    columns = ("", "all right", "extra alerts", *(slot.replace("_", " ") for slot in used))
    return Sheet("By language: incidents right in every slot, and F1 of the slots over pairs", columns, tuple(rows))


def _types(title: str, what: str, figure: str, table: Mapping[str, Mapping[bool, int]]) -> Sheet:
    rows = []
    for name, matched in sorted(table.items(), key=lambda item: (-sum(item[1].values()), item[0])):
        total = sum(matched.values())
        rows.append((name, str(total), str(matched[True]), _figure(matched[True] / total)))
    return Sheet(title, ("", what, "matched", figure), tuple(rows))


def _unscored(evaluation: Evaluation) -> Sheet:
    rows = tuple((what, str(number)) for what, number in evaluation.unscored.most_common())
    return Sheet("Words of the gold that are not known here; their slots are left out", ("", "incidents"), rows)


def _figures(ratio: Ratio) -> tuple[str, str, str]:
    return _figure(ratio.precision), _figure(ratio.recall), _figure(ratio.f1)


def _figure(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"
