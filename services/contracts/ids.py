"""Derived ids: the same input gives the same id, so every step may run twice.

An id is a short prefix, an underscore, and 26 letters of base32: the first 128 bits of a SHA-256 over the
parts, each written with its length so that no two part lists run together. There is no "." in an id, because
Standard Webhooks 1.0.0 forbids it in `webhook-id`.
"""

import base64
import hashlib
from functools import lru_cache
from typing import NewType

FeedId = NewType("FeedId", str)
ArticleId = NewType("ArticleId", str)
ReportId = NewType("ReportId", str)
SiteKey = NewType("SiteKey", str)
KnownSiteId = NewType("KnownSiteId", str)
IncidentId = NewType("IncidentId", str)
AlertId = NewType("AlertId", str)
SubscriptionId = NewType("SubscriptionId", str)
SilenceId = NewType("SilenceId", str)
DeliveryId = NewType("DeliveryId", str)
DeadLetterId = NewType("DeadLetterId", str)
ShadowId = NewType("ShadowId", str)
TokenId = NewType("TokenId", str)
AuditId = NewType("AuditId", str)
DrillId = NewType("DrillId", str)


def derive(prefix: str, *parts: str | bytes) -> str:
    """`prefix_` and 26 characters that depend on every part and on where one ends and the next begins."""
    digest = hashlib.sha256()
    for part in parts:
        raw = part if isinstance(part, bytes) else part.encode("utf-8", "surrogatepass")
        digest.update(len(raw).to_bytes(8, "big"))
        digest.update(raw)
    return f"{prefix}_{base64.b32encode(digest.digest()[:16]).decode().rstrip('=').lower()}"


@lru_cache(10_000)
def _known(prefix: str, *parts: str) -> str:
    """Of records that come again and again: a delivery is checked by its ids whenever it is read."""
    return derive(prefix, *parts)


def feed_id(url: str) -> FeedId:
    """A feed is its URL as it was first added; a later move changes the URL, not the id."""
    return FeedId(derive("feed", url))


def article_id(feed: FeedId, identity: str) -> ArticleId:
    """An article is an entry of a feed; its revisions share the id."""
    return ArticleId(derive("art", feed, identity))


def report_id(article: ArticleId, site_key: SiteKey, incident_type: str, event_date: str) -> ReportId:
    """What one article says about one incident. A later revision of the article replaces it."""
    return ReportId(derive("rep", article, site_key, incident_type, event_date))


def known_site_id(origin: str, identity: str) -> KnownSiteId:
    """An entry of a list of sites: the same entry of the same list replaces itself."""
    return KnownSiteId(derive("site", origin, identity))


def incident_id(opened_by: ReportId) -> IncidentId:
    return IncidentId(derive("inc", opened_by))


def alert_id(incident: IncidentId, revision: int) -> AlertId:
    return AlertId(_known("alr", incident, str(revision)))


def subscription_id(channel: str, endpoint: str, name: str) -> SubscriptionId:
    return SubscriptionId(derive("sub", channel, endpoint, name))


def silence_id(author: str, matcher: str, created_at: str) -> SilenceId:
    return SilenceId(derive("sil", author, matcher, created_at))


def delivery_id(alert: AlertId, subscription: SubscriptionId) -> DeliveryId:
    """Also the `webhook-id`: stable across attempts and restarts."""
    return DeliveryId(_known("dlv", alert, subscription))


def dead_letter_id(topic: str, partition: int, offset: int) -> DeadLetterId:
    return DeadLetterId(derive("dead", topic, str(partition), str(offset)))


def shadow_id(name: str) -> ShadowId:
    """A shadow of a name takes the place of the one before it."""
    return ShadowId(derive("shd", name))


def token_id(secret_hash: str) -> TokenId:
    """Who shows a secret shows its id: there is nothing to look up by beside its hash."""
    return TokenId(derive("tok", secret_hash))


def drill_id(scenario: str, begun_at: str) -> DrillId:
    """A scenario that is played again is another drill, so that no endpoint takes it for a repeat."""
    return DrillId(derive("drill", scenario, begun_at))


def audit_id(actor: str, action: str, target: str, at: str) -> AuditId:
    return AuditId(derive("aud", actor, action, target, at))
