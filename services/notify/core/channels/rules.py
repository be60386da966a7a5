"""What a channel is: how an alert is written for it, how a body is sent, and what an answer means."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from services.contracts.alert import Alert
from services.notify.core.status import Answer, Judgement

JSON = {"content-type": "application/json"}


class Renderer(Protocol):
    """An alert as a body. Pure, total over alerts; equal arguments give equal bytes."""

    def __call__(self, alert: Alert, *, late: bool = False) -> bytes: ...


class Secret(StrEnum):
    """Where a subscription's secret comes from."""

    NONE = "none"  # the endpoint's address is password enough
    MADE = "made"  # we make one, unless one is given, and show it once
    GIVEN = "given"  # the endpoint's owner gives it: a token, a key
    OPTIONAL = "optional"  # as given, but some endpoints want none


@dataclass(frozen=True, slots=True)
class Envelope:
    """What one attempt sends: the body as it goes out, and the headers that belong to it."""

    body: bytes
    headers: Mapping[str, str]


class Dress(Protocol):
    """Adds to a body what only the attempt knows. `at_s` is its time in seconds since 1970; `secret` is empty where the
    subscription has none. Raises ValueError for a secret that cannot be used."""

    def __call__(self, body: bytes, *, secret: str, delivery_id: str, at_s: int) -> Envelope: ...


def as_json(body: bytes, *, secret: str, delivery_id: str, at_s: int) -> Envelope:
    """A JSON body as it is."""
    return Envelope(body, JSON)


@dataclass(frozen=True, slots=True)
class ChannelRules:
    """`about` says in a line what the channel is, and `endpoint` what its address is; the command's help tells both.
    `render_plain` is used once the endpoint has refused the layout. `rest_s` is the least time from one attempt's end
    to the next one's start at the same endpoint."""

    about: str
    endpoint: str
    render: Renderer
    judge: Callable[[Answer], Judgement]
    render_plain: Renderer
    dress: Dress = as_json
    secret: Secret = Secret.NONE
    rest_s: float = 0.0
