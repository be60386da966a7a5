"""The one way people change records: audited first, then written. For the API and the command."""

from collections.abc import Iterable
from datetime import UTC, datetime

from aiokafka.structs import RecordMetadata

from services.console.core.auditing import Actor, entry
from services.contracts.model import Record
from services.contracts.topics import AUDIT, Topic
from services.runtime.kafka import Publisher

Changed = tuple[Record | None, Record | None]
"""A record before and after: None before it was made, None after it is removed."""


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
            written += await publisher.delete(topic, before.key)
    return written
