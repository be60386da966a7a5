"""The rules a command reads by: those of `--rules`, else of CHANCERY_CLASSIFY__RULES_DIR, else the built-in ones."""

from pathlib import Path
from typing import Annotated, NoReturn

import typer

from services.classify.core.reading.matcher import LexiconError
from services.cli.context import EXIT_MISCONFIGURED, EXIT_USAGE, fail, settings

RulesDirectory = Annotated[
    Path | None,
    typer.Option(
        "--rules",
        metavar="DIR",
        help="Read by the lexicons/ and gazetteer/ in this directory.",
        show_default="CHANCERY_CLASSIFY__RULES_DIR, else the built-in rules",
    ),
]


def rules_directory(given: Path | None) -> Path | None:
    """Where the rules are; None for the built-in ones. Exits 78 when the environment cannot be used."""
    if given is not None:
        return given
    chosen = settings().classify.rules_dir
    return Path(chosen) if chosen else None


def refuse_rules(error: LexiconError, given: Path | None) -> NoReturn:
    """End the command: exit 2 when the option names rules that are wrong, 78 when the environment does."""
    fail(f"the rules cannot be used: {error}", EXIT_MISCONFIGURED if given is None else EXIT_USAGE)
