"""Records that the Kafka client cannot read become dead letters too.

The name of a header is UTF-8 by Kafka's protocol, but no broker insists on it. aiokafka raises for one that is not, and
again after each restart: one record of whoever may write to a topic would end every service that reads it, for good.
"""

from collections.abc import Iterator
from typing import Any

from aiokafka.consumer import fetcher
from aiokafka.structs import ConsumerRecord


class _Batches:
    """The batches of a fetch; `last` is the one under way."""

    def __init__(self, batches: Any) -> None:
        self._batches = batches
        self.last: Any = None

    def has_next(self) -> bool:
        return bool(self._batches.has_next())

    def next_batch(self) -> Any:
        self.last = self._batches.next_batch()
        return self.last


class PartitionRecords(fetcher.PartitionRecords):  # type: ignore[misc]
    """aiokafka's, but for this: in place of what is left of a batch that cannot be read comes one record that says so.
    That is no JSON, so whoever reads it buries it, words and all. A batch is one producer's, who alone loses by it."""

    next_fetch_offset: int
    _records: Any

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._records = _Batches(self._records)

    def _unpack_records(self) -> Iterator[ConsumerRecord]:
        while True:
            try:
                yield from super()._unpack_records()
            except UnicodeDecodeError as error:
                batch = self._records.last
                first, self.next_fetch_offset = max(self.next_fetch_offset, batch.base_offset), batch.next_offset
                last = batch.next_offset - 1
                where = f"the record at offset {first}" + (f" and those after it up to {last}" if last > first else "")
                value = f"{where} could not be read: the name of a header is no UTF-8 ({error.reason})".encode()
                yield ConsumerRecord(
                    self._tp.topic, self._tp.partition, first, batch.max_timestamp, batch.timestamp_type,
                    None, value, None, -1, len(value), (),
                )  # fmt: skip
            else:
                return


def install() -> None:
    """From now on every consumer of the process, Faust's too, reads so: aiokafka has no setting for it."""
    fetcher.PartitionRecords = PartitionRecords
