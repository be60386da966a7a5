"""Records of a topic for people to look at, without a group, in bounded reads."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime

from aiokafka.structs import ConsumerRecord

from services.console.adapters.reading import Ranges, Reader, in_time, reading
from services.console.core.browsing import MOST_SCANNED, Found, From, Positions, Raw, Seen, Sieve, Wanted
from services.contracts.topics import Topic
from services.runtime.settings import Settings

READ_S = 10.0
"""Time that one page may take."""
FOLLOW_S = 300.0
MOST_FOLLOWED = 2_000
"""Records that one follower is given."""
READERS, FOLLOWERS = 4, 16


class TooMany(Exception):
    """As many follow as may."""


class Browser:
    """`stop` ends every follower."""

    def __init__(self, settings: Settings, stop: asyncio.Event) -> None:
        self._settings = settings
        self._stop = stop
        self._places = asyncio.Semaphore(READERS)
        self._followers = 0

    async def read(self, topic: Topic, begin: From, wanted: Wanted, limit: int) -> Found:
        """A page of the topic. Raises TooSlow where not even the beginning could be had."""
        newest = begin.newest
        sieve = Sieve(topic, self._settings.topics.namespace, wanted, limit, {}, newest)
        async with self._places, in_time([topic], 2 * READ_S), reading(self._settings, [topic]) as reader:
            ranges = await self._ranges(reader, topic, begin, limit if not (wanted.key or wanted.fields) else None)
            sieve.positions |= {place.partition: first for place, (first, _) in ranges.items()}
            stopped = await self._fill(sieve, reader, ranges)
        return Found(sieve.records(), sieve.scanned, stopped, dict(sieve.positions))

    async def _fill(self, sieve: Sieve, reader: Reader, ranges: Ranges) -> str:
        try:
            async with asyncio.timeout(READ_S):
                async for message in reader.records(ranges):
                    sieve.take(_raw(message))
                    if sieve.full:
                        return "full"
        except TimeoutError:
            return "time"
        return "end"

    async def follow(self, topic: Topic, begin: From, wanted: Wanted) -> AsyncIterator[Seen | Positions]:
        """Where it begins; then what comes from now on, or since `begin`; after five minutes or many records where to
        go on. Raises TooMany."""
        if self._followers >= FOLLOWERS:
            raise TooMany(f"{FOLLOWERS} follow topics already")
        self._followers += 1
        try:
            async with reading(self._settings, [topic]) as reader:
                async with in_time([topic], READ_S):
                    ranges = await self._ranges(reader, topic, begin, 0)
                positions = {place.partition: first for place, (first, _) in ranges.items()}
                sieve = Sieve(topic, self._settings.topics.namespace, wanted, MOST_FOLLOWED, positions)
                yield dict(positions)
                given = 0
                async for message in self._coming(reader, ranges):
                    if (shown := sieve.take(_raw(message))) is not None:
                        sieve.kept.clear()
                        given += 1
                        yield shown
                    if sieve.scanned >= MOST_SCANNED or given >= MOST_FOLLOWED:
                        break
                yield dict(positions)
        finally:
            self._followers -= 1

    async def _coming(self, reader: Reader, ranges: Ranges) -> AsyncIterator[ConsumerRecord]:
        consumer = reader.consumer
        consumer.assign(list(ranges))
        for place, (first, _) in ranges.items():
            consumer.seek(place, first)
        loop = asyncio.get_running_loop()
        until = loop.time() + FOLLOW_S
        while not self._stop.is_set() and loop.time() < until:
            for messages in (await consumer.getmany(timeout_ms=500, max_records=500)).values():
                for message in messages:
                    yield message

    async def _ranges(self, reader: Reader, topic: Topic, begin: From, tail: int | None) -> Ranges:
        """Of each partition that is asked for, from where and to where. `tail` is how many of the last are enough where
        nothing says where to begin; None is as many as may be looked at."""
        held = {
            place: span
            for place, span in (await reader.ranges(topic)).items()
            if begin.partition in (None, place.partition)
        }
        if begin.at is not None:
            moment = int(begin.at.timestamp() * 1000)
            found = await reader.consumer.offsets_for_times(dict.fromkeys(held, moment)) if held else {}
            at_or_after = {place: each.offset for place, each in found.items() if each and each.offset >= 0}
            return {place: (at_or_after.get(place, end), end) for place, (_, end) in held.items()}
        if begin.positions is not None:
            at = begin.positions
            return {
                place: (min(max(first, at.get(place.partition, first)), end), end)
                for place, (first, end) in held.items()
            }
        most = MOST_SCANNED // max(1, len(held)) if tail is None else tail
        return {place: (max(first, end - most), end) for place, (first, end) in held.items()}


def _raw(message: ConsumerRecord) -> Raw:
    headers = tuple((name, value or b"") for name, value in message.headers or ())
    at = datetime.fromtimestamp(message.timestamp / 1000, UTC)
    return Raw(message.partition, message.offset, at, message.key, message.value, headers)
