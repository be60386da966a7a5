"""Dead letters: which of them someone means, what would become of each if it were put back, and what that leaves.

A dead letter is hostile input too: where it says it stood is believed only of our own topics.
"""

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from services.contracts.codec import Headers, Undecodable, decode
from services.contracts.dead_letter import DeadLetter, DeadLetterClass
from services.contracts.model import Record
from services.contracts.topics import AUDIT, DEAD_LETTERS, DELIVERIES, TOKENS, TOPICS, Topic

REDRIVE_HEADER = "chancery-redrive-of"
"""Of a record that was put back: the id of its dead letter."""
BARRED = {
    TOKENS: "a token would let somebody in: make a new one",
    AUDIT: "the audit is not written again",
    DEAD_LETTERS: "nobody works on the dead letters themselves",
}
"""Topics on which nothing is put back, and why."""
MARK = {"redriven_at", "redriven_by"}
_REASONS_SHOWN = 5


class Fate(StrEnum):
    """What would become of a letter now, as far as decoding tells: `barred` and `superseded` are not put back."""

    READABLE = "readable"
    UNREADABLE = "unreadable"
    BARRED = "barred"
    SUPERSEDED = "superseded"


@dataclass(frozen=True, slots=True)
class Verdict:
    """`reason` says why, of all but what is readable."""

    fate: Fate
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Known:
    """A dead letter without its bytes and headers; `size` is that of its bytes. `partition` and `offset` are where its
    last record lies on dead-letters."""

    letter: DeadLetter
    size: int
    partition: int
    offset: int
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Selection:
    """The letters that someone means: all that hold. `topic` is a name without the namespace; the times are those of
    the first failure, `until` excluded. None of anything means any."""

    ids: frozenset[str] | None = None
    error_class: DeadLetterClass | None = None
    topic: str | None = None
    service: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    redriven: bool | None = None

    def takes(self, letter: DeadLetter, namespace: str) -> bool:
        return (
            (self.ids is None or letter.dead_letter_id in self.ids)
            and self.error_class in (None, letter.error_class)
            and self.topic in (None, letter.topic.removeprefix(namespace))
            and self.service in (None, letter.service)
            and (self.since is None or letter.first_failed_at >= self.since)
            and (self.until is None or letter.first_failed_at < self.until)
            and self.redriven in (None, letter.redriven_at is not None)
        )


def known(letter: DeadLetter, before: Known | None, partition: int, offset: int, namespace: str) -> Known:
    """What is known once `letter` was read, there. A service that starts again may bury the same record again: that
    neither takes away the mark of a redrive nor makes the failure a new one."""
    kept = letter.model_copy(update={"original_value": None, "original_headers": ()})
    if before is not None and letter.offset >= 0:
        kept = kept.model_copy(
            update={"first_failed_at": min(letter.first_failed_at, before.letter.first_failed_at)}
            | ({} if letter.redriven_at else before.letter.model_dump(include=MARK))
        )
    return Known(kept, len(letter.original_value or b""), partition, offset, judged(letter, namespace))


def target(letter: DeadLetter, namespace: str) -> Topic | None:
    """The topic of ours that the letter says it stood on, named with or without our namespace."""
    return next((topic for topic in TOPICS if letter.topic in (topic.name, topic.in_namespace(namespace))), None)


def judged(letter: DeadLetter, namespace: str) -> Verdict:
    """What would become of the letter, with its bytes, as far as decoding them with the present code tells."""
    topic = target(letter, namespace)
    if topic is None:
        return Verdict(Fate.BARRED, f"{letter.topic[:100]!r} is no topic of ours")
    if topic in BARRED:
        return Verdict(Fate.BARRED, BARRED[topic])
    if letter.original_value is None:
        return Verdict(Fate.BARRED, "it has no bytes: put back, it would remove what has its key")
    try:
        record = decode(letter.original_value, topic.record_type)
    except Undecodable as error:
        return Verdict(Fate.UNREADABLE, error.reason)
    if topic.compacted and record.key.encode() != letter.original_key:
        return Verdict(Fate.UNREADABLE, f"its key is {letter.original_key!r:.80}, its value has {record.key!r:.80}")
    return Verdict(Fate.READABLE)


def placed_by(letter: DeadLetter, topic: Topic) -> str:
    """The key that picks the partition of a readable one: that of its record, wherever the letter says it lay."""
    record: Record = decode(letter.original_value, topic.record_type)
    return record.partition_key


def headers(letter: DeadLetter) -> Headers:
    """The record's own, and one that says what it is a redrive of."""
    own = tuple(header for header in letter.original_headers if header[0] != REDRIVE_HEADER)
    return (*own, (REDRIVE_HEADER, letter.dead_letter_id.encode()))


