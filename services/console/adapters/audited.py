"""The one way people change records: audited first, then written. For the API, the command and `chancery up`."""

from collections.abc import Iterable
from datetime import UTC, datetime
from getpass import getuser

from aiokafka.structs import RecordMetadata

from services.console.core.auditing import Actor, entry
from services.contracts.feed import Feed
from services.contracts.model import Record
from services.contracts.topics import AUDIT, FEEDS, Topic
from services.ingest.core import watchlist
from services.runtime.kafka import Publisher
from services.runtime.settings import Settings
from services.runtime.topic_table import snapshot

Changed = tuple[Record | None, Record | None]
"""A record before and after: None before it was made, None after it is removed."""


def myself() -> Actor:
    """The user of the machine who gives a command, as the audit has it."""
    user = getuser()
    return Actor(f"cli:{user}", user)


async def watch(settings: Settings, publisher: Publisher, feeds: Iterable[Feed]) -> list[Feed]:
    """Watch feeds; of those that are watched already, only what is set on `feeds` changes. Returns them as they then
    are, once the brokers have them. Raises what `snapshot` and `write_audited` do."""
    table = await snapshot(settings, [FEEDS])
    changed = watchlist.changes(table.values(FEEDS), feeds)
    await write_audited(publisher, myself(), FEEDS, changed)
    return [feed for _, feed in changed]


async def write_audited(
    publisher: Publisher, actor: Actor, topic: Topic, changed: Iterable[Changed]
) -> list[RecordMetadata]:
    """Returns, with where it lies, once all that differs is acknowledged. What does not differ is not written.

    Raises aiokafka.errors.KafkaError when the brokers would not take it; the audit may then tell of more than was done.
    """
    now = datetime.now(UTC)
    different = [(before, after) for before, after in changed if before != after]
    await publisher.publish(AUDIT, *(entry(actor, before, after, now) for before, after in different))
    written = await publisher.publish(topic, *(after for _, after in different if after))
    for before, after in different:
        if before and after is None:
            written += await publisher.delete(topic, before.key, before.partition_key)
    return written
