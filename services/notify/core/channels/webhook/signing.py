"""Standard Webhooks 1.0.0, signatures over `id.timestamp.body`: `v1`, HMAC-SHA256 with a secret that both sides know,
and `v1a`, ed25519 with a key of which the receiver knows the public half."""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Container, Mapping, Sequence

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

SYMMETRIC, ASYMMETRIC, PUBLIC = "whsec_", "whsk_", "whpk_"
SECRET_BYTES: Mapping[str, tuple[Container[int], str]] = {
    SYMMETRIC: (range(24, 65), "24 to 64 bytes"),
    # RFC 8032 has 32 bytes; what some libraries write, the public key after it, is taken too.
    ASYMMETRIC: ((32, 64), "32 or 64 bytes"),
}


def secret_key(secret: str) -> bytes:
    """The bytes of a secret. Raises ValueError unless it is `whsec_` and base64 of 24 to 64 bytes, or `whsk_` and
    base64 of an ed25519 key; the message does not repeat it."""
    prefix = _prefix(secret)
    try:
        key = base64.b64decode(secret.removeprefix(prefix), validate=True)
    except binascii.Error:
        raise ValueError(f"a webhook secret is {prefix} and base64") from None
    lengths, expected = SECRET_BYTES[prefix]
    if len(key) not in lengths:
        raise ValueError(f"a {prefix} secret holds {expected}, not {len(key)}")
    return key


def public_key(secret: str) -> str | None:
    """What a receiver verifies with, `whpk_` and base64; None for a symmetric secret, which it has to know itself."""
    if _prefix(secret) == SYMMETRIC:
        return None
    return PUBLIC + base64.b64encode(_private(secret).public_key().public_bytes_raw()).decode()


def sign(secrets: Sequence[str], webhook_id: str, timestamp: int, body: bytes) -> dict[str, str]:
    """The three headers, with a signature for each secret: a receiver takes any. `timestamp` is the attempt's, in
    seconds since 1970. Raises ValueError for a bad secret, and for none."""
    if not secrets:
        raise ValueError("there is no secret to sign with")
    signed = b"%s.%d.%s" % (webhook_id.encode(), timestamp, body)
    signatures = " ".join(_signature(secret, signed) for secret in secrets)
    return {"webhook-id": webhook_id, "webhook-timestamp": str(timestamp), "webhook-signature": signatures}


def _signature(secret: str, signed: bytes) -> str:
    if _prefix(secret) == SYMMETRIC:
        return f"v1,{base64.b64encode(hmac.digest(secret_key(secret), signed, hashlib.sha256)).decode()}"
    return f"v1a,{base64.b64encode(_private(secret).sign(signed)).decode()}"


def _private(secret: str) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(secret_key(secret)[:32])


def _prefix(secret: str) -> str:
    for prefix in SECRET_BYTES:
        if secret.startswith(prefix):
            return prefix
    raise ValueError(f"a webhook secret starts with {SYMMETRIC} or {ASYMMETRIC}")
