"""`chancery replay`: a recording through a real worker once more, apart from everything that is live."""

import asyncio
import os
import secrets
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from aiokafka.errors import KafkaError

from services.classify.adapters.data import load_rules, state_names, windows_of
from services.classify.core.reading.matcher import LexiconError
from services.classify.core.reading.pipeline import Reader
from services.cli.context import EXIT_USAGE, AsJson, err, fail, print_json, say, settings, with_broker
from services.cli.lengths import factor_of, moment_of
from services.cli.progress import progress
from services.cli.record import made_by, recorded
from services.cli.rules import refuse_rules, rules_directory
from services.cli.subscriptions import all_subscriptions
from services.contracts.topics import ARTICLES
from services.replay.adapters.archive import manifest_of, part_of, recording
from services.replay.adapters.scratch import scratch
from services.replay.core.audience import NoSuchAudience, audience
from services.replay.core.isolation import NotIsolated, Purpose, assert_isolated, namespace_of
from services.replay.core.recording import BadRecording, Recorded
from services.replay.core.rerun import TAKEN, Rerun
from services.replay.parallel import Said, readings
from services.replay.play import Choice, Status, chosen, play
from services.replay.record import Wanted
from services.replay.stage import Stuck, clean
from services.runtime.kafka import BrokerUnreachable
from services.runtime.settings import Misconfigured

_WORTH_PROCESSES = 2_000
"""Articles that earn the second in which the rules are made ready for every language."""


def register(app: typer.Typer) -> None:
    app.command(name="replay")(replay)


def replay(
    file: Annotated[Path | None, typer.Argument(metavar="FILE", help="A recording with articles.")] = None,
    from_topic: Annotated[bool, typer.Option("--from-topic", help="Play what lies on the live topics now.")] = False,
    speed: Annotated[str, typer.Option(help="60 plays an hour in a minute; max leaves pauses out.")] = "max",
    since: Annotated[str | None, typer.Option(metavar="WHEN", help="2h (ago) or 2026-03-01T08:30.")] = None,
    until: Annotated[str | None, typer.Option(metavar="WHEN", help="The same.")] = None,
    key: Annotated[str | None, typer.Option(metavar="ARTICLE_ID", help="Only this article.")] = None,
    most: Annotated[int | None, typer.Option("--max", min=1, help="So many articles at most.")] = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", metavar="OUT", help="Record what comes out.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Without a broker: what would come out.")] = False,
    run: Annotated[
        str | None, typer.Option(metavar="NAME", help="The namespace is replay-NAME.", show_default="drawn")
    ] = None,
    clean_up: Annotated[bool, typer.Option("--clean", help="Delete what replays that were killed left.")] = False,
    really_send: Annotated[
        bool, typer.Option("--really-send", help="Deliver the alerts, as exercises, to those named by --to.")
    ] = False,
    to: Annotated[list[str] | None, typer.Option(metavar="ID|NAME", help="A subscription; may be repeated.")] = None,
    as_json: AsJson = False,
) -> None:
    """Play a recording into a namespace of its own, with its own topics, group and tables, and delete it afterwards.

    Every alert is marked as an exercise, and nothing is sent to anybody but with --really-send.
    """
    if clean_up:
        deleted = with_broker(lambda found: clean(found, Purpose.REPLAY))
        say(f"{len(deleted)} topics deleted")
        return
    if (file is None) is not from_topic:
        fail("give either a FILE or --from-topic", EXIT_USAGE)
    if really_send is not bool(to):
        fail("--really-send and --to go together: name those who are to be told", EXIT_USAGE)
    if really_send and dry_run:
        fail("--dry-run sends nothing: leave out --really-send", EXIT_USAGE)
    if output is not None and (output.exists() or part_of(output).exists()):
        fail(f"{output} exists: name another file", EXIT_USAGE)
    now = datetime.now(UTC)
    choice = Choice(
        moment_of(since, "--since", now) if since else None,
        moment_of(until, "--until", now) if until else None,
        key,
        most,
    )
    factor, name = factor_of(speed, "--speed"), run or secrets.token_hex(4)
    try:
        if not dry_run:
            live = settings().topics
            assert_isolated(namespace_of(name), live.namespace, live.environment)
        with _recording(file) as path:
            came_to = _dry(path, choice) if dry_run else _played(path, name, choice, factor, output, to or [])
    except (BadRecording, NotIsolated, NoSuchAudience, Misconfigured) as error:
        fail(str(error), EXIT_USAGE)
    except (Stuck, BrokerUnreachable, KafkaError, TimeoutError) as error:
        fail(str(error) or "the broker gives no answer in time: try again")
    counts = {name: number for name, number in came_to.written.items() if number or name != "dead-letters"}
    if as_json:
        told = [asdict(each) for each in came_to.sent]
        print_json({"played": came_to.played, "seconds": round(came_to.seconds, 3), "written": counts, "sent": told})
        return
    rate = came_to.played / came_to.seconds if came_to.seconds else 0
    say(f"{came_to.played:,} records played in {came_to.seconds:.1f} s, {rate:,.0f} a second")
    say(", ".join(f"{number:,} {name}" for name, number in counts.items()))
    for each in came_to.sent:
        states = ", ".join(f"{number:,} {state}" for state, number in each.states.items()) or "nothing"
        say(f"to {each.name}, as exercises: {states}{f' ({each.reason})' if each.reason else ''}")


