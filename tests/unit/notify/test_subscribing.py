"""What becomes of a subscription that somebody asks for again."""

from datetime import timedelta

import pytest

from services.contracts.subscription import Channel, SubscriptionState
from services.notify.core import subscribing
from services.notify.core.subscribing import Asked
from services.runtime.secrets import Vault, new_key
from tests.unit.notify import given

ASKED = Asked(Channel.WEBHOOK, "https://hooks.example/desk", "https://hooks.example/…", "desk")
VAULT = Vault([new_key()])
RESUMED = given.NOW - timedelta(days=1)


@pytest.mark.parametrize(
    ("state", "since"),
    [
        (SubscriptionState.ACTIVE, RESUMED),
        (SubscriptionState.PAUSED, given.NOW),
        (SubscriptionState.DISABLED, given.NOW),
    ],
)
def test_what_was_forgiven_stays_so_and_who_comes_back_is_forgiven(state: SubscriptionState, since: object) -> None:
    """Else its next failure would disable it again, for all those before."""
    before = given.subscription("desk", state=state, state_reason="gone", active_since=RESUMED)
    made, secret = subscribing.subscribed(ASKED, before, VAULT, lambda _: given.SECRET, given.NOW)
    assert (made.state, made.state_reason, made.active_since) == (SubscriptionState.ACTIVE, "", since)
    assert (made.secret, secret) == (before.secret, None)
