"""Who may what: the table of every route with the least role it asks for, and the judgement of a token."""

import hmac
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from services.contracts import ids
from services.contracts.ids import TokenId
from services.contracts.token import Role, Token, secret_hash

# A route that does not stand here is not served (`api/guarded.py`).
LEAST_ROLE: dict[tuple[str, str], Role] = {
    ("GET", "/v1/feeds"): Role.VIEWER,
    ("POST", "/v1/feeds"): Role.OPERATOR,
    ("POST", "/v1/feeds/check"): Role.OPERATOR,  # it makes this machine fetch an address
    ("POST", "/v1/feeds/import"): Role.OPERATOR,
    ("GET", "/v1/feeds/export"): Role.OPERATOR,  # addresses with their passwords
    ("GET", "/v1/feeds/{feed_id}"): Role.VIEWER,
    ("PATCH", "/v1/feeds/{feed_id}"): Role.OPERATOR,
    ("DELETE", "/v1/feeds/{feed_id}"): Role.OPERATOR,
}


@dataclass(frozen=True, slots=True)
class Judgement:
    """The token that was shown, or in words why it does not count."""

    token: Token | None
    reason: str = ""


def judge(secret: str, known: Callable[[TokenId], Token | None], now: datetime) -> Judgement:
    """Whose secret this is, and whether it is good at `now`. The time taken does not depend on how much of a hash
    is right; only who holds the whole secret learns more than that it is unknown."""
    shown = secret_hash(secret)
    token = known(ids.token_id(shown))
    if token is None or not hmac.compare_digest(token.secret_hash, shown):
        return Judgement(None, "no such token")
    if token.revoked:
        return Judgement(None, "this token was revoked")
    if token.expires_at is not None and token.expires_at <= now:
        return Judgement(None, f"this token expired at {token.expires_at:%F %T} UTC")
    return Judgement(token)
