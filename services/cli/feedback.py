"""`chancery feedback`: an analyst's verdict on an incident, and verdicts as cases to measure by."""

import json
from datetime import UTC, datetime
from getpass import getuser
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Column, Table

from services.classify.core.scoring.labelled import gold_row
from services.cli.context import EXIT_USAGE, SOURCE, AsJson, err, fail, out, print_json, say, with_broker
from services.console.adapters.audited import myself, write_audited
from services.contracts.article import Article
from services.contracts.feedback import Feedback, Verdict, verdict_on
from services.contracts.ids import ArticleId, IncidentId
from services.contracts.incident import Incident
from services.contracts.topics import ARTICLES, FEEDBACK, INCIDENTS
from services.notify.core.writing import words
from services.runtime.kafka import Publisher
from services.runtime.settings import Settings
from services.runtime.topic_table import snapshot

app = typer.Typer(help="Say that an incident is real or a false alarm; export verdicts as gold.", no_args_is_help=True)

Which = Annotated[str, typer.Argument(metavar="INCIDENT", help="The incident's id, as in an alert, or its beginning.")]
Why = Annotated[str, typer.Option(help="What you know; it is told with the change.")]
Author = Annotated[str, typer.Option(help="Who says so; by default you.")]


@app.command()
def confirm(which: Which, why: Why, author: Author = "") -> None:
    """It happened. The incident's credibility becomes 1, and no denial takes it back.

    Example: chancery feedback confirm inc_6m3 --why "called the duty officer"
    """
    _give(which, Verdict.CONFIRMED, why, author)


@app.command()
def reject(which: Which, why: Why, author: Author = "") -> None:
    """It is a false alarm. Whoever was told of it is told that it is taken back.

    Example: chancery feedback reject inc_6m3 --why "the article tells of 1979"
    """
    _give(which, Verdict.FALSE_ALARM, why, author)


@app.command("list")
def list_verdicts(as_json: AsJson = False) -> None:
    """Every verdict, the newest first."""
    given = with_broker(_verdicts)
    if as_json:
        print_json([each.model_dump(mode="json") for each in given])
        return
    table = Table(Column("incident", no_wrap=True, overflow="fold"), "verdict", "why", "by", "given")
    for each in given:
        verdict = f"{words.EXERCISE}: {each.verdict}" if each.drill else each.verdict
        table.add_row(*map(escape, (each.incident_id, verdict, each.why, each.author, f"{each.given_at:%F %T}")))
    out.print(table if given else "no verdicts")


@app.command()
def export(
    output: Annotated[Path | None, typer.Option("-o", "--output", help="The file; by default standard output.")] = None,
) -> None:
    """Write verdicts as JSON lines that `chancery evaluate` reads: the articles, and what should be read of them.

    Articles older than their topic keeps (30 days) are gone and are left out, and so are those of which the verdicts
    say too little: they tell of a false alarm, and of another incident that nobody judged. Drills are left out.
    """
    rows, gone, unsaid = with_broker(_rows)
    text = "".join(f"{json.dumps(row, ensure_ascii=False)}\n" for row in rows)
    if output is None:
        typer.echo(text, nl=False)
    else:
        output.write_text(text, encoding="utf-8")
    left_out = {"are no longer kept": gone, "tell of another incident that nobody judged": unsaid}
    counts = [f"{len(rows)} articles written", *(f"{count} {why}" for why, count in left_out.items() if count)]
    err.print("; ".join(counts), highlight=False)


def _give(which: str, verdict: Verdict, why: str, author: str) -> None:
    if not why.strip():
        fail("--why is empty: say what you know", EXIT_USAGE)

    async def act(chosen: Settings) -> Incident:
        incident = await _incident(chosen, which)
        given = verdict_on(incident, verdict, why=why, author=author or getuser(), now=datetime.now(UTC))
        async with Publisher(chosen, SOURCE) as publisher:
            await write_audited(publisher, myself(), FEEDBACK, [(None, given)])
        return incident

    judged = with_broker(act)
    say(f"{verdict.value.replace('_', ' ')}: {judged.incident_id}, revision {judged.revision}")


async def _incident(chosen: Settings, which: str) -> Incident:
    table = await snapshot(chosen, [INCIDENTS])
    named = [each for each in table.values(INCIDENTS) if each.incident_id.startswith(which)]
    if not named or not which:
        fail(f"no incident {which!r}; its id stands in every alert")
    if len(named) > 1:
        fail(f"{len(named)} incidents begin with {which!r}; give more of the id", EXIT_USAGE)
    return named[0]


async def _verdicts(chosen: Settings) -> list[Feedback]:
    table = await snapshot(chosen, [FEEDBACK])
    return sorted(table.values(FEEDBACK), key=lambda each: each.given_at, reverse=True)


async def _rows(chosen: Settings) -> tuple[list[object], int, int]:
    """The rows, the oldest verdict first; how many articles are no longer kept, and of how many too little is said."""
    oldest_first = [each for each in reversed(await _verdicts(chosen)) if each.drill is None]
    given: dict[IncidentId, Feedback] = {each.incident_id: each for each in oldest_first}
    table = await snapshot(chosen, [INCIDENTS])
    incidents = list(table.values(INCIDENTS))
    judged = {claim.article_id for each in incidents if each.incident_id in given for claim in each.claims}
    told: dict[ArticleId, list[Incident]] = {}
    for incident in incidents:
        for article_id in judged & {claim.article_id for claim in incident.claims}:
            told.setdefault(article_id, []).append(incident)
    articles = await snapshot(chosen, [ARTICLES], row=lambda record: record if record.key in told else None)
    kept = list(articles.values(ARTICLES))

    def judged_at(article: Article) -> tuple[datetime, str]:
        verdicts = (given.get(incident.incident_id) for incident in told[article.article_id])
        return min(each.given_at for each in verdicts if each), article.article_id

    rows = [gold_row(each, told[each.article_id], given) for each in sorted(kept, key=judged_at)]
    said: list[object] = [row for row in rows if row is not None]
    return said, len(told) - len(kept), len(rows) - len(said)
