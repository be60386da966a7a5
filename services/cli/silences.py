"""`chancery silences`: alerts that someone does not want for a time."""

from collections.abc import Mapping
from datetime import UTC, datetime
from getpass import getuser
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Column, Table

from services.cli.context import EXIT_USAGE, SOURCE, AsJson, fail, out, print_json, say, with_broker
from services.cli.filters import Groups, MinSeverity, Near, Sites, States, Types, filter_of
from services.cli.lengths import length_of
from services.console.adapters.audited import myself, write_audited
from services.contracts.report import Severity
from services.contracts.silence import Silence, silence
from services.contracts.topics import DELIVERIES, SILENCES
from services.notify.adapters.desk import Desk
from services.notify.core import silencing
from services.notify.core.asking import words
from services.notify.core.refused import Refused
from services.runtime.kafka import Publisher
from services.runtime.settings import Settings
from services.runtime.topic_table import snapshot

app = typer.Typer(help="Keep alerts from going out for a time: add, list, end.", no_args_is_help=True)


@app.command()
def add(
    reason: Annotated[str, typer.Option(help="Why; it is shown with everything that is kept back.")],
    lasts: Annotated[str, typer.Option("--for", metavar="8h", help="How long: minutes, hours or days (30m, 8h, 2d).")],
    host_state: States = None,
    sending_state: States = None,
    site: Sites = None,
    near: Near = None,
    group: Groups = None,
    types: Types = None,
    min_severity: MinSeverity = Severity.MINOR,
    author: Annotated[str, typer.Option(help="Who answers for it; by default you.")] = "",
    everything: Annotated[bool, typer.Option("--everything", help="Silence all alerts, without a filter.")] = False,
    as_json: AsJson = False,
) -> None:
    """Keep matching alerts back from everybody until the time is over. Incidents are still followed and recorded.

    Example: chancery silences add --host-state IQ --type peaceful_protest_blockade --for 8h --reason "yearly march"
    """
    asked = filter_of(
        host_states=host_state,
        sending_states=sending_state,
        sites=site,
        near=near,
        groups=group,
        types=types,
        min_severity=min_severity,
    )
    try:
        matcher = silencing.matcher(asked, everything=everything)
    except Refused as error:
        fail(f"{error} (--host-state, --sending-state, --site, --near, --group, --type, or --everything)", EXIT_USAGE)
    made = silence(
        matcher, reason=reason, author=author or getuser(), now=datetime.now(UTC), lasts=length_of(lasts, "--for")
    )

    async def run(chosen: Settings) -> None:
        try:
            await Desk(chosen).check_groups(matcher)
        except Refused as error:
            fail(f"--group: {error}", EXIT_USAGE)
        await _write(chosen, None, made)

    with_broker(run)
    if as_json:
        print_json(made.model_dump(mode="json"))
    else:
        say(f"silenced until {made.expires_at:%F %T} UTC ({made.silence_id}): {words(matcher)}")


@app.command("list")
def list_silences(as_json: AsJson = False) -> None:
    """Every silence, how long it lasts and how many alerts it kept back."""
    silences, kept_back = with_broker(_read)
    if as_json:
        print_json([each.model_dump(mode="json") | {"alerts": kept_back[each.silence_id]} for each in silences])
        return
    table = Table(
        Column("id", no_wrap=True, overflow="fold"), "until", "state", "alerts kept back", "what", "why", "by"
    )
    now = datetime.now(UTC)
    for each in silences:
        state = "active" if each.expires_at > now else "over"
        cells = (
            each.silence_id, f"{each.expires_at:%F %T}", state, str(kept_back[each.silence_id]), words(each.matcher),
            each.reason, each.author,
        )  # fmt: skip
        table.add_row(*map(escape, cells))
    out.print(table if silences else "no silences")


@app.command()
def end(silence_id: Annotated[str, typer.Argument(help="As `chancery silences list` prints it.")]) -> None:
    """Let alerts go out again from now on. What was kept back is not sent later."""
    silences, _ = with_broker(_read)
    found = next((each for each in silences if each.silence_id == silence_id), None)
    if found is None:
        fail(f"no silence {silence_id}; `chancery silences list` shows what there is")
    try:
        over = silencing.ended(found, datetime.now(UTC))
    except Refused as error:
        fail(str(error))
    with_broker(lambda chosen: _write(chosen, found, over))
    say(f"ended {silence_id}")


async def _write(chosen: Settings, before: Silence | None, after: Silence) -> None:
    async with Publisher(chosen, SOURCE) as publisher:
        await write_audited(publisher, myself(), SILENCES, [(before, after)])


async def _read(chosen: Settings) -> tuple[list[Silence], Mapping[str, int]]:
    """The silences, the newest first, and the number of alerts that each kept back."""
    table = await snapshot(chosen, [SILENCES, DELIVERIES])
    silences = sorted(table.values(SILENCES), key=lambda each: each.created_at, reverse=True)
    return silences, silencing.kept_back(table.values(DELIVERIES))
