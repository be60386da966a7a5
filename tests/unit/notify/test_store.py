"""What notify writes where somebody else writes too, or wrote what nobody should."""

from collections.abc import Iterable

import pytest
from aiokafka.errors import MessageSizeTooLargeError

from services.contracts.codec import encode
from services.contracts.delivery import Attempt, Delivery, DeliveryState
from services.contracts.model import Record
from services.contracts.subscription import Subscription, SubscriptionState
from services.contracts.topics import SUBSCRIPTIONS, Topic
from services.notify.adapters.store import Store
from services.notify.core import retry
from tests.unit.notify import given
from tests.unit.notify.given import NOW

DESK = given.subscription()
OFF = {"state": SubscriptionState.DISABLED, "state_reason": "HTTP 410"}
ROTATED = DESK.model_copy(update={"secret": "a new one"})
PAUSED = DESK.model_copy(update={"state": SubscriptionState.PAUSED})


class TopicOfOthers:
    """Writes as a Publisher; what `others` write comes before or after the first record of ours."""

    def __init__(self, before: tuple[Record | None, ...] = (), after: tuple[Record | None, ...] = ()) -> None:
        self.log: list[Record | None] = []
        self.before, self.after = before, after
        self.store = Store(self, self.has_read)  # type: ignore[arg-type]  # as far as it is used
        self.read = 0

    async def publish(self, topic: Topic, *records: Record) -> list[object]:
        for record in records:
            if len(encode(record)) > 1_000_000:
                raise MessageSizeTooLargeError("too long")
        self.log += [*self.before, *records, *self.after]
        self.before = self.after = ()
        return []

    async def delete(self, topic: Topic, key: str) -> list[object]:
        self.log.append(None)
        return []

    async def has_read(self, _: Iterable[object]) -> None:
        for record in self.log[self.read :]:
            self.store.subscription_read(SUBSCRIPTIONS, DESK.key, record)
        self.read = len(self.log)


@pytest.mark.parametrize(
    ("before", "after", "stands"),
    [
        ((), (), DESK.model_copy(update=OFF)),
        ((ROTATED,), (), ROTATED.model_copy(update=OFF)),
        ((ROTATED, PAUSED), (), PAUSED.model_copy(update=OFF)),
        ((None,), (), None),
        ((ROTATED, None), (), None),
        ((), (ROTATED,), ROTATED),
        ((ROTATED,), (None,), None),
        ((PAUSED,), (ROTATED,), ROTATED),
    ],
)
async def test_what_someone_changed_while_it_was_disabled_stands(
    before: tuple[Subscription | None, ...], after: tuple[Subscription | None, ...], stands: Subscription | None
) -> None:
    """A secret that was shown once is not lost, and what was removed does not come back with its secrets."""
    others = TopicOfOthers(before, after)
    await others.store.disable(DESK, "HTTP 410")
    assert others.log[-1] == stands


async def test_a_delivery_that_is_too_long_ends_and_stops_nobody_else() -> None:
    topic = TopicOfOthers()
    long = given.delivery(given.alert(1, reason="x" * 1_000_000))
    answered = tuple(Attempt(at=NOW, took_s=1, outcome="failed", answer="\0" * 4_000) for _ in range(50))
    sent = retry.final(given.delivery(given.alert(2), attempts=answered), DeliveryState.DELIVERED, "HTTP 204")
    other = given.delivery(given.alert(3))
    await topic.store.put(long, other, sent)
    written = {each.delivery_id: each for each in topic.log if isinstance(each, Delivery)}
    assert written[other.delivery_id] == other
    assert (written[long.delivery_id].state, written[sent.delivery_id].state) == (
        DeliveryState.REJECTED,
        DeliveryState.DELIVERED,
    )
    assert [retry.progress(written[each.delivery_id]) >= retry.progress(each) for each in (long, sent)] == [True, True]
    assert len(written[sent.delivery_id].attempts) == 50
