"""`chancery dead-letters`: what nobody could use, and why; put back once it can be used."""

from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Column, Table

from services.cli.context import EXIT_USAGE, SOURCE, AsJson, fail, out, print_json, say, with_broker
from services.cli.lengths import moment_of
from services.cli.progress import progress
from services.console.adapters.audited import myself
from services.console.adapters.letters import Letters
from services.console.core.letters import Effect, Fate, Known, Selection
from services.contracts.dead_letter import DeadLetter, DeadLetterClass
from services.contracts.topics import TOPICS
from services.notify.core.writing.text import one_line
from services.runtime.kafka import Publisher
from services.runtime.settings import Settings

app = typer.Typer(help="Records nobody could use: list them, look at one, put them back.", no_args_is_help=True)

Class = Annotated[DeadLetterClass | None, typer.Option("--class", help="Only those that failed so.")]
From = Annotated[str | None, typer.Option("--topic", help="Only those of a topic, as `articles`.")]
Service = Annotated[str | None, typer.Option(help="Only those that a service could not use, as `classify`.")]
Since = Annotated[
    str | None, typer.Option(metavar="2h|TIME", help="Failed since: so long ago (30m, 8h, 2d), or a time (ISO 8601).")
]
Until = Annotated[str | None, typer.Option(metavar="1h|TIME", help="Failed before; by default now.")]
Again = Annotated[bool, typer.Option("--again", help="Those too that were redriven before.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what it would do, and do nothing.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do it without being asked.")]


@app.command("list")
def list_letters(
    error_class: Class = None,
    topic: From = None,
    service: Service = None,
    since: Since = None,
    until: Until = None,
    redriven: Annotated[
        bool | None, typer.Option("--redriven/--not-redriven", help="Only those that were, or were not, put back.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Every dead letter: when, what kind, from where, why, and what has become of it.

    Example: chancery dead-letters list --topic articles --since 2d --not-redriven
    """
    selection = _selection(None, error_class, topic, service, since, until, redriven)
    found = with_broker(lambda chosen: Letters(chosen).select(selection))
    found.sort(key=lambda each: each.letter.first_failed_at)
    if as_json:
        print_json([_shown(each) for each in found])
        return
    table = Table(
        Column("id", no_wrap=True, overflow="fold"), "first failed (UTC)", "class", "from", "reason", "put back"
    )
    for each in found:
        letter = each.letter
        place = f"{letter.topic}/{letter.partition}@{letter.offset}"
        cells = (
            letter.dead_letter_id, f"{letter.first_failed_at.astimezone(UTC):%F %T}", letter.error_class, place,
            one_line(letter.reason), _fate(each),
        )  # fmt: skip
        table.add_row(*map(escape, cells))
    out.print(table if found else "no dead letters")


@app.command()
def show(dead_letter_id: Annotated[str, typer.Argument(help="As `chancery dead-letters list` prints it.")]) -> None:
    """One dead letter with its original bytes, as JSON (bytes in base64)."""

    async def run(chosen: Settings) -> list[DeadLetter]:
        letters = Letters(chosen)
        return await letters.whole(*await letters.select(Selection(ids=frozenset({dead_letter_id}))))

    found = with_broker(run)
    if not found:
        fail(f"no dead letter {dead_letter_id}")
    print_json(found[0].model_dump(mode="json"))


@app.command()
def redrive(
    dead_letter_ids: Annotated[list[str] | None, typer.Argument(metavar="[ID]...", help="Letters by id.")] = None,
    error_class: Class = None,
    topic: From = None,
    service: Service = None,
    since: Since = None,
    until: Until = None,
    again: Again = False,
    dry_run: DryRun = False,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Put records back on their topics as they were: the same bytes, key and headers, in the same partition.

    Says first how many could be read now. What could not stays, as does what would undo a newer record. A letter that
    was put back is marked and left out the next time, unless --again is given.

    Example: chancery dead-letters redrive --class wrong_version --topic articles --since 2d --dry-run
    """
    ids = frozenset(dead_letter_ids or ())
    chosen_by = [each for each in (error_class, topic, service, since, until) if each is not None]
    if bool(ids) == bool(chosen_by):
        fail("give IDs, or --class, --topic, --service, --since or --until", EXIT_USAGE)
    selection = _selection(ids or None, error_class, topic, service, since, until, None)

    async def plan(chosen: Settings) -> tuple[Letters, Effect]:
        letters = Letters(chosen)
        found = await letters.select(selection)
        if unknown := ids - {each.letter.dead_letter_id for each in found}:
            fail(f"no dead letter {', '.join(sorted(unknown))}; `chancery dead-letters list` shows what there is")
        return letters, await letters.effect(found, again=again)

    letters, effect = with_broker(plan)
    if not as_json:
        say(effect.words())
    wanted = bool(effect.put_back) and not dry_run
    if wanted and not yes:
        if as_json:
            fail("--json asks nothing: give --yes, or --dry-run", EXIT_USAGE)
        typer.confirm("Put back?", abort=True)

    async def carry_out(chosen: Settings) -> int:
        async with Publisher(chosen, SOURCE) as publisher:
            with progress("put back", len(effect.put_back)) as advance:
                return await letters.redrive(publisher, myself(), effect, advance)

    count = with_broker(carry_out) if wanted else 0
    if as_json:
        print_json(_told(effect) | {"dry_run": dry_run, "redriven": count})
    elif wanted:
        say(f"{count:,} put back; what fails again comes back as a new dead letter")


def _selection(
    ids: frozenset[str] | None,
    error_class: DeadLetterClass | None,
    topic: str | None,
    service: str | None,
    since: str | None,
    until: str | None,
    redriven: bool | None,
) -> Selection:
    now = datetime.now(UTC)
    if topic is not None and topic not in {each.name for each in TOPICS}:
        fail(f"--topic {topic!r}: {', '.join(each.name for each in TOPICS)}", EXIT_USAGE)
    begin = moment_of(since, "--since", now) if since else None
    end = moment_of(until, "--until", now) if until else None
    return Selection(ids, error_class, topic, service, begin, end, redriven)


def _fate(each: Known) -> str:
    if each.letter.redriven_at is not None:
        return f"{each.letter.redriven_at.astimezone(UTC):%F %T} by {each.letter.redriven_by}"
    return "readable now" if each.verdict.fate is Fate.READABLE else f"not: {each.verdict.reason}"


def _shown(each: Known) -> dict[str, object]:
    letter = each.letter.model_dump(mode="json", exclude={"original_value", "original_key", "original_headers"})
    return letter | {"size": each.size, "now": {"fate": each.verdict.fate, "reason": each.verdict.reason}}


def _told(effect: Effect) -> dict[str, object]:
    return {
        "put_back": [each.letter.dead_letter_id for each in effect.put_back],
        "topics": effect.topics,
        "failed_before": effect.failed_before,
        "left": [_shown(each) for each in effect.left],
        "redriven_before": [each.letter.dead_letter_id for each in effect.done],
    }
