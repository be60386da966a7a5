"""Standard Webhooks 1.0.0, symmetric signatures (`v1`): HMAC-SHA256 over `id.timestamp.body`."""

import base64
import binascii
import hashlib
import hmac

PREFIX = "whsec_"
SECRET_BYTES = range(24, 65)


def secret_key(secret: str) -> bytes:
    """The bytes of a secret. Raises ValueError unless it is `whsec_` and base64 of 24 to 64 bytes; the message
    does not repeat it."""
    if not secret.startswith(PREFIX):
        raise ValueError(f"a webhook secret starts with {PREFIX}")
    try:
        key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except binascii.Error:
        raise ValueError(f"a webhook secret is {PREFIX} and base64") from None
    if len(key) not in SECRET_BYTES:
        raise ValueError(f"a webhook secret holds 24 to 64 bytes, not {len(key)}")
    return key


def sign(secret: str, webhook_id: str, timestamp: int, body: bytes) -> dict[str, str]:
    """The three headers. `timestamp` is the attempt's, in seconds since 1970. Raises ValueError for a bad secret."""
    signed = b"%s.%d.%s" % (webhook_id.encode(), timestamp, body)
    signature = base64.b64encode(hmac.digest(secret_key(secret), signed, hashlib.sha256)).decode()
    return {"webhook-id": webhook_id, "webhook-timestamp": str(timestamp), "webhook-signature": f"v1,{signature}"}
