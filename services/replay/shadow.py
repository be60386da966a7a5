"""Follows the live articles with other rules, in a namespace of its own (`stage.py`), and tells the running difference.

What live remembers, the shadow has to know: the articles of a while before are given to it first, and then all that
live is given (`copying.py`). Its worker is a real one, started again when it dies; it tells nobody anything. One live
topic is written to: `shadows`, with how the two compare (`core/running.py`).
"""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from aiokafka import TopicPartition

from services.classify.core.chain import as_exercise
from services.contracts import ids
from services.contracts.alert import Alert
from services.contracts.codec import Undecodable, decode
from services.contracts.difference import Kind
from services.contracts.shadow import SILENT_AFTER_S, Ruleset, Shadow
from services.contracts.topics import ALERTS, ARTICLES, FEEDBACK, REPORTS, SHADOWS
from services.launch.supervisor import Supervisor
from services.replay.adapters.archive import recording
from services.replay.adapters.scratch import scratch
from services.replay.copying import Copying, begin, reached, reader
from services.replay.core.isolation import Purpose, namespace_of
from services.replay.core.running import Running, Side
from services.replay.core.telling import moment_of, telling_of
from services.replay.offsets import Offsets, Places
from services.replay.record import offsets_at, partitions_of
from services.replay.stage import (
    READ,
    Feeding,
    Stuck,
    assert_unused,
    clean,
    done,
    isolated,
    stage,
    unless_it_gave_up,
    worker,
)
from services.runtime.kafka import Publisher, ensure_topics
from services.runtime.service import first_cause
from services.runtime.settings import Settings
from services.runtime.topic_table import snapshot

SOURCE = "/chancery/shadow"
_ALIVE_EVERY = timedelta(seconds=30)
_LOOK_S = 1.0
_REPORT_S = 2.0
_KEPT = timedelta(days=1)
"""How long the copies are kept: a worker that is down for longer has lost them."""
_BATCH = 500
_MOST_WAITING = 20_000
"""Alerts that may wait for one of the sides; each takes some kilobytes."""
_CLOCKS_DIFFER = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Plan:
    """What is asked: the rules `called` so that lie in `tables_in`, of this `version`. Alerts of articles that were
    fetched from `since` on are compared; those of `warm_up` before are given first. It ends by itself at `until`."""

    name: str
    called: str
    tables_in: Path
    version: str
    since: datetime
    warm_up: timedelta
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Onlooker:
    """Who is told how it goes: of each look at how the sides compare, and of the articles given and to give beforehand.
    `say` is told, in words, what happens to the worker."""

    compared: Callable[[Shadow], None]
    given: Callable[[int, int], None]
    say: Callable[[str, str], None]


async def shadow(
    settings: Settings, plan: Plan, made_by: tuple[str, str], stop: asyncio.Event, onlooker: Onlooker
) -> Shadow:
    """Follow until `stop` is set or the time is over; returns how it ended, and leaves nothing but that on `shadows`.

    Raises NotIsolated before anything is written, Misconfigured where the namespace is in use or the rules cannot be
    run, Stuck, BrokerUnreachable, KafkaError.
    """
    own = isolated(settings, plan.name, Purpose.SHADOW)
    own = own.model_copy(
        update={
            "classify": own.classify.model_copy(update={"rules_dir": str(plan.tables_in)}),
            "log": own.log.model_copy(update={"level": "WARNING"}),  # a line an article would fill the disk in time
        }
    )
    await assert_unused(own, Purpose.SHADOW)
    await ensure_topics(settings, [SHADOWS])
    async with Publisher(settings, SOURCE) as live:
        following = _Following(settings, own, plan, live, onlooker)
        await following.begin()  # before there is a topic: `clean_dead` deletes those of shadows that it knows
        async with stage(own, Purpose.SHADOW, _KEPT):
            return await following.run(made_by, stop)


