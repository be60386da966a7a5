"""How often a feed is asked, when it is polled next, and why; and the one queue in which every feed waits."""

import heapq
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from services.contracts.feed import FeedState, PollStatus

# News that waits longer than this for its feed to be asked again is of little use, whatever a cache header says.
LONGEST_FRESHNESS = timedelta(hours=1)
LONGEST_BACK_OFF = timedelta(hours=1)
LONGEST_RETRY_AFTER = timedelta(days=1)
# Feeds added together drift apart by a tenth of their interval a poll.
JITTER_SHARE = 0.1
# Half the interval after a poll with news, a quarter more after one without: about every fourth poll of a feed between
# its bounds brings news, and one that falls silent goes from a minute to ten in eleven polls, 51 minutes.
AFTER_NEWS, AFTER_NONE, AFTER_THROTTLED = 0.5, 1.25, 2.0
# The bounds where nothing names others: beside the usual five minutes, one and ten.
SHORTEST_SHARE, LONGEST_SHARE = 0.2, 2.0


@dataclass(frozen=True, slots=True)
class Pace:
    """How often a feed is asked: at first after `usual`, then as its news come, between `shortest` and `longest`."""

    usual: timedelta
    shortest: timedelta
    longest: timedelta

    @classmethod
    def around(cls, usual_s: float) -> "Pace":
        usual = timedelta(seconds=usual_s)
        return cls(usual, usual * SHORTEST_SHARE, usual * LONGEST_SHARE)

    def bounded(self, min_s: float | None, max_s: float | None) -> "Pace":
        """With these bounds in place of its own, None leaving one as it is. Where they cross, the minimum holds."""
        shortest, longest = self.shortest, self.longest
        if max_s is not None:
            longest = timedelta(seconds=max_s)
            shortest = min(shortest, longest)
        if min_s is not None:
            shortest = timedelta(seconds=min_s)
            longest = max(shortest, longest)
        return Pace(min(max(self.usual, shortest), longest), shortest, longest)

    def interval(self, before: timedelta | None, status: PollStatus, has_news: bool | None) -> tuple[timedelta, str]:
        """The time between polls from now on, and what it comes from. `before` is the one until now, None at first;
        `has_news` is None where a poll cannot tell: it failed, or brought a feed's backlog or nothing but edits."""
        before = before or self.usual
        if status is PollStatus.THROTTLED:
            wanted, because = before * AFTER_THROTTLED, "throttled"
        elif has_news is None:
            wanted, because = before, "interval"
        elif has_news:
            wanted, because = before * AFTER_NEWS, "news"
        else:
            wanted, because = before * AFTER_NONE, "quiet"
        if wanted < self.shortest:
            return self.shortest, "shortest interval"
        return (wanted, because) if wanted <= self.longest else (self.longest, "longest interval")


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
    because: str = "interval",
    failures: int = 0,
    fresh: timedelta | None = None,
    ttl: timedelta | None = None,
    retry_after: timedelta | None = None,
) -> NextPoll:
    """`interval` is what the feed's pace wants, and `because` why; `failures` counts the failed polls in a row, this
    one included; `fresh`, `ttl` and `retry_after` are floors; `jitter` is in [0, 1) and only ever adds.

    A failing feed is asked half as often after each failure, down to once an hour (or its interval, if longer).
    """
    if status is PollStatus.GONE:
        return NextPoll(None, "gone for good (410)")
    if status in (PollStatus.OK, PollStatus.NOT_MODIFIED):
        wait = interval
        for floor, name in ((fresh, "fresh"), (ttl, "ttl")):
            if floor is not None and min(floor, LONGEST_FRESHNESS) > wait:
                wait, because = min(floor, LONGEST_FRESHNESS), name
    else:
        doubled = interval * 2 ** min(max(failures - 1, 0), 30)
        wait, because = min(doubled, max(interval, LONGEST_BACK_OFF)), f"back-off after {failures} failed"
        if retry_after is not None and min(retry_after, LONGEST_RETRY_AFTER) > wait:
            wait, because = min(retry_after, LONGEST_RETRY_AFTER), "retry-after"
    return NextPoll(now + wait * (1 + JITTER_SHARE * jitter), because)


def due_at(state: FeedState, now: datetime) -> datetime | None:
    """When a feed is polled next, by a clock that says `now`; None where its state names no time.

    Where the clock that wrote the state was ahead, the wait counts from now: else it would last for as much longer as
    that clock was wrong."""
    at, polled_at = state.next_poll_at, state.last_poll_at
    if at is None or polled_at is None or polled_at <= now:
        return at
    return now + max(at - polled_at, timedelta(0))


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
