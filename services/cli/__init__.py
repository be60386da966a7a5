"""The `chancery` command: puts the sub-commands together and nothing else."""

import importlib.metadata
from typing import Annotated

import typer

from services.cli import (
    backup,
    classify,
    dead_letters,
    deliveries,
    doctor,
    drill,
    evaluate,
    feedback,
    feeds,
    operate,
    record,
    replay,
    rule_diff,
    secrets,
    shadow,
    silences,
    sites,
    subscribe,
    subscriptions,
    tokens,
    topics,
    verify,
)

app = typer.Typer(
    name="chancery",
    help="Streaming alerts for security incidents near diplomatic sites.",
    epilog="Start with `chancery up --demo`. Settings come from CHANCERY_… in the environment; see README.md.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"chancery {importlib.metadata.version('chancery-watch')}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Streaming alerts for security incidents near diplomatic sites."""


operate.register(app)
doctor.register(app)
classify.register(app)
evaluate.register(app)
record.register(app)
replay.register(app)
drill.register(app)
backup.register(app)
rule_diff.register(app)
shadow.register(app)
verify.register(app)
feeds.register(app)
subscribe.register(app)
subscriptions.register(app)
app.add_typer(deliveries.app, name="deliveries")
app.add_typer(feedback.app, name="feedback")
app.add_typer(secrets.app, name="secrets")
app.add_typer(silences.app, name="silences")
app.add_typer(sites.app, name="sites")
app.add_typer(tokens.app, name="tokens")
app.add_typer(topics.app, name="topics")
app.add_typer(dead_letters.app, name="dead-letters")


def main() -> None:
    app()
