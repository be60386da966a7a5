"""`chancery record`: what lies on topics, into a file that can be replayed, compared and verified."""

import asyncio
import importlib.metadata
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from aiokafka.errors import KafkaError

from services.classify.adapters.data import rule_tables
from services.classify.core.reading.matcher import LexiconError
from services.cli.context import EXIT_USAGE, AsJson, err, fail, print_json, settings
from services.cli.lengths import moment_of
from services.cli.progress import progress
from services.cli.rules import refuse_rules, rules_directory
from services.contracts.topics import ALERTS, ARTICLES, FEEDBACK, INCIDENTS, REPORTS, SITES, TOPICS, Topic
from services.replay.adapters.archive import manifest_of, part_of
from services.replay.core.recording import BadRecording, Manifest
from services.replay.record import Wanted
from services.replay.record import record as record_into
from services.runtime.settings import Misconfigured

ALL_OF_A_DAY = (SITES, ARTICLES, FEEDBACK, REPORTS, INCIDENTS, ALERTS)
"""What is recorded where nothing is named: all that a replay, a comparison or a verification asks for."""


def register(app: typer.Typer) -> None:
    app.command(name="record")(record)


def record(
    topics: Annotated[
        list[str] | None,
        typer.Argument(metavar="TOPIC...", show_default=" ".join(topic.name for topic in ALL_OF_A_DAY)),
    ] = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", metavar="FILE", help="Where to record.")] = None,
    since: Annotated[str | None, typer.Option(metavar="WHEN", help="2h (ago) or 2026-03-01T08:30.")] = None,
    until: Annotated[str | None, typer.Option(metavar="WHEN", help="The same.", show_default="now")] = None,
    mask: Annotated[bool, typer.Option("--mask", help="Keep the shape of texts only: letters become x.")] = False,
    show: Annotated[Path | None, typer.Option(metavar="FILE", help="Check a recording and print its manifest.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace FILE.")] = False,
    as_json: AsJson = False,
) -> None:
    """Record what lies on topics into a file. One that was broken off goes on when the same is asked for again.

    Example: chancery record articles alerts --since 2h -o morning.jsonl.zst
    """
    try:
        if show is not None:
            _print(manifest_of(show), show, as_json)
            return
        if output is None:
            fail("name the file to record into: -o FILE", EXIT_USAGE)
        if output.exists() and not force:
            fail(f"{output} exists: name another file, or replace it with --force", EXIT_USAGE)
        now = datetime.now(UTC)
        wanted = Wanted(
            [_topic(name) for name in dict.fromkeys(topics)] if topics else ALL_OF_A_DAY,
            moment_of(since, "--since", now) if since else None,
            moment_of(until, "--until", now) if until else None,
            mask,
        )
        _print(recorded(wanted, output), output, as_json)
    except BadRecording as error:
        fail(str(error), EXIT_USAGE)


def _topic(name: str) -> Topic:
    known = {topic.name: topic for topic in TOPICS}
    if name not in known:
        fail(f"{name!r} is no topic: name some of {', '.join(known)}", EXIT_USAGE)
    return known[name]


def made_by() -> tuple[str, str]:
    """The release and the version of the rules here. Ends the command with a message where the rules are wrong."""
    try:
        rules = rule_tables(rules_directory(None)).version
    except LexiconError as error:
        refuse_rules(error, None)
    return importlib.metadata.version("chancery-watch"), rules


def recorded(wanted: Wanted, output: Path) -> Manifest:
    """Record from the brokers of the settings, with a progress bar. Ends the command with a message where it cannot."""
    configuration, by = settings(), made_by()
    if part_of(output).exists():
        err.print(f"going on with {part_of(output)}")
    try:
        with progress("recording", None) as advance:
            seen = 0

            def on_progress(passed: int, total: int) -> None:
                nonlocal seen
                advance(passed - seen, total=total)
                seen = passed

            return asyncio.run(record_into(configuration, wanted, output, by, on_progress))
    except BlockingIOError:
        fail(f"{part_of(output)} is being written by another process")
    except OSError as error:
        fail(f"cannot write {output}: {error.strerror or error}")
    except (KafkaError, Misconfigured) as error:
        fail(str(error))


def _print(manifest: Manifest, path: Path, as_json: bool) -> None:
    head, seal = manifest.head, manifest.seal
    if as_json:
        print_json({"file": str(path)} | head.model_dump(mode="json") | seal.model_dump(mode="json"))
        return
    masked = ", texts masked" if head.masked else ""
    typer.echo(f"{path}: {seal.records} records of {head.namespace}*, {path.stat().st_size:,} bytes{masked}")
    for name in head.topics:
        share = seal.topics.get(name)
        times = f", {share.first_at:%F %T} to {share.last_at:%F %T}" if share else ""
        typer.echo(f"  {name:<14} {share.records if share else 0:>9,} records{times}")
    typer.echo(f"  rules {head.rules_version}, made by {head.chancery}; sha256 {seal.sha256[:16]}…")
