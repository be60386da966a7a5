"""The format of a recording: a stream of lines, the first of which says what it is and the last that it is whole.

JSON lines, compressed with zstd (`adapters/archive.py`). The first line is the `Head`. Each line after it is a record:

    {"topic":"articles","partition":3,"offset":17,"at":"2024-03-02T06:10:00Z","key":"art_...","value":{...}}

`at` is the record's own time in Kafka. `value` is the record byte for byte as it lay there, null for a tombstone;
`bytes` (base64) stands in its place where it is no record of its topic. Records stand in the order of `at`, those of a
partition in the order of the partition. The last line is the `Seal`, which counts them and holds the SHA-256 of every
line before it. Head and seal together are the manifest. Whoever reads a recording to act on it reads it to its seal
first (`checked`).
"""

import base64
import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from pydantic import Field, ValidationError

from services.contracts.model import Instant, Value
from services.contracts.topics import TOPICS, Topic
from services.replay.core.volatile import VOLATILE

VERSION = 1
MAX_LINE = 24_000_000
"""Bytes of a line: a record of 8 MB, the most our producers send, in base64 and then some."""

_BY_NAME = {topic.name: topic for topic in TOPICS}
_VALUE = b',"value":'


class BadRecording(ValueError):
    """A file that is no recording, or not a whole one, or not one that this release reads; the message says which."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """One record as it lay on its topic. `value` is None for a tombstone."""

    topic: Topic
    partition: int
    offset: int
    at: datetime
    key: str
    value: bytes | None


class Head(Value):
    """What was recorded and how. `ends` are the offsets up to which, by topic and partition: they were fixed when the
    recording began, so that one that was broken off ends where it would have. `whole`: nothing was kept out, secrets as
    they lie on their topics (encrypted, hashed) neither, which makes it a back-up. `volatile` are the fields that
    differ from run to run, by topic."""

    format: Literal["chancery-recording"] = "chancery-recording"
    version: int = VERSION
    chancery: str
    namespace: str
    topics: tuple[str, ...]
    since: Instant | None = None
    until: Instant | None = None
    ends: dict[str, dict[int, int]] = Field(default_factory=dict)
    masked: bool = False
    whole: bool = False
    rules_version: str
    schema_versions: dict[str, int]
    volatile: dict[str, tuple[str, ...]] = Field(default_factory=lambda: dict(VOLATILE))


class Share(Value):
    """What a topic contributed. `offsets` are the first and last of each partition."""

    records: int = 0
    first_at: Instant | None = None
    last_at: Instant | None = None
    offsets: dict[int, tuple[int, int]] = Field(default_factory=dict)


class Seal(Value):
    """The last line."""

    sealed: Literal[True] = True
    records: int
    topics: dict[str, Share]
    sha256: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a whole recording says of itself."""

    head: Head
    seal: Seal


@dataclass
class _Running:
    records: int
    first_at: datetime
    last_at: datetime
    offsets: dict[int, tuple[int, int]]


class Tally:
    """Counts lines as they pass, to write the seal or to compare it."""

    def __init__(self) -> None:
        self.records = 0
        self._topics: dict[str, _Running] = {}
        self._digest = hashlib.sha256()

    def line(self, line: bytes) -> None:
        self._digest.update(line)

    def record(self, record: Recorded) -> None:
        """Raises BadRecording where a partition does not run forwards."""
        share = self._topics.get(record.topic.name)
        if share is None:
            share = self._topics[record.topic.name] = _Running(0, record.at, record.at, {})
        first, last = share.offsets.get(record.partition, (record.offset, -1))
        if record.offset <= last:
            raise BadRecording(
                f"it is corrupted: offset {record.offset} of {record.topic.name}/{record.partition} comes after {last}"
            )
        self.records += 1
        share.records += 1
        share.first_at, share.last_at = min(share.first_at, record.at), max(share.last_at, record.at)
        share.offsets[record.partition] = (first, record.offset)

    def next_offset(self, topic: str, partition: int) -> int | None:
        """Where to go on; None for a partition of which nothing was taken."""
        share = self._topics.get(topic)
        return share.offsets[partition][1] + 1 if share and partition in share.offsets else None

    def seal(self) -> Seal:
        topics = {
            name: Share(records=own.records, first_at=own.first_at, last_at=own.last_at, offsets=own.offsets)
            for name, own in self._topics.items()
        }
        return Seal(records=self.records, topics=topics, sha256=self._digest.hexdigest())


