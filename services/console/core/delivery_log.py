"""The deliveries as the console remembers them: a line of each, and of those that are final the newest so many.

What a line leaves out (the alert, the attempts with their answers) is read from the topic when someone asks for it.
"""

import sys
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from services.contracts.delivery import Delivery, DeliveryState

MOST_REASON = 300
"""Characters."""
SLACK = 10
"""A tenth more than is kept is let in before the oldest leave, so that they leave many at a time."""
_FOREVER = datetime(9999, 12, 31, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Line:
    """`at` is the partition and the offset of the record. `last_…` tell of the last attempt."""

    delivery_id: str
    subscription_id: str
    alert_id: str
    incident_id: str
    revision: int
    state: DeliveryState
    reason: str
    late: bool
    created_at: datetime
    next_attempt_at: datetime | None
    attempts: int
    last_attempt_at: datetime | None
    last_outcome: str | None
    last_http_status: int | None
    at: tuple[int, int]
    place: tuple[str, str]
    """In a list that begins with the newest."""

    @property
    def is_final(self) -> bool:
        return self.state is not DeliveryState.PENDING


def line(of: Delivery, at: tuple[int, int]) -> Line:
    """What is remembered of a delivery."""
    last = of.attempts[-1] if of.attempts else None
    made = int((_FOREVER - of.created_at).total_seconds() * 1_000_000)
    return Line(
        delivery_id=of.delivery_id,
        subscription_id=sys.intern(of.subscription_id),
        alert_id=of.alert_id,
        incident_id=of.incident_id,
        revision=of.revision,
        state=of.state,
        reason=sys.intern(of.reason[:MOST_REASON]),
        late=of.late,
        created_at=of.created_at,
        next_attempt_at=of.next_attempt_at,
        attempts=len(of.attempts),
        last_attempt_at=last.at if last else None,
        last_outcome=sys.intern(last.outcome) if last else None,
        last_http_status=last.http_status if last else None,
        at=at,
        place=(f"{made:020d}", of.delivery_id),
    )


class DeliveryLog:
    """Everything that is pending, and of what is final the `most` that were made last."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._lines: dict[str, Line] = {}
        self._final = 0
        self._sorted: list[Line] | None = None
        self.complete_since: datetime | None = None
        """What was made until then may be missing; None as long as nothing is."""

    def take(self, delivery_id: str, delivery: Delivery | None, at: tuple[int, int]) -> None:
        """A record of the topic, in its order; None where it was forgotten."""
        self._sorted = None
        known = self._lines.pop(delivery_id, None)
        self._final -= known is not None and known.is_final
        if delivery is None:
            return
        read = line(delivery, at)
        left_out = self.complete_since is not None and read.created_at <= self.complete_since
        if known is None and left_out and read.is_final:
            return  # or the log would have holes
        self._lines[delivery_id] = read
        self._final += read.is_final
        if self._final > self._most + self._most // SLACK:
            self._forget()

    def get(self, delivery_id: str) -> Line | None:
        return self._lines.get(delivery_id)

    def newest_first(self) -> Iterable[Line]:
        """Every line."""
        if self._sorted is None:
            self._sorted = sorted(self._lines.values(), key=lambda each: each.place)
        return self._sorted

    def _forget(self) -> None:
        final = sorted((each for each in self._lines.values() if each.is_final), key=lambda each: each.place)
        for each in final[self._most :]:
            del self._lines[each.delivery_id]
            self._final -= 1
            self.complete_since = max(each.created_at, self.complete_since or each.created_at)
