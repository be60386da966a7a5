"""How well the reading is right: figures on the golden cases and on gold files given by path. Holds no text.

    python -m benchmarks.quality [GOLD.jsonl.gz ...] [--write]

`--write` also puts the tables under `results/quality.md`.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

from benchmarks.surroundings import RESULTS, command, surroundings
from services.classify.core.scoring.tally import EVERY, Evaluation, count, slot_ratio
from services.cli.evaluate import UnusableGold, judged, read_gold
from services.cli.scoresheet import Sheet, as_markdown, sheets

GOLDEN = Path(__file__).parent.parent / "tests" / "golden"
BARS = {
    "any_incident": ("any incident, F1", 0.88),
    "diplomatic": ("certain diplomatic targets, recall", 0.90),
    "alert": ("new incidents at diplomatic sites, recall", 0.90),
}
MOST_ALARMS_PER_1000 = 5
MOST_ALARMS_ON_NEGATIVES = 1 / 20
LEAST_IN_A_LANGUAGE = 0.75
LEAST_SLOT_F1 = 0.80
SLOTS_WITH_A_BAR = ("type", "host_state", "city", "date", "killed", "wounded")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("gold", nargs="*", type=Path, help="labelled rows (.jsonl, .jsonl.gz)")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    parts = ["# How well the reading is right\n", f"`{command('quality')}`\n"]
    try:
        for path in (*options.gold, GOLDEN):
            judgements = judged(read_gold(path), options.jobs)
            if len(parts) == 2:
                parts.append(f"{surroundings()}; ruleset {judgements[0].ruleset_version}.\n")
            name = "the golden cases" if path == GOLDEN else path.name
            parts.append(f"## On {name}: {len(judgements)} documents\n")
            evaluation = count(judgements)
            parts.extend(as_markdown(sheet) for sheet in (_bars(evaluation), *sheets(evaluation)) if sheet.rows)
    except UnusableGold as error:
        parser.error(str(error))
    text = "\n".join(parts)
    print(text)
    if options.write:
        (RESULTS / "quality.md").write_text(text, encoding="utf-8")


def _bars(evaluation: Evaluation) -> Sheet:
    rows = tuple(
        (what, f"{bar:.2f}", f"{figure:.3f}", "yes" if met else "no") for what, bar, figure, met in _held(evaluation)
    )
    return Sheet("Against the bars", ("", "bar", "measured", "reached"), rows)


def _held(evaluation: Evaluation) -> Iterator[tuple[str, float, float, bool]]:
    """What is asked of this gold, the bar, the figure, and whether it is reached."""
    answers = evaluation.answers[EVERY]
    for name, (what, bar) in BARS.items():
        ratio = answers[name].ratio
        figure = ratio.f1 if name == "any_incident" else ratio.recall
        if figure is not None and answers[name].documents and (name != "any_incident" or answers[name].negatives):
            yield what, bar, figure, figure >= bar
    if answers["diplomatic"].documents:
        alarms = answers["diplomatic"].false_alarms_per_1000
        yield "false alarms on them per 1,000 documents", MOST_ALARMS_PER_1000, alarms, alarms <= MOST_ALARMS_PER_1000
        for slot in SLOTS_WITH_A_BAR:
            f1 = slot_ratio(evaluation.paired[EVERY][slot]).f1 or 0.0
            yield f"slot {slot.replace('_', ' ')}, F1", LEAST_SLOT_F1, f1, f1 >= LEAST_SLOT_F1
    elif answers["alert"].negatives:
        rate = answers["alert"].false_alarms / answers["alert"].negatives
        yield "false alarms among the negatives", MOST_ALARMS_ON_NEGATIVES, rate, rate <= MOST_ALARMS_ON_NEGATIVES
        recalls = {language: table["alert"].ratio.recall for language, table in evaluation.answers.items()}
        language, recall = min(((one, r) for one, r in recalls.items() if r is not None), key=lambda pair: pair[1])
        yield f"recall of the lowest language ({language})", LEAST_IN_A_LANGUAGE, recall, recall >= LEAST_IN_A_LANGUAGE


if __name__ == "__main__":
    main()
