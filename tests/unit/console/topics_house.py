"""Topics and dead letters in memory, for the console's application."""

from collections.abc import AsyncIterator, Sequence
from datetime import datetime, timedelta

from services.console.core.auditing import Actor
from services.console.core.browsing import Found, From, Positions, Raw, Seen, Sieve, Wanted
from services.console.core.letters import Effect, Known, Selection, effect, known
from services.console.core.topics import WORK, Held, History, Sample
from services.contracts.dead_letter import DeadLetter
from services.contracts.topics import TOPICS, Topic

SPACE = "chancery."


def sample_at(at: datetime, written: int = 0, worked: int = 0) -> Sample:
    """Two partitions a topic: `written` to the first and `worked` off; three in the second, of which one waits."""
    held = {topic: (Held(0, written), Held(1, 4)) for topic in TOPICS}
    return Sample(at, held, dict.fromkeys(WORK, (worked, 3)), dict.fromkeys(TOPICS[:5], at))


def history_at(now: datetime) -> History:
    """Of the two minutes before: a record a second came, and one every two seconds was worked off."""
    history = History(100)
    for ago in (120, 60, 0):
        history.add(sample_at(now - timedelta(seconds=ago), 1_000 - ago, 500 - ago // 2))
    return history


class MemoryTopics:
    """Records that lie on topics; `follow` ends with them. `full` refuses followers."""

    def __init__(self) -> None:
        self.on: dict[Topic, list[Raw]] = {}
        self.asked: list[From] = []
        self.fails: Exception | None = None

    async def read(self, topic: Topic, begin: From, wanted: Wanted, limit: int) -> Found:
        self.asked.append(begin)
        if self.fails:
            raise self.fails
        sieve = Sieve(topic, SPACE, wanted, limit, dict(begin.positions or {0: 0}), begin.newest)
        stopped = "end"
        for raw in self._from(topic, begin):
            sieve.take(raw)
            if sieve.full:
                stopped = "full"
                break
        return Found(sieve.records(), sieve.scanned, stopped, sieve.positions)

    async def follow(self, topic: Topic, begin: From, wanted: Wanted) -> AsyncIterator[Seen | Positions]:
        if self.fails:
            raise self.fails
        sieve = Sieve(topic, SPACE, wanted, 100, {0: 0})
        yield dict(sieve.positions)
        for raw in self._from(topic, begin):
            if (shown := sieve.take(raw)) is not None:
                yield shown
        yield dict(sieve.positions)

    def _from(self, topic: Topic, begin: From) -> list[Raw]:
        at = begin.positions or {}
        return [
            raw
            for raw in self.on.get(topic, [])
            if raw.offset >= at.get(raw.partition, 0) and (begin.at is None or raw.at >= begin.at)
        ]


class MemoryLetters:
    """Dead letters by id; `redriven` are those that were put back, by whom."""

    def __init__(self, now: datetime) -> None:
        self.now = now
        self.letters: dict[str, DeadLetter] = {}
        self.redriven: list[tuple[str, str]] = []

    def bury(self, *letters: DeadLetter) -> None:
        self.letters.update((letter.key, letter) for letter in letters)

    async def select(self, selection: Selection) -> list[Known]:
        found = [known(letter, None, 0, 0, SPACE) for letter in self.letters.values()]
        return [each for each in found if selection.takes(each.letter, SPACE)]

    async def whole(self, *wanted: Known) -> list[DeadLetter]:
        return [self.letters[each.letter.key] for each in wanted]

    async def effect(self, chosen: Sequence[Known], *, again: bool) -> Effect:
        return effect(chosen, {}, SPACE, again=again)

    async def redrive(self, actor: Actor, planned: Effect) -> int:
        for each in planned.put_back:
            key = each.letter.key
            self.redriven.append((key, actor.actor_id))
            mark = {"redriven_at": self.now, "redriven_by": actor.actor_id}
            self.letters[key] = self.letters[key].model_copy(update=mark)
        return len(planned.put_back)
