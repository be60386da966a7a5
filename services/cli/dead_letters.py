"""`chancery dead-letters`: what nobody could use, and why."""

import asyncio
from typing import Annotated

import typer
from aiokafka.errors import KafkaError
from rich.markup import escape
from rich.table import Column, Table

from services.cli.context import AsJson, fail, out, print_json, settings
from services.contracts.dead_letter import DeadLetter
from services.contracts.topics import DEAD_LETTERS
from services.runtime.kafka import BrokerUnreachable
from services.runtime.settings import Misconfigured, Settings
from services.runtime.topic_table import snapshot

app = typer.Typer(help="Records nobody could use: list them, look at one.", no_args_is_help=True)


@app.command("list")
def list_letters(as_json: AsJson = False) -> None:
    """Every dead letter: when, what kind, from where, why."""
    letters = _read()
    if as_json:
        print_json([letter.model_dump(mode="json", exclude={"original_value", "original_key"}) for letter in letters])
        return
    table = Table(Column("id", no_wrap=True, overflow="fold"), "first failed", "class", "from", "reason")
    for letter in letters:
        place = f"{letter.topic}/{letter.partition}@{letter.offset}"
        cells = (letter.dead_letter_id, f"{letter.first_failed_at:%F %T}", letter.error_class, place, letter.reason)
        table.add_row(*map(escape, cells))
    out.print(table if letters else "no dead letters")


@app.command()
def show(dead_letter_id: Annotated[str, typer.Argument(help="As `chancery dead-letters list` prints it.")]) -> None:
    """One dead letter with its original bytes, as JSON (bytes in base64)."""
    for letter in _read():
        if letter.dead_letter_id == dead_letter_id:
            print_json(letter.model_dump(mode="json"))
            return
    fail(f"no dead letter {dead_letter_id}")


def _read() -> list[DeadLetter]:
    try:
        return asyncio.run(_all(settings()))
    except (BrokerUnreachable, KafkaError, Misconfigured, TimeoutError) as error:
        fail(str(error))


async def _all(configuration: Settings) -> list[DeadLetter]:
    table = await snapshot(configuration, [DEAD_LETTERS])
    letters = [record for record in table.values(DEAD_LETTERS) if isinstance(record, DeadLetter)]
    return sorted(letters, key=lambda letter: letter.first_failed_at)
