"""Who may what: the tables of every route, with the least role it asks for or whose signature; and the judgement of a
token."""

import hmac
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from services.contracts import ids
from services.contracts.ids import TokenId
from services.contracts.token import Role, Token, secret_hash

# A route that stands in neither table is not served (`api/guarded.py`, `api/signed.py`).
LEAST_ROLE: dict[tuple[str, str], Role] = {
    ("GET", "/v1/session"): Role.VIEWER,
    ("DELETE", "/v1/session"): Role.VIEWER,
    ("GET", "/v1/feeds"): Role.VIEWER,
    ("POST", "/v1/feeds"): Role.OPERATOR,
    ("POST", "/v1/feeds/check"): Role.OPERATOR,  # it makes this machine fetch an address
    ("POST", "/v1/feeds/import"): Role.OPERATOR,
    ("GET", "/v1/feeds/export"): Role.OPERATOR,  # addresses with their passwords
    ("GET", "/v1/feeds/{feed_id}"): Role.VIEWER,
    ("PATCH", "/v1/feeds/{feed_id}"): Role.OPERATOR,
    ("DELETE", "/v1/feeds/{feed_id}"): Role.OPERATOR,
    ("GET", "/v1/incidents"): Role.VIEWER,
    ("GET", "/v1/incidents.atom"): Role.VIEWER,
    ("GET", "/v1/incidents.geojson"): Role.VIEWER,
    ("GET", "/v1/incidents/{incident_id}"): Role.VIEWER,
    ("GET", "/v1/incidents/{incident_id}/cap"): Role.VIEWER,
    ("GET", "/v1/incidents/{incident_id}/sources/{article_id}"): Role.VIEWER,
    ("POST", "/v1/incidents/{incident_id}/verdict"): Role.ANALYST,
    ("GET", "/v1/alerts"): Role.VIEWER,
    ("GET", "/v1/alerts/stream"): Role.VIEWER,
    ("GET", "/v1/alerts/{alert_id}"): Role.VIEWER,
    ("GET", "/v1/subscriptions"): Role.VIEWER,  # of endpoints scheme and host: the rest is shown to nobody
    ("POST", "/v1/subscriptions"): Role.OPERATOR,
    ("POST", "/v1/subscriptions/preview"): Role.OPERATOR,
    ("GET", "/v1/subscriptions/{subscription_id}"): Role.VIEWER,
    ("PATCH", "/v1/subscriptions/{subscription_id}"): Role.OPERATOR,
    ("DELETE", "/v1/subscriptions/{subscription_id}"): Role.OPERATOR,
    ("POST", "/v1/subscriptions/{subscription_id}/test"): Role.OPERATOR,
    ("POST", "/v1/subscriptions/{subscription_id}/rotate"): Role.OPERATOR,
    ("GET", "/v1/alerts/{alert_id}/recipients"): Role.VIEWER,
    ("GET", "/v1/deliveries"): Role.VIEWER,
    ("POST", "/v1/deliveries/redeliver"): Role.OPERATOR,
    ("GET", "/v1/deliveries/{delivery_id}"): Role.VIEWER,
    ("GET", "/v1/silences"): Role.VIEWER,
    ("POST", "/v1/silences"): Role.OPERATOR,  # it keeps alerts from everybody
    ("GET", "/v1/silences/{silence_id}"): Role.VIEWER,
    ("POST", "/v1/silences/{silence_id}/end"): Role.OPERATOR,
    ("GET", "/v1/shadows"): Role.VIEWER,
    ("GET", "/v1/shadows/{shadow_id}"): Role.VIEWER,
    ("GET", "/v1/topics"): Role.VIEWER,
    ("GET", "/v1/topics/history"): Role.VIEWER,
    ("GET", "/v1/topics/{name}/records"): Role.OPERATOR,
    ("GET", "/v1/topics/{name}/records/follow"): Role.OPERATOR,
    ("GET", "/v1/dead-letters"): Role.VIEWER,
    ("GET", "/v1/dead-letters/{dead_letter_id}"): Role.OPERATOR,  # bytes as they came from outside
    ("POST", "/v1/dead-letters/redrive"): Role.OPERATOR,
    ("GET", "/v1/coverage"): Role.VIEWER,
    ("POST", "/v1/classify"): Role.ANALYST,
}

# No token opens these: the sender signs.
SIGNED: dict[tuple[str, str], str] = {
    ("POST", "/v1/slack/actions"): "slack",
}


@dataclass(frozen=True, slots=True)
class Judgement:
    """The token that was shown, or in words why it does not count."""

    token: Token | None
    reason: str = ""


def judge(secret: str, known: Callable[[TokenId], Token | None], now: datetime, *, entering: bool = False) -> Judgement:
    """Whose secret this is, and whether it is good at `now`: one-time tokens only for `entering`, to which sessions are
    not. The time taken does not depend on how much of a hash is right; only who holds the whole secret learns more than
    that it is unknown."""
    shown = secret_hash(secret)
    token = known(ids.token_id(shown))
    if token is None or not hmac.compare_digest(token.secret_hash, shown):
        return Judgement(None, "no such token")
    if (reason := _spent(token, now)) is not None:
        return Judgement(None, f"this token {reason}")
    if token.once and not entering:
        return Judgement(None, "this token only opens the page, once")
    if token.session_of is not None:
        if entering:
            return Judgement(None, "a session opens no other")
        opener = known(token.session_of)
        if opener is None or _spent(opener, now) is not None:
            return Judgement(None, "this session is over")
    return Judgement(token)


def _spent(token: Token, now: datetime) -> str | None:
    if token.revoked:
        return "was revoked"
    if token.expires_at is not None and token.expires_at <= now:
        return f"expired at {token.expires_at:%F %T} UTC"
    return None
