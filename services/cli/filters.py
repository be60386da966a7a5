"""The options of a filter, for every command that takes one."""

import json
import re
from typing import Annotated, Any

import typer
from pydantic import ValidationError

from services.cli.context import EXIT_USAGE, fail
from services.contracts.report import Certainty, IncidentType, Outcome, Severity
from services.contracts.subscription import MOST_OTHER_FILTERS, SITE_PATTERN, Circle, Corroboration, Filter
from services.notify.core.asking import check
from services.notify.core.refused import Refused

States = Annotated[
    list[str] | None, typer.Option(metavar="CC", help="ISO 3166-1 code, EU or UN. Give it again for more.")
]
Sites = Annotated[
    list[str] | None,
    typer.Option(
        "--site", metavar="KEY", help="kind:sender:host:city, with * for any (embassy:US:IQ:*). Give it again for more."
    ),
]
Near = Annotated[
    list[str] | None,
    typer.Option(metavar="LAT,LON,KM", help="Within so many kilometres of a point. Give it again for more."),
]
Groups = Annotated[
    list[str] | None,
    typer.Option(
        "--group",
        metavar="NAME",
        help="At, or within the radius of, a known site of this group (`sites import`). Give it again for more.",
    ),
]
Types = Annotated[
    list[IncidentType] | None,
    typer.Option(
        "--type", metavar="TYPE", help=f"Only this type. Give it again for more. One of {', '.join(IncidentType)}."
    ),
]
Outcomes = Annotated[
    list[Outcome] | None, typer.Option("--outcome", help="Only with this outcome. Give it again for more.")
]
Languages = Annotated[
    list[str] | None, typer.Option("--language", metavar="LL", help="Only news in this language (ISO 639-1).")
]
Sources = Annotated[Corroboration, typer.Option(help="How many independent sources must tell it.")]
Or = Annotated[
    list[str] | None,
    typer.Option(
        "--or", metavar="JSON", help='What may hold instead: {"host_states": ["FR"], "min_severity": "severe"}.'
    ),
]
MinSeverity = Annotated[Severity, typer.Option(help="Nothing below this.")]
MinCertainty = Annotated[Certainty, typer.Option(help="Nothing below this.")]
NoUpdates = Annotated[bool, typer.Option("--no-updates", help="Only new incidents and escalations.")]
Exercises = Annotated[bool, typer.Option("--exercises", help="Drills and replays too, marked as such.")]


def filter_of(**asked: Any) -> Filter:
    """The filter of what was asked for, by field; None is not asked. Ends the command for what is no filter."""
    told = {name: value for name, value in asked.items() if value is not None}
    for name in {"host_states", "sending_states"} & told.keys():
        told[name] = _codes(told[name])
    if "languages" in told:
        told["languages"] = tuple(each.strip().lower() for each in told["languages"])
    if "near" in told:
        told["near"] = [_circle(each) for each in told["near"]]
    if "sites" in told:
        told["sites"] = [_site(each) for each in told["sites"]]
    return _checked(told, "the filter")


def or_filters(given: list[str] | None) -> tuple[Filter, ...]:
    """The filters of `--or`, each a JSON object with the fields of a Filter."""
    found = []
    if len(given or ()) > MOST_OTHER_FILTERS:
        fail(f"--or: {MOST_OTHER_FILTERS} at most; a filter may name many states and sites", EXIT_USAGE)
    for text in given or ():
        try:
            told = json.loads(text)
        except (ValueError, RecursionError):
            told = None
        if not isinstance(told, dict):
            fail(f"--or {text!r} is no JSON object", EXIT_USAGE)
        found.append(_checked(told, f"--or {text}"))
    return tuple(found)


def _checked(told: dict[str, Any], where: str) -> Filter:
    try:
        return check(Filter.model_validate(told))
    except Refused as error:
        fail(f"{where}: {error}", EXIT_USAGE)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        fail(f"{where}: {'.'.join(map(str, first['loc']))} {first['input']!r}: {first['msg']}", EXIT_USAGE)


def _circle(text: str) -> Circle:
    try:
        lat, lon, radius_km = (float(part) for part in text.split(","))
        return Circle(lat=lat, lon=lon, radius_km=radius_km)
    except ValueError:
        fail(
            f"--near {text!r}: give latitude (-90 to 90), longitude (-180 to 180) and kilometres, as 33.30,44.39,5",
            EXIT_USAGE,
        )


def _site(text: str) -> str:
    kind, sender, host, city = text.split(":") if text.count(":") == 3 else ("",) * 4
    key = ":".join((kind.lower(), sender.upper(), host.upper(), city.strip().casefold().replace(" ", "_")))
    if not re.fullmatch(SITE_PATTERN, key):
        fail(f"--site {text!r}: give kind:sender:host:city, as embassy:US:IQ:*", EXIT_USAGE)
    return key


def _codes(given: list[str]) -> tuple[str, ...]:
    codes = [code.strip().upper() for each in given for code in each.split(",")]
    return tuple(dict.fromkeys(codes))
