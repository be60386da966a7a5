"""A world for the dispatcher: a topic that is a list, endpoints that follow a script, a clock that jumps."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import NamedTuple

from services.contracts.codec import encode
from services.contracts.delivery import Delivery, DeliveryState
from services.contracts.ids import DeliveryId, SubscriptionId
from services.contracts.subscription import Subscription, SubscriptionState
from services.notify.core.skimming import skim
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


TURNS_TO_STALL = 1_000
"""Turns of the loop in which nothing changed. What waits, waits for the clock of this world, which jumps at once; a
time-out on the machine's would fail where the machine is slow."""


class Crash(Exception):
    """The process dies here."""


class Stalled(AssertionError):
    """What was waited for does not come."""


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


class _Message(NamedTuple):
    delivery: Delivery
    key: bytes
    value: bytes


def _skimmed(log: Iterable[Delivery]) -> list[Delivery]:
    """What is read of a topic on the way to its end."""
    return [each.delivery for each in skim([_Message(each, each.key.encode(), encode(each)) for each in log])]


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
    running: dict[tuple["Member", SubscriptionId], int] = field(default_factory=lambda: defaultdict(int))
    most_at_once: int = 0
    steps_to_crash: int | None = None
    steps: int = 0
    happens: dict[int, Callable[[], None]] = field(default_factory=dict)
    """What comes from elsewhere, by the number of the step before which it does."""
    partitions: dict[SubscriptionId, int] = field(default_factory=lambda: defaultdict(int))
    lag: int = 0
    """Turns of the loop until a record is acknowledged, until it is read, and until an endpoint answers."""
    readers: dict[Dispatcher, dict[int, object]] = field(default_factory=dict)
    """Who reads which partitions, each with the token of its assignment."""
    changes: int = 0
    crowded: set[SubscriptionId] = field(default_factory=set)
    """For whose endpoints there is no place."""
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
            partition = self.partitions[delivery.subscription_id]
            self._is_read(partition, partial(Dispatcher.absorb, read=delivery, partition=partition))

    def _is_read(self, partition: int, apply: Callable[[Dispatcher], None]) -> None:
        """By whom the partition is assigned to, if it still is by then."""
        loop = asyncio.get_running_loop()

        def read(turns: int, reader: Dispatcher, assignment: object) -> None:
            if turns:
                loop.call_soon(read, turns - 1, reader, assignment)
            elif self.readers.get(reader, {}).get(partition) is assignment:
                apply(reader)

        for reader, assigned in self.readers.items():
            if partition in assigned:
                loop.call_soon(read, self.lag, reader, assigned[partition])

    def assign(
        self, reader: Dispatcher, owned: frozenset[int], log: Iterable[Delivery] | None = None, *, active: bool = True
    ) -> None:
        """The reader loses all partitions that are not `owned`, and reads those that are new to it."""
        had = self.readers.get(reader, {})
        self.readers[reader] = {number: had.get(number) or object() for number in owned}
        if lost := had.keys() - owned:
            reader.drop(frozenset(lost))
        if new := owned - had.keys():
            for record in _skimmed(self.log if log is None else log):
                if (partition := self.partitions[record.subscription_id]) in new:
                    reader.absorb(record, partition)
            if active:
                reader.activate(new)

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
        """Wait until it holds. Raises Stalled when nothing happens any more, Crash when somebody died."""
        seen, idle = -1, 0
        while idle < TURNS_TO_STALL:
            if seen != self.changes:
                seen, idle = self.changes, 0
                if self.dead:
                    raise Crash
                if holds():
                    return
            idle += 1
            await asyncio.sleep(0)
        raise Stalled

    async def until_final(self, *deliveries: Delivery) -> None:
        await self.until(lambda: all(self.state(each).state is not DeliveryState.PENDING for each in deliveries))

    def step(self) -> None:
        """A point where the process may die."""
        if self.steps_to_crash is not None:
            self.steps_to_crash -= 1
            if self.steps_to_crash < 0:
                raise Crash
        self.steps += 1
        if happening := self.happens.pop(self.steps, None):
            happening()

    async def lagging(self) -> None:
        for _ in range(self.lag):
            await asyncio.sleep(0)

    # The store

    async def put(self, *deliveries: Delivery) -> None:
        self.step()
        await self.brokers_answer.wait()
        self.write(*deliveries)
        self.changes += 1
        await self.lagging()
        self.step()

    async def forget(self, *deliveries: Delivery) -> None:
        self.step()
        self.forgotten += [each.delivery_id for each in deliveries]
        for delivery in deliveries:
            self.log = [each for each in self.log if each.delivery_id != delivery.delivery_id]
            partition = self.partitions[delivery.subscription_id]
            self._is_read(partition, partial(Dispatcher.forget, delivery_id=delivery.delivery_id))
        self.changes += 1

    async def disable(self, subscription: Subscription, reason: str) -> None:
        self.step()
        changed = subscription.model_copy(update={"state": SubscriptionState.DISABLED, "state_reason": reason})
        self.subscribe(changed)

    async def bury(self, delivery: Delivery, partition: int, reason: str) -> None:
        self.step()
        self.buried.append((delivery.delivery_id, reason))
        self.changes += 1


@dataclass(eq=False)
class Member:
    """The sender of one dispatcher. It asserts that an endpoint gets one attempt at a time of each."""

    world: World

    def has_place(self, subscription: Subscription) -> bool:
        return subscription.subscription_id not in self.world.crowded

    async def send(
        self, subscription: Subscription, delivery_id: DeliveryId, body: bytes, at: datetime, head: str | None = None
    ) -> Answer:
        world, line = self.world, (self, subscription.subscription_id)
        world.step()
        world.heads.append(head)
        world.sent.append((delivery_id, at, body))
        world.running[line] += 1
        assert world.running[line] == 1, "two attempts at one endpoint at a time"
        world.most_at_once = max(world.most_at_once, sum(world.running.values()))
        world.changes += 1
        script = world.script.get(subscription.subscription_id, [OK])
        answer = script[0] if len(script) == 1 else script.pop(0)
        try:
            await asyncio.sleep(0)
            await world.lagging()
            if answer is HANGS:
                await asyncio.Event().wait()
        finally:
            world.running[line] -= 1
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
    owned: frozenset[int] = ALL,
) -> AsyncIterator[Dispatcher]:
    """A dispatcher that has read the topic, running; ended without a word at the end, as by kill -9.

    What it dies of is raised out of the context as it came out of `run`.
    """
    dispatcher = Dispatcher(
        world,
        Member(world),
        world.subscriptions.get,
        clock=world.clock,
        jitter=lambda: 0.5,
        concurrency=concurrency,
        group=group,
        operator=operator,
    )
    world.clock.run_to(world.clock.now() + timedelta(days=days))
    world.assign(dispatcher, owned, log, active=active)
    world.dead = False
    running = asyncio.create_task(_run(world, dispatcher))
    try:
        yield dispatcher
    except Crash:
        if running.done():  # else it was another that died
            await running
        raise
    finally:
        del world.readers[dispatcher]
        running.cancel()
        await asyncio.wait([running])


async def _run(world: World, dispatcher: Dispatcher) -> None:
    try:
        await dispatcher.run(asyncio.Event())
    finally:
        world.dead = True
        world.changes += 1


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
