"""The topic table: every topic, what it carries, how long it is kept. One place; everyone reads it here."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Generic

from typing_extensions import TypeVar

from services.contracts.alert import Alert
from services.contracts.article import Article
from services.contracts.audit import AuditEntry
from services.contracts.dead_letter import DeadLetter
from services.contracts.delivery import Delivery
from services.contracts.feed import Feed, FeedState
from services.contracts.feedback import Feedback
from services.contracts.incident import Incident
from services.contracts.model import Record
from services.contracts.report import IncidentReport
from services.contracts.shadow import Shadow
from services.contracts.silence import Silence
from services.contracts.site import KnownSite
from services.contracts.subscription import Subscription
from services.contracts.token import Token

COMPACTED = {"cleanup.policy": "compact", "min.cleanable.dirty.ratio": "0.1", "segment.ms": "86400000"}
"""Settings of a topic that keeps the last value of each key."""


def milliseconds(length: timedelta) -> str:
    """A length of time as Kafka's topic settings have it."""
    return str(int(length.total_seconds() * 1000))


R = TypeVar("R", bound=Record, covariant=True, default=Record)


@dataclass(frozen=True, slots=True)
class Topic(Generic[R]):
    """A topic without its namespace, and what it carries. `kept` is the retention, or None for a compacted topic (last
    value a key)."""

    name: str
    record_type: type[R]
    key: str
    kept: timedelta | None

    @property
    def compacted(self) -> bool:
        return self.kept is None

    def in_namespace(self, namespace: str) -> str:
        """`chancery.articles` in the namespace `chancery.`; a replay uses another namespace."""
        return f"{namespace}{self.name}"

    @property
    def config(self) -> dict[str, str]:
        """Kafka topic settings (kafka.apache.org/documentation/#topicconfigs)."""
        if self.kept is None:
            return COMPACTED
        return {"cleanup.policy": "delete", "retention.ms": milliseconds(self.kept)}


def _days(number: int) -> timedelta:
    return timedelta(days=number)


FEEDS = Topic("feeds", Feed, "feed_id", None)
FEED_STATES = Topic("feed-states", FeedState, "feed_id", None)
SITES = Topic("sites", KnownSite, "site_id", None)
ARTICLES = Topic("articles", Article, "article_id", _days(30))
REPORTS = Topic("reports", IncidentReport, "host state", _days(30))
INCIDENTS = Topic("incidents", Incident, "incident_id", None)
ALERTS = Topic("alerts", Alert, "incident_id", _days(90))
SUBSCRIPTIONS = Topic("subscriptions", Subscription, "subscription_id", None)
SILENCES = Topic("silences", Silence, "silence_id", None)
DELIVERIES = Topic("deliveries", Delivery, "delivery_id, partitioned by subscription", None)
FEEDBACK = Topic("feedback", Feedback, "verdict, partitioned by host state", _days(365))
SHADOWS = Topic("shadows", Shadow, "shadow_id", None)
TOKENS = Topic("tokens", Token, "token_id", None)
AUDIT = Topic("audit", AuditEntry, "what was changed", _days(365))
DEAD_LETTERS = Topic("dead-letters", DeadLetter, "dead_letter_id", _days(30))

TOPICS: tuple[Topic, ...] = (
    FEEDS,
    FEED_STATES,
    SITES,
    ARTICLES,
    REPORTS,
    INCIDENTS,
    ALERTS,
    SUBSCRIPTIONS,
    SILENCES,
    DELIVERIES,
    FEEDBACK,
    SHADOWS,
    TOKENS,
    AUDIT,
    DEAD_LETTERS,
)
