"""A subscription: an endpoint, who answers for what, and whether it is still wanted."""

from enum import StrEnum
from typing import ClassVar

from services.contracts.ids import SubscriptionId
from services.contracts.model import Instant, Record, Value
from services.contracts.report import Certainty, IncidentType, Severity


class Channel(StrEnum):
    SLACK = "slack"
    WEBHOOK = "webhook"


class SubscriptionState(StrEnum):
    ACTIVE = "active"
    PAUSED = "paused"
    DISABLED = "disabled"


class Filter(Value):
    """What the subscriber answers for. An empty tuple asks nothing; all that is asked must hold."""

    sending_states: tuple[str, ...] = ()
    host_states: tuple[str, ...] = ()
    types: tuple[IncidentType, ...] = ()
    min_severity: Severity = Severity.MINOR
    min_certainty: Certainty = Certainty.UNLIKELY
    updates: bool = True
    exercises: bool = False


class Subscription(Record):
    """An endpoint and its filter. `endpoint` and `secret` are encrypted (`services/runtime/secrets.py`):
    a Slack URL is a password, and a webhook's secret signs. `endpoint_hint` is what people may see of it."""

    KIND: ClassVar[str] = "subscription"

    subscription_id: SubscriptionId
    name: str
    channel: Channel
    endpoint: str
    endpoint_hint: str
    secret: str | None = None
    filter: Filter = Filter()
    state: SubscriptionState = SubscriptionState.ACTIVE
    state_reason: str = ""
    created_at: Instant

    @property
    def record_id(self) -> str:
        return self.subscription_id
