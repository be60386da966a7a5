"""What is stored can be read by whoever has a key, and by nobody else."""

import base64

import pytest

from services.runtime.secrets import SecretUnreadable, Vault, new_key, new_webhook_secret
from services.runtime.settings import Misconfigured


def test_a_secret_comes_back_and_does_not_show() -> None:
    stored = Vault([new_key()]).encrypt("https://hooks.example/T0/secret")
    assert "secret" not in stored


def test_rotation_reads_the_old_and_writes_the_new() -> None:
    old, new = new_key(), new_key()
    stored = Vault([old]).encrypt("s")
    both = Vault([new, old])
    assert both.decrypt(stored) == "s"
    renewed = both.renew(stored)
    assert Vault([new]).decrypt(renewed) == "s"
    with pytest.raises(SecretUnreadable):
        Vault([old]).decrypt(renewed)
    with pytest.raises(SecretUnreadable):
        Vault([new]).renew(stored)


@pytest.mark.parametrize("keys", [[], ["short"], ["ä" * 44]])
def test_a_wrong_key_is_said_at_start(keys: list[str]) -> None:
    with pytest.raises(Misconfigured, match="CHANCERY_SECRETS__KEYS"):
        Vault(keys)


def test_a_webhook_secret_has_the_form_of_the_standard() -> None:
    made = new_webhook_secret()
    assert made.startswith("whsec_")
    assert 24 <= len(base64.b64decode(made.removeprefix("whsec_"))) <= 64
