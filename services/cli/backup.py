"""`chancery backup`, `chancery restore`: what is known, into a file and back."""

import asyncio
import importlib.metadata
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, TypeVar

import typer
from aiokafka.errors import KafkaError

from services.cli.context import EXIT_USAGE, AsJson, fail, print_json, say, settings
from services.cli.progress import progress
from services.console.adapters.audited import myself
from services.replay.adapters.archive import part_of
from services.replay.backup import backup as backup_into
from services.replay.backup import planned
from services.replay.backup import restore as put_back
from services.replay.core.backup import Restoration
from services.replay.core.recording import BadRecording, Manifest
from services.runtime.kafka import BrokerUnreachable
from services.runtime.settings import Misconfigured, Settings

T = TypeVar("T")


def register(app: typer.Typer) -> None:
    app.command(name="backup")(backup)
    app.command(name="restore")(restore)


def backup(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Where to; readable by you alone.")],
    force: Annotated[bool, typer.Option("--force", help="Replace FILE.")] = False,
    as_json: AsJson = False,
) -> None:
    """Back up feeds and their states, sites, incidents, subscriptions, silences, deliveries and tokens.

    Secrets are in it as they are stored: encrypted. Keep the keys (CHANCERY_SECRETS__KEYS) apart from it.

    Example: chancery backup chancery-2026-03-01.jsonl.zst
    """
    if file.exists() and not force:
        fail(f"{file} exists: name another file, or replace it with --force", EXIT_USAGE)
    version = importlib.metadata.version("chancery-watch")

    def run(chosen: Settings, on_progress: Callable[[int, int], None]) -> Manifest:
        return asyncio.run(backup_into(chosen, file, version, on_progress))

    manifest = _with_progress("backing up", file, run)
    if as_json:
        print_json({"file": str(file)} | manifest.seal.model_dump(mode="json"))
        return
    say(f"{file}: {manifest.seal.records} records of {manifest.head.namespace}*, {file.stat().st_size:,} bytes")
    for name in manifest.head.topics:
        share = manifest.seal.topics.get(name)
        say(f"  {name:<14} {share.records if share else 0:>9,}")


def restore(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="As `chancery backup` wrote it.")],
    force: Annotated[bool, typer.Option("--force", help="Write over what is there with another value.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be done.")] = False,
    as_json: AsJson = False,
) -> None:
    """Put a back-up back, with the services stopped. Where topics hold something else already, nothing is done without
    --force; what is not in the back-up stays in any case. One that was broken off is finished by running it again.

    Example: CHANCERY_TOPICS__NAMESPACE=trial. chancery restore chancery-2026-03-01.jsonl.zst --dry-run
    """
    plan = _with_progress(
        "reading",
        file,
        lambda chosen, on_progress: asyncio.run(planned(chosen, file, on_progress, create=not dry_run)),
    )
    if dry_run:
        _print(plan, None, as_json)
        return
    if not plan.is_safe and not force:
        fail(f"{_words(plan)}: nothing was written; --force writes over what differs and leaves the rest as it is")
    count = _with_progress(
        "restoring",
        file,
        lambda chosen, on_progress: asyncio.run(_restored(chosen, plan, force, on_progress)),
    )
    _print(plan, count, as_json)


async def _restored(chosen: Settings, plan: Restoration, over: bool, on_progress: Callable[[int, int], None]) -> int:
    passed, total = 0, len(plan.missing) + (len(plan.differing) if over else 0)

    def done(count: int) -> None:
        nonlocal passed
        passed += count
        on_progress(passed, total)

    return await put_back(chosen, plan, myself(), over=over, done=done)


def _with_progress(what: str, file: Path, run: Callable[[Settings, Callable[[int, int], None]], T]) -> T:
    """Ends the command with a message where it cannot be done."""
    try:
        with progress(what, None) as advance:
            seen = 0

            def on_progress(passed: int, total: int) -> None:
                nonlocal seen
                advance(passed - seen, total=total)
                seen = passed

            return run(settings(), on_progress)
    except BadRecording as error:
        fail(str(error), EXIT_USAGE)
    except BlockingIOError:
        fail(f"{part_of(file)} is being written by another process")
    except (BrokerUnreachable, KafkaError, Misconfigured, TimeoutError) as error:
        fail(str(error))
    except OSError as error:
        fail(f"cannot write {file}: {error.strerror or error}")


def _words(plan: Restoration) -> str:
    parts = [
        f"{len(plan.missing)} records are missing",
        f"{plan.same} are as in the back-up",
        f"{len(plan.differing)} differ from it",
        f"{plan.foreign} are not in it",
    ]
    if plan.unreadable:
        parts.append(f"{len(plan.unreadable)} of the back-up cannot be read by this release and are left out")
    return ", ".join(parts)


def _print(plan: Restoration, written: int | None, as_json: bool) -> None:
    if as_json:
        print_json(plan.counts() | {"written": written})
    else:
        say(_words(plan) + ("" if written is None else f"; {written} written"))
