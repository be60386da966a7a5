"""Signatures against the reference library of Standard Webhooks."""

import base64
import json
from datetime import UTC, datetime

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from hypothesis import given as for_all
from hypothesis import strategies as st
from standardwebhooks import Webhook, WebhookVerificationError

from services.notify.core.channels.webhook.signing import public_key, secret_key, sign
from services.runtime.secrets import new_signing_key, new_webhook_secret
from tests.unit.notify import given

secrets = st.binary(min_size=24, max_size=64).map(lambda key: "whsec_" + base64.b64encode(key).decode())


@for_all(secret=secrets, data=st.dictionaries(st.text(max_size=5), st.text(max_size=50), max_size=3))
def test_the_reference_library_verifies_it(secret: str, data: dict[str, str]) -> None:
    body = json.dumps(data, ensure_ascii=False).encode()
    headers = sign([secret], "dlv_abc", int(datetime.now(UTC).timestamp()), body)
    assert Webhook(secret).verify(body, headers) == data


def test_the_reference_library_makes_the_same_signature() -> None:
    at = datetime(2024, 5, 2, 9, 30, tzinfo=UTC)
    expected = Webhook(given.SECRET).sign("dlv_abc", at, '{"a": "é"}')
    headers = sign([given.SECRET], "dlv_abc", int(at.timestamp()), '{"a": "é"}'.encode())
    assert headers == {
        "webhook-id": "dlv_abc",
        "webhook-timestamp": "1714642200",
        "webhook-signature": expected,
    }


@pytest.mark.parametrize("changed", [b'{"a": 2}', b'{"a": 1} '])
def test_another_body_does_not_verify(changed: bytes) -> None:
    headers = sign([given.SECRET], "dlv_abc", int(datetime.now(UTC).timestamp()), b'{"a": 1}')
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
        ("whsk_not base64!", "whsk_ and base64"),
        ("whsk_" + base64.b64encode(b"x" * 33).decode(), "32 or 64 bytes, not 33"),
        ("whpk_" + base64.b64encode(b"x" * 32).decode(), "starts with whsec_ or whsk_"),
    ],
)
def test_a_bad_secret_is_refused_without_being_repeated(secret: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint) as refused:
        secret_key(secret)
    assert not secret or secret not in str(refused.value)


def test_a_generated_secret_is_good() -> None:
    assert len(secret_key(new_webhook_secret())) == 32


def now_s() -> int:
    return int(datetime.now(UTC).timestamp())


@for_all(new=secrets, old=secrets)
def test_while_two_secrets_overlap_a_receiver_with_either_verifies(new: str, old: str) -> None:
    headers = sign([new, old], "dlv_abc", now_s(), b'{"a": 1}')
    for secret in (new, old):
        assert Webhook(secret).verify(b'{"a": 1}', headers) == {"a": 1}
    if new != old:
        with pytest.raises(WebhookVerificationError):
            Webhook(old).verify(b'{"a": 1}', sign([new], "dlv_abc", now_s(), b'{"a": 1}'))


def verified(public: str | None, headers: dict[str, str], body: bytes) -> None:
    """As a receiver that holds the public key does it. Raises InvalidSignature, or ValueError where no `v1a` is."""
    assert public is not None
    version, _, signature = headers["webhook-signature"].split()[0].partition(",")
    if version != "v1a":
        raise ValueError(version)
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    key = Ed25519PublicKey.from_public_bytes(base64.b64decode(public.removeprefix("whpk_"), validate=True))
    key.verify(base64.b64decode(signature), signed)


@for_all(seed=st.binary(min_size=32, max_size=32), body=st.binary(max_size=200))
def test_the_public_key_verifies_what_the_private_one_signed(seed: bytes, body: bytes) -> None:
    secret = "whsk_" + base64.b64encode(seed).decode()
    headers = sign([secret], "dlv_abc", now_s(), body)
    verified(public_key(secret), headers, body)
    with pytest.raises(InvalidSignature):
        verified(public_key(secret), headers, body + b" ")
    with pytest.raises(InvalidSignature):
        verified(public_key(new_signing_key()), headers, body)


def test_the_public_key_is_that_of_rfc_8032() -> None:
    """Section 7.1, TEST 1: the key of the published vector and its public half."""
    seed = bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
    public = bytes.fromhex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a")
    for key in (seed, seed + public):
        secret = "whsk_" + base64.b64encode(key).decode()
        assert public_key(secret) == "whpk_" + base64.b64encode(public).decode()


def test_a_secret_and_a_key_may_overlap() -> None:
    """From symmetric to asymmetric: the reference library passes over signatures of a version it does not know."""
    key = new_signing_key()
    headers = sign([key, given.SECRET], "dlv_abc", now_s(), b'{"a": 1}')
    verified(public_key(key), headers, b'{"a": 1}')
    assert Webhook(given.SECRET).verify(b'{"a": 1}', headers) == {"a": 1}


def test_a_symmetric_secret_has_no_public_half() -> None:
    assert public_key(given.SECRET) is None


def test_nothing_goes_out_unsigned() -> None:
    with pytest.raises(ValueError, match="no secret"):
        sign([], "dlv_abc", now_s(), b"{}")
