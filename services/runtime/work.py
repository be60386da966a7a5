"""A topic as work: batches of records, done, confirmed, only then acknowledged."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

import structlog
from aiokafka import AIOKafkaConsumer
from aiokafka.errors import CommitFailedError

from services.contracts.model import Record
from services.contracts.topics import Topic
from services.runtime.dead_letters import DeadLetterBox
from services.runtime.kafka import consumer_options, start
from services.runtime.settings import Settings

R = TypeVar("R", bound=Record)
log = structlog.get_logger()

COMMIT_REFUSED = "commit.refused"


def group_name(settings: Settings, role: str) -> str:
    """The consumer group of a role; it lies in the namespace, so a replay never shares a group with the live one."""
    return f"{settings.topics.namespace}{role}"


class WorkQueue(Generic[R]):
    """Shares a topic among the members of a group, at least once.

    `handle` gets the readable records of a batch in partition order and returns when what they caused is
    acknowledged; then the offsets move. If it raises, nothing moves and the error reaches the caller of `run`,
    who should let the process end: whoever starts it again resumes at the same records.
    """

    def __init__(
        self,
        settings: Settings,
        topic: Topic,
        record_type: type[R],
        role: str,
        handle: Callable[[Sequence[R]], Awaitable[None]],
        dead_letters: DeadLetterBox,
        *,
        batch: int = 100,
    ) -> None:
        self._consumer = AIOKafkaConsumer(
            topic.in_namespace(settings.topics.namespace),
            **consumer_options(settings.kafka),
            **group_options(settings, role),
            max_poll_records=batch,
        )
        self._kafka = settings.kafka
        self._record_type = record_type
        self._handle = handle
        self._dead_letters = dead_letters

    async def run(self, stop: asyncio.Event, on_ready: Callable[[], None] = lambda: None) -> None:
        """Work until `stop` is set."""
        await start(self._consumer, self._kafka)
        try:
            while not stop.is_set():
                batches = await self._consumer.getmany(timeout_ms=200)
                if self._consumer.assignment():
                    on_ready()
                messages = [message for batch in batches.values() for message in batch]
                if not messages:
                    continue
                read = [await self._dead_letters.read(message, self._record_type) for message in messages]
                await self._handle([record for record in read if record is not None])
                try:
                    await self._consumer.commit()
                except CommitFailedError:
                    # A rebalance came in between: whoever has the partitions now does them again, to the same effect.
                    log.info(COMMIT_REFUSED, records=len(messages))
        finally:
            await self._consumer.stop()


def group_options(settings: Settings, role: str) -> dict[str, object]:
    """What every member of a group is configured with. Heartbeats at a third of the session time-out."""
    session_ms = settings.kafka.session_timeout_s * 1000
    return {
        "group_id": group_name(settings, role),
        "auto_offset_reset": "earliest",
        "session_timeout_ms": session_ms,
        "heartbeat_interval_ms": session_ms // 3,
        "max_poll_interval_ms": 300_000,
        "group_instance_id": settings.kafka.member or None,
    }
