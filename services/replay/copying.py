"""Gives a shadow what live is given: articles in the order in which live took them (`core/ordering.py`), verdicts and
sites as they come."""

from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import asynccontextmanager
from datetime import datetime
from itertools import islice
from pathlib import Path

from aiokafka import AIOKafkaConsumer, TopicPartition

from services.contracts.article import Article
from services.contracts.report import IncidentReport
from services.contracts.topics import ARTICLES, FEEDBACK, REPORTS, SITES
from services.replay.adapters.archive import recording
from services.replay.core.merging import InTime
from services.replay.core.ordering import LiveOrder
from services.replay.core.recording import Manifest, Recorded
from services.replay.core.rerun import TAKEN, record_in
from services.replay.offsets import Offsets, Places
from services.replay.record import Wanted, partitions_of, record, recorded
from services.replay.stage import Feeding, Stuck, runs
from services.runtime.kafka import consumer_options, start
from services.runtime.settings import Settings

COPIED = (*TAKEN, REPORTS)
"""The live topics that are followed; of the reports only the order counts."""
_BATCH = 500
_MOST_HELD = 5_000
"""Articles that wait for live to take them; the next are left on their topic."""


class Copying:
    """From the live topics to the worker that `feeding` feeds; `live` is of the live group. `copied` is how far, by
    partition; `articles` how many came from `since` on; `live_version` that of the rules by which live read the last
    one of which it reported something. `on_move` is called when it went on."""

    def __init__(
        self, settings: Settings, live: Offsets, feeding: Feeding, since: datetime, on_move: Callable[[], None]
    ) -> None:
        self._settings, self._live, self._feeding, self._since = settings, live, feeding, since
        self._on_move = on_move
        self._order = LiveOrder()
        self.copied: dict[TopicPartition, int] = {}
        self.articles = 0
        self.live_version = ""

    async def record(self, path: Path, since: datetime, made_by: tuple[str, str]) -> Manifest:
        """What came from then on until now, as a file."""
        # In this order: of what live has acknowledged every report is in the recording.
        acknowledged = await self._acknowledged()
        manifest = await record(self._settings, Wanted(COPIED, since), path, made_by, lambda *_: None)
        reports = (record_in(each, IncidentReport) for each in recording(path) if each.topic is REPORTS)
        self._order = LiveOrder(acknowledged, {_article_of(report) for report in reports if report})
        return manifest

    async def catch_up(self, path: Path, before: Manifest, on_given: Callable[[int, int], None]) -> None:
        """Give what was recorded, as far as live has taken it. Raises Stuck where live is far behind."""
        share = before.seal.topics
        total = sum(share[topic.name].records for topic in (ARTICLES, FEEDBACK) if topic.name in share)
        records = (found for each in recording(path) if each.topic is not SITES for found in self._ordered(each))
        while batch := list(islice(records, _BATCH)):
            await self._give(batch)
            on_given(self._feeding.given, total)
            if len(self._order) > _MOST_HELD:
                raise Stuck("live is far behind: begin when its workers have caught up, see `chancery topics list`")
        on_given(total, total)

    async def follow(self, before: Manifest) -> None:
        """What comes from where the recording ended. Never returns."""
        async with reader(self._settings) as consumer:
            partitions = await partitions_of(consumer, self._settings, COPIED)
            ends = before.head.ends
            begin(consumer, {each: ends[topic.name].get(each.partition, 0) for each, topic in partitions.items()})
            others = [each for each, topic in partitions.items() if topic is not ARTICLES]
            while True:
                wanted = partitions if len(self._order) < _MOST_HELD else others
                batches = await consumer.getmany(*wanted, timeout_ms=500, max_records=_BATCH)
                merged: InTime[TopicPartition] = InTime(batches)
                for partition, messages in batches.items():
                    merged.add(partition, (recorded(partitions[partition], message) for message in messages))
                    merged.end(partition)
                await self._give(found for each in merged.ready() for found in self._ordered(each))
                at = {each: await consumer.position(each) for each in partitions}
                if len(self._order):
                    acknowledged = await self._acknowledged()
                    if reached(at, await self._live.ends(REPORTS)):
                        await self._give(self._order.release(acknowledged))
                held = self._order.held_from
                self.copied = {
                    each: min(at[each], held.get(each.partition, at[each])) if topic is ARTICLES else at[each]
                    for each, topic in partitions.items()
                }
                self._on_move()

    async def _acknowledged(self) -> dict[int, int]:
        """How far live has acknowledged articles, by partition."""
        committed = await self._live.committed(self._live.partitions(ARTICLES))
        return {each.partition: offset for each, offset in committed.items()}

    def _ordered(self, each: Recorded) -> Iterator[Recorded]:
        """What may be given now that this came."""
        if each.topic is REPORTS:
            if report := record_in(each, IncidentReport):
                self.live_version = report.ruleset_version
                yield from self._order.report(_article_of(report))
        elif each.topic is ARTICLES and (article := record_in(each, Article)):
            yield from self._order.article(article.record_id, each)
        else:
            yield each

    async def _give(self, records: Iterable[Recorded]) -> None:
        for topic, run in runs(records):
            await self._feeding.give(topic, run)
            self.articles += sum(topic is ARTICLES and each.at >= self._since for each in run)


@asynccontextmanager
async def reader(settings: Settings) -> AsyncIterator[AIOKafkaConsumer]:
    """A consumer in no group: nothing is committed. What is no longer kept is passed over."""
    consumer = AIOKafkaConsumer(**consumer_options(settings.kafka), auto_offset_reset="earliest")
    await start(consumer, settings.kafka)
    try:
        yield consumer
    finally:
        await consumer.stop()


def begin(consumer: AIOKafkaConsumer, places: Places) -> None:
    """Have it read from there."""
    consumer.assign(list(places))
    for partition, offset in places.items():
        consumer.seek(partition, offset)


def reached(at: Places, until: Places) -> bool:
    """Whether no partition is behind."""
    return all(at.get(partition, 0) >= offset for partition, offset in until.items())


def _article_of(report: IncidentReport) -> str:
    """The record id of its article."""
    return f"{report.article_id}-{report.article_revision}"
