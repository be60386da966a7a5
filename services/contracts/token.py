"""An access token of the console: who holds it may do what its role may."""

import hashlib
from datetime import datetime
from enum import StrEnum
from typing import ClassVar

from pydantic import Field

from services.contracts import ids
from services.contracts.ids import TokenId
from services.contracts.model import Instant, Record


class Role(StrEnum):
    """What a caller may do, the least first: each may all that those before it may."""

    VIEWER = "viewer"
    ANALYST = "analyst"
    OPERATOR = "operator"
    ADMIN = "admin"

    def may(self, least: "Role") -> bool:
        """Does this role suffice where `least` is asked for?"""
        order = list(Role)
        return order.index(self) >= order.index(least)


class Token(Record):
    """What is known of a token: never its secret, which is shown once. A SHA-256 suffices for 256 random bits; slow
    hashes are for passwords that people choose. A revoked token stays, so that the audit has its name."""

    KIND: ClassVar[str] = "token"

    token_id: TokenId
    name: str = Field(min_length=1, max_length=100)
    role: Role
    secret_hash: str = Field(pattern=r"^[0-9a-f]{64}$")
    created_at: Instant
    expires_at: Instant | None = None
    revoked: bool = False
    once: bool = Field(False, description="good for opening one session, and for nothing else")
    session_of: TokenId | None = Field(None, description="the token that opened this session, which ends with it")

    @property
    def record_id(self) -> str:
        return self.token_id


def secret_hash(secret: str) -> str:
    """SHA-256 in hexadecimal."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def issued(
    secret: str, *, name: str, role: Role, now: datetime, expires_at: datetime | None = None, once: bool = False
) -> Token:
    """The record of a token whose secret was just made."""
    hashed = secret_hash(secret)
    return Token(
        token_id=ids.token_id(hashed),
        name=name,
        role=role,
        secret_hash=hashed,
        created_at=now,
        expires_at=expires_at,
        once=once,
    )
