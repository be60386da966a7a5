"""Plays a recording back into a namespace of its own, through a real worker with its own group and tables (`stage.py`).

Two replays of one recording by the same rules write the same records but for their volatile fields. Nothing is sent
anywhere: no notifier runs in the namespace unless some subscriptions were named, and then it knows no others
(`sending.py`).
"""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from pathlib import Path

from services.contracts.subscription import Subscription
from services.contracts.topics import ALERTS, ARTICLES, DEAD_LETTERS, SITES, SUBSCRIPTIONS
from services.launch.supervisor import Supervisor
from services.replay.adapters.archive import manifest_of, recording
from services.replay.adapters.scratch import scratch
from services.replay.core.recording import BadRecording, Recorded
from services.replay.core.rerun import TAKEN
from services.replay.offsets import Offsets
from services.replay.record import Wanted, record
from services.replay.sending import Sent, notifier, sent
from services.replay.stage import (
    PATIENCE_S,
    READ,
    WRITTEN,
    Feeding,
    done,
    isolated,
    paced,
    runs,
    stage,
    unless_it_gave_up,
    worker,
)
from services.runtime.kafka import Publisher
from services.runtime.settings import Settings

_BATCH = 500


@dataclass(frozen=True, slots=True)
class Choice:
    """Which records of a recording are played. `key` is that of an article; `most` counts articles."""

    since: datetime | None = None
    until: datetime | None = None
    key: str | None = None
    most: int | None = None


@dataclass(frozen=True, slots=True)
class Status:
    """How far a replay is."""

    played: int
    written: dict[str, int]
    seconds: float
    sent: tuple[Sent, ...] = ()


def chosen(records: Iterable[Recorded], choice: Choice) -> Iterator[Recorded]:
    """The records to play. Sites, whose state counts, are never left out."""
    articles = 0
    for each in records:
        if each.topic not in TAKEN:
            continue
        if each.topic is not SITES:
            if (choice.since and each.at < choice.since) or (choice.until and each.at >= choice.until):
                continue
            if choice.key is not None and each.key != choice.key:
                continue
        if each.topic is ARTICLES:
            articles += 1
            if choice.most is not None and articles > choice.most:
                return
        yield each


async def play(
    settings: Settings,
    run: str,
    path: Path,
    choice: Choice,
    speed: float | None,
    output: Path | None,
    made_by: tuple[str, str],
    on_status: Callable[[Status], None],
    told: Sequence[Subscription] = (),
) -> Status:
    """Play a recording in the namespace of `run`, and leave nothing behind but `output`, a recording of what came out.

    `made_by` are the release and the version of the rules here, for the head of `output`. `told` are
    those who get its alerts, as exercises (`core/audience.py`).
    `speed` divides the pauses between records (60: an hour in a minute); None leaves them out. Raises BadRecording and
    NotIsolated before anything is written, Misconfigured where the namespace is in use, Stuck, BrokerUnreachable.
    """
    manifest = manifest_of(path)
    if ARTICLES.name not in manifest.head.topics:
        raise BadRecording(f"{path}: it holds no articles: record articles too")
    own = isolated(settings, run)
    async with stage(own):
        return await _Play(own, path, choice, speed, on_status, told).run(output, made_by)


class _Play:
    """One replay, on topics that are there."""

    _feeding: Feeding

    def __init__(
        self,
        own: Settings,
        path: Path,
        choice: Choice,
        speed: float | None,
        on_status: Callable[[Status], None],
        told: Sequence[Subscription],
    ) -> None:
        self._own, self._path, self._choice = own, path, choice
        self._speed, self._on_status, self._told = speed, on_status, told
        self._begun = time.monotonic()
        self._offsets = Offsets(own, "classify", READ, WRITTEN)

    async def run(self, output: Path | None, made_by: tuple[str, str]) -> Status:
        sent_to: list[Sent] = []
        with scratch() as directory:
            supervisor = Supervisor(directory, lambda *_: None)
            try:
                async with Publisher(self._own, "/chancery/replay") as publisher, self._offsets:
                    self._feeding = Feeding(publisher, self._offsets, self._tell)
                    await self._feeding.sites(chosen(recording(self._path), self._choice))
                    await supervisor.start(worker(self._own))
                    if self._told:
                        await publisher.publish(SUBSCRIPTIONS, *self._told)
                        await supervisor.start(notifier(self._own, self._speed))
                    await unless_it_gave_up(supervisor, self._give())
                    if self._told:
                        sent_to = await unless_it_gave_up(supervisor, self._sent())
                    written = await self._offsets.written()
            finally:
                await supervisor.end()
        seconds = time.monotonic() - self._begun
        if output is not None:
            topics = [topic for topic in WRITTEN if topic is not DEAD_LETTERS]
            await record(self._own, Wanted(topics), output, made_by, lambda *_: None)
        return Status(self._feeding.given, written, seconds, tuple(sent_to))

    async def _sent(self) -> list[Sent]:
        async with Offsets(self._own, "notify", (ALERTS,)) as matched:
            await done(matched, self._tell)
        return await sent(self._own, self._told, PATIENCE_S)

    async def _give(self) -> None:
        records = (each for each in chosen(recording(self._path), self._choice) if each.topic is not SITES)
        if self._speed is None:
            while batch := list(islice(records, _BATCH)):
                for topic, run in runs(batch):
                    await self._feeding.give(topic, run)
        else:
            async for each in paced(records, self._speed, self._tell):
                await self._feeding.give(each.topic, [each])
        await done(self._offsets, self._tell)

    async def _tell(self) -> None:
        written = await self._offsets.written()
        self._on_status(Status(self._feeding.given, written, time.monotonic() - self._begun))
