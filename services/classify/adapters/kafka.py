"""What the agents write with: records through Faust's producer, and acknowledgement after confirmation."""

import asyncio
from collections.abc import Awaitable, Sequence
from datetime import UTC, datetime

import faust
from faust.types import EventT

from services.contracts.codec import cloudevents_headers, encode
from services.contracts.model import Record
from services.contracts.topics import TOPICS, Topic

SOURCE = "/chancery/classify"


class Outbox:
    """Writes records through the app's own producer, which is flushed before offsets are committed."""

    def __init__(self, app: faust.App, namespace: str) -> None:
        self._topics = {
            topic: app.topic(topic.in_namespace(namespace), key_serializer="raw", value_serializer="raw")
            for topic in TOPICS
        }

    async def send(self, topic: Topic, record: Record) -> Awaitable[object]:
        """Queue a record; the awaitable it returns ends when the brokers have it."""
        sent: Awaitable[object] = await self._topics[topic].send(
            key=record.key.encode(),
            value=encode(record),
            headers=list(cloudevents_headers(record, SOURCE, datetime.now(UTC))),
        )
        return sent

    async def publish(self, topic: Topic, *records: Record) -> None:
        """Returns once the brokers have every record."""
        await asyncio.gather(*[await self.send(topic, record) for record in records])


class Acknowledger:
    """Acknowledges events once what they caused is confirmed, without holding up the events behind them.

    The stream must be read with `noack()`. Faust commits the offset up to which every event is acknowledged, so a
    slow confirmation holds back the commit and nothing else. A failed one stops the worker: whoever starts it again
    resumes at the last commit.
    """

    def __init__(self, app: faust.App) -> None:
        self._app = app
        self._caused: asyncio.Queue[tuple[EventT[bytes], Sequence[Awaitable[object]]]] = asyncio.Queue(maxsize=5_000)

    async def after(self, event: EventT[bytes], caused: Sequence[Awaitable[object]]) -> None:
        """Acknowledge `event` when all of `caused` has ended. Waits while 5,000 events are outstanding."""
        await self._caused.put((event, caused))

    async def run(self) -> None:
        """Runs beside the agents for the life of the worker."""
        while True:
            event, caused = await self._caused.get()
            try:
                await asyncio.gather(*caused)
            except Exception as error:  # noqa: BLE001 - any failure to write must stop the worker
                await self._app.crash(error)
                return
            event.ack()
