"""A subscription: an endpoint, who answers for what, and whether it is still wanted."""

from enum import StrEnum
from typing import Annotated, ClassVar

from pydantic import Field

from services.contracts.ids import SubscriptionId
from services.contracts.model import Instant, Record, Value
from services.contracts.report import Certainty, GroupName, IncidentType, Outcome, Severity


class Channel(StrEnum):
    SLACK = "slack"
    SLACK_BOT = "slack-bot"
    WEBHOOK = "webhook"
    TEAMS = "teams"
    DISCORD = "discord"
    PAGERDUTY = "pagerduty"
    NTFY = "ntfy"
    ALERTMANAGER = "alertmanager"
    CAP = "cap"
    EMAIL = "email"


class SubscriptionState(StrEnum):
    ACTIVE = "active"
    PAUSED = "paused"
    DISABLED = "disabled"


class Corroboration(StrEnum):
    """How many independent sources tell it."""

    ANY = "any"
    SINGLE = "single"
    CORROBORATED = "corroborated"


class Circle(Value):
    """A circle on the ground: WGS 84 degrees, and kilometres."""

    lat: float = Field(ge=-90, le=90)
    lon: float = Field(ge=-180, le=180)
    radius_km: float = Field(gt=0, le=20_038)


SITE_PATTERN = r"^([a-z_]+|-|\*):([A-Z]{2}|-|\*):([A-Z]{2}|-|\*):[^:\s]+$"


MAILBOX_PATTERN = (
    r"^[A-Za-z0-9!#$&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$&'*+/=?^_`{|}~-]+)*"
    r"@([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?$"
)
"""A mail address as it stands in a header and in a command: RFC 5322's dot-atom, less `%`, and a domain in full."""


MOST_ASKED = 500
MOST_OTHER_FILTERS = 50
Code = Annotated[str, Field(max_length=100)]


class Filter(Value):
    """What the subscriber answers for. An empty tuple asks nothing; all that is asked must hold.

    `sites` are site keys, `kind:sender:host:city`, a part of which may be `*` (`embassy:US:IQ:*`). `near` is asked of
    the incident's coordinates, where they are a city's at least. `groups` are those of known sites: of the one that it
    is at, and of the watch points it is within. `languages` (ISO 639-1) are those the news came in.
    """

    sending_states: tuple[Code, ...] = Field((), max_length=MOST_ASKED)
    host_states: tuple[Code, ...] = Field((), max_length=MOST_ASKED)
    sites: tuple[Annotated[str, Field(pattern=SITE_PATTERN, max_length=300)], ...] = Field((), max_length=MOST_ASKED)
    near: tuple[Circle, ...] = Field((), max_length=MOST_ASKED)
    groups: tuple[GroupName, ...] = Field((), max_length=MOST_ASKED)
    types: tuple[IncidentType, ...] = Field((), max_length=MOST_ASKED)
    outcomes: tuple[Outcome, ...] = Field((), max_length=MOST_ASKED)
    languages: tuple[Code, ...] = Field((), max_length=MOST_ASKED)
    min_severity: Severity = Severity.MINOR
    min_certainty: Certainty = Certainty.UNLIKELY
    sources: Corroboration = Corroboration.ANY
    updates: bool = True
    exercises: bool = False


class Subscription(Record):
    """An endpoint and its filters, one of which must hold.

    `endpoint` and `secret` are encrypted (`services/runtime/secrets.py`): a Slack URL is a password, and a webhook's
    secret signs. `endpoint_hint` is what people may see of it. `previous_secret` is one that was rotated out: it signs
    too, beside the new one, until `previous_until`. `active_since` is when someone resumed it: what failed before is
    forgiven.
    """

    KIND: ClassVar[str] = "subscription"

    subscription_id: SubscriptionId
    name: str = Field(max_length=1_000)
    channel: Channel
    endpoint: str = Field(max_length=20_000)
    endpoint_hint: str = Field(max_length=2_000)
    secret: str | None = Field(None, max_length=20_000)
    previous_secret: str | None = Field(None, max_length=20_000)
    previous_until: Instant | None = None
    filter: Filter = Filter()
    or_filters: tuple[Filter, ...] = Field((), max_length=MOST_OTHER_FILTERS)
    state: SubscriptionState = SubscriptionState.ACTIVE
    state_reason: str = ""
    active_since: Instant | None = None
    created_at: Instant

    @property
    def record_id(self) -> str:
        return self.subscription_id

    @property
    def filters(self) -> tuple[Filter, ...]:
        return (self.filter, *self.or_filters)
