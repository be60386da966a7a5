"""Signatures against the reference library of Standard Webhooks."""

import base64
import json
from datetime import UTC, datetime

import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st
from standardwebhooks import Webhook, WebhookVerificationError

from services.notify.core.channels.webhook.signing import secret_key, sign
from services.runtime.secrets import new_webhook_secret
from tests.unit.notify import given

secrets = st.binary(min_size=24, max_size=64).map(lambda key: "whsec_" + base64.b64encode(key).decode())


@for_all(secret=secrets, data=st.dictionaries(st.text(max_size=5), st.text(max_size=50), max_size=3))
def test_the_reference_library_verifies_it(secret: str, data: dict[str, str]) -> None:
    body = json.dumps(data, ensure_ascii=False).encode()
    headers = sign(secret, "dlv_abc", int(datetime.now(UTC).timestamp()), body)
    assert Webhook(secret).verify(body, headers) == data


def test_the_reference_library_makes_the_same_signature() -> None:
    at = datetime(2024, 5, 2, 9, 30, tzinfo=UTC)
    expected = Webhook(given.SECRET).sign("dlv_abc", at, '{"a": "é"}')
    headers = sign(given.SECRET, "dlv_abc", int(at.timestamp()), '{"a": "é"}'.encode())
    assert headers == {
        "webhook-id": "dlv_abc",
        "webhook-timestamp": "1714642200",
        "webhook-signature": expected,
    }


@pytest.mark.parametrize("changed", [b'{"a": 2}', b'{"a": 1} '])
def test_another_body_does_not_verify(changed: bytes) -> None:
    headers = sign(given.SECRET, "dlv_abc", int(datetime.now(UTC).timestamp()), b'{"a": 1}')
    with pytest.raises(WebhookVerificationError):
        Webhook(given.SECRET).verify(changed, headers)


@pytest.mark.parametrize(
    ("secret", "complaint"),
    [
        ("", "starts with whsec_"),
        ("c2VjcmV0", "starts with whsec_"),
        ("whsec_not base64!", "whsec_ and base64"),
        ("whsec_" + base64.b64encode(b"x" * 23).decode(), "24 to 64 bytes, not 23"),
        ("whsec_" + base64.b64encode(b"x" * 65).decode(), "24 to 64 bytes, not 65"),
    ],
)
def test_a_bad_secret_is_refused_without_being_repeated(secret: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint) as refused:
        secret_key(secret)
    assert not secret or secret not in str(refused.value)


def test_a_generated_secret_is_good() -> None:
    assert len(secret_key(new_webhook_secret())) == 32
