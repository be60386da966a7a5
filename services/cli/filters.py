"""The options of a filter, for every command that takes one."""

from typing import Annotated

import typer
from babel import Locale

from services.cli.context import EXIT_USAGE, fail
from services.contracts.report import Certainty, IncidentType, Severity
from services.contracts.subscription import Filter

NO_STATES = {"EZ", "QO", "XA", "XB", "ZZ"}
"""CLDR's codes for the eurozone, outlying Oceania, pseudo-locales and the unknown."""

States = Annotated[
    list[str] | None, typer.Option(metavar="CC", help="ISO 3166-1 code, EU or UN. Give it again for more.")
]
Types = Annotated[
    list[IncidentType] | None,
    typer.Option(
        "--type", metavar="TYPE", help=f"Only this type. Give it again for more. One of {', '.join(IncidentType)}."
    ),
]
MinSeverity = Annotated[Severity, typer.Option(help="Nothing below this.")]
MinCertainty = Annotated[Certainty, typer.Option(help="Nothing below this.")]
NoUpdates = Annotated[bool, typer.Option("--no-updates", help="Only new incidents and escalations.")]
Exercises = Annotated[bool, typer.Option("--exercises", help="Drills and replays too, marked as such.")]


def filter_of(
    host_states: list[str] | None,
    sending_states: list[str] | None,
    types: list[IncidentType] | None,
    min_severity: Severity,
    min_certainty: Certainty,
    no_updates: bool,
    exercises: bool,
) -> Filter:
    return Filter(
        host_states=_codes(host_states),
        sending_states=_codes(sending_states),
        types=tuple(types or ()),
        min_severity=min_severity,
        min_certainty=min_certainty,
        updates=not no_updates,
        exercises=exercises,
    )


def _codes(given: list[str] | None) -> tuple[str, ...]:
    codes = [code.strip().upper() for each in given or () for code in each.split(",")]
    known = {code for code in Locale("en").territories if len(str(code)) == 2} - NO_STATES
    for code in codes:
        if code not in known:
            fail(f"{code!r} is no state: give two letters of ISO 3166-1 (IQ, FR), EU or UN", EXIT_USAGE)
    return tuple(dict.fromkeys(codes))


def words(asked: Filter) -> str:
    """What a filter asks, in words."""
    parts = [f"{asked.min_severity} and above"]
    if asked.min_certainty is not Certainty.UNLIKELY:
        parts.append(f"at least {asked.min_certainty}")
    parts += [f"in {', '.join(asked.host_states)}"] if asked.host_states else []
    parts += [f"sites of {', '.join(asked.sending_states)}"] if asked.sending_states else []
    parts += [f"only {', '.join(asked.types)}"] if asked.types else []
    parts += [] if asked.updates else ["no updates"]
    parts += ["exercises too"] if asked.exercises else []
    return "; ".join(parts)
