"""A topic of deliveries is known from the records that are read of it as from all."""

from collections.abc import Iterable
from typing import NamedTuple

from hypothesis import given as for_all
from hypothesis import strategies as st

from services.contracts.codec import decode, encode
from services.contracts.delivery import Attempt, Delivery, DeliveryState
from services.notify.core import retry
from services.notify.core.skimming import skim
from services.notify.core.status import Outcome
from tests.unit.notify import given
from tests.unit.notify.given import NOW

ALERT = given.alert()
DELIVERIES = [given.delivery(ALERT, given.subscription(name)) for name in ("desk", "other")]
TRIED = Attempt(at=NOW, took_s=0.1, outcome=Outcome.FAILED)


class Message(NamedTuple):
    key: bytes
    value: bytes | None


def message(delivery: Delivery) -> Message:
    return Message(delivery.key.encode(), encode(delivery))


@st.composite
def records(draw: st.DrawFn) -> Message:
    """A delivery as some worker or person left it; rarely, that it is no more, or bytes that nobody can read."""
    delivery, state = draw(st.sampled_from(DELIVERIES)), draw(st.sampled_from(DeliveryState))
    tries = draw(st.integers(0, 3))
    value = delivery.model_copy(
        update={
            "state": state,
            "alert": ALERT if state is DeliveryState.PENDING else None,
            "attempts": (TRIED,) * tries,
            "redelivered_after": draw(st.sampled_from([(), (), (tries,)])),
            "reason": draw(st.sampled_from(["", '"state":"pending"', '"state":"delivered","redelivered_after":[]'])),
        }
    )
    strange = draw(st.sampled_from([None, b"", b"{}"])) if draw(st.integers(0, 9)) == 0 else encode(value)
    return Message(delivery.key.encode(), strange)


def known_of(messages: Iterable[Message]) -> dict[bytes, tuple[Delivery, bool]]:
    """What a dispatcher takes for true of each delivery, and whether the topic's last word is behind it."""
    known: dict[bytes, tuple[Delivery, bool]] = {}
    for key, value in messages:
        if value is None:
            known.pop(key, None)
        if not value or value == b"{}":
            continue
        read = decode(value, Delivery)
        before = known.get(key, (read, False))[0]
        is_behind = retry.progress(read) < retry.progress(before)
        known[key] = (before if is_behind else read), is_behind
    return known


@for_all(st.lists(records(), max_size=12))
def test_what_is_known_of_the_deliveries_is_the_same(messages: list[Message]) -> None:
    assert known_of(skim(messages)) == known_of(messages)
    assert skim(messages)[-1:] == messages[-1:], "so that one knows how far one has read"


def test_of_what_has_ended_the_end_is_read() -> None:
    pending, other = (each.model_copy(update={"alert": ALERT}) for each in DELIVERIES)
    tried = pending.model_copy(update={"attempts": (TRIED,)})
    ended = tried.model_copy(update={"state": DeliveryState.DELIVERED, "alert": None})
    again = pending.model_copy(update={"redelivered_after": (1,), "attempts": (TRIED,)})
    read = [message(each) for each in (pending, other, tried, ended)]
    assert skim(read) == [message(other), message(ended)]
    read += [message(again), message(ended)]
    assert skim(read) == [message(other), message(ended), message(again), message(ended)], "someone had it sent again"