@contextmanager
def _recording(given: Path | None) -> Iterator[Path]:
    if given is not None:
        yield given
        return
    with scratch() as directory:
        path = directory / "topics.jsonl.zst"
        recorded(Wanted(TAKEN), path)
        yield path


def _played(
    path: Path, name: str, choice: Choice, factor: float | None, output: Path | None, names: Sequence[str]
) -> Status:
    share = manifest_of(path).seal.topics
    told = audience(with_broker(all_subscriptions), names) if names else []
    err.print(f"playing into {namespace_of(name)}*", highlight=False)
    with progress("replaying", sum(share[topic.name].records for topic in TAKEN if topic.name in share)) as advance:
        before = 0

        def on_status(status: Status) -> None:
            nonlocal before
            rate = status.played / status.seconds if status.seconds else 0
            counts = ", ".join(f"{number} {name}" for name, number in status.written.items() if number)
            advance(status.played - before, what=f"{counts or 'replaying'}, {rate:,.0f} a second")
            before = status.played

        return asyncio.run(play(settings(), name, path, choice, factor, output, made_by(), on_status, told))


def _dry(path: Path, choice: Choice) -> Status:
    """The same steps in this process; nothing is written anywhere."""
    share = manifest_of(path).seal.topics
    configuration = settings()
    try:
        reader = Reader(load_rules(rules_directory(None)))
    except LexiconError as error:
        refuse_rules(error, None)
    rerun = Rerun(reader, windows_of(configuration.classify), state_names())
    begun, played, incidents = time.monotonic(), 0, 0
    many = ARTICLES.name in share and share[ARTICLES.name].records >= _WORTH_PROCESSES
    with (
        _read(chosen(recording(path), choice), reader, (os.cpu_count() or 1) if many else 1) as records,
        progress("reading", sum(share[topic.name].records for topic in TAKEN if topic.name in share)) as advance,
    ):
        for record, said in records:
            incidents += len(rerun.take(record, said).incidents)
            played += 1
            advance()
    counts = rerun.counts
    written = {"reports": counts.reports, "incidents": incidents, "alerts": counts.alerts}
    return Status(played, written | {"dead-letters": counts.unreadable}, time.monotonic() - begun)


@contextmanager
def _read(records: Iterable[Recorded], reader: Reader, processes: int) -> Iterator[Iterator[Said]]:
    if processes == 1:
        yield ((record, None) for record in records)
        return
    with readings(records, reader, processes) as read:
        yield read