@dataclass(frozen=True, slots=True)
class Effect:
    """What a redrive would do: `put_back` in the order of failing, which is that of each partition; `left` with the
    reasons; `done` were redriven before and are left out."""

    put_back: tuple[Known, ...]
    left: tuple[Known, ...]
    done: tuple[Known, ...]

    @property
    def tag(self) -> str:
        """Equal for equal effects: who was shown one can ask for that one and no other."""
        parts = [",".join(each.letter.dead_letter_id for each in group) for group in (self.put_back, self.left)]
        return hashlib.sha256("|".join(parts).encode()).hexdigest()[:20]

    @property
    def topics(self) -> Mapping[str, int]:
        """How many go where, by the topics' names as the letters have them."""
        return dict(sorted(Counter(each.letter.topic for each in self.put_back).items()))

    @property
    def failed_before(self) -> int:
        """How many were readable when they failed: whether the step that failed on them holds now, nobody can say."""
        return sum(each.letter.error_class is DeadLetterClass.FAILED for each in self.put_back)

    def reasons(self, fate: Fate) -> Mapping[str, int]:
        """Why so many are left, the most frequent first."""
        return dict(Counter(each.verdict.reason for each in self.left if each.verdict.fate is fate).most_common())

    def words(self) -> str:
        """In lines for people."""
        chosen = len(self.put_back) + len(self.left) + len(self.done)
        lines = [f"{_records(chosen)}, {len(self.put_back):,} readable now"]
        lines += [f"  {count:,} to {topic}" for topic, count in self.topics.items()]
        if self.failed_before:
            lines.append(f"  {self.failed_before:,} of them were readable before: the step that used them failed")
        for fate, words in (
            (Fate.UNREADABLE, "would fail again and stay"),
            (Fate.SUPERSEDED, "stay: it would undo what was written since"),
            (Fate.BARRED, "stay"),
        ):
            found = self.reasons(fate)
            if found:
                lines.append(f"{sum(found.values()):,} {words}")
                lines += [f"  {count:,}: {reason}" for reason, count in list(found.items())[:_REASONS_SHOWN]]
        if self.done:
            lines.append(f"{len(self.done):,} left out: redriven before (--again takes them too)")
        return "\n".join(lines)


def effect(
    chosen: Iterable[Known], newest: Mapping[tuple[str, bytes], tuple[int, int]], namespace: str, *, again: bool
) -> Effect:
    """What a redrive of `chosen` would do. `newest` has, of topics that keep the last of each key, the partition and
    offset of the last record of each key, by topic and key: what is older would undo it."""
    ordered = sorted(chosen, key=lambda each: (each.letter.first_failed_at, each.letter.topic, each.letter.offset))
    done = [each for each in ordered if each.letter.redriven_at is not None and not again]
    judged_now = [_superseded(each, newest, namespace) for each in ordered if again or each.letter.redriven_at is None]
    return Effect(
        put_back=tuple(each for each in judged_now if each.verdict.fate is Fate.READABLE),
        left=tuple(each for each in judged_now if each.verdict.fate is not Fate.READABLE),
        done=tuple(done),
    )


def may_be_superseded(chosen: Sequence[Known], namespace: str) -> Mapping[Topic, frozenset[bytes]]:
    """The keys to look for on each topic that keeps only the last of each."""
    found: dict[Topic, set[bytes]] = {}
    for each in chosen:
        topic = target(each.letter, namespace)
        if topic and topic.compacted and each.verdict.fate is Fate.READABLE and each.letter.original_key:
            found.setdefault(topic, set()).add(each.letter.original_key)
    return {topic: frozenset(keys) for topic, keys in found.items()}


def _superseded(each: Known, newest: Mapping[tuple[str, bytes], tuple[int, int]], namespace: str) -> Known:
    topic, letter = target(each.letter, namespace), each.letter
    if each.verdict.fate is not Fate.READABLE or topic is None or not topic.compacted:
        return each
    last = newest.get((topic.name, letter.original_key or b""))
    if last is None or last == (letter.partition, letter.offset):
        return each
    if last[0] == letter.partition and last[1] < letter.offset:
        return each
    key = (letter.original_key or b"").decode("utf-8", "replace")
    how = f"; `chancery deliveries redeliver {key}` sends it again" if topic is DELIVERIES else ""
    return replace(each, verdict=Verdict(Fate.SUPERSEDED, f"{topic.name} has a newer record of its key{how}"))


def _records(count: int) -> str:
    return f"{count:,} {'record' if count == 1 else 'records'}"
