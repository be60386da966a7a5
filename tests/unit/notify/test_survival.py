"""Whatever happens to whom, and when: what the dispatcher promises holds in the end."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

from hypothesis import given as for_all
from hypothesis import settings
from hypothesis import strategies as st

from services.contracts.delivery import Delivery, DeliveryState
from services.contracts.ids import DeliveryId
from services.contracts.subscription import Subscription, SubscriptionState
from services.notify.core import redelivery, retry
from services.notify.core.status import Answer
from services.notify.dispatcher import Dispatcher
from tests.unit.notify import given
from tests.unit.notify.dispatching import (
    BROKEN,
    DESK,
    GROUP,
    OK,
    OTHER,
    Crash,
    World,
    compacted,
    dispatching,
    to,
    world,
)

DESKS = (DESK, OTHER)
BOTH = frozenset({0, 1})
PAUSED = {each.subscription_id: each.model_copy(update={"state": SubscriptionState.PAUSED}) for each in DESKS}
REACHED = {DeliveryState.DELIVERED, DeliveryState.FOLDED}
CLOSED_TO = REACHED | {DeliveryState.DROPPED, DeliveryState.REJECTED}
ACTIVE = {each.subscription_id: each for each in DESKS}


@dataclass(frozen=True)
class Event:
    """Before step number `at`, of those since the last: "crash", "move" (a partition to the other member), "again" (an
    alert is matched once more), "pause" (a subscription, or it is resumed), "remove" (it is, or made again) or "resend"
    (someone has a delivery sent again that he saw final, now or a while ago)."""

    what: str
    at: int
    of: int


GONE = Answer(http_status=410)
outcomes = st.lists(
    st.sampled_from([OK, BROKEN, Answer(http_status=429, retry_after_s=3), GONE]), min_size=1, max_size=6
)
events = st.lists(
    st.builds(
        Event,
        st.sampled_from(["crash", "move", "again", "pause", "remove", "resend", "resend"]),
        st.integers(1, 12),
        st.integers(0, 7),
    ),
    max_size=6,
)


@dataclass
class Life:
    """Two members that share two partitions, one subscription on each, while `events` happen."""

    deliveries: list[Delivery]
    events: list[Event]
    in_it: World
    members: list[Dispatcher] = field(default_factory=list)
    owned: list[frozenset[int]] = field(default_factory=lambda: [frozenset({0}), frozenset({1})])

    def plan(self) -> None:
        step = self.in_it.steps
        for event in self.events:
            step += event.at
            self.in_it.happens[step] = lambda event=event: getattr(self, event.what)(event.of)  # type: ignore[misc]

    def crash(self, _: int) -> None:
        raise Crash

    def move(self, of: int) -> None:
        moved = frozenset({of % 2})
        self.owned = [owned ^ moved for owned in self.owned]
        # Who loses it learns of it first or last.
        for number in (0, 1) if of // 2 % 2 else (1, 0):
            self.in_it.assign(self.members[number], self.owned[number])

    def again(self, of: int) -> None:
        self.in_it.write(self.deliveries[of % len(self.deliveries)])

    def pause(self, of: int) -> None:
        desk = DESKS[of % 2].subscription_id
        if known := self.in_it.subscriptions.get(desk):
            paused = known.state is SubscriptionState.PAUSED
            self.in_it.subscriptions[desk] = (ACTIVE if paused else PAUSED)[desk]

    def remove(self, of: int) -> None:
        desk = DESKS[of % 2].subscription_id
        if self.in_it.subscriptions.pop(desk, None) is None:
            self.in_it.subscriptions[desk] = ACTIVE[desk]

    def resend(self, of: int) -> None:
        delivery = self.deliveries[of % len(self.deliveries)]
        finals = [each for each in self.in_it.log if each.delivery_id == delivery.delivery_id and retry.is_final(each)]
        if finals:
            seen, now = finals[-1 if of % 2 else 0], self.in_it.clock.now()
            self.in_it.write(redelivery.again(seen, delivery.alert or given.alert(), now, "ana has it sent again"))

    async def live(self, squeeze: bool, group: timedelta, until: Callable[[], bool], days: float = 2) -> None:
        """Both members, until all is final or they die."""
        if squeeze:
            self.in_it.log = compacted(self.in_it.log)
        a, b = self.owned
        async with (
            dispatching(self.in_it, group=group, owned=a, days=days) as first,
            dispatching(self.in_it, group=group, owned=b, days=days) as second,
        ):
            self.members = [first, second]
            await self.in_it.until(until)

    def true_to_itself(self) -> bool:
        """Is all final, and does the topic's last word on each say the most that was ever said?"""
        last = {each.delivery_id: each for each in self.in_it.log}
        return all(map(retry.is_final, last.values())) and all(
            retry.progress(each) <= retry.progress(last[each.delivery_id]) for each in self.in_it.log
        )


