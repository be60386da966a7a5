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


class Publishes(Protocol):
    async def publish(self, topic: Topic, *records: Record) -> object: ...


class DeadLetterBox:
    """Reads records for a service and buries those it cannot read."""

    def __init__(self, publisher: Publishes, service: str) -> None:
        self._publisher = publisher
        self._service = service

    async def read(self, message: ConsumerRecord, record_type: type[R]) -> R | None:
        """The record, or None after its dead letter was acknowledged."""
        try:
            return decode(message.value, record_type)
        except Undecodable as error:
            await self.bury(message, error.error_class, error.reason)
            return None

    async def bury(self, message: ConsumerRecord, error_class: DeadLetterClass, reason: str) -> None:
        """Returns once the dead letter is acknowledged."""
        await self._publisher.publish(
            DEAD_LETTERS,
            DeadLetter(
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
            ),
        )
        metrics.DEAD_LETTERS.labels(self._service, error_class).inc()
        log.error(
            DEAD_LETTER_WRITTEN,
            topic=message.topic,
            partition=message.partition,
            offset=message.offset,
            error_class=error_class,
            reason=reason,
        )


class Onlooker(DeadLetterBox):
    """For those who only look: what cannot be read is passed over. The service whose work it is buries it."""

    def __init__(self) -> None:
        """Needs nothing to write with."""

    async def bury(self, message: ConsumerRecord, error_class: DeadLetterClass, reason: str) -> None:
        """Nothing is written."""
