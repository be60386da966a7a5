"""`chancery topics`: create them, look at them."""

import asyncio
import time

import typer
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError
from rich.table import Table

from services.cli.context import AsJson, err, fail, out, print_json, settings
from services.contracts.topics import TOPICS
from services.runtime.kafka import BrokerUnreachable, consumer_options, ensure_topics, start
from services.runtime.settings import Settings

app = typer.Typer(help="The Kafka topics: create them, see how much is in them.", no_args_is_help=True)


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
    """Every topic: partitions, records, age of the newest record."""
    try:
        rows = asyncio.run(_rows(settings()))
    except (BrokerUnreachable, KafkaError) as error:
        fail(str(error))
    if as_json:
        print_json(rows)
        return
    table = Table("topic", "partitions", "records", "newest", "kept")
    for row in rows:
        age = "" if row["newest_age_s"] is None else f"{row['newest_age_s']:.0f} s ago"
        table.add_row(str(row["topic"]), str(row["partitions"]), str(row["records"]), age, str(row["kept"]))
    out.print(table)


async def _rows(configuration: Settings) -> list[dict[str, object]]:
    consumer = AIOKafkaConsumer(**consumer_options(configuration.kafka))
    await start(consumer, configuration.kafka)
    try:
        await consumer._client.force_metadata_update()
        names = {topic: topic.in_namespace(configuration.topics.namespace) for topic in TOPICS}
        # all of them first: a later assign() narrows what the client knows of the cluster
        numbers = {topic: sorted(consumer.partitions_for_topic(name) or ()) for topic, name in names.items()}
        rows = []
        for topic, name in names.items():
            partitions = [TopicPartition(name, number) for number in numbers[topic]]
            ends = await consumer.end_offsets(partitions) if partitions else {}
            begins = await consumer.beginning_offsets(partitions) if partitions else {}
            newest = await _newest_ms(consumer, ends, begins)
            rows.append(
                {
                    "topic": name,
                    "partitions": len(partitions),
                    "records": sum(ends[p] - begins[p] for p in partitions),
                    "newest_age_s": None if newest is None else max(0.0, time.time() - newest / 1000),
                    "kept": "last of each key" if topic.kept is None else f"{topic.kept.days} days",
                }
            )
        return rows
    finally:
        await consumer.stop()


async def _newest_ms(
    consumer: AIOKafkaConsumer, ends: dict[TopicPartition, int], begins: dict[TopicPartition, int]
) -> int | None:
    """Timestamp of the last record, in milliseconds since 1970; None for an empty topic."""
    filled = [p for p, end in ends.items() if end > begins[p]]
    if not filled:
        return None
    consumer.assign(filled)
    for partition in filled:
        consumer.seek(partition, ends[partition] - 1)
    newest = None
    waiting = set(filled)
    deadline = time.monotonic() + 5
    while waiting and time.monotonic() < deadline:
        for partition, messages in (await consumer.getmany(*waiting, timeout_ms=500)).items():
            newest = max(newest or 0, messages[-1].timestamp)
            waiting.discard(partition)
    return newest