@settings(max_examples=200, deadline=None)
@for_all(
    wanted=st.lists(
        st.tuples(st.sampled_from(DESKS), st.integers(1, 3), st.integers(1, 3)), min_size=1, max_size=8, unique=True
    ),
    scripts=st.tuples(outcomes, outcomes),
    events=events,
    squeeze=st.booleans(),
    group=st.sampled_from([timedelta(0), GROUP]),
    lag=st.integers(0, 9),
)
def test_nothing_is_lost(
    wanted: list[tuple[Subscription, int, int]],
    scripts: tuple[list[Answer], list[Answer]],
    events: list[Event],
    squeeze: bool,
    group: timedelta,
    lag: int,
) -> None:
    """Members die before or after any record is acknowledged or any request made, lose and get partitions, and read
    alerts again, people pause and remove subscriptions and have deliveries sent again, by what they saw before: in the
    end every delivery is final, each that was not folded reached its endpoint unless that was paused, removed or gone,
    fresh revisions came in order, the topic says the most that is known, and in time is empty."""
    asyncio.run(_live(wanted, scripts, events, squeeze, group, lag))


async def _live(
    wanted: list[tuple[Subscription, int, int]],
    scripts: tuple[list[Answer], list[Answer]],
    events: list[Event],
    squeeze: bool,
    group: timedelta,
    lag: int,
) -> None:
    deliveries = [to(desk, number, revision) for desk, number, revision in sorted(wanted, key=lambda w: w[2])]
    in_it = world(*deliveries)
    in_it.partitions.update({OTHER.subscription_id: 1})
    in_it.lag = lag
    for desk, script in zip(DESKS, scripts, strict=True):
        in_it.answers(desk, *script, OK)
    life = Life(deliveries, events, in_it)
    life.plan()
    for _ in range(1 + sum(event.what == "crash" for event in events)):
        try:
            await life.live(squeeze, group, life.true_to_itself)
        except* Crash:
            pass
    in_it.happens.clear()
    await life.live(squeeze, group, life.true_to_itself)
    # What is matched again right before a crash is the last word, if the broker compacts before anyone looks.
    forgetful = squeeze and any(event.what == "again" for event in events)
    disturbances = None if forgetful else sum(event.what in ("crash", "move") for event in events)
    closed = any(event.what in ("pause", "remove") for event in events) or any(GONE in script for script in scripts)
    _check(deliveries, in_it, closed, disturbances)
    assert in_it.forgotten == []
    wakes_at = in_it.clock.now() + timedelta(days=101)
    later = [to(desk, 9).model_copy(update={"next_attempt_at": wakes_at}) for desk in DESKS]
    in_it.write(*later)  # so that both members wake
    await life.live(squeeze, group, lambda: len(in_it.forgotten) == len(deliveries), days=102)
    assert set(in_it.forgotten) == {each.delivery_id for each in deliveries}
    assert {each.delivery_id for each in in_it.log} == {each.delivery_id for each in later}


def _check(deliveries: list[Delivery], in_it: World, closed: bool, disturbances: int | None) -> None:
    sent = [delivery_id for delivery_id, _, _ in in_it.sent]
    revisions = {(each.subscription_id, each.incident_id, each.revision) for each in deliveries}
    for each in deliveries:
        done = in_it.state(each)
        assert done.state in (CLOSED_TO if closed else REACHED)
        if done.state is DeliveryState.DELIVERED:
            assert each.delivery_id in sent
        if done.state is DeliveryState.FOLDED:
            newer = int(done.reason.split()[1])
            assert newer > each.revision
            assert (each.subscription_id, each.incident_id, newer) in revisions
        if disturbances is not None:  # each may cost the last attempt its record, and no other
            assert sent.count(each.delivery_id) <= len(done.attempts) + disturbances
    known = {each.delivery_id: each for each in deliveries}
    told: dict[tuple[str, str], list[int]] = {}
    for delivery_id in dict.fromkeys(sent):
        first: Delivery = known[DeliveryId(delivery_id)]
        told.setdefault((first.subscription_id, first.incident_id), []).append(first.revision)
    assert all(order == sorted(order) for order in told.values())
