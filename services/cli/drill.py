"""`chancery drill`: a past attack through the live chain as an exercise, and who answered when."""

import asyncio
import signal
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated, NoReturn

import typer
from rich.markup import escape
from rich.table import Column, Table

from services.classify.adapters.data import load_rules, state_names, windows_of
from services.classify.core.chain import Chain, read
from services.classify.core.reading.matcher import LexiconError
from services.classify.core.reading.pipeline import Reader
from services.classify.core.sites.known_sites import KnownSites
from services.cli.context import EXIT_USAGE, AsJson, fail, out, print_json, say, with_broker
from services.cli.lengths import factor_of, length_of
from services.cli.progress import progress
from services.cli.rules import refuse_rules, rules_directory
from services.contracts import ids
from services.contracts.alert import Alert
from services.contracts.delivery import DeliveryState
from services.contracts.silence import Silence
from services.contracts.subscription import Subscription
from services.contracts.topics import SILENCES, SITES, SUBSCRIPTIONS
from services.ingest.core.health import span
from services.replay.adapters import scenarios
from services.replay.core.audience import Listener, listeners
from services.replay.core.drilling import Step, foreseen
from services.replay.core.scenario import BadScenario, Scenario
from services.replay.drill import Drill, NobodyWorks, Result, end_all
from services.runtime.settings import Settings
from services.runtime.topic_table import snapshot

EXIT_NOBODY = 3
"""Nobody would be told."""
EXIT_STOPPED = 130


def register(app: typer.Typer) -> None:
    app.command(name="drill")(drill)


def drill(
    scenario: Annotated[
        str | None, typer.Argument(metavar="SCENARIO", help="One that --list shows, or a file of yours (.toml).")
    ] = None,
    listed: Annotated[bool, typer.Option("--list", help="Show the scenarios that there are.")] = False,
    speed: Annotated[str, typer.Option(help="60 plays an hour in a minute; max leaves pauses out.")] = "60",
    wait: Annotated[str, typer.Option(metavar="10m", help="Wait so long for somebody to acknowledge.")] = "10m",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say who would be told of what, and end.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask: for machines.")] = False,
    end: Annotated[bool, typer.Option("--end", help="Call off what drills that were killed left standing.")] = False,
    as_json: AsJson = False,
) -> None:
    """Play a past attack through the live chain as an exercise, to those who asked for exercises, and measure who was
    told and who acknowledged, and when. A verdict on one of its incidents acknowledges it: by a button in Slack, in the
    console, by `chancery feedback`. At the end, and at Ctrl-C, it is called off wherever it was told.

    Exits 0 when every alert was delivered, 1 otherwise, 3 when nobody would be told.

    Example: chancery drill baghdad-2020 --speed 60
    """
    if end:
        called_off = with_broker(end_all)
        say(f"{len(called_off)} incidents of drills called off")
        return
    if listed:
        _list(as_json)
        return
    if scenario is None:
        fail("name a scenario: `chancery drill --list` shows what there is", EXIT_USAGE)
    factor, wait_s = factor_of(speed, "--speed"), length_of(wait, "--wait").total_seconds()
    try:
        name, past = scenarios.named(scenario)
    except BadScenario as error:
        fail(str(error), EXIT_USAGE)
    steps, subscriptions, silences = with_broker(lambda chosen: _foreseen(chosen, name, past))
    alerts = [alert for step in steps for alert in step.alerts]
    if not alerts:
        fail(f"{name}: by these rules none of its articles leads to an alert", EXIT_USAGE)
    audience = listeners(alerts, subscriptions, silences, datetime.now(UTC))
    if dry_run and as_json:
        print_json(_plan(name, steps, audience))
    elif not as_json:
        _print_plan(name, past, steps, audience, factor)
    if not any(each.alerts for each in audience):
        _nobody(audience, alerts)
    if dry_run:
        return
    if not (yes or (sys.stdin.isatty() and typer.confirm("Play it now, to these?", err=True))):
        fail("nothing was played: say --yes where nobody can be asked", EXIT_USAGE)
    result = _run(name, steps, subscriptions, factor, wait_s)
    if as_json:
        print_json(asdict(result) | {"all_delivered": result.all_delivered})
    else:
        _print(result)
    raise typer.Exit(EXIT_STOPPED if result.ended == "stopped" else 0 if result.all_delivered else 1)


def _list(as_json: bool) -> None:
    found = {name: scenarios.named(name)[1] for name in scenarios.names()}
    if as_json:
        print_json([{"name": name} | each.model_dump(mode="json", exclude={"article"}) for name, each in found.items()])
        return
    table = Table(Column("scenario", no_wrap=True), "what", "articles", "over", "in")
    for name, each in found.items():
        languages = ", ".join(dict.fromkeys(publisher.language for publisher in each.publisher))
        what = f"{each.title}. {each.about}"
        table.add_row(*map(escape, (name, what, str(len(each.article)), span(each.lasts), languages)))
    out.print(table)


