"""Records as people may look at them: decoded, without what is secret, filtered by what is then to be seen."""

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from services.console.core.auditing import HIDDEN
from services.console.core.letters import target
from services.console.core.paging import BadCursor
from services.contracts.codec import Headers, Undecodable, decode
from services.contracts.dead_letter import DeadLetter
from services.contracts.topics import DEAD_LETTERS, FEED_STATES, FEEDS, SUBSCRIPTIONS, TOKENS, Topic
from services.ingest.core.address import without_password

MOST_SCANNED = 10_000
MOST_SCANNED_BYTES = 32_000_000
MOST_SHOWN_BYTES = 4_000_000
LONGEST_TEXT = 20_000
"""Characters shown of bytes that could not be decoded, of a key and of a header."""
SECRETIVE = frozenset({TOKENS, SUBSCRIPTIONS, FEEDS, FEED_STATES, DEAD_LETTERS})
"""Topics whose bytes are not shown where they cannot be decoded: what in them is secret is not known then."""

Positions = Mapping[int, int]
"""The next offset to read, by partition."""


@dataclass(frozen=True, slots=True)
class Raw:
    """A record as it lies on a topic; `at` by the broker's or the writer's clock."""

    partition: int
    offset: int
    at: datetime
    key: bytes | None
    value: bytes | None
    headers: Headers = ()


@dataclass(frozen=True, slots=True)
class Seen:
    """A record as it is shown: `value` where it could be decoded; else `problem`, and its beginning as `text` where
    that can hold no secret. All three are None for a tombstone. `size` is that of the value in bytes."""

    partition: int
    offset: int
    at: datetime
    key: str | None
    headers: Mapping[str, str]
    size: int
    value: Mapping[str, Any] | None
    text: str | None
    problem: str | None


@dataclass(frozen=True, slots=True)
class From:
    """Where to begin: at a time, or at offsets by partition; else with the newest. `partition` asks for only that."""

    partition: int | None = None
    at: datetime | None = None
    positions: Positions | None = None

    @property
    def newest(self) -> bool:
        return self.at is None and self.positions is None


@dataclass(frozen=True, slots=True)
class Found:
    """A page of a topic: `stopped` says why it ends, `positions` where to go on."""

    records: list[Seen]
    scanned: int
    stopped: str
    positions: Positions


@dataclass(frozen=True, slots=True)
class Wanted:
    """Records since a time with this key, and with these texts at these places (`finding.type`), as they are shown."""

    key: str | None = None
    fields: tuple[tuple[str, str], ...] = ()
    since: datetime | None = None

    def takes(self, record: Seen) -> bool:
        return (
            self.key in (None, record.key)
            and (self.since is None or record.at >= self.since)
            and all(text in _texts(record.value, path.split(".")) for path, text in self.fields)
        )


def seen(topic: Topic, raw: Raw, namespace: str) -> Seen:
    """A record of a topic, as it is shown."""
    value, text, problem = _told(topic, raw.value, namespace)
    return Seen(
        raw.partition,
        raw.offset,
        raw.at,
        _text(raw.key) if raw.key is not None else None,
        {name[:LONGEST_TEXT]: _text(each) for name, each in raw.headers},
        len(raw.value or b""),
        value,
        text,
        problem,
    )


def original(letter: DeadLetter, namespace: str) -> Seen:
    """What a dead letter holds, as it is shown."""
    raw = Raw(
        letter.partition,
        letter.offset,
        letter.first_failed_at,
        letter.original_key,
        letter.original_value,
        letter.original_headers,
    )
    # bytes of a topic that is none of ours could be anything
    return seen(target(letter, namespace) or DEAD_LETTERS, raw, namespace)


def _told(topic: Topic, value: bytes | None, namespace: str) -> tuple[dict[str, Any] | None, str | None, str | None]:
    if value is None:
        return None, None, None
    try:
        record = decode(value, topic.record_type)
    except Undecodable as error:
        return None, None if topic in SECRETIVE else _text(value), error.reason
    shown: dict[str, Any] = _masked(record.model_dump(mode="json", exclude={"original_value", "original_headers"}))
    shown |= dict.fromkeys(HIDDEN.get(record.KIND, frozenset()) & shown.keys(), "hidden")
    if isinstance(record, DeadLetter):
        shown["original_key"] = _text(record.original_key or b"")
        inside = target(record, namespace)
        if inside is not None and inside is not DEAD_LETTERS:
            read, text, _ = _told(inside, record.original_value, namespace)
            shown["original_value"] = text if read is None else read
    return shown, None, None


def _masked(value: Any) -> Any:
    """Without passwords in addresses."""
    if isinstance(value, dict):
        return {name: _masked(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_masked(inner) for inner in value]
    return without_password(value) if isinstance(value, str) else value


def _text(value: bytes) -> str:
    return value[: 4 * LONGEST_TEXT].decode("utf-8", "replace")[:LONGEST_TEXT]


def _texts(value: Any, path: Sequence[str]) -> set[str]:
    """What stands at a place, as text; in a list, what stands there in any of its items."""
    if isinstance(value, list):
        return set().union(*(_texts(inner, path) for inner in value)) if value else set()
    if not path:
        return {value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)}
    return _texts(value[path[0]], path[1:]) if isinstance(value, Mapping) and path[0] in value else set()


@dataclass
class Sieve:
    """Takes records until there are enough; says where to go on. `newest` keeps the last of them rather than the first:
    then it is never full."""

    topic: Topic
    namespace: str
    wanted: Wanted
    limit: int
    positions: dict[int, int]
    newest: bool = False
    kept: list[Seen] = field(default_factory=list)
    scanned: int = 0
    scanned_bytes: int = 0
    shown_bytes: int = 0

    @property
    def full(self) -> bool:
        return (
            self.scanned >= MOST_SCANNED
            or self.scanned_bytes >= MOST_SCANNED_BYTES
            or (not self.newest and (len(self.kept) >= self.limit or self.shown_bytes >= MOST_SHOWN_BYTES))
        )

    def take(self, raw: Raw) -> Seen | None:
        """The record as it is shown, if it is wanted."""
        self.scanned += 1
        self.scanned_bytes += len(raw.value or b"")
        self.positions[raw.partition] = raw.offset + 1
        shown = seen(self.topic, raw, self.namespace)
        if not self.wanted.takes(shown):
            return None
        self.kept.append(shown)
        self.shown_bytes += shown.size
        return shown

    def records(self) -> list[Seen]:
        """What was kept, the oldest first."""
        ordered = sorted(self.kept, key=lambda each: (each.at, each.partition, each.offset))
        if not self.newest:
            return ordered
        ordered, room = ordered[-self.limit :], MOST_SHOWN_BYTES
        while ordered and sum(each.size for each in ordered) > room and len(ordered) > 1:
            del ordered[0]
        return ordered


def cursor_of(positions: Positions) -> str:
    """The place to go on from, as text."""
    return base64.urlsafe_b64encode(json.dumps(sorted(positions.items())).encode()).decode().rstrip("=")


def positions_of(cursor: str) -> dict[int, int]:
    """What `cursor_of` made the cursor of. Raises BadCursor."""
    try:
        pairs = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        found: dict[int, int] = dict(pairs)
    except (ValueError, TypeError, RecursionError):
        raise BadCursor("no answer gave this cursor") from None
    numbers = [*found.keys(), *found.values()]
    if not all(type(number) is int and 0 <= number < 2**62 for number in numbers):
        raise BadCursor("no answer gave this cursor")
    return found
