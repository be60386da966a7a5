"""Who is told, by a table."""

from typing import Any

import pytest
from hypothesis import given as for_all

from services.contracts.alert import Alert, ChangeKind
from services.contracts.report import Certainty, IncidentType, Severity
from services.contracts.subscription import Filter, Subscription, SubscriptionState
from services.notify.core.filter import should_notify
from tests.suites.alerts import alerts
from tests.unit.notify import given

IRAQ_SEVERE = given.alert()
UPDATE = given.alert(revision=2)
UNKNOWN_PLACE = given.alert(about=given.incident(site=given.SITE.model_copy(update={"host_state": None})))


def about(**changes: Any) -> Alert:
    return given.alert(about=given.incident(**changes))


RETRACTED_AS_MINOR = given.alert(
    revision=2,
    change=ChangeKind.RETRACTED,
    about=given.incident(severity=Severity.MINOR, type=IncidentType.BOMBING_IED),
)
"""Its claims say severe, and a rocket."""


@pytest.mark.parametrize(
    ("asked", "alert", "against"),
    [
        (Filter(), IRAQ_SEVERE, None),
        (Filter(host_states=("IQ",)), IRAQ_SEVERE, None),
        (Filter(host_states=("FR", "IQ")), IRAQ_SEVERE, None),
        (Filter(host_states=("FR", "BE")), IRAQ_SEVERE, "host state IQ is not among FR, BE"),
        (Filter(host_states=("IQ",)), UNKNOWN_PLACE, "host state unknown is not among IQ"),
        (Filter(), UNKNOWN_PLACE, None),
        (Filter(sending_states=("US",)), IRAQ_SEVERE, None),
        (Filter(sending_states=("FR",)), IRAQ_SEVERE, "sending state US is not among FR"),
        (Filter(sending_states=("US",), host_states=("FR",)), IRAQ_SEVERE, "host state IQ is not among FR"),
        (Filter(types=(IncidentType.ROCKET_MORTAR_MISSILE,)), IRAQ_SEVERE, None),
        (Filter(types=(IncidentType.ARSON_INCENDIARY,)), IRAQ_SEVERE, "type rocket_mortar_missile is not among arson"),
        (Filter(min_severity=Severity.SEVERE), IRAQ_SEVERE, None),
        (Filter(min_severity=Severity.MODERATE), IRAQ_SEVERE, None),
        (Filter(min_severity=Severity.EXTREME), IRAQ_SEVERE, "severity severe is below extreme"),
        (Filter(min_severity=Severity.MODERATE), about(severity=Severity.MINOR), "severity minor is below moderate"),
        (Filter(min_severity=Severity.EXTREME), about(severity=Severity.EXTREME), None),
        (Filter(min_certainty=Certainty.LIKELY), IRAQ_SEVERE, None),
        (Filter(min_certainty=Certainty.OBSERVED), IRAQ_SEVERE, "certainty likely is below observed"),
        (Filter(min_certainty=Certainty.POSSIBLE), about(certainty=Certainty.UNLIKELY), "certainty unlikely is below"),
        (Filter(), UPDATE, None),
        (Filter(updates=False), IRAQ_SEVERE, None),
        (Filter(updates=False), UPDATE, "an update (corroborated), and updates were not asked for"),
        (Filter(updates=False), given.alert(revision=2, change=ChangeKind.ESCALATED), None),
        (Filter(updates=False), given.alert(revision=2, change=ChangeKind.RETRACTED), None),
        (Filter(min_severity=Severity.SEVERE), RETRACTED_AS_MINOR, None),
        (Filter(min_severity=Severity.EXTREME), RETRACTED_AS_MINOR, "severity severe is below extreme"),
        (Filter(types=(IncidentType.ROCKET_MORTAR_MISSILE,)), RETRACTED_AS_MINOR, None),
        (Filter(types=(IncidentType.ARSON_INCENDIARY,)), RETRACTED_AS_MINOR, "is not among arson"),
        (Filter(), given.alert(exercise=True), "an exercise"),
        (Filter(exercises=True), given.alert(exercise=True), None),
        (Filter(exercises=True, host_states=("FR",)), given.alert(exercise=True), "host state IQ is not among FR"),
    ],
)
def test_everything_that_is_asked_must_hold(asked: Filter, alert: Alert, against: str | None) -> None:
    decision = should_notify(given.subscription(filter=asked), alert)
    assert decision.notify is (against is None)
    assert (against or "all that was asked for holds") in decision.reason


@pytest.mark.parametrize("state", [SubscriptionState.PAUSED, SubscriptionState.DISABLED])
def test_only_an_active_subscription_is_told(state: SubscriptionState) -> None:
    decision = should_notify(given.subscription(state=state), IRAQ_SEVERE)
    assert (decision.notify, decision.reason) == (False, f"the subscription is {state}")


@for_all(alert=alerts)
def test_an_exercise_reaches_nobody_who_did_not_ask(alert: Alert) -> None:
    open_to_all: Subscription = given.subscription()
    assert should_notify(open_to_all, alert).notify is not alert.exercise