async def _foreseen(
    chosen: Settings, name: str, past: Scenario
) -> tuple[list[Step], list[Subscription], list[Silence]]:
    """What the scenario should lead to by the rules that are here, and who there is to tell. Nothing is written."""
    table = await snapshot(chosen, [SUBSCRIPTIONS, SILENCES, SITES])
    known = KnownSites()
    for site in table.values(SITES):
        known.put(site)
    try:
        reader = Reader(load_rules(rules_directory(None)))
    except LexiconError as error:
        refuse_rules(error, None)
    now = datetime.now(UTC)
    articles = past.articles(name, ids.drill_id(name, now.isoformat()), now)
    chain = Chain(windows_of(chosen.classify), state_names())
    steps = foreseen(articles, lambda article: read(reader, known, article), chain)
    return steps, list(table.values(SUBSCRIPTIONS)), list(table.values(SILENCES))


def _nobody(audience: Sequence[Listener], alerts: Sequence[Alert]) -> NoReturn:
    why = "there are no subscriptions" if not audience else f"none of {len(audience)} subscriptions takes it"
    fail(
        f"nobody would be told of any of its {len(alerts)} alerts: {why}. Who is to take part asks for exercises: "
        "`chancery subscribe CHANNEL ENDPOINT --exercises` (again with the same endpoint and name changes it)",
        EXIT_NOBODY,
    )


def _run(
    name: str, steps: Sequence[Step], subscriptions: Sequence[Subscription], factor: float | None, wait_s: float
) -> Result:
    with progress("playing", len(steps)) as advance:
        before = 0

        def on_status(played: int, told: str) -> None:
            nonlocal before
            advance(played - before, what=told)
            before = played

        async def run(chosen: Settings) -> Result:
            stop, loop = asyncio.Event(), asyncio.get_running_loop()

            def on_signal() -> None:
                """The first calls it off; a second one ends the command."""
                stop.set()
                for each in (signal.SIGINT, signal.SIGTERM):
                    loop.remove_signal_handler(each)

            for each in (signal.SIGINT, signal.SIGTERM):
                loop.add_signal_handler(each, on_signal)
            return await Drill(chosen, name, steps, subscriptions, factor, wait_s, stop, on_status).run()

        try:
            return with_broker(run)
        except NobodyWorks as error:
            fail(str(error))


def _plan(name: str, steps: Sequence[Step], audience: Sequence[Listener]) -> dict[str, object]:
    told = [
        {"article": step.article.title, "change": alert.change, "headline": alert.headline, "reason": alert.reason}
        for step in steps
        for alert in step.alerts
    ]
    return {"scenario": name, "alerts": told, "subscriptions": [asdict(each) for each in audience]}


def _print_plan(
    name: str, past: Scenario, steps: Sequence[Step], audience: Sequence[Listener], factor: float | None
) -> None:
    number = sum(len(step.alerts) for step in steps)
    takes = f"in {span(past.lasts / factor)}" if factor else "without pauses"
    say(f"{name}: {past.title}")
    say(f"{len(steps)} articles over {span(past.lasts)}, played {takes}; they should lead to {number} alerts:")
    for step in steps:
        for alert in step.alerts:
            say(f"  {alert.change}: {alert.headline} ({step.article.source.name})")
    table = Table("subscription", "channel", "endpoint", "alerts", "why")
    for each in audience:
        told = f"{each.alerts} of {number}" if each.alerts else "none"
        table.add_row(*map(escape, (each.name, each.channel, each.endpoint, told, "\nor ".join(each.why))))
    out.print(table)


def _print(result: Result) -> None:
    table = Table("subscription", "alert", "first attempt", "delivered", "state")
    for listener in result.heard:
        for told in listener.told:
            why = f": {told.reason}" if told.reason and told.state != DeliveryState.DELIVERED else ""
            state = f"{told.state or 'never matched'}{why}"
            cells = (listener.name, told.change, _seconds(told.first_attempt_s), _seconds(told.delivered_s), state)
            table.add_row(*map(escape, cells))
    out.print(table)
    for each in result.acknowledged:
        since = f", {each.since_told_s:.1f} s after it was told" if each.since_told_s is not None else ""
        said = f"{each.verdict.replace('_', ' ')} by {each.by}"
        say(f"{said}, {each.since_published_s:.1f} s after its first article{since}")
    if not result.acknowledged:
        say("nobody acknowledged it")
    states = Counter(told.state or "never matched" for listener in result.heard for told in listener.told)
    counts = ", ".join(f"{number} {state}" for state, number in states.items())
    say(f"{result.played} of {result.articles} articles played, {result.alerts} alerts: {counts or 'told to nobody'}")
    if result.left:
        say(f"{len(result.left)} incidents still stand: `chancery drill --end` calls them off once classify works")
    else:
        say("called off: nothing of it stands any more")


def _seconds(taken: float | None) -> str:
    return f"{taken:.2f} s" if taken is not None else ""
