"""`chancery evaluate`: precision, recall and F1 of the reading against gold, with each mistake explained."""

import gzip
import json
import os
import tomllib
import zlib
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from functools import cache, partial
from pathlib import Path
from typing import Annotated

import typer
from babel import Locale
from rich.console import Console
from rich.markup import escape

from services.classify.adapters.data import load_rules
from services.classify.core.reading.matcher import LexiconError
from services.classify.core.reading.pipeline import Reader
from services.classify.core.scoring.evaluation import MEASURES, SLOTS, Judgement, Verdict, judge
from services.classify.core.scoring.gold import GoldDocument, GoldError, from_case, from_row
from services.classify.core.scoring.tally import count
from services.cli.context import EXIT_USAGE, print_json
from services.cli.progress import progress
from services.cli.rules import RulesDirectory, refuse_rules, rules_directory
from services.cli.scoresheet import as_document, as_table, sheets

_WORTH_A_PROCESS = 200
"""Documents a process must have to earn the seconds in which it loads the rules."""


class UnusableGold(Exception):
    """Gold that cannot be read: which file, line and field, and why."""


def register(app: typer.Typer) -> None:
    app.command(name="evaluate")(evaluate)


def evaluate(
    gold: Annotated[
        Path,
        typer.Argument(metavar="GOLD", help="JSON lines (.jsonl, .jsonl.gz), or golden cases (.toml or a folder)."),
    ],
    text_field: Annotated[str, typer.Option(help="The field of a row that holds the text.")] = "text",
    published_field: Annotated[str, typer.Option(help="The field that holds the day of publication.")] = "date",
    as_json: Annotated[bool, typer.Option("--json", help="Print everything as one JSON document.")] = False,
    limit: Annotated[int | None, typer.Option(min=1, help="Read only the first N documents.")] = None,
    misses: Annotated[int, typer.Option(min=0, help="How many mistakes of each kind to list.")] = 10,
    jobs: Annotated[int, typer.Option(min=1, help="Processes that read.", show_default="the cores")] = os.cpu_count()
    or 1,
    rules: RulesDirectory = None,
) -> None:
    """Score documents and slots against gold, per language and per type, and explain each mistake."""
    try:
        documents = read_gold(gold, text_field, published_field)[:limit]
        judgements = judged(documents, jobs, rules_directory(rules))
    except LexiconError as error:
        refuse_rules(error, rules)
    except UnusableGold as error:
        Console(stderr=True).print(f"[bold red]error:[/] {escape(str(error))}", highlight=False, soft_wrap=True)
        raise typer.Exit(EXIT_USAGE) from None
    if as_json:
        print_json(as_document(judgements))
        return
    console = Console(highlight=False, soft_wrap=True)
    for sheet in sheets(count(judgements)):
        console.print(as_table(sheet))
    _show_mistakes(console, judgements, misses)


def read_gold(path: Path, text_field: str = "text", published_field: str = "date") -> list[GoldDocument]:
    """The documents of a file of JSON lines, a golden file, or a folder of golden files by language.

    Raises UnusableGold.
    """
    try:
        if path.is_dir() or path.suffix == ".toml":
            documents = list(_cases(path))
        else:
            documents = list(_rows(path, text_field, published_field))
    except (OSError, UnicodeDecodeError, EOFError, zlib.error) as error:
        raise UnusableGold(f"cannot read {path}: {getattr(error, 'strerror', None) or error}") from None
    if not documents:
        raise UnusableGold(f"{path}: there is no document in it")
    return documents


def _rows(path: Path, text_field: str, published_field: str) -> Iterator[GoldDocument]:
    states = _states()
    with (
        gzip.open(path, "rt", encoding="utf-8-sig")
        if path.suffix == ".gz"
        else path.open(encoding="utf-8-sig") as lines
    ):
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
                if not isinstance(row, dict):
                    raise GoldError("", "is no JSON object")
                yield from_row(
                    row, text_field=text_field, published_field=published_field, states=states, number=number
                )
            except RecursionError:
                raise UnusableGold(f"{path}: line {number}: its JSON nests too deep") from None
            except ValueError as error:  # GoldError and what JSON raises
                raise UnusableGold(f"{path}: line {number}: {error}") from None


