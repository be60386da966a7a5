"""`chancery topics`: create them, look at them."""

import asyncio
from datetime import UTC, datetime

import typer
from aiokafka.errors import KafkaError
from rich.table import Table

from services.cli.context import AsJson, err, fail, out, print_json, settings, with_broker
from services.console.adapters.reading import in_time
from services.console.adapters.sampling import looking
from services.console.core.topics import WORK, Sample
from services.contracts.topics import TOPICS, Topic
from services.runtime.kafka import BrokerUnreachable, ensure_topics
from services.runtime.settings import Settings

app = typer.Typer(help="The Kafka topics: create them, see what is in them and who is behind.", no_args_is_help=True)


@app.command()
def ensure() -> None:
    """Create the topics that are missing, with their settings. Safe to run again."""
    configuration = settings()
    try:
        created = asyncio.run(ensure_topics(configuration))
    except (BrokerUnreachable, KafkaError) as error:
        fail(str(error))
    err.print(f"{len(created)} created, {len(TOPICS) - len(created)} there already")


@app.command("list")
def list_topics(as_json: AsJson = False) -> None:
    """Every topic: partitions, records, age of the newest record, records that wait for who works on them."""

    async def run(chosen: Settings) -> list[dict[str, object]]:
        async with in_time(TOPICS), looking(chosen) as looker:
            sample = await looker.sample()
        return [_row(topic, sample, chosen.topics.namespace) for topic in TOPICS]

    rows = with_broker(run)
    if as_json:
        print_json(rows)
        return
    table = Table("topic", "partitions", "records", "newest", "kept", "waiting")
    for row in rows:
        age = "" if row["newest_age_s"] is None else f"{row['newest_age_s']:.0f} s ago"
        lag = row["lag"]
        assert isinstance(lag, dict)
        waiting = ", ".join(f"{count} for {role}" for role, count in lag.items())
        table.add_row(str(row["topic"]), str(row["partitions"]), str(row["records"]), age, str(row["kept"]), waiting)
    out.print(table)


def _row(topic: Topic, sample: Sample, namespace: str) -> dict[str, object]:
    newest = sample.newest_at.get(topic)
    return {
        "topic": topic.in_namespace(namespace),
        "partitions": len(sample.partitions[topic]),
        "records": sample.records(topic),
        "newest_age_s": None if newest is None else max(0.0, (datetime.now(UTC) - newest).total_seconds()),
        "kept": "last of each key" if topic.kept is None else f"{topic.kept.days} days",
        "lag": {work[0]: sum(sample.lag(work)) for work in WORK if work[1] is topic},
    }