def line_of(record: Recorded, *, readable: bool = True) -> bytes:
    """The line of a record, with its line break. `readable`: its value is one line of JSON."""
    row: dict[str, object] = {
        "topic": record.topic.name,
        "partition": record.partition,
        "offset": record.offset,
        "at": record.at.isoformat().replace("+00:00", "Z"),
        "key": record.key,
    }
    if not readable and record.value is not None:
        return _json(row | {"bytes": base64.b64encode(record.value).decode()}) + b"\n"
    return _json(row)[:-1] + _VALUE + (b"null" if record.value is None else record.value) + b"}\n"


def line_of_manifest(part: Head | Seal) -> bytes:
    return part.model_dump_json().encode() + b"\n"


def head_of(line: bytes) -> Head:
    """The head in a first line. Raises BadRecording for another file, or one of a newer release."""
    try:
        raw = json.loads(line)
    except (ValueError, RecursionError):
        raw = None
    if not isinstance(raw, dict) or raw.get("format") != "chancery-recording":
        raise BadRecording("it is no recording: `chancery record` makes one")
    if raw.get("version") != VERSION:
        raise BadRecording(_newer("the recording", raw.get("version"), VERSION))
    try:
        head = Head.model_validate_json(line)
    except ValidationError as error:
        raise BadRecording(f"its head is corrupted: {error.errors()[0]['loc']}: {error.errors()[0]['msg']}") from None
    for name in head.topics:
        if name not in _BY_NAME:
            raise BadRecording(f"it holds the topic {name!r:.60}, which this release does not know")
        if (version := head.schema_versions.get(name)) != _BY_NAME[name].record_type.VERSION:
            raise BadRecording(_newer(f"its topic {name}", version, _BY_NAME[name].record_type.VERSION))
    return head


def _newer(what: str, version: object, own: int) -> str:
    return f"{what} has version {version!r:.20}; this release reads {own}: use the release that made it, or a newer one"


@dataclass
class Reading:
    """Reads a recording line by line, and holds its head, then its seal. Raises BadRecording at the first fault."""

    lines: Iterable[bytes]
    head: Head | None = None
    seal: Seal | None = None

    def __iter__(self) -> Iterator[Recorded]:
        tally = Tally()
        for line in self.lines:
            if not line.endswith(b"\n"):
                break
            if self.head is None:
                self.head = head_of(line)
                tally.line(line)
            elif self.seal is not None:
                raise BadRecording("it is corrupted: there is something after its seal")
            elif line.startswith(b'{"sealed":'):
                self.seal = _seal_of(line, tally)
            else:
                record = record_of(line, self.head)
                tally.line(line)
                tally.record(record)
                yield record
        if self.seal is None:
            raise BadRecording(
                f"it is truncated: it ends after {tally.records} records, without its seal. Copy or record it again"
            )


def checked(lines: Iterable[bytes]) -> Manifest:
    """The manifest of a recording that was read to its seal and is as it was written. Raises BadRecording."""
    reading = Reading(lines)
    for _ in reading:
        pass
    assert reading.head is not None
    assert reading.seal is not None
    return Manifest(reading.head, reading.seal)


def record_of(line: bytes, head: Head) -> Recorded:
    """The record in a line. Raises BadRecording."""
    where, is_value, value = line.partition(_VALUE)
    try:
        # No quotation mark stands unescaped inside a string, so the first marker is the one before the value.
        row = json.loads(where + b"}" if is_value else line)
        raw = value[:-2] if is_value else base64.b64decode(row["bytes"], validate=True)
        topic, at = _BY_NAME[row["topic"]], datetime.fromisoformat(row["at"])
        partition, offset, key = row["partition"], row["offset"], row["key"]
        if not (isinstance(partition, int) and isinstance(offset, int) and isinstance(key, str) and at.tzinfo):
            raise ValueError("a field of the wrong type")
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise BadRecording(f"it is corrupted: a line is no record ({error!r:.80}): {line[:60]!r}") from None
    if topic.name not in head.topics or (is_value and not value.endswith(b"}\n")):
        raise BadRecording(f"it is corrupted: a line is no record of it: {line[:60]!r}")
    return Recorded(topic, partition, offset, at, key, None if raw == b"null" and is_value else raw)


def _seal_of(line: bytes, tally: Tally) -> Seal:
    try:
        seal = Seal.model_validate_json(line)
    except ValidationError:
        raise BadRecording("it is corrupted: its seal cannot be read") from None
    own = tally.seal()
    if seal.sha256 != own.sha256 or seal.records != own.records:
        raise BadRecording(
            f"it is corrupted: its seal is of {seal.records} records with another hash than these {own.records}"
        )
    return seal


def _json(row: dict[str, object]) -> bytes:
    return json.dumps(row, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")