def _states() -> Mapping[str, str]:
    """ISO 3166 alpha-2 by casefolded English name, and by itself."""
    states = {}
    for code, name in Locale("en").territories.items():
        if len(code) == 2 and code.isalpha():
            states[name.casefold()] = states[code.casefold()] = code
    return states


def _cases(path: Path) -> Iterator[GoldDocument]:
    for file in sorted(path.rglob("*.toml")) if path.is_dir() else [path]:
        try:
            cases = tomllib.loads(file.read_text(encoding="utf-8")).get("case", [])
        except (tomllib.TOMLDecodeError, RecursionError) as error:
            raise UnusableGold(f"{file}: {error}") from None
        if not (isinstance(cases, list) and all(isinstance(case, dict) for case in cases)):
            raise UnusableGold(f"{file}: case: must be a list of tables")
        for number, case in enumerate(cases, 1):
            try:
                yield from_case(case, file.resolve().parent.name)
            except GoldError as error:
                raise UnusableGold(f"{file}: case {number}: {error}") from None


@cache
def _reader(rules: Path | None) -> Reader:
    return Reader(load_rules(rules))


def _judge(document: GoldDocument, rules: Path | None) -> Judgement:
    reader = _reader(rules)
    return judge(document, reader.explain(document.article), reader.rules.gazetteer)


def judged(documents: list[GoldDocument], jobs: int = 1, rules: Path | None = None) -> list[Judgement]:
    """Every document read by the rules of a directory (default: the built-in ones) and judged, in order; a bar on
    standard error tells how far it is. Raises LexiconError."""
    _reader(rules)  # before the processes fork, so that they share the rules
    judging = partial(_judge, rules=rules)
    jobs = max(1, min(jobs, len(documents) // _WORTH_A_PROCESS))
    if jobs == 1:
        return list(_watched(map(judging, documents), len(documents)))
    with ProcessPoolExecutor(jobs) as processes:
        return list(_watched(processes.map(judging, documents, chunksize=20), len(documents)))


def _watched(judgements: Iterable[Judgement], total: int) -> Iterator[Judgement]:
    with progress("reading", total) as advance:
        for judgement in judgements:
            yield judgement
            advance()


def _show_mistakes(console: Console, judgements: list[Judgement], most: int) -> None:
    """Up to `most` mistakes of each kind, with what the gold says and what the reading went by."""
    for name, measure in MEASURES.items():
        for kind, answer in (("missed", (True, False)), ("false alarm", (False, True))):
            wrong = [judgement for judgement in judgements if judgement.answers.get(name) == answer]
            if wrong and most:
                console.print(f"\n[bold]{measure.title}, {kind}: {len(wrong)}[/]")
            for judgement in wrong[:most]:
                console.print(f"[bold red]{escape(judgement.id)}[/] ({judgement.language})")
                for line in judgement.wanted:
                    console.print(f"  gold     {escape(line)}")
                for line in judgement.why:
                    console.print(f"  {escape(line)}")
    for slot in SLOTS:
        wrong_slots = [
            (judgement.id, one)
            for judgement in judgements
            for one in judgement.slots
            if one.slot == slot and one.paired and one.verdict is not Verdict.RIGHT
        ]
        if wrong_slots and most:
            console.print(f"\n[bold]{slot}, not right in a matched pair: {len(wrong_slots)}[/]")
        for where, one in wrong_slots[:most]:
            console.print(
                f"[red]{escape(where)}[/] {one.verdict}: gold {escape(one.wanted)}, told {escape(one.told)}"
                + (f" <- [u]{escape(one.evidence)}[/u]" if one.evidence else "")
            )
