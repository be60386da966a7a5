"""Secrets at rest: what a topic holds is encrypted with keys from the environment.

Keys are Fernet keys (AES-128-CBC with HMAC-SHA256), newest first: the first encrypts, all decrypt. To rotate, put
a new key in front, re-encrypt (`Vault.renew`), then take the old one away.
"""

import base64
import secrets
from collections.abc import Sequence

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from services.runtime.settings import Misconfigured


class SecretUnreadable(ValueError):
    """None of the configured keys decrypts it."""


def new_key() -> str:
    """A key for CHANCERY_SECRETS__KEYS."""
    return Fernet.generate_key().decode()


def new_webhook_secret() -> str:
    """A Standard Webhooks 1.0.0 symmetric secret: `whsec_` and base64 of 32 random bytes."""
    return "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()


def new_signing_key() -> str:
    """A Standard Webhooks 1.0.0 asymmetric secret: `whsk_` and base64 of an ed25519 private key, which is 32 random
    bytes (RFC 8032, 5.1.5)."""
    return "whsk_" + base64.b64encode(secrets.token_bytes(32)).decode()


def new_token_secret() -> str:
    """An access token's secret: `chancery_`, by which a scanner finds one that got out, and 32 random bytes."""
    return "chancery_" + secrets.token_urlsafe(32)


class Vault:
    """Encrypts and decrypts short texts. Raises Misconfigured when a key is no Fernet key or there is none."""

    def __init__(self, keys: Sequence[str]) -> None:
        if not keys:
            raise Misconfigured(
                "no secret key: set CHANCERY_SECRETS__KEYS (make one with `chancery secrets new-key`, "
                "give every service the same)"
            )
        try:
            self._fernet = MultiFernet([Fernet(key) for key in keys])
        except ValueError:
            raise Misconfigured("CHANCERY_SECRETS__KEYS holds something that is no Fernet key") from None

    def encrypt(self, text: str) -> str:
        return self._fernet.encrypt(text.encode()).decode()

    def decrypt(self, token: str) -> str:
        try:
            return self._fernet.decrypt(token.encode()).decode()
        except InvalidToken:
            raise SecretUnreadable("a stored secret was encrypted with a key that is not configured") from None

    def renew(self, token: str) -> str:
        """The same secret under the newest key."""
        try:
            return self._fernet.rotate(token.encode()).decode()
        except InvalidToken:
            raise SecretUnreadable("a stored secret was encrypted with a key that is not configured") from None
