"""Whom a replay tells: those named, as they asked, and of exercises."""

import pytest

from services.contracts.subscription import Filter, SubscriptionState
from services.replay.core.audience import NoSuchAudience, audience
from services.replay.sending import notifier
from services.runtime.settings import SlackSettings, load_settings
from tests.unit.notify import given

DESK = given.subscription(
    "desk", filter=Filter(host_states=("IQ",)), or_filters=(Filter(sending_states=("US",), updates=False),)
)
OPS, NAMESAKE = given.subscription("ops"), given.subscription("ops", endpoint="elsewhere")
PAUSED = given.subscription("paused", state=SubscriptionState.PAUSED)


def test_those_named_get_exercises_beside_what_they_asked_for() -> None:
    (told,) = audience([OPS, DESK], ["desk", "desk"])
    assert told.filter == Filter(host_states=("IQ",), exercises=True)
    assert told.or_filters == (Filter(sending_states=("US",), updates=False, exercises=True),)
    assert told.model_copy(update={"filter": DESK.filter, "or_filters": DESK.or_filters}) == DESK
    assert [each.name for each in audience([OPS, DESK], [DESK.subscription_id, "ops"])] == ["desk", "ops"]


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("nobody", "no subscription nobody"),
        ("", "no subscription"),
        ("ops", "2 subscriptions"),
        ("paused", "is paused"),
    ],
)
def test_a_name_that_is_not_one_active_subscription_is_refused(name: str, says: str) -> None:
    with pytest.raises(NoSuchAudience, match=says):
        audience([DESK, OPS, NAMESAKE, PAUSED], ["desk", name])


def test_a_replays_notifier_has_no_operator_no_buttons_and_its_own_clock() -> None:
    live = load_settings({"CHANCERY_NOTIFY__OPERATOR": "sub_ops", "CHANCERY_NOTIFY__GROUP_S": "300"})
    live = live.model_copy(update={"slack": SlackSettings(signing_secret="s3cret")})
    for speed, group_s in ((60.0, 5), (None, 0)):
        child = load_settings(dict(notifier(live, speed).environment))
        assert (child.notify.operator, child.slack.signing_secret, child.notify.group_s) == ("", None, group_s)
