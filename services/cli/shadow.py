"""`chancery shadow`: other rules on the live articles, beside the live ones, and what they tell otherwise."""

import asyncio
import json
import re
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from aiokafka.errors import KafkaError
from rich.console import Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from services.classify.adapters.data import load_rules
from services.classify.core.reading.matcher import LexiconError
from services.classify.core.reading.pipeline import Reader
from services.cli.context import CONTROLS, EXIT_USAGE, AsJson, err, fail, out, say, settings, with_broker
from services.cli.lengths import length_of, moment_of
from services.cli.record import made_by
from services.cli.rule_diff import show_difference
from services.contracts.difference import Kind
from services.contracts.shadow import Noticed, Shadow
from services.replay.adapters.rule_sets import RECORDED, RuleSet, UnusableRules, rule_set
from services.replay.core.isolation import NotIsolated, Purpose, assert_isolated, namespace_of
from services.replay.core.recording import BadRecording
from services.replay.shadow import Onlooker, Plan, clean_dead
from services.replay.shadow import shadow as followed
from services.replay.stage import Stuck
from services.runtime.kafka import BrokerUnreachable
from services.runtime.settings import Misconfigured, Settings

_REMEMBERED = 1_000
"""Differences that were shown; the contract holds 50 at a time."""
_NAMELESS = re.compile(r"[^a-z0-9]+")


def register(app: typer.Typer) -> None:
    app.command(name="shadow")(shadow)


def shadow(
    rules: Annotated[
        str | None,
        typer.Option(metavar="DIR|REVISION", help="Those of a directory with lexicons/, or of a git revision."),
    ] = None,
    name: Annotated[
        str | None, typer.Option(metavar="NAME", help="The namespace is shadow-NAME.", show_default="from --rules")
    ] = None,
    since: Annotated[
        str | None,
        typer.Option(metavar="WHEN", help="Compare from then on: 2h (ago) or 2026-03-01T08:30.", show_default="now"),
    ] = None,
    lasts: Annotated[str | None, typer.Option("--for", metavar="LENGTH", help="End after 30m, 8h or 2d.")] = None,
    warm_up: Annotated[
        str, typer.Option(metavar="LENGTH", help="Give it the articles of so long before first.")
    ] = "3d",
    clean_up: Annotated[bool, typer.Option("--clean", help="Delete what shadows that were killed left.")] = False,
    as_json: AsJson = False,
) -> None:
    """Follow the live articles with other rules and show which alerts they would lose, gain or tell otherwise.

    It runs until Ctrl-C, in a namespace of its own that it deletes then, and tells nobody anything. The console shows
    it under /shadows. With --json it prints a line whenever the comparison changed.

    Example: chancery shadow --rules /tmp/rules --since 2h
    """
    if clean_up:
        say(f"{len(with_broker(lambda found: clean_dead(found, datetime.now(UTC))))} topics deleted")
        return
    if rules is None or rules == RECORDED:
        fail("name the other rules: --rules with a directory that holds lexicons/, or a git revision", EXIT_USAGE)
    now = datetime.now(UTC)
    begun = moment_of(since, "--since", now) if since else now
    before, until = length_of(warm_up, "--warm-up"), now + length_of(lasts, "--for") if lasts else None
    configuration = settings()
    try:
        called = name or _NAMELESS.sub("", Path(rules).resolve().name.lower())[:40] or "rules"
        live = configuration.topics
        assert_isolated(namespace_of(called, Purpose.SHADOW), live.namespace, live.environment)
        with rule_set(rules) as found:
            plan = Plan(called, _told(found), found.tables_in, _version(found), begun, before, until)
            err.print(f"following into {namespace_of(called, Purpose.SHADOW)}*", highlight=False)
            with _shown(as_json) as onlooker:
                asyncio.run(_follow(configuration, plan, onlooker))
    except (BadRecording, UnusableRules, NotIsolated, Misconfigured) as error:
        fail(str(error), EXIT_USAGE)
    except (Stuck, BrokerUnreachable, KafkaError, TimeoutError) as error:
        fail(str(error) or "the broker gives no answer in time: try again")


def _told(found: RuleSet) -> str:
    """A worker speaks to the brokers as this release does, so the rules of another revision are read by this code."""
    return found.name if found.directory else f"{found.name}, its rules read by this code"


def _version(found: RuleSet) -> str:
    """Of rules that can be used. Raises UnusableRules."""
    try:
        return Reader(load_rules(found.tables_in)).rules.version
    except LexiconError as error:
        raise UnusableRules(f"{found.name}: {error}") from None


async def _follow(configuration: Settings, plan: Plan, onlooker: Onlooker) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await followed(configuration, plan, made_by(), stop, onlooker)


@contextmanager
def _shown(as_json: bool) -> Iterator[Onlooker]:
    """How it goes, for a person: each difference once it is sure, and on a terminal a table that is kept current. Or as
    lines for machines."""
    if as_json:
        yield Onlooker(_Lines(), lambda *_: None, _say)
        return
    with Live(console=out, auto_refresh=False) as live:
        texts = _Texts(live)
        yield Onlooker(texts.compared, texts.given, _say)


def _say(program: str, what: str) -> None:
    err.print(f"{program}: {what}", highlight=False, markup=False)


class _Lines:
    """A line of JSON for each comparison that says something new."""

    def __init__(self) -> None:
        self._last: Shadow | None = None

    def __call__(self, now: Shadow) -> None:
        if self._last is None or now != self._last.model_copy(update={"alive_at": now.alive_at}):
            typer.echo(json.dumps(now.model_dump(mode="json"), ensure_ascii=True))
            self._last = now


class _Texts:
    """Each difference as text, once; below it the numbers, and how much of what came before was given."""

    def __init__(self, live: Live) -> None:
        self._live = live
        self._shown: dict[tuple[str, str, str], None] = {}
        self._before: tuple[int, int] = (0, 0)
        self._now: Shadow | None = None

    def given(self, given: int, total: int) -> None:
        self._before = given, total
        self._draw()

    def compared(self, now: Shadow) -> None:
        for each in reversed(now.differences):
            if (place := _place(each)) not in self._shown:
                show_difference(each)
                self._shown[place] = None
        for old in list(self._shown)[:-_REMEMBERED]:
            del self._shown[old]
        self._now = now
        self._draw()

    def _draw(self) -> None:
        if self._now is not None and (out.is_terminal or self._now.ended_at):
            given, total = self._before
            bar = ("giving it what came before", ProgressBar(total, given, width=40)) if given < total else ()
            self._live.update(Group(*bar, numbers(self._now)), refresh=True)


def _place(each: Noticed) -> tuple[str, str, str]:
    return each.kind, each.a.alert_id if each.a else "", each.b.alert_id if each.b else ""


def numbers(now: Shadow) -> Table:
    """How the two compare, in numbers."""
    title = Text(f"{now.other.name} beside live, since {now.since:%F %T} UTC".translate(CONTROLS))
    table = Table(title=title, title_justify="left")
    for heading in ("articles", "same", *map(str, Kind), "waiting"):
        table.add_column(heading, justify="right")
    told = (now.articles, now.same, *(getattr(now, str(kind)) for kind in Kind), now.waiting)
    table.add_row(*(f"{number:,}" for number in told))
    return table
