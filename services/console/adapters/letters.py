"""The dead letters as they lie on their topic, and how they are put back: for the command and the API."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime

from services.console.adapters.reading import Reader, in_time, reading
from services.console.core.auditing import Actor, entry
from services.console.core.letters import (
    MARK,
    Effect,
    Known,
    Selection,
    effect,
    headers,
    known,
    may_be_superseded,
    placed_by,
    target,
)
from services.contracts.codec import Undecodable, decode
from services.contracts.dead_letter import DeadLetter
from services.contracts.topics import AUDIT, DEAD_LETTERS, Topic
from services.runtime.kafka import Publisher, RawRecord
from services.runtime.settings import Settings

MOST_KNOWN = 100_000
"""Letters that are remembered, about 2 kB each; of more, those that failed last."""
BATCH, BATCH_BYTES = 100, 16_000_000


class Letters:
    """What was read of the topic is remembered without its bytes, so that the next look reads only what came since."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._namespace = settings.topics.namespace
        self._known: dict[str, Known] = {}
        self._read: dict[int, int] = {}
        self._reading = asyncio.Lock()
        self._redriving = asyncio.Lock()

    async def select(self, selection: Selection) -> list[Known]:
        """The letters that someone means, as they are now. Raises TooSlow, Misconfigured, BrokerUnreachable,
        aiokafka.errors.KafkaError, as everything here does."""
        async with self._reading, in_time([DEAD_LETTERS]), reading(self._settings, [DEAD_LETTERS]) as reader:
            await self._catch_up(reader)
        return [each for each in self._known.values() if selection.takes(each.letter, self._namespace)]

    async def whole(self, *wanted: Known) -> list[DeadLetter]:
        """The letters with their bytes, as `wanted` has them; without those that are kept no more."""
        async with in_time([DEAD_LETTERS]), reading(self._settings, [DEAD_LETTERS]) as reader:
            return await self._whole(reader, wanted)

    async def effect(self, chosen: Sequence[Known], *, again: bool) -> Effect:
        """What a redrive of the chosen would do now."""
        keys = may_be_superseded(chosen, self._namespace)
        newest: dict[tuple[str, bytes], tuple[int, int]] = {}
        async with in_time(keys), reading(self._settings, keys) as reader:
            for topic, wanted in keys.items():
                async for message in reader.everything(topic):
                    if message.key in wanted:
                        newest[topic.name, message.key] = (message.partition, message.offset)
        return effect(chosen, newest, self._namespace, again=again)

    async def redrive(
        self, publisher: Publisher, actor: Actor, planned: Effect, done: Callable[[], None] = lambda: None
    ) -> int:
        """Put back what is planned; returns how many. `done` is called for each.

        Batch after batch: audited, then on their topics, then, once the brokers have those, marked. Whoever is killed
        in between has lost nothing: what is not marked is put back once more, which the derived ids absorb.
        """
        count = 0
        async with self._redriving, reading(self._settings, [DEAD_LETTERS]) as reader:
            for batch in _batches(planned.put_back):
                async with in_time([DEAD_LETTERS]):
                    letters = await self._whole(reader, batch)
                await self._put_back(publisher, actor, letters)
                count += len(letters)
                for _ in letters:
                    done()
        return count

    async def _put_back(self, publisher: Publisher, actor: Actor, letters: Sequence[DeadLetter]) -> None:
        now = datetime.now(UTC)
        mark = {"redriven_at": now, "redriven_by": actor.actor_id}
        marked = [(letter, letter.model_copy(update=mark)) for letter in letters]
        await publisher.publish(AUDIT, *(entry(actor, before, after, now) for before, after in marked))
        originals: dict[Topic, list[RawRecord]] = {}
        for letter in letters:
            topic = target(letter, self._namespace)
            assert topic is not None, "judged before it was planned"
            place = placed_by(letter, topic)
            original = RawRecord(letter.original_key, letter.original_value, headers(letter), place)
            originals.setdefault(topic, []).append(original)
        await asyncio.gather(*(publisher.write(topic, *theirs) for topic, theirs in originals.items()))
        await publisher.publish(DEAD_LETTERS, *(after for _, after in marked))

    async def _catch_up(self, reader: Reader) -> None:
        kept = {partition.partition: begin for partition, (begin, _) in (await reader.ranges(DEAD_LETTERS)).items()}
        for key in [key for key, each in self._known.items() if each.offset < kept.get(each.partition, 0)]:
            del self._known[key]
        async for message in reader.everything(DEAD_LETTERS, self._read):
            self._read[message.partition] = message.offset + 1
            letter = _letter(message.key, message.value)
            if letter is not None:
                before = self._known.get(letter.key)
                self._known[letter.key] = known(letter, before, message.partition, message.offset, self._namespace)
        if len(self._known) > MOST_KNOWN:
            last = sorted(self._known.items(), key=lambda item: item[1].letter.first_failed_at)[-MOST_KNOWN:]
            self._known = dict(last)

    async def _whole(self, reader: Reader, wanted: Sequence[Known]) -> list[DeadLetter]:
        """In the order of `wanted`. What came in between is read too: letters that failed together lie together."""
        ranges = {}
        begins = await reader.ranges(DEAD_LETTERS)
        for partition, (begin, _) in begins.items():
            offsets = [each.offset for each in wanted if each.partition == partition.partition and each.offset >= begin]
            if offsets:
                ranges[partition] = (min(offsets), max(offsets) + 1)
        places = {(each.partition, each.offset): each.letter for each in wanted}
        found = {}
        async for message in reader.records(ranges):
            as_known = places.get((message.partition, message.offset))
            letter = _letter(message.key, message.value) if as_known else None
            if letter and as_known:
                found[letter.key] = letter.model_copy(update=as_known.model_dump(include={"first_failed_at", *MARK}))
        return [found[each.letter.key] for each in wanted if each.letter.key in found]


def _letter(key: bytes | None, value: bytes | None) -> DeadLetter | None:
    """None for what is no dead letter, which nobody works on."""
    try:
        letter = decode(value, DeadLetter)
    except Undecodable:
        return None
    return letter if letter.key.encode() == key else None


def _batches(letters: Sequence[Known]) -> Iterator[list[Known]]:
    batch: list[Known] = []
    for each in letters:
        if batch and (len(batch) == BATCH or sum(other.size for other in batch) + each.size > BATCH_BYTES):
            yield batch
            batch = []
        batch.append(each)
    if batch:
        yield batch
