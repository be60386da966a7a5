"""The deliveries topic as a job table: every pending delivery is attempted when it is due, until it is final.

What is promised, over crashes, restarts and rebalances alike:
- A state is acknowledged by the brokers before the delivery is touched again, so no attempt but the last can be
  forgotten; a repeated attempt carries the same webhook-id.
- One endpoint gets one attempt at a time and the revisions of an incident in order. An endpoint that hangs holds one
  of `concurrency` places and nobody else's turn. One that fails is left alone for a while, a minute at most.
- A record that would take a delivery back (an alert matched twice, the late word of a worker that lost its
  partition) is overwritten with what is known, so the compacted topic keeps the truth.
"""

import asyncio
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

import structlog

from services.contracts.alert import Alert
from services.contracts.delivery import Attempt, Delivery, DeliveryState
from services.contracts.ids import DeliveryId, IncidentId, SubscriptionId
from services.contracts.subscription import Subscription, SubscriptionState
from services.notify.core import breaker, channels, grouping, notices, retention, retry
from services.notify.core.agenda import Agenda
from services.notify.core.retention import Retention
from services.notify.core.status import Answer, Judgement, Outcome
from services.notify.core.story import Story
from services.runtime import metrics

log = structlog.get_logger()

DELIVERY_ATTEMPTED = "delivery.attempted"
DELIVERY_ENDED = "delivery.ended"
DELIVERY_RESTORED = "delivery.restored"

NO_PLACE = timedelta(seconds=1)
"""Until a mailbox is looked at again for which the mail server had no session free. Meanwhile it holds no place: a mail
server that hangs holds as many as it has sessions, however many mailboxes wait for it."""
STOPPING_S = 5.0
"""How long running attempts may go on once the service is told to stop; they are made again after the restart."""


class Clock(Protocol):
    def now(self) -> datetime: ...

    async def wait(self, event: asyncio.Event, until: datetime | None) -> None:
        """Return once the event is set or `until` has come; None is never."""
        ...


class Stores(Protocol):
    async def put(self, *deliveries: Delivery) -> None: ...
    async def forget(self, *deliveries: Delivery) -> None: ...
    async def disable(self, subscription: Subscription, reason: str) -> None: ...
    async def bury(self, delivery: Delivery, partition: int, reason: str) -> None: ...


class Sends(Protocol):
    def has_place(self, subscription: Subscription) -> bool:
        """Would an attempt be made at once, and not wait for those at other endpoints?"""
        ...

    async def send(
        self, subscription: Subscription, delivery_id: DeliveryId, body: bytes, at: datetime, head: str | None = None
    ) -> Answer: ...


@dataclass(frozen=True, slots=True)
class _Job:
    delivery: Delivery
    partition: int


