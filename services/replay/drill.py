"""Plays a past attack on the live topics as an exercise, measures who was told and who answered, and calls it off.

Nothing of it meets what is real: its articles, reports, incidents and verdicts carry the drill's id, are remembered
apart from all others (`correlation/memory.place_of`), and no alert of it can be read without being an exercise.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from services.console.adapters.audited import myself, write_audited
from services.console.adapters.cluster import described
from services.contracts.feedback import CALLED_OFF_BY, Verdict, verdict_on
from services.contracts.incident import Incident, IncidentStatus
from services.contracts.model import Record
from services.contracts.subscription import Subscription
from services.contracts.topics import ALERTS, ARTICLES, DELIVERIES, FEEDBACK, INCIDENTS
from services.replay.adapters.following import following
from services.replay.core.drilling import (
    TAKEN,
    Acknowledged,
    Heard,
    Observed,
    Step,
    acknowledged,
    emptied,
    heard,
)
from services.runtime.kafka import Publisher
from services.runtime.settings import Settings
from services.runtime.topic_table import snapshot

SOURCE = "/chancery/drill"
OVER = "the exercise is over"
PATIENCE_S = 60.0
"""For what an article should lead to, and for what calls it off to arrive."""
_POLL_S = 0.1
_ASKED = 5
"""Times that brokers which do not tell who works are asked."""
_WORKERS = {"classify": "classify", "notify": "notify", "dispatch": "notify"}
"""The groups that a drill needs, and the services whose they are."""


class NobodyWorks(RuntimeError):
    """A service that a drill needs does not run, or not with these rules; the message says which."""


@dataclass(frozen=True, slots=True)
class Result:
    """What came of a drill. `ended` says why it ended; `left` are incidents that could not be called off."""

    drill: str
    scenario: str
    played: int
    articles: int
    ended: str
    alerts: int
    heard: tuple[Heard, ...]
    acknowledged: tuple[Acknowledged, ...]
    left: tuple[str, ...]

    @property
    def all_delivered(self) -> bool:
        """Every alert reached everyone who asked for it, and it is over everywhere."""
        told = [each for listener in self.heard for each in listener.told]
        return bool(told) and not self.left and all(each.state in (*TAKEN, "silenced") for each in told)


async def assert_worked(settings: Settings) -> None:
    """Raises NobodyWorks where a group that a drill needs has no members: what was published then would be told
    whenever somebody came."""
    for _ in range(_ASKED):
        members = (await described(settings)).members
        if None not in map(members.get, _WORKERS):
            break
        await asyncio.sleep(1)  # a cluster that never had a group makes itself ready to be asked for one
    absent = dict.fromkeys(service for role, service in _WORKERS.items() if not members.get(role))
    if absent:
        raise NobodyWorks(
            f"nobody works as {' and '.join(absent)}: a drill goes through the live chain. Start it first"
        )


async def call_off(publisher: Publisher, incidents: Sequence[Incident]) -> None:
    """Take incidents of drills back, as what is over. Returns once that is written."""
    now = datetime.now(UTC)
    words = [
        verdict_on(each, Verdict.FALSE_ALARM, why=OVER, author=CALLED_OFF_BY, now=now)
        for each in incidents
        if each.drill is not None
    ]
    await write_audited(publisher, myself(), FEEDBACK, [(None, each) for each in words])


async def end_all(settings: Settings) -> list[Incident]:
    """Call off every incident of any drill that still stands; returns them. For what drills that were killed left."""
    table = await snapshot(settings, [INCIDENTS], row=lambda record: record if _stands(record) else None)
    found = list(table.values(INCIDENTS))
    async with Publisher(settings, SOURCE) as publisher:
        await call_off(publisher, found)
    return found


def _stands(record: Record) -> bool:
    return isinstance(record, Incident) and record.drill is not None and record.status is not IncidentStatus.RETRACTED


class _Stopped(Exception):
    """Somebody ended it."""


class Drill:
    """One drill, on the live topics of the settings.

    `speed` divides the pauses between articles; None leaves them out. After the last article it waits `wait_s` at most
    for every delivery to be final and for somebody to acknowledge. `on_status` hears in words how far it is.
    """

    def __init__(
        self,
        settings: Settings,
        scenario: str,
        steps: Sequence[Step],
        subscriptions: Sequence[Subscription],
        speed: float | None,
        wait_s: float,
        stop: asyncio.Event,
        on_status: Callable[[int, str], None],
    ) -> None:
        drill = steps[0].article.drill
        assert drill is not None
        self._settings, self._scenario, self._steps = settings, scenario, steps
        self._subscriptions = [each for each in subscriptions if any(asked.exercises for asked in each.filters)]
        self._speed, self._wait_s = speed, wait_s
        self._stop, self._on_status = stop, on_status
        self._observed = Observed(drill, {each.incident_id for step in steps for each in step.incidents})
        self._published: dict[str, datetime] = {}
        self._played = 0

    async def run(self) -> Result:
        """Play, wait, and call off, whatever happens meanwhile. Raises NobodyWorks once it is called off, and what
        reading and writing topics raises."""
        topics = (INCIDENTS, ALERTS, DELIVERIES, FEEDBACK)
        await assert_worked(self._settings)
        async with (
            Publisher(self._settings, SOURCE) as publisher,
            following(self._settings, topics, self._observed.take) as self._reading,
        ):
            try:
                await self._play(publisher)
                ended = await self._answered()
            except _Stopped:
                ended = "stopped"
            finally:
                left = await self._called_off(publisher)
        observed = self._observed
        return Result(
            drill=observed.drill,
            scenario=self._scenario,
            played=self._played,
            articles=len(self._steps),
            ended=ended,
            alerts=len(observed.alerts),
            heard=tuple(heard(observed, self._subscriptions, self._published)),
            acknowledged=tuple(acknowledged(observed, self._published)),
            left=tuple(each.incident_id for each in left),
        )

    async def _play(self, publisher: Publisher) -> None:
        """Each article once what the one before it led to is there: else partitions might be read in another order."""
        begun = time.monotonic()
        for step in self._steps:
            due = begun + step.after.total_seconds() / self._speed if self._speed else begun
            await self._until(lambda: False, due - time.monotonic())
            now = datetime.now(UTC)
            article = step.article.model_copy(update={"fetched_at": now})
            self._published[article.record_id] = now
            self._played += 1
            await write_audited(publisher, myself(), ARTICLES, [(None, article)])
            came = await self._until(lambda step=step: self._observed.has(step), PATIENCE_S)  # type: ignore[misc]
            if not came and not self._observed.verdicts:
                raise NobodyWorks(
                    f"article {self._played} ({article.title}) did not lead to what it should within {PATIENCE_S:g} s: "
                    "does classify work (`chancery doctor`), and with the rules that are here?"
                )

    async def _answered(self) -> str:
        def done() -> bool:
            return bool(self._observed.verdicts) and self._observed.settled(self._subscriptions)

        return "acknowledged" if await self._until(done, self._wait_s) else "waited"

    async def _called_off(self, publisher: Publisher) -> list[Incident]:
        """What still stands once it was called off; nothing, where the services work. What was published last is let
        come first; where it does not, each article is taken back too, for whoever reads it afterwards."""
        observed, stopped = self._observed, self._stop.is_set()
        self._stop = asyncio.Event()  # who stopped it does not stop this
        if self._played and not await self._until(self._all_came, PATIENCE_S if stopped else 0):
            await publisher.publish(ARTICLES, *emptied(self._steps[: self._played], datetime.now(UTC)))
        await call_off(publisher, observed.standing())
        if await self._until(observed.is_over, PATIENCE_S):
            await self._until(lambda: observed.settled(self._subscriptions), PATIENCE_S)
        return observed.standing()

    def _all_came(self) -> bool:
        return all(map(self._observed.has, self._steps[: self._played]))

    async def _until(self, holds: Callable[[], bool], within_s: float) -> bool:
        """Whether it came to hold within the time. Raises _Stopped, and what ended the reading of the topics."""
        deadline = time.monotonic() + within_s
        while not holds():
            self._tell()
            if self._reading.done():
                self._reading.result()
            if self._stop.is_set():
                raise _Stopped
            if (left := deadline - time.monotonic()) <= 0:
                return False
            await asyncio.sleep(min(_POLL_S, left))
        return True

    def _tell(self) -> None:
        told = [delivery for each in self._subscriptions for _, delivery in self._observed.to(each)]
        taken = sum(each is not None and each.state in TAKEN for each in told)
        last = self._observed.verdicts[-1] if self._observed.verdicts else None
        answer = f"acknowledged by {last.author}" if last else "nobody has acknowledged yet"
        self._on_status(
            self._played, f"{len(self._observed.alerts)} alerts, {taken} of {len(told)} delivered, {answer}"
        )
