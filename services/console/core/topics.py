"""What goes through the topics: samples of them, the flow in between, and who is behind how far."""

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

from services.contracts.topics import ALERTS, ARTICLES, FEEDBACK, REPORTS, Topic

WORKERS: Mapping[str, tuple[Topic, ...]] = {"classify": (ARTICLES, REPORTS, FEEDBACK), "notify": (ALERTS,)}
"""The groups that acknowledge what they have worked off, by role. Who reads a topic as a table acknowledges nothing."""
RATE_OVER = timedelta(minutes=5)

Work = tuple[str, Topic]
WORK: tuple[Work, ...] = tuple((role, topic) for role, topics in WORKERS.items() for topic in topics)


@dataclass(frozen=True, slots=True)
class Held:
    """What a partition holds: from `begin` up to, without, `end`."""

    begin: int
    end: int


@dataclass(frozen=True, slots=True)
class Sample:
    """The topics at a moment. `partitions` and `committed` are by number of partition; None was never acknowledged.
    `newest_at` is when the last record was written, by the broker's or the writer's clock."""

    at: datetime
    partitions: Mapping[Topic, tuple[Held, ...]]
    committed: Mapping[Work, tuple[int | None, ...]]
    newest_at: Mapping[Topic, datetime]

    def records(self, topic: Topic) -> int:
        """Offsets in the topic: more than records, where compaction or transactions left gaps."""
        return sum(held.end - held.begin for held in self.partitions[topic])

    def written(self, topic: Topic) -> int:
        """Ever written, as far as the topic knows."""
        return sum(held.end for held in self.partitions[topic])

    def worked(self, work: Work) -> int:
        """Ever worked off."""
        return self.written(work[1]) - sum(self.lag(work))

    def lag(self, work: Work) -> tuple[int, ...]:
        """Records that wait, by partition. A group that never acknowledged one begins with the oldest; what is no
        longer kept does not wait."""
        held = self.partitions[work[1]]
        committed = self.committed.get(work) or (None,) * len(held)
        return tuple(max(0, each.end - max(at or 0, each.begin)) for each, at in zip(held, committed, strict=True))


@dataclass(frozen=True, slots=True)
class Point:
    """A sample in little: a number a topic and a number for each work."""

    at: datetime
    written: Mapping[Topic, int]
    worked: Mapping[Work, int]
    lag: Mapping[Work, int]


@dataclass(frozen=True, slots=True)
class Flow:
    """Of one topic between two points: records a second in, and out by role; the lag at its end."""

    at: datetime
    in_per_s: float
    out_per_s: Mapping[str, float]
    lag: Mapping[str, int]


class History:
    """The last `most` samples in little, and the last one whole. Bounded: about 2 kB a point."""

    def __init__(self, most: int) -> None:
        self._points: deque[Point] = deque(maxlen=most)
        self.last: Sample | None = None

    def add(self, sample: Sample) -> None:
        """The next one; samples come in the order of time."""
        self.last = sample
        self._points.append(
            Point(
                sample.at,
                {topic: sample.written(topic) for topic in sample.partitions},
                {work: sample.worked(work) for work in WORK},
                {work: sum(sample.lag(work)) for work in WORK},
            )
        )

    def now(self, topic: Topic) -> Flow | None:
        """The flow of the last minutes; None before there are two samples."""
        if len(self._points) < 2:
            return None
        last = self._points[-1]
        first = next(point for point in self._points if point.at >= last.at - RATE_OVER)
        return _flow(topic, first if first is not last else self._points[-2], last)

    def flows(self, topic: Topic, since: datetime, most: int) -> list[Flow]:
        """From `since` on, in at most `most` steps of about equal length."""
        points = [point for point in self._points if point.at >= since]
        chosen = list(_spread(points, most + 1))
        return [_flow(topic, before, after) for before, after in pairwise(chosen)]


def _flow(topic: Topic, before: Point, after: Point) -> Flow:
    seconds = max((after.at - before.at).total_seconds(), 0.001)
    theirs = [work for work in WORK if work[1] is topic]

    def rate(first: int, then: int) -> float:
        return round(max(0, then - first) / seconds, 3)  # less than before: the topic was made anew

    return Flow(
        after.at,
        rate(before.written[topic], after.written[topic]),
        {work[0]: rate(before.worked[work], after.worked[work]) for work in theirs},
        {work[0]: after.lag[work] for work in theirs},
    )


def _spread(points: Sequence[Point], most: int) -> Iterator[Point]:
    """At most `most` of them, evenly, the last among them."""
    step = max(1, -(-(len(points) - 1) // max(1, most - 1)))
    yield from reversed(points[::-1][::step])