class Dispatcher:
    """Holds the deliveries of this member's partitions and makes their attempts.

    `subscription` looks one up; `jitter` draws from [0, 1); `group` is how long updates of an incident wait for each
    other after an endpoint was told of it. An endpoint that only fails for as long as `patience` is given up, and the
    subscription `operator` is told. What is final is forgotten `keep` after the endpoint last heard of its incident.
    `answerable`: the console can read what the buttons of a message send back.
    The table that reads the topic calls `absorb`, `forget`, `activate` and `drop`; `run` does the work.
    """

    def __init__(
        self,
        store: Stores,
        sender: Sends,
        subscription: Callable[[SubscriptionId], Subscription | None],
        *,
        clock: Clock,
        jitter: Callable[[], float],
        concurrency: int,
        group: timedelta = timedelta(0),
        patience: timedelta = timedelta(days=5),
        operator: str = "",
        keep: timedelta = timedelta(days=100),
        answerable: bool = False,
    ) -> None:
        self._store, self._sender, self._subscription = store, sender, subscription
        self._clock, self._jitter, self._concurrency, self._group = clock, jitter, concurrency, group
        self._jobs: dict[DeliveryId, _Job] = {}
        self._stories: dict[tuple[SubscriptionId, IncidentId], Story] = {}
        self._agenda = Agenda()
        self._patience, self._operator, self._answerable = patience, SubscriptionId(operator), answerable
        self._runs: dict[SubscriptionId, breaker.Run] = {}
        self._taken_at: datetime | None = None
        self._retention = Retention(keep)
        self._active: set[int] = set()
        self._in_flight: dict[DeliveryId, asyncio.Task[None]] = {}
        self._overwritten: set[DeliveryId] = set()
        self._wake = asyncio.Event()

    def absorb(self, read: Delivery, partition: int) -> None:
        """A record of the topic, in its order. It counts unless the delivery is known to be further on."""
        known = self._jobs.get(read.delivery_id)
        if known is not None and retry.progress(read) < retry.progress(known.delivery):
            self._overwritten.add(read.delivery_id)
        else:
            self._overwritten.discard(read.delivery_id)
            self._know(read, partition)
            if known is None or retry.progress(read) > retry.progress(known.delivery):
                self._schedule(read, partition)
        self._wake.set()

    def forget(self, delivery_id: DeliveryId) -> None:
        """A tombstone: the delivery is no more, and may come again as new."""
        job = self._jobs.pop(delivery_id, None)
        if job is not None:
            place = job.delivery.subscription_id, job.delivery.incident_id
            if story := self._stories.get(place):
                story.pending.discard(delivery_id)
                if job.delivery.revision == story.newest and not story.pending:
                    del self._stories[place]
        self._overwritten.discard(delivery_id)
        self._agenda.remove(delivery_id)

    def activate(self, partitions: frozenset[int]) -> None:
        """These partitions have been read to their end: their pending deliveries may be attempted."""
        self._active |= partitions
        tried: dict[SubscriptionId, list[Attempt]] = defaultdict(list)
        for job in self._jobs.values():
            if job.partition in partitions:
                tried[job.delivery.subscription_id] += job.delivery.attempts
                self._schedule(job.delivery, job.partition)
        for subscription_id, attempts in tried.items():
            run = self._runs[subscription_id] = breaker.run_of(attempts)
            if until := breaker.rests_until(run, attempts, self._clock.now()):
                self._agenda.rest(subscription_id, until)
        taken = [each.at for log in tried.values() for each in log if each.outcome == Outcome.DELIVERED]
        self._taken_at = max([*taken, *([self._taken_at] if self._taken_at else [])], default=None)
        self._wake.set()

    def drop(self, partitions: frozenset[int]) -> None:
        """These partitions are another member's now. Attempts that run are brought to their end."""
        self._active -= partitions
        for job in [job for job in self._jobs.values() if job.partition in partitions]:
            self.forget(job.delivery.delivery_id)
            # All deliveries of a subscription lie on one partition.
            self._stories.pop((job.delivery.subscription_id, job.delivery.incident_id), None)
            self._runs.pop(job.delivery.subscription_id, None)

    async def run(self, stop: asyncio.Event) -> None:
        """Attempt what is due until `stop` is set. Raises (in a group) what the store raises: then nothing is sure
        any more, and a new process has to start from the topic."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._wake_at(stop))
            while not stop.is_set():
                self._wake.clear()
                self._start_due(group)
                full = len(self._in_flight) >= self._concurrency
                await self._clock.wait(self._wake, None if full else self._agenda.next_turn())
            await self._finish()

    async def _wake_at(self, stop: asyncio.Event) -> None:
        await stop.wait()
        self._wake.set()

    async def _finish(self) -> None:
        if running := list(self._in_flight.values()):
            _, unfinished = await asyncio.wait(running, timeout=STOPPING_S)
            for task in unfinished:
                task.cancel()

    def _start_due(self, group: asyncio.TaskGroup) -> None:
        if lost := self._taken_back():
            group.create_task(self._restore(lost))
        now = self._clock.now()
        if outlived := self._outlived(now):
            group.create_task(self._store.forget(*outlived))
        while len(self._in_flight) < self._concurrency and (delivery_id := self._agenda.take(now)):
            self._in_flight[delivery_id] = group.create_task(self._attend(self._jobs[delivery_id]))
        metrics.DELIVERIES_PENDING.set(len(self._agenda) + len(self._in_flight))

    async def _attend(self, job: _Job) -> None:
        """Bring one delivery a step further, and tell the brokers before it is touched again."""
        before = job.delivery
        with structlog.contextvars.bound_contextvars(
            delivery_id=before.delivery_id, subscription_id=before.subscription_id, incident_id=before.incident_id
        ):
            before = await self._gathered(before)
            subscription = self._subscription(before.subscription_id)
            after = await self._step(before, subscription)
            if subscription is not None and len(after.attempts) > len(before.attempts):
                await self._give_up(subscription, after)
            if retry.is_our_fault(after):  # first, because nobody comes back to a delivery that is final
                await self._store.bury(before, job.partition, after.reason)
            if after != before:
                await self._store.put(after)
            del self._in_flight[before.delivery_id]
            self._acknowledged(after)
            if after.state is DeliveryState.FOLDED:
                for other in list(self._story(after).pending):
                    self._schedule(self._jobs[other].delivery, self._jobs[other].partition)
            self._wake.set()
            if retry.is_final(after):
                await self._conclude(before, after, subscription)

    async def _gathered(self, delivery: Delivery) -> Delivery:
        """The delivery with what older updates of its incident, still waiting, would have said; they are done with.
        One whose attempt was made and is not acknowledged yet does not wait."""
        others = (other for other in self._story(delivery).pending if other not in self._in_flight)
        waiting = [self._jobs[other].delivery for other in others]
        gathered, folded = grouping.gather(delivery, waiting)
        if folded:
            await self._store.put(gathered, *folded)  # who says it is written before who says so no more
            for each in (gathered, *folded):
                self._acknowledged(each)
        return gathered

    async def _step(self, delivery: Delivery, subscription: Subscription | None) -> Delivery:
        """The next state. The endpoint is free when this returns: its next delivery need not wait until the state of
        this one is acknowledged."""
        hold: datetime | None = None
        try:
            newest = self._story(delivery).newest
            settled = retry.without_attempt(delivery, subscription, newest, self._clock.now())
            if settled or subscription is None:
                return settled or delivery
            if not self._sender.has_place(subscription):
                hold = self._clock.now() + NO_PLACE
                return delivery
            after, hold = await self._attempt(delivery, subscription)
            return after
        finally:
            self._agenda.release(delivery.subscription_id, hold)
            self._wake.set()

    async def _attempt(self, delivery: Delivery, subscription: Subscription) -> tuple[Delivery, datetime | None]:
        """The state after one attempt, and until when the endpoint is to be left alone."""
        started = self._clock.now()
        late = delivery.alert is not None and retry.is_late(delivery.alert, started)
        try:
            body = channels.body(subscription.channel, delivery, late=late, answerable=self._answerable)
        except Exception as error:  # noqa: BLE001 - one alert that cannot be written must not stop the others
            answer = Answer(outcome=Outcome.UNWRITABLE, detail=f"{type(error).__name__}: {error}")
        else:
            _, head = self._story(delivery).head or (0, None)
            answer = await self._sender.send(subscription, delivery.delivery_id, body, started, head)
        rules = channels.CHANNELS[subscription.channel]
        judgement = rules.judge(answer)
        after = retry.after_attempt(delivery, answer, judgement, started=started, late=late, jitter=self._jitter())
        if after.state is DeliveryState.DELIVERED:
            receipt = rules.receipt(delivery.delivery_id, body, answer.body)
            after = after.model_copy(update={"receipt": receipt})
        ended = self._clock.now()
        _tell(subscription, delivery.alert, after, answer, judgement, ended)
        before = self._run_at(subscription)
        run = breaker.after(before, judgement.outcome, started)
        self._runs[subscription.subscription_id] = run
        if after.state is DeliveryState.DELIVERED:
            self._taken_at = started
            if breaker.rest_s(before):
                self._bring_forward(subscription.subscription_id, ended)
        hold_s = max(answer.retry_after_s or 0, rules.rest_s, breaker.rest_s(run))
        return after, ended + timedelta(seconds=hold_s) if hold_s else None

    def _bring_forward(self, endpoint: SubscriptionId, now: datetime) -> None:
        """An outage is over: what it made wait, perhaps for hours, goes now."""
        stories = [story for (subscription_id, _), story in self._stories.items() if subscription_id == endpoint]
        for delivery_id in set().union(*(story.pending for story in stories)) - self._in_flight.keys():
            job = self._jobs[delivery_id]
            if job.partition in self._active and retry.may_come_sooner(job.delivery):
                self._agenda.put(job.delivery.model_copy(update={"next_attempt_at": now}))

    async def _conclude(self, before: Delivery, after: Delivery, subscription: Subscription | None) -> None:
        metrics.DELIVERIES.labels(subscription.channel if subscription else "unknown", after.state).inc()
        if len(after.attempts) == len(before.attempts):
            log.info(DELIVERY_ENDED, status=after.state, reason=after.reason)

    async def _give_up(self, subscription: Subscription, after: Delivery) -> None:
        """Disable it if its endpoint is gone or hopeless, and tell the operator. Comes before the state is written,
        because nobody comes back to a delivery that is final."""
        current = self._subscription(subscription.subscription_id)
        if current is None or current.endpoint != subscription.endpoint:  # someone has mended it meanwhile
            return
        run, last = self._run_at(current), after.attempts[-1]
        forgiven, others = current.active_since, self._taken_at
        reason = breaker.hopeless(run, last, forgiven=forgiven, others_took=others, patience=self._patience)
        if last.outcome == Outcome.GONE:
            reason = after.reason
        if reason is None or current.state is not SubscriptionState.ACTIVE:
            return
        if self._operator and (operator := self._subscription(self._operator)):
            since = run.forgiven(forgiven) or last.at
            if told := notices.of_disabled(current, reason, since, operator, self._clock.now()):
                await self._store.put(told)
            current = self._subscription(subscription.subscription_id)  # someone may have changed it meanwhile
        if current is not None and current.state is SubscriptionState.ACTIVE:
            await self._store.disable(current, reason)

    def _acknowledged(self, delivery: Delivery) -> None:
        """A state that we wrote is on the topic. It counts unless more was read meanwhile, or it is not ours now."""
        if known := self._jobs.get(delivery.delivery_id):
            if retry.progress(delivery) >= retry.progress(known.delivery):
                self._know(delivery, known.partition)
            self._schedule(self._jobs[delivery.delivery_id].delivery, known.partition)

    def _know(self, delivery: Delivery, partition: int) -> None:
        self._jobs[delivery.delivery_id] = _Job(delivery, partition)
        self._story(delivery).learn(delivery)

    def _run_at(self, subscription: Subscription) -> breaker.Run:
        return self._runs.get(subscription.subscription_id, breaker.Run())

    def _story(self, delivery: Delivery) -> Story:
        return self._stories.setdefault((delivery.subscription_id, delivery.incident_id), Story())

    def _schedule(self, delivery: Delivery, partition: int) -> None:
        """On the agenda if it is pending, ours to make and not being made."""
        if retry.is_final(delivery):
            self._agenda.remove(delivery.delivery_id)
            if partition in self._active:
                self._retention.note(delivery.delivery_id, retention.ended_at(delivery))
        elif partition in self._active and delivery.delivery_id not in self._in_flight:
            story, now = self._story(delivery), self._clock.now()
            # The first word may be on its way still; where it gave way to this one, this one is the first word.
            waiting = any(self._jobs[other].delivery.revision < delivery.revision for other in story.pending)
            told_at = story.told_at or (delivery.created_at if waiting else None)
            told_at = told_at and min(told_at, now)
            self._agenda.put(retry.by_our_clock(delivery, now), grouping.held_until(delivery, told_at, self._group))

    def _outlived(self, now: datetime) -> list[Delivery]:
        """Final deliveries that nothing asks for any more: follow-ups go by the first message for as long as there are
        any, so one incident's go together."""
        found = []
        for delivery_id in self._retention.over(now):
            job = self._jobs.get(delivery_id)
            if job is None or job.partition not in self._active or not retry.is_final(job.delivery):
                continue  # noted again when that changes
            story = self._story(job.delivery)
            since = now if story.pending else story.ended_at or now
            if since + self._retention.keep <= now:
                found.append(job.delivery)
            else:
                self._retention.note(delivery_id, since)
        return found

    def _taken_back(self) -> list[Delivery]:
        """Deliveries whose last record is behind what is known of them."""
        jobs = [self._jobs[delivery_id] for delivery_id in self._overwritten]
        lost = [job.delivery for job in jobs if job.partition in self._active]
        self._overwritten.difference_update(delivery.delivery_id for delivery in lost)
        return lost

    async def _restore(self, lost: list[Delivery]) -> None:
        await self._store.put(*lost)
        log.info(DELIVERY_RESTORED, deliveries=len(lost))


def _tell(
    subscription: Subscription,
    alert: Alert | None,
    after: Delivery,
    answer: Answer,
    judgement: Judgement,
    ended: datetime,
) -> None:
    """The attempt in the log and in the metrics."""
    log.info(
        DELIVERY_ATTEMPTED,
        status=judgement.outcome,
        reason=judgement.reason,
        state=after.state,
        channel=subscription.channel,
        attempt=len(after.attempts),
        http_status=answer.http_status,
        took_s=round(answer.took_s, 3),
        next_attempt_at=after.next_attempt_at and after.next_attempt_at.isoformat(timespec="seconds"),
        late=after.late,
    )
    metrics.DELIVERY_ATTEMPTS.labels(subscription.channel, judgement.outcome).inc()
    metrics.DELIVERY_SECONDS.observe(answer.took_s)
    if after.state is DeliveryState.DELIVERED and alert is not None and not alert.exercise:
        metrics.FETCHED_TO_SENT_SECONDS.observe((ended - alert.incident.ledger.fetched_at).total_seconds())
