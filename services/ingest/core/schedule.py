"""When a feed is polled next, and why; and the one queue in which every feed waits."""

import heapq
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from services.contracts.feed import PollStatus

# News that waits longer than this for its feed to be asked again is of little use, whatever a cache header says.
LONGEST_FRESHNESS = timedelta(hours=1)
LONGEST_BACK_OFF = timedelta(hours=1)
LONGEST_RETRY_AFTER = timedelta(days=1)
# Feeds added together drift apart by a tenth of their interval a poll.
JITTER_SHARE = 0.1


@dataclass(frozen=True, slots=True)
class NextPoll:
    """`at` is None for a feed that is not polled again until an operator resumes it."""

    at: datetime | None
    because: str


def next_poll(
    status: PollStatus,
    now: datetime,
    interval: timedelta,
    jitter: float,
    *,
    failures: int = 0,
    max_age: timedelta | None = None,
    ttl: timedelta | None = None,
    retry_after: timedelta | None = None,
) -> NextPoll:
    """`failures` counts the failed polls in a row, this one included; `jitter` is in [0, 1) and only ever adds.

    A failing feed is asked half as often after each failure, down to once an hour (or its interval, if longer).
    """
    if status is PollStatus.GONE:
        return NextPoll(None, "gone for good (410)")
    if status in (PollStatus.OK, PollStatus.NOT_MODIFIED):
        wait, because = interval, "interval"
        for fresh, name in ((max_age, "max-age"), (ttl, "ttl")):
            if fresh is not None and min(fresh, LONGEST_FRESHNESS) > wait:
                wait, because = min(fresh, LONGEST_FRESHNESS), name
    else:
        doubled = interval * 2 ** min(max(failures - 1, 0), 30)
        wait, because = min(doubled, max(interval, LONGEST_BACK_OFF)), f"back-off after {failures} failed"
        if retry_after is not None and min(retry_after, LONGEST_RETRY_AFTER) > wait:
            wait, because = min(retry_after, LONGEST_RETRY_AFTER), "retry-after"
    return NextPoll(now + wait * (1 + JITTER_SHARE * jitter), because)


class DueQueue:
    """Keys by the time they are due, one entry a key. Setting a key again moves it; all is O(log n).

    A moved or dropped key leaves its old place in the heap until that place is met or half the heap is stale.
    """

    def __init__(self) -> None:
        self._heap: list[tuple[float, str]] = []
        self._due: dict[str, float] = {}

    def __len__(self) -> int:
        return len(self._due)

    def __contains__(self, key: str) -> bool:
        return key in self._due

    def __iter__(self) -> Iterator[str]:
        return iter(self._due)

    def set(self, key: str, due_s: float) -> None:
        self._due[key] = due_s
        heapq.heappush(self._heap, (due_s, key))
        if len(self._heap) > 2 * len(self._due) + 64:
            self._heap = [(due, key) for key, due in self._due.items()]
            heapq.heapify(self._heap)

    def drop(self, key: str) -> None:
        self._due.pop(key, None)

    def next_due_s(self) -> float | None:
        """When the first key is due; None for an empty queue."""
        while self._heap and self._due.get(self._heap[0][1]) != self._heap[0][0]:
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    def pop(self, now_s: float) -> str | None:
        """Take out the key that has been due longest; None when none is due at `now_s`."""
        due = self.next_due_s()
        if due is None or due > now_s:
            return None
        key = heapq.heappop(self._heap)[1]
        del self._due[key]
        return key
