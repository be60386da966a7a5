"""What every command shares: the settings, where to print, and how to fail."""

import asyncio
import json
import os
import sys
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, NoReturn, TypeVar

import typer
from aiokafka.errors import KafkaError
from rich.console import Console
from rich.markup import escape
from rich.text import Text

from services.runtime import log
from services.runtime.kafka import BrokerUnreachable
from services.runtime.secrets import SecretUnreadable
from services.runtime.settings import Misconfigured, Settings, SettingsError, load_settings

T = TypeVar("T")

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]

SOURCE = "/chancery/cli"
"""What commands write records as (the `source` of CloudEvents)."""
EXIT_USAGE = 2
CONNECT_TIMEOUT_S = 8.0
"""A person waits less long for a broker than a service does."""
EXIT_MISCONFIGURED = 78

RUNNING = Path(".chancery") / "up.json"
"""Where `chancery up` writes how to reach what it runs, so that a command in another terminal finds it."""

CONTROLS = dict.fromkeys((*range(32), *range(127, 160)), 0xFFFD) | {9: 9, 10: 10, 13: 32}
"""What would command a terminal (ECMA-48, C0 and C1) and what stands in its place, one for one (`str.translate`)."""
_CONTROLS_IN_JSON = {code: f"\\u{code:04x}" for code in range(127, 160)}


class Screen(Console):
    """Prints what others wrote without what would command the terminal."""

    def render_str(self, text: str, **options: Any) -> Text:
        return super().render_str(text.translate(CONTROLS), **options)


# A pipe has no width: nothing is cut for one.
out = Screen(width=None if sys.stdout.isatty() else 200)
err = Screen(stderr=True)


def fail(message: str, code: int = 1) -> NoReturn:
    """End the command with a message on standard error."""
    err.print(f"[bold red]error:[/] {escape(message)}", highlight=False, soft_wrap=True)
    raise typer.Exit(code)


def say(text: str) -> None:
    """Print a line as it is: nothing in it is markup."""
    out.print(text, highlight=False, soft_wrap=True, markup=False)


def with_broker(action: Callable[[Settings], Awaitable[T]]) -> T:
    """Do something with the broker. Ends the command with a message when that cannot be done."""

    async def act() -> T:
        return await action(settings())

    try:
        return asyncio.run(act())
    except (BrokerUnreachable, KafkaError, Misconfigured, SecretUnreadable, TimeoutError) as error:
        fail(str(error))


def settings() -> Settings:
    """The settings of the environment; where it names no broker, those of a `chancery up` running in this folder.

    Prints what is wrong and exits 78 when the environment cannot be used.
    """
    try:
        found = load_settings(running_environment() | dict(os.environ))
    except SettingsError as error:
        fail(f"the environment is wrong:\n{error}", EXIT_MISCONFIGURED)
    log.configure(found.log, "cli", quiet=True)
    patience = min(found.kafka.connect_timeout_s, CONNECT_TIMEOUT_S)
    return found.model_copy(update={"kafka": found.kafka.model_copy(update={"connect_timeout_s": patience})})


def running_environment() -> dict[str, str]:
    """The environment of the `chancery up` that runs in this folder; empty when none does."""
    if "CHANCERY_KAFKA__BOOTSTRAP_SERVERS" in os.environ:
        return {}
    try:
        running: Mapping[str, Any] = json.loads(RUNNING.read_text())
        os.kill(int(running["pid"]), 0)
        return {str(name): str(value) for name, value in running["environment"].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def print_json(value: object) -> None:
    """One JSON document on standard output, for machines."""
    typer.echo(json.dumps(value, ensure_ascii=False, indent=2, default=str).translate(_CONTROLS_IN_JSON))
