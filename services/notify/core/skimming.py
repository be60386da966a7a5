"""Which records of the deliveries topic need not be read on the way to its end. Pure."""

from collections.abc import Sequence
from typing import Protocol, TypeVar

from services.contracts.delivery import DeliveryState

_PENDING = b'"state":"%s"' % DeliveryState.PENDING.encode()
_FINAL = tuple(b'"state":"%s"' % state.encode() for state in DeliveryState if state is not DeliveryState.PENDING)
_NEVER_AGAIN = b'"redelivered_after":[]'
"""As records are written. Nothing in a text looks like them: its quotes are escaped."""


class Raw(Protocol):
    """A record as it lies on the topic."""

    @property
    def key(self) -> bytes | None: ...

    @property
    def value(self) -> bytes | None: ...


M = TypeVar("M", bound=Raw)


def skim(messages: Sequence[M]) -> list[M]:
    """The records without those that the rest makes good: a delivery's before its end, which carry the alert and are
    by far the longest, where no one had it sent again. Compaction will take the same, sooner or later."""
    kept, ended = [], set()
    for message in reversed(messages):
        value = message.value or b""
        if _PENDING in value:
            if message.key in ended and _NEVER_AGAIN in value:
                continue
        elif any(mark in value for mark in _FINAL):
            ended.add(message.key)
        kept.append(message)
    return kept[::-1]
