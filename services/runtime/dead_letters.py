"""Poison to the dead-letters topic, with its reason; never dropped in silence, never in the way."""

from datetime import UTC, datetime
from typing import Protocol, TypeVar

import structlog
from aiokafka.structs import ConsumerRecord

from services.contracts.codec import Undecodable, decode
from services.contracts.dead_letter import DeadLetter, DeadLetterClass
from services.contracts.ids import dead_letter_id
from services.contracts.model import Record
from services.contracts.topics import DEAD_LETTERS, Topic
from services.runtime import metrics

R = TypeVar("R", bound=Record)
log = structlog.get_logger()

DEAD_LETTER_WRITTEN = "dead_letter.written"

LONGEST_BYTES = 8_000_000
"""Of a record; nobody here writes a longer one (`KafkaSettings.record_max_bytes`), and a compressed one may be any."""
MOST_KEPT_BYTES = 650_000
"""Of an original: in base64, with its reason, it stays under the 1 MB that brokers take unless told otherwise."""
BEGINNING_BYTES = 10_000
"""Of an original that is longer: enough to see what it was."""
MOST_REASON = 1_000


class Publishes(Protocol):
    async def publish(self, topic: Topic, *records: Record) -> object: ...


class DeadLetterBox:
    """Reads records for a service and buries those it cannot read."""

    def __init__(self, publisher: Publishes, service: str) -> None:
        self._publisher = publisher
        self._service = service

    async def read(self, message: ConsumerRecord, record_type: type[R]) -> R | None:
        """The record, or None after its dead letter was acknowledged."""
        if len(message.value or b"") > LONGEST_BYTES:
            reason = f"{len(message.value):,} bytes: no {record_type.KIND} of ours has more than {LONGEST_BYTES:,}"
            await self.bury(message, DeadLetterClass.INVALID, reason)
            return None
        try:
            return decode(message.value, record_type)
        except Undecodable as error:
            await self.bury(message, error.error_class, error.reason)
            return None

    async def bury(self, message: ConsumerRecord, error_class: DeadLetterClass, reason: str) -> None:
        """Returns once the dead letter is acknowledged."""
        letter = DeadLetter(
            dead_letter_id=dead_letter_id(message.topic, message.partition, message.offset),
            error_class=error_class,
            reason=reason,
            service=self._service,
            topic=message.topic,
            partition=message.partition,
            offset=message.offset,
            original_key=message.key,
            original_value=message.value,
            original_headers=tuple((name, value or b"") for name, value in message.headers or ()),
            first_failed_at=datetime.now(UTC),
        )
        await self._publisher.publish(DEAD_LETTERS, fitting(letter))
        metrics.DEAD_LETTERS.labels(self._service, error_class).inc()
        log.error(
            DEAD_LETTER_WRITTEN,
            topic=message.topic,
            partition=message.partition,
            offset=message.offset,
            error_class=error_class,
            reason=reason[:MOST_REASON],
        )


def fitting(letter: DeadLetter) -> DeadLetter:
    """The letter, or where its original is too long for a record the beginning of it: that cannot be put back, and lies
    whole where the letter says for as long as its topic keeps it."""
    key, value = letter.original_key or b"", letter.original_value or b""
    size = len(key) + len(value) + sum(len(name.encode()) + len(told) for name, told in letter.original_headers)
    reason = letter.reason[:MOST_REASON]
    if size <= MOST_KEPT_BYTES:
        return letter.model_copy(update={"reason": reason})
    cut = {"original_key": key[:BEGINNING_BYTES], "original_value": value[:BEGINNING_BYTES], "original_headers": ()}
    return letter.model_copy(update=cut | {"reason": f"{reason} (of its {size:,} bytes only the beginning is kept)"})


class Onlooker(DeadLetterBox):
    """For those who only look: what cannot be read is passed over. The service whose work it is buries it."""

    def __init__(self) -> None:
        """Needs nothing to write with."""

    async def bury(self, message: ConsumerRecord, error_class: DeadLetterClass, reason: str) -> None:
        """Nothing is written."""
