"""A world for the dispatcher: a topic that is a list, endpoints that follow a script, a clock that jumps."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from services.contracts.delivery import Delivery, DeliveryState
from services.contracts.ids import DeliveryId, SubscriptionId
from services.contracts.subscription import Subscription, SubscriptionState
from services.notify.core.status import Answer
from services.notify.dispatcher import Dispatcher
from tests.unit.notify import given
from tests.unit.notify.given import NOW

OK = Answer(http_status=204)
BROKEN = Answer(http_status=500)
HANGS = None
GROUP = timedelta(minutes=5)
ALL = frozenset({0})
DESK, OTHER = given.subscription("desk"), given.subscription("other")


class Crash(Exception):
    """The process dies here."""


class JumpingClock:
    """Stands still while anything can be done, then jumps to the next thing to do, but not past `until`."""

    def __init__(self) -> None:
        self._now = NOW
        self._until = NOW
        self._moved = asyncio.Event()

    def now(self) -> datetime:
        return self._now

    def run_to(self, until: datetime) -> None:
        self._until = until
        self._moved.set()

    async def wait(self, event: asyncio.Event, until: datetime | None) -> None:
        while True:
            for _ in range(5):  # let everything that is ready run first
                await asyncio.sleep(0)
            if event.is_set():
                return
            if until is not None and until <= self._until:
                self._now = max(self._now, until)
                return
            self._moved.clear()
            waits = [asyncio.ensure_future(event.wait()), asyncio.ensure_future(self._moved.wait())]
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            for each in waits:
                each.cancel()


@dataclass
class World:
    """What outlives a dispatcher: the log of the topic, the subscriptions, what the endpoints received."""

    subscriptions: dict[SubscriptionId, Subscription] = field(default_factory=dict)
    log: list[Delivery] = field(default_factory=list)
    script: dict[SubscriptionId, list[Answer | None]] = field(default_factory=dict)
    sent: list[tuple[DeliveryId, datetime, bytes]] = field(default_factory=list)
    heads: list[str | None] = field(default_factory=list)
    buried: list[tuple[DeliveryId, str]] = field(default_factory=list)
    forgotten: list[DeliveryId] = field(default_factory=list)
    clock: JumpingClock = field(default_factory=JumpingClock)
    running: dict[SubscriptionId, int] = field(default_factory=lambda: defaultdict(int))
    most_at_once: int = 0
    steps_to_crash: int | None = None
    readers: list[Dispatcher] = field(default_factory=list)
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)
    dead: bool = False
    brokers_answer: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.brokers_answer.set()

    def subscribe(self, *subscriptions: Subscription) -> None:
        self.subscriptions |= {each.subscription_id: each for each in subscriptions}

    def answers(self, subscription: Subscription, *answers: Answer | None) -> None:
        """Attempt number n at it meets answer number n; the last one stays. None hangs."""
        self.script[subscription.subscription_id] = list(answers)

    def write(self, *deliveries: Delivery) -> None:
        """Append to the topic; everyone who reads it gets to see it, later."""
        for delivery in deliveries:
            self.log.append(delivery)
            for reader in self.readers:
                asyncio.get_running_loop().call_soon(reader.absorb, delivery, 0)

    def state(self, delivery: Delivery) -> Delivery:
        """Its last record."""
        return next(each for each in reversed(self.log) if each.delivery_id == delivery.delivery_id)

    def sent_to(self, subscription: Subscription) -> list[DeliveryId]:
        ours = {each.delivery_id for each in self.log if each.subscription_id == subscription.subscription_id}
        return [delivery_id for delivery_id, _, _ in self.sent if delivery_id in ours]

    def seconds(self, delivery: Delivery) -> list[float]:
        """When it was attempted, counted from the start."""
        return [(at - NOW).total_seconds() for delivery_id, at, _ in self.sent if delivery_id == delivery.delivery_id]

    async def until(self, holds: Callable[[], bool]) -> None:
        async with asyncio.timeout(10), self.changed:
            await self.changed.wait_for(lambda: self.dead or holds())
        if self.dead:
            raise Crash

    async def until_final(self, *deliveries: Delivery) -> None:
        await self.until(lambda: all(self.state(each).state is not DeliveryState.PENDING for each in deliveries))

    def step(self) -> None:
        """A point where the process may die."""
        if self.steps_to_crash is not None:
            self.steps_to_crash -= 1
            if self.steps_to_crash < 0:
                raise Crash

    # The store

    async def put(self, *deliveries: Delivery) -> None:
        self.step()
        await self.brokers_answer.wait()
        self.write(*deliveries)
        async with self.changed:
            self.changed.notify_all()
        self.step()

    async def forget(self, *deliveries: Delivery) -> None:
        self.forgotten += [each.delivery_id for each in deliveries]
        for delivery in deliveries:
            for reader in self.readers:
                asyncio.get_running_loop().call_soon(reader.forget, delivery.delivery_id)
        async with self.changed:
            self.changed.notify_all()

    async def disable(self, subscription: Subscription, reason: str) -> None:
        changed = subscription.model_copy(update={"state": SubscriptionState.DISABLED, "state_reason": reason})
        self.subscribe(changed)

    async def bury(self, delivery: Delivery, partition: int, reason: str) -> None:
        self.buried.append((delivery.delivery_id, reason))
        async with self.changed:
            self.changed.notify_all()

    # The sender

    async def send(
        self, subscription: Subscription, delivery_id: DeliveryId, body: bytes, at: datetime, head: str | None = None
    ) -> Answer:
        self.step()
        self.heads.append(head)
        self.sent.append((delivery_id, at, body))
        self.running[subscription.subscription_id] += 1
        assert self.running[subscription.subscription_id] == 1, "two attempts at one endpoint at a time"
        self.most_at_once = max(self.most_at_once, sum(self.running.values()))
        async with self.changed:
            self.changed.notify_all()
        script = self.script.get(subscription.subscription_id, [OK])
        answer = script[0] if len(script) == 1 else script.pop(0)
        try:
            await asyncio.sleep(0)
            if answer is HANGS:
                await asyncio.Event().wait()
        finally:
            self.running[subscription.subscription_id] -= 1
        assert answer is not None
        return answer


@asynccontextmanager
async def dispatching(
    world: World,
    *,
    concurrency: int = 8,
    days: float = 2,
    active: bool = True,
    log: Iterable[Delivery] | None = None,
    group: timedelta = timedelta(0),
    operator: str = "",
) -> AsyncIterator[Dispatcher]:
    """A dispatcher that has read the topic, running; ended without a word at the end, as by kill -9.

    What it dies of is raised out of the context as it came out of `run`.
    """
    dispatcher = Dispatcher(
        world,
        world,
        world.subscriptions.get,
        clock=world.clock,
        jitter=lambda: 0.5,
        concurrency=concurrency,
        group=group,
        operator=operator,
    )
    for record in world.log if log is None else log:
        dispatcher.absorb(record, 0)
    world.readers.append(dispatcher)
    world.clock.run_to(world.clock.now() + timedelta(days=days))
    if active:
        dispatcher.activate(ALL)
    world.dead = False
    running = asyncio.create_task(_run(world, dispatcher))
    try:
        yield dispatcher
    except Crash:
        await running
        raise
    finally:
        world.readers.remove(dispatcher)
        running.cancel()
        await asyncio.wait([running])


async def _run(world: World, dispatcher: Dispatcher) -> None:
    try:
        await dispatcher.run(asyncio.Event())
    finally:
        world.dead = True
        async with world.changed:
            world.changed.notify_all()


def compacted(log: Iterable[Delivery]) -> list[Delivery]:
    """What is left of the topic once the broker has compacted it."""
    last = {delivery.delivery_id: delivery for delivery in log}
    return list(last.values())


def world(*deliveries: Delivery) -> World:
    """With two subscriptions, and the deliveries on the topic."""
    made = World()
    made.subscribe(DESK, OTHER)
    made.log += deliveries
    return made


def to(desk: Subscription = DESK, number: int = 1, revision: int = 1) -> Delivery:
    """Of the alert of that number and revision."""
    return given.delivery(given.alert(number, revision), desk)
