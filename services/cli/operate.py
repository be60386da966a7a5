"""The commands that run things: up, the services, health, schema."""

import asyncio
import json
import os
from pathlib import Path
from typing import Annotated

import httpx
import typer

from services.cli.context import EXIT_MISCONFIGURED, RUNNING, err, fail, print_json
from services.contracts.topics import TOPICS
from services.notify.core.channels.webhook import message as webhook
from services.runtime.settings import Misconfigured


def register(app: typer.Typer) -> None:
    app.command()(up)
    app.command()(ingest)
    app.command("classify-worker")(classify_worker)
    app.command()(notify)
    app.command()(console)
    app.command()(health)
    app.command()(schema)


def up(
    demo: Annotated[bool, typer.Option("--demo", help="Watch the demo's feeds (the default without --feeds).")] = False,
    feeds: Annotated[
        list[str] | None, typer.Option(help="An OPML file or URL, or a feed's URL. Give it again for more.")
    ] = None,
    kafka: Annotated[
        str | None,
        typer.Option(
            help="Brokers as host:port,… instead of the embedded one.", envvar="CHANCERY_KAFKA__BOOTSTRAP_SERVERS"
        ),
    ] = None,
    until_alerts: Annotated[
        int | None, typer.Option(min=1, help="Exit 0 once this many alerts were delivered and verified.")
    ] = None,
    timeout: Annotated[float | None, typer.Option(min=1, help="Exit 1 after this many seconds.")] = None,
    release_every: Annotated[
        float, typer.Option(min=0.05, help="Seconds between the demo's articles, per feed.")
    ] = 2.0,
) -> None:
    """Run everything on this machine and print a line for every alert.

    Starts the embedded Kafka broker (or uses --kafka), every service, and a local receiver that verifies
    signatures. Ctrl-C ends it all. Logs and the secret key are kept in .chancery/.
    """
    from services.launch.up import Failed, Plan, Up

    if demo and feeds:
        fail("--demo and --feeds exclude each other", 2)
    plan = Plan(RUNNING.parent, tuple(feeds or ()), kafka, until_alerts, timeout, release_every)
    environment = {name: value for name, value in os.environ.items() if name.startswith("CHANCERY_")}

    async def run() -> None:
        await Up(plan, environment, err).run()

    try:
        asyncio.run(run())
    except Misconfigured as error:
        fail(str(error), EXIT_MISCONFIGURED)
    except (Failed, ConnectionError) as error:
        fail(str(error))


def ingest() -> None:
    """Run the ingest service: poll the feeds on the feeds topic, write articles."""
    from services.ingest.app import main

    main()


def classify_worker() -> None:
    """Run a classify worker (Faust): articles to reports, incidents and alerts. Run more to share the work."""
    from services.classify.app import main

    main()


def notify() -> None:
    """Run the notify service: match alerts with subscriptions and deliver them."""
    from services.notify.app import main

    main()


def console() -> None:
    """Run the console: the REST API, on CHANCERY_CONSOLE__HOST and CHANCERY_CONSOLE__PORT. See docs/api.md."""
    from services.console.app import main

    main()


def health(
    url: Annotated[
        str, typer.Option(help="The address to ask; /ready or /live of a service.")
    ] = "http://127.0.0.1:8090/ready",
) -> None:
    """Ask a service whether it is ready; exit 0 when it is, 1 when not. For container health checks."""
    try:
        answer = httpx.get(url, timeout=5, trust_env=False)
    except httpx.HTTPError as error:
        fail(f"{url} does not answer: {error}")
    typer.echo(answer.text)
    if answer.status_code != httpx.codes.OK:
        raise typer.Exit(1)


def schema(
    directory: Annotated[
        Path | None, typer.Option(help="Write one file a type here instead of one document to standard output.")
    ] = None,
) -> None:
    """Print the JSON Schemas of everything on the topics, and of what a `webhook` gets."""
    schemas = {topic.record_type.KIND: topic.record_type.model_json_schema(mode="serialization") for topic in TOPICS}
    if directory is None:
        print_json(schemas | {"webhook": webhook.schema()})
        return
    directory.mkdir(parents=True, exist_ok=True)
    files = {f"{kind}.v{each['properties']['schema_version']['default']}": each for kind, each in schemas.items()}
    for name, document in (files | {"webhook": webhook.schema()}).items():
        (directory / f"{name}.json").write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n")
