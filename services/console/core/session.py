"""Sessions of the page: a session is a token of its own, kept in a cookie, which ends with the token that opened it."""

import hashlib
import hmac
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from services.contracts.token import Token, issued


def opened(secret: str, opener: Token, now: datetime, length: timedelta) -> Token:
    """The session that `opener` opens with a new secret: never longer good than that, and for no more."""
    ends = min(filter(None, (now + length, opener.expires_at)))
    session = issued(secret, name=opener.name, role=opener.role, now=now, expires_at=ends)
    # a one-time token is spent with this, so its session stands by itself
    return session if opener.once else session.model_copy(update={"session_of": opener.token_id})


def over(tokens: Iterable[Token], now: datetime) -> Iterator[Token]:
    """Sessions that nobody can use any more, and whose opener the audit names."""
    return (
        token for token in tokens if token.session_of is not None and (token.revoked or (token.expires_at or now) < now)
    )


def csrf_token(secret: str) -> str:
    """What a page of this session sends along with every change, and no other site can know."""
    return hmac.new(secret.encode(), b"chancery csrf", hashlib.sha256).hexdigest()


def is_ours(sent: str | None, secret: str) -> bool:
    return sent is not None and hmac.compare_digest(sent.encode(), csrf_token(secret).encode())


def way_back(wanted: str | None) -> str:
    """Where to go after signing in: a place of this console, whatever an address asks for."""
    safe = wanted is not None and wanted.startswith("/") and wanted.isprintable() and wanted.isascii()
    return wanted if wanted and safe and wanted[1:2] not in ("/", "\\") else "/"
