"""`chancery diff`: which alerts other rules would lose, gain or tell otherwise, on a recording."""

import threading
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from services.cli.context import EXIT_USAGE, AsJson, err, fail, out, print_json, say
from services.cli.progress import progress
from services.contracts.difference import Difference as BareDifference
from services.contracts.difference import Kind
from services.contracts.topics import ARTICLES
from services.replay.adapters.rule_sets import RECORDED, UnusableRules
from services.replay.core.comparison import Condition
from services.replay.core.recording import BadRecording
from services.replay.diff import Difference, Report, comparable
from services.replay.diff import diff as compared
from services.replay.page import diff_page

_COLOURS = {Kind.LOST: "bold red", Kind.GAINED: "bold green", Kind.CHANGED: "yellow"}


def register(app: typer.Typer) -> None:
    app.command(name="diff")(diff)


def diff(
    recording: Annotated[Path, typer.Argument(metavar="FILE", help="A recording with articles.")],
    rules: Annotated[
        list[str] | None,
        typer.Option(
            help="A directory with lexicons/, a git revision, or `recorded` for the alerts in FILE. Once: compared "
            "with the working tree; twice: the first with the second.",
            show_default="HEAD",
        ),
    ] = None,
    fail_on: Annotated[
        list[str] | None, typer.Option(metavar="CONDITION", help="Exit 1 if it holds: 'lost>0', 'changed>=3'.")
    ] = None,
    html: Annotated[
        Path | None, typer.Option(metavar="OUT", help="Also write a page, with nothing outside it.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Run two sets of rules over a recording, without a broker, and show every alert that they do not tell alike.

    Example: chancery diff day.jsonl.zst --rules HEAD~3 --rules . --fail-on 'lost>0'
    """
    named = rules or ["HEAD"]
    if len(named) > 2:
        fail("--rules is given once or twice", EXIT_USAGE)
    a, b = (named[0], named[1]) if len(named) == 2 else (named[0], None)
    try:
        conditions = [Condition.parse(text) for text in fail_on or ()]
        share = comparable(recording, RECORDED in named).seal.topics.get(ARTICLES.name)
        sides = 2 - [a, b].count(RECORDED)
        with progress("reading", (share.records if share else 0) * sides) as advance:
            turn = threading.Lock()

            def on_articles(more: int) -> None:
                with turn:
                    advance(more)

            report = compared(recording, a, b, on_articles)
    except (BadRecording, UnusableRules, ValueError) as error:
        fail(str(error), EXIT_USAGE)
    if html is not None:
        html.write_text(diff_page(report), encoding="utf-8")
    if as_json:
        print_json(report.model_dump(mode="json"))
    else:
        show(report)
    held = [condition.text for condition in conditions if condition.holds(each.kind for each in report.differences)]
    if held:
        err.print(f"[bold red]failed:[/] {escape(', '.join(held))}", highlight=False)
        raise typer.Exit(1)


def show(report: Report) -> None:
    """The comparison as text on standard output."""
    times = f", {report.first_at:%F} to {report.last_at:%F}" if report.first_at and report.last_at else ""
    _line(f"{report.recording}: {report.articles:,} articles{times}")
    for letter, ran in (("A", report.a), ("B", report.b)):
        _line(f"  {letter}  {ran.name}: rules {ran.rules_version}, {ran.counts.get('alerts', 0)} alerts")
    if report.remark:
        _line(f"  {report.remark}")
    number_of = report.number_of
    counts = ", ".join(f"{kind} {number_of[kind]}" for kind in Kind)
    _line(f"\n{counts}, same {report.same}")
    for difference in report.differences:
        show_difference(difference)
        _show_causes(difference)


def show_difference(difference: BareDifference) -> None:
    """What differs as text on standard output, with the words of its articles."""
    told = difference.b or difference.a
    assert told is not None
    out.print(f"\n[{_COLOURS[difference.kind]}]{difference.kind.upper()}[/] ", end="")
    _line(f"{told.change}: {told.headline}")
    for field in difference.otherwise:
        _line(f"    {field.field}: {field.a or 'nothing'} -> {field.b or 'nothing'}")
    for quote in told.quotes[:2]:
        where = f" {quote.url}" if quote.url else ""
        _line(f"    {quote.source} ({quote.language}): “{quote.quote}”{where}")


def _show_causes(difference: Difference) -> None:
    for cause in difference.because:
        why = "this change alone does it" if cause.alone else "may have to do with it"
        for change in cause.changes:
            _line(f"    because {change} ({why}), in “{cause.title}”")
        for gate in cause.gates:
            _line(f"    gate {gate}, in “{cause.title}”")


def _line(text: str) -> None:
    """Words of publishers, for a terminal: no markup of ours, and no control character that it would obey."""
    say("".join(c if c.isprintable() or c == "\n" else "\ufffd" for c in text))
