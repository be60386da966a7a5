"""A delivery: one alert on its way to one endpoint. The deliveries topic is the job table."""

from enum import StrEnum
from typing import ClassVar, Self

from pydantic import Field, model_validator

from services.contracts import ids
from services.contracts.alert import Alert
from services.contracts.ids import AlertId, DeliveryId, IncidentId, SubscriptionId
from services.contracts.model import Instant, Record, Value

FIRST_YEAR, LAST_YEAR = 1970, 9000
MOST_AGAIN, MOST_ATTEMPTS = 100, 2_000
"""Times that one delivery is sent again, each with a schedule of its own, and attempts that its record may tell of."""


class DeliveryState(StrEnum):
    PENDING = "pending"
    DELIVERED = "delivered"
    REJECTED = "rejected"  # the endpoint says no and will not say yes
    EXPIRED = "expired"  # the retry schedule ran out
    DROPPED = "dropped"  # the subscription is gone
    FOLDED = "folded"  # a newer revision of the incident goes instead, and says what this one would have said
    SILENCED = "silenced"  # a silence covers the alert


class Attempt(Value):
    """One try. `answer` holds the first characters of the response with secrets removed."""

    at: Instant
    took_s: float = Field(ge=0, allow_inf_nan=False)
    http_status: int | None = None
    outcome: str = Field(max_length=100)
    answer: str = ""


class Delivery(Record):
    """State of one alert for one subscription. While pending it carries the alert, so that a restart needs
    nothing else to go on; when final the alert is dropped and the record is the delivery log's. `also` are the
    reasons of the revisions that were folded into this one; `receipt` is what the endpoint calls the message.

    `redelivered_after` has, for each time that someone had it sent again, the attempts made before: the log goes on,
    the schedule begins anew. A `notice` stands in an alert's place: words for the operator about the service itself."""

    KIND: ClassVar[str] = "delivery"
    SHARED: ClassVar[tuple[str, type[Value]] | None] = ("alert", Alert)

    delivery_id: DeliveryId
    subscription_id: SubscriptionId
    alert_id: AlertId
    incident_id: IncidentId
    revision: int
    state: DeliveryState = DeliveryState.PENDING
    reason: str = ""
    created_at: Instant
    next_attempt_at: Instant | None = None
    attempts: tuple[Attempt, ...] = Field((), max_length=MOST_ATTEMPTS)
    redelivered_after: tuple[int, ...] = Field((), max_length=MOST_AGAIN)
    late: bool = False
    receipt: str | None = Field(None, pattern=r"^[!-~]{1,300}$")
    also: tuple[str, ...] = ()
    notice: str | None = None
    alert: Alert | None = None

    @model_validator(mode="after")
    def _can_be_reckoned_with(self) -> Self:
        """What no worker wrote would end the one that reads it, and the next: a schedule is counted from these."""
        if self.delivery_id != ids.delivery_id(self.alert_id, self.subscription_id):
            raise ValueError("the id of a delivery is that of its alert and subscription")
        if self.alert_id not in (ids.alert_id(self.incident_id, self.revision), self.incident_id):  # a notice's are one
            raise ValueError("the id of an alert is that of its incident and revision")
        counts = (0, *self.redelivered_after, len(self.attempts))
        if list(counts) != sorted(counts):
            raise ValueError("redelivered_after counts attempts of the log, in their order")
        times = (self.created_at, self.next_attempt_at, *(each.at for each in self.attempts))
        if any(at is not None and not FIRST_YEAR <= at.year <= LAST_YEAR for at in times):
            raise ValueError(f"times lie in the years {FIRST_YEAR} to {LAST_YEAR}")
        return self

    @property
    def record_id(self) -> str:
        return self.delivery_id

    @property
    def partition_key(self) -> str:
        """Deliveries are keyed by their id and placed by their subscription, so that one worker serves an
        endpoint and keeps its order."""
        return self.subscription_id
