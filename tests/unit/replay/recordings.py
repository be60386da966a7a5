"""Small recordings for tests."""

import datetime as dt
from collections.abc import Sequence
from pathlib import Path

from services.contracts.codec import encode
from services.contracts.model import Record
from services.contracts.topics import ARTICLES, Topic
from services.replay.adapters.archive import Archive
from services.replay.core.recording import Head, Manifest, Recorded
from tests.contracts.examples import ARTICLE

BEGIN = dt.datetime(2024, 3, 2, 6, tzinfo=dt.UTC)


def head(*topics: Topic, masked: bool = False) -> Head:
    return Head(
        chancery="0.1.0",
        namespace="test.",
        topics=tuple(topic.name for topic in topics),
        masked=masked,
        rules_version="1a2b3c4d-0123456789ab",
        schema_versions={topic.name: topic.record_type.VERSION for topic in topics},
    )


def recorded(
    offset: int,
    record: Record | bytes | None = ARTICLE,
    topic: Topic = ARTICLES,
    partition: int = 0,
    after_s: float = 0,
) -> Recorded:
    value = encode(record) if isinstance(record, Record) else record
    key = record.key if isinstance(record, Record) else "key"
    return Recorded(topic, partition, offset, BEGIN + dt.timedelta(seconds=after_s), key, value)


def written(path: Path, records: Sequence[Recorded], *topics: Topic, masked: bool = False) -> Manifest:
    archive = Archive(path, head(*(topics or (ARTICLES,)), masked=masked))
    for record in records:
        archive.add(record)
    return archive.seal()
