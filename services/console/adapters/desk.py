"""The console's desk: the same as the command's, without more at a time than one process can bear."""

import asyncio
from collections.abc import Callable, Set

from aiokafka import TopicPartition

from services.console.adapters.reading import in_time, reading
from services.console.core.delivery_log import DeliveryLog, Line
from services.contracts.alert import Alert
from services.contracts.codec import Undecodable, decode
from services.contracts.delivery import Delivery
from services.contracts.subscription import Subscription
from services.contracts.topics import DELIVERIES
from services.notify.adapters import desk
from services.notify.adapters.proof import Proof
from services.runtime.settings import Settings

MOST_AGAIN = 1_000
"""Deliveries that one request sends again: each carries its alert."""
READS_AT_ONCE, PROOFS_AT_ONCE = 2, 4


class Desk(desk.Desk):
    """`log` has a line of each delivery; whole ones are read when they are asked for."""

    def __init__(self, settings: Settings, log: DeliveryLog) -> None:
        super().__init__(settings, most_again=MOST_AGAIN)
        self.log = log
        self._reads, self._proofs = asyncio.Semaphore(READS_AT_ONCE), asyncio.Semaphore(PROOFS_AT_ONCE)

    async def groups(self) -> Set[str]:
        async with self._reads:
            return await super().groups()

    async def prove(self, subscription: Subscription, *, challenge: bool = False) -> Proof:
        async with self._proofs:
            return await super().prove(subscription, challenge=challenge)

    async def delivery(self, delivery_id: str) -> Delivery | None:
        """From where its line says that it lies; else from the whole topic, where older ones are."""
        known = self.log.get(delivery_id)
        found = await self._at(known) if known else None
        return found or await super().delivery(delivery_id)

    async def _at(self, known: Line) -> Delivery | None:
        partition, offset = known.at
        place = TopicPartition(DELIVERIES.in_namespace(self._settings.topics.namespace), partition)
        async with self._reads, in_time([DELIVERIES]), reading(self._settings, [DELIVERIES]) as reader:
            async for message in reader.records({place: (offset, offset + 1)}):
                try:
                    found = decode(message.value or b"", Delivery)
                except Undecodable:
                    return None
                return found if found.delivery_id == known.delivery_id else None
        return None

    async def deliveries(self, wanted: Callable[[Delivery], bool]) -> list[Delivery]:
        async with self._reads:
            return await super().deliveries(wanted)

    async def alerts(self, names: Set[str]) -> list[Alert]:
        async with self._reads:
            return await super().alerts(names)
