"""What a channel is: how an alert is written for it, how a body is sent, and what an answer means."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from services.contracts.alert import Alert
from services.contracts.ids import DeliveryId
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


class Transport(StrEnum):
    """How a body goes out."""

    HTTP = "http"  # to the endpoint itself
    SMTP = "smtp"  # to the mail server of the settings: a body is a message


@dataclass(frozen=True, slots=True)
class Posting:
    """What only the attempt knows. `at_s` is its time in seconds since 1970, `secret` is empty where there is none,
    `retiring` is the one that it takes the place of, as long as that is good too, `head` is the receipt of the
    message that told this endpoint of the incident first, and `sender` is the address that mail is from."""

    endpoint: str
    secret: str
    delivery_id: str
    at_s: int
    head: str | None = None
    retiring: str = ""
    sender: str = ""


@dataclass(frozen=True, slots=True)
class Envelope:
    """One POST: a body as it goes out, and the headers that belong to it. `url`, where it is not the endpoint's own,
    has the same scheme, host and port."""

    body: bytes
    headers: Mapping[str, str]
    url: str = ""


Dress = Callable[[bytes, Posting], Sequence[Envelope]]
"""The requests that a body makes, sent in turn until one is not taken. All but the last may be sent again. Raises
ValueError for a secret or an endpoint that cannot be used."""


def as_json(body: bytes, posting: Posting) -> Sequence[Envelope]:
    """A JSON body as it is, with the secret as a bearer token where there is one."""
    return (Envelope(body, bearer(posting)),)


def bearer(posting: Posting) -> Mapping[str, str]:
    """The headers of a JSON body, with the secret as a bearer token where there is one."""
    return {**JSON, "authorization": f"Bearer {posting.secret}"} if posting.secret else JSON


def no_receipt(delivery_id: DeliveryId, body: bytes, answer: str) -> None:
    """The endpoint does not say how a message is called."""


@dataclass(frozen=True, slots=True)
class ChannelRules:
    """`about` says in a line what the channel is, and `endpoint` what its address is; the command's help tells both.
    `render_plain` is used once the endpoint has refused the layout, and `render_answerable` instead of `render` where a
    reader's answers come back to the console. `receipt` finds in a delivery's id, its body and the answer to it what
    the endpoint calls the message, to come back to it. `rest_s` is the least time from one attempt's end to the next
    one's start at the same endpoint. `notice` writes plain words to the operator, where the channel is for people.
    `media_type` is what `render` writes."""

    about: str
    endpoint: str
    render: Renderer
    judge: Callable[[Answer], Judgement]
    render_plain: Renderer
    dress: Dress = as_json
    transport: Transport = Transport.HTTP
    secret: Secret = Secret.NONE
    rest_s: float = 0.0
    receipt: Callable[[DeliveryId, bytes, str], str | None] = no_receipt
    notice: Callable[[str], bytes] | None = None
    render_answerable: Renderer | None = None
    media_type: str = "application/json"