async def clean_dead(settings: Settings, now: datetime) -> list[str]:
    """Delete the topics that shadows left which were killed, and say on `shadows` that they ended; returns the names of
    the topics. Those that are heard of stay, and those of other live namespaces."""
    known = (await snapshot(settings, [SHADOWS])).values(SHADOWS)
    silent_since = now - timedelta(seconds=SILENT_AFTER_S)
    deleted = []
    async with Publisher(settings, SOURCE) as publisher:
        for each in known:
            if each.ended_at is not None or each.alive_at < silent_since:
                deleted += await clean(settings, Purpose.SHADOW, namespace_of(each.name, Purpose.SHADOW))
            if each.ended_at is None and each.alive_at < silent_since:
                ended = each.model_copy(update={"ended_at": each.alive_at, "end": "it was killed"})
                await publisher.publish(SHADOWS, ended)
    return deleted


class _Following:
    """One shadow, on topics that are there."""

    def __init__(self, settings: Settings, own: Settings, plan: Plan, live: Publisher, onlooker: Onlooker) -> None:
        self._settings, self._own, self._plan, self._live, self._onlooker = settings, own, plan, live, onlooker
        now = datetime.now(UTC)
        self._shadow = Shadow(
            shadow_id=ids.shadow_id(plan.name),
            name=plan.name,
            live=Ruleset(name="live"),
            other=Ruleset(name=plan.called, version=plan.version),
            begun_at=now,
            since=plan.since,
            until=plan.until,
            alive_at=now,
        )
        self._running = Running()
        self._copying: Copying | None = None
        self._heard: dict[TopicPartition, int] = {}
        self._moved = asyncio.Event()

    async def begin(self) -> None:
        """Say that it is there."""
        await self._live.publish(SHADOWS, self._shadow)

    async def run(self, made_by: tuple[str, str], stop: asyncio.Event) -> Shadow:
        ended, end = None, ""
        try:
            with scratch() as directory:
                supervisor = Supervisor(directory, self._onlooker.say)
                try:
                    following = self._follow(supervisor, directory, made_by)
                    end = await _until(unless_it_gave_up(supervisor, following), stop, self._plan.until)
                finally:
                    await supervisor.end()
        except Exception as error:
            end = str(error) or type(error).__name__
            raise
        finally:
            ended = self._now().model_copy(update={"ended_at": datetime.now(UTC), "end": end or "it was ended"})
            await self._live.publish(SHADOWS, ended)
        self._onlooker.compared(ended)
        return ended

    async def _follow(self, supervisor: Supervisor, directory: Path, made_by: tuple[str, str]) -> None:
        """Never returns."""
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._report())
                group.create_task(self._work(supervisor, directory, made_by))
        except BaseExceptionGroup as several:
            raise first_cause(several) from several

    async def _work(self, supervisor: Supervisor, directory: Path, made_by: tuple[str, str]) -> None:
        async with (
            Publisher(self._own, SOURCE) as publisher,
            Offsets(self._settings, "classify", READ) as live,
            Offsets(self._own, "classify", READ) as own,
        ):
            feeding = Feeding(publisher, own, self._nothing)
            copying = self._copying = Copying(self._settings, live, feeding, self._plan.since, self._wake)
            path = directory / "before.jsonl.zst"
            before = await copying.record(path, self._plan.since - self._plan.warm_up, made_by)
            await feeding.sites(recording(path))
            await supervisor.start(worker(self._own))
            await copying.catch_up(path, before, self._onlooker.given)
            await done(own, self._nothing)
            path.unlink()
            async with asyncio.TaskGroup() as group:
                group.create_task(copying.follow(before))
                group.create_task(self._listen())
                group.create_task(self._settle(copying))

    async def _listen(self) -> None:
        """What both sides tell."""
        async with reader(self._settings) as consumer:
            live = await partitions_of(consumer, self._settings, (ALERTS,))
            own = await partitions_of(consumer, self._own, (ALERTS,))
            ends = await consumer.end_offsets(list(live))
            since = self._plan.since - _CLOCKS_DIFFER
            self._heard = await offsets_at(consumer, list(live), since, ends) | dict.fromkeys(own, 0)
            begin(consumer, self._heard)
            while True:
                for partition, messages in (await consumer.getmany(timeout_ms=500, max_records=_BATCH)).items():
                    for message in messages:
                        self._hear(Side.LIVE if partition in live else Side.SHADOW, message.value)
                self._heard = {each: await consumer.position(each) for each in self._heard}
                self._wake()
                if self._running.waiting > _MOST_WAITING:
                    raise Stuck(
                        f"{self._running.waiting} alerts wait for one of the sides: is the live classify worker "
                        "running? See `chancery topics list`"
                    )

    def _hear(self, side: Side, value: bytes | None) -> None:
        try:
            alert = decode(value, Alert)
        except Undecodable:
            return  # whose work it is buries it
        if moment_of(alert) >= self._plan.since and alert.incident.drill is None:
            known_as = as_exercise(alert).alert_id if side is Side.LIVE and not alert.exercise else ""
            self._running.tell(side, telling_of(alert), moment_of(alert), known_as)

    def _wake(self) -> None:
        self._moved.set()
        self._moved.clear()

    async def _settle(self, copying: Copying) -> None:
        """Marks how far the live topics go; once both sides have worked off all before a mark, what was told before
        it is settled."""
        async with (
            Offsets(self._settings, "classify", READ, (ALERTS,)) as live,
            Offsets(self._own, "classify", READ, (ALERTS,)) as own,
        ):
            while True:
                await asyncio.sleep(_LOOK_S)
                if not self._running.waiting:
                    continue
                mark = self._running.mark()
                given = await live.ends(ARTICLES, FEEDBACK)
                while not reached(copying.copied, given):
                    await self._moved.wait()
                copied = await own.ends(ARTICLES, FEEDBACK)
                await asyncio.gather(self._worked_off(live, given), self._worked_off(own, copied))
                self._running.settle(mark)

    async def _worked_off(self, offsets: Offsets, given: Places) -> None:
        """Until a side has acknowledged what it was given and the reports of that, and its alerts were heard here."""
        await _acknowledged(offsets, given)
        await _acknowledged(offsets, await offsets.ends(REPORTS))
        told = await offsets.ends(ALERTS)
        while not reached(self._heard, told):
            await self._moved.wait()

    async def _report(self) -> None:
        """Writes how it stands when that changed, and now and then that it is alive."""
        written = self._shadow
        while True:
            await asyncio.sleep(_REPORT_S)
            now = self._now()
            self._onlooker.compared(now)
            same = now.model_copy(update={"alive_at": written.alive_at}) == written
            if not same or now.alive_at - written.alive_at >= _ALIVE_EVERY:
                await self._live.publish(SHADOWS, now)
                written = now

    def _now(self) -> Shadow:
        standing, copying = self._running.standing, self._copying
        return self._shadow.model_copy(
            update={
                "alive_at": datetime.now(UTC),
                "live": Ruleset(name="live", version=copying.live_version if copying else ""),
                "articles": copying.articles if copying else 0,
                "same": standing.kinds[None],
                **{str(kind): standing.kinds[kind] for kind in Kind},
                "waiting": standing.waiting,
                "differences": standing.differences,
            }
        )

    async def _nothing(self) -> None:
        """Nobody has to be told while records are given: `_report` does that."""


async def _until(work: Coroutine[Any, Any, None], stop: asyncio.Event, until: datetime | None) -> str:
    """Do the work until one of both; returns which, in words."""
    working, stopping = asyncio.create_task(work), asyncio.create_task(stop.wait())
    left = None if until is None else max(0.0, (until - datetime.now(UTC)).total_seconds())
    try:
        await asyncio.wait((working, stopping), timeout=left, return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            await working
        return "it was asked to" if stopping.done() else "its time was over"
    finally:
        for task in (working, stopping):
            task.cancel()
        await asyncio.gather(working, stopping, return_exceptions=True)


async def _acknowledged(offsets: Offsets, until: Places) -> None:
    while True:
        if reached(await offsets.committed(list(until)), until):
            return
        await asyncio.sleep(_LOOK_S)
