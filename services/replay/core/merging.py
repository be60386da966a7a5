"""Several partitions as one stream in the order of time; each partition keeps its own order."""

import heapq
from collections import deque
from collections.abc import Iterable, Iterator
from typing import Generic, TypeVar

from services.replay.core.recording import Recorded

P = TypeVar("P")


class InTime(Generic[P]):
    """Merges as far as it can: a record is given out when every partition that goes on has shown its next one.

    Equal times go by the order in which the partitions were named, so that the same partitions always make the same
    stream.
    """

    def __init__(self, partitions: Iterable[P]) -> None:
        self._rank = {partition: rank for rank, partition in enumerate(partitions)}
        self._waiting: dict[P, deque[Recorded]] = {partition: deque() for partition in self._rank}
        self._bare = set(self._rank)
        """Those that go on and have nothing to show."""
        self._ended: set[P] = set()
        self._heads: list[tuple[object, int, P]] = []

    def __len__(self) -> int:
        """Records held back."""
        return sum(map(len, self._waiting.values()))

    def held_of(self, partition: P) -> int:
        return len(self._waiting[partition])

    def add(self, partition: P, records: Iterable[Recorded]) -> None:
        waiting = self._waiting[partition]
        was_empty = not waiting
        waiting.extend(records)
        if was_empty and waiting:
            self._show(partition)
            self._bare.discard(partition)

    def end(self, partition: P) -> None:
        """Nothing more will come of it."""
        self._ended.add(partition)
        self._bare.discard(partition)

    @property
    def done(self) -> bool:
        return self._ended == self._rank.keys() and not self._heads

    def ready(self) -> Iterator[Recorded]:
        """The records whose turn it is."""
        while self._heads and not self._bare:
            _, _, partition = heapq.heappop(self._heads)
            waiting = self._waiting[partition]
            record = waiting.popleft()
            if waiting:
                self._show(partition)
            elif partition not in self._ended:
                self._bare.add(partition)
            yield record

    def _show(self, partition: P) -> None:
        heapq.heappush(self._heads, (self._waiting[partition][0].at, self._rank[partition], partition))
