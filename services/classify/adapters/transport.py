"""Faust's Kafka transport, mended where Faust 0.15 loses records in a rebalance, with a long poll the settings choose.

When partitions were assigned anew, Faust seeks them to their committed offsets while its fetcher goes on. What the
fetcher had taken before the seek then passes for read, and the records behind the seek are dropped as old; what it
takes between the seek and the end of the rebalance is cleared from the agents' queues. Neither is ever processed, and
the next commit goes past it. A partition that has no committed offset is not sought at all. Here a seek waits for the
fetch under way, lets none begin before the rebalance has ended, and goes to the beginning where nothing was committed.

So does the seek that recovery makes in the changelogs. A fetch that waits since before the rebalance asks for the set
of active partitions, which was emptied meanwhile and to aiokafka then means all: it took what lay behind that seek,
Faust dropped it, and recovery waited for ever for records that were gone by.

The long poll is fixed at 1.5 s in Faust. A broker that answers a waiting fetch as soon as a record comes (Apache Kafka)
never makes one wait; the embedded one answers at half of that time, which would be 0.75 s at each step of an alert's
way.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Any

import faust
from aiokafka import AIOKafkaConsumer
from faust.transport.drivers import aiokafka as driver
from faust.types import TP, Message


class Consumer(driver.Consumer):
    """Reads and seeks by turns."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._turn = asyncio.Lock()
        self._reader: asyncio.Task[Any] | None = None

    async def getmany(self, timeout: float) -> AsyncIterator[tuple[TP, Message]]:  # noqa: ASYNC109 - Faust's own
        """The next records. Holds the turn until the last one is delivered, and never while the flow is stopped."""
        await self._turn.acquire()
        while not self.flow_active and not self.should_stop:
            self._turn.release()
            await self.wait(self.can_resume_flow.wait())  # ends when the consumer stops, too
            await self._turn.acquire()
        self._reader = asyncio.current_task()
        try:
            async for partition, message in super().getmany(timeout):
                yield partition, message
        finally:
            self._reader = None
            self._turn.release()

    async def perform_seek(self) -> None:
        """Every assigned partition to its committed offset, or to its beginning where it has none."""
        if asyncio.current_task() is self._reader:
            return  # records came in while the flow was stopped: whoever stopped it seeks before the flow goes on
        async with self._turn:
            self.stop_flow()  # Faust lets it go on when it has cleared the queues
            await super().perform_seek()
            uncommitted = [
                partition
                for partition in self.assignment()
                if self._read_offset[partition] is None and not self._is_changelog_tp(partition)
            ]
            for partition in uncommitted:
                self._committed_offset[partition] = None
            if uncommitted:
                await self._thread.seek_to_beginning(*driver.ensure_aiokafka_TPset(uncommitted))

    async def seek_wait(self, partitions: Mapping[TP, int]) -> None:
        """Changelogs to the offsets from which recovery reads them."""
        async with self._turn:
            await super().seek_wait(partitions)


def transport(app: faust.App, fetch_max_wait_ms: int) -> driver.Transport:
    """The transport to set as `app.transport` before the app starts."""

    class Thread(driver.AIOKafkaConsumerThread):
        def _create_worker_consumer(self, transport: driver.Transport) -> AIOKafkaConsumer:
            consumer = super()._create_worker_consumer(transport)
            consumer._fetch_max_wait_ms = fetch_max_wait_ms
            return consumer

    class PollingConsumer(Consumer):
        def _new_consumer_thread(self) -> driver.AIOKafkaConsumerThread:
            return Thread(self, loop=self.loop, beacon=self.beacon)

    class Transport(driver.Transport):
        pass

    Transport.Consumer = PollingConsumer
    return Transport(app.conf.broker_consumer, app)
