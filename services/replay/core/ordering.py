"""The order in which the live workers took articles, which is not the order of the topic.

Partitions are read side by side, and what comes of an article hangs on what was there before it. In which order
articles about one host state were taken is what the reports show, for those lie on one partition.
"""

from collections import OrderedDict
from collections.abc import Container, Iterator, Mapping

from services.replay.core.recording import Recorded

_MOST_EARLY = 10_000


class LiveOrder:
    """Holds an article back until its first report passes; one of which nothing was reported, until live has
    acknowledged it (`release`). Those that live had `acknowledged` before (by partition, up to this offset) pass at
    once, but for those `reported`, of which a report will come. Articles go by their record ids."""

    def __init__(self, acknowledged: Mapping[int, int] | None = None, reported: Container[str] = ()) -> None:
        self._acknowledged, self._reported = acknowledged or {}, reported
        self._held: dict[str, Recorded] = {}
        self._early: OrderedDict[str, None] = OrderedDict()

    def article(self, name: str, record: Recorded) -> Iterator[Recorded]:
        """An article came; what may pass now."""
        silent = record.offset < self._acknowledged.get(record.partition, 0) and name not in self._reported
        if silent or name in self._early:
            yield record
        else:
            self._held.setdefault(name, record)  # one that was written twice is given once

    def report(self, name: str) -> Iterator[Recorded]:
        """A report of the article came; what may pass now."""
        self._early[name] = None
        if len(self._early) > _MOST_EARLY:
            self._early.popitem(last=False)
        if (record := self._held.pop(name, None)) is not None:
            yield record

    def release(self, acknowledged: Mapping[int, int]) -> Iterator[Recorded]:
        """Live has acknowledged all before these offsets, by partition, and every report of that came here: what it
        said nothing of may pass."""
        for name, record in list(self._held.items()):
            if record.offset < acknowledged.get(record.partition, 0):
                yield self._held.pop(name)

    def __len__(self) -> int:
        """Articles that are held."""
        return len(self._held)

    @property
    def held_from(self) -> dict[int, int]:
        """The first offset that is held, by partition."""
        first: dict[int, int] = {}
        for record in self._held.values():
            first[record.partition] = min(record.offset, first.get(record.partition, record.offset))
        return first
