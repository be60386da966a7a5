"""Who is told, by a table."""

from typing import Any

import pytest
from hypothesis import given as for_all

from services.contracts.alert import Alert, ChangeKind
from services.contracts.report import Certainty, IncidentType, Outcome, PlacePrecision, Severity
from services.contracts.subscription import Circle, Corroboration, Filter, Subscription, SubscriptionState
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


UNKNOWN_POINT = about(site=given.SITE.model_copy(update={"lat": None, "lon": None}))
SOMEWHERE_THERE = about(site=given.SITE.model_copy(update={"precision": PlacePrecision.COUNTRY}))
NOW_CORROBORATED = given.alert(
    revision=2, change=ChangeKind.CORROBORATED, about=given.incident(independent_sources=2, revision=2)
)


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
        (Filter(sites=("embassy:US:IQ:baghdad",)), IRAQ_SEVERE, None),
        (Filter(sites=("consulate:*:*:*", "embassy:*:IQ:*")), IRAQ_SEVERE, None),
        (
            Filter(sites=("embassy:US:IQ:erbil",)),
            IRAQ_SEVERE,
            "site embassy:US:IQ:baghdad is not among",
        ),
        (Filter(groups=("Gulf ", "x")), about(site=given.SITE.model_copy(update={"groups": ("gulf", "y")})), None),
        (
            Filter(groups=("x", "z")),
            about(site=given.SITE.model_copy(update={"groups": ("gulf", "y")})),
            "its place is in gulf, y, not in x, z",
        ),
        (Filter(groups=("x",)), IRAQ_SEVERE, "its place is in no group of sites, not in x"),
        (Filter(near=(Circle(lat=33.31, lon=44.36, radius_km=5),)), IRAQ_SEVERE, None),
        (
            Filter(near=(Circle(lat=33.31, lon=44.36, radius_km=3),)),
            IRAQ_SEVERE,
            "not known to be within 3 km",
        ),
        (Filter(near=(Circle(lat=33.3, lon=44.4, radius_km=9),)), UNKNOWN_POINT, "not known to be within 9 km"),
        (Filter(near=(Circle(lat=33.3, lon=44.4, radius_km=9),)), SOMEWHERE_THERE, "not known to be within 9 km"),
        (Filter(outcomes=(Outcome.HIT,)), IRAQ_SEVERE, None),
        (Filter(outcomes=(Outcome.FOILED, Outcome.THREATENED)), IRAQ_SEVERE, "outcome hit is not among foiled, threa"),
        (Filter(languages=("fr",)), IRAQ_SEVERE, None),
        (Filter(languages=("en", "de")), IRAQ_SEVERE, "told in fr, not in en, de"),
        (Filter(sources=Corroboration.SINGLE), about(independent_sources=1), None),
        (Filter(sources=Corroboration.SINGLE), about(independent_sources=2), "2 independent sources tell it"),
        (Filter(sources=Corroboration.CORROBORATED), about(independent_sources=2), None),
        (Filter(sources=Corroboration.CORROBORATED), about(independent_sources=1), "only one independent source"),
        (Filter(sources=Corroboration.CORROBORATED), RETRACTED_AS_MINOR, None),
        (Filter(sources=Corroboration.CORROBORATED, updates=False), NOW_CORROBORATED, None),
        (Filter(updates=False), NOW_CORROBORATED, "an update (corroborated)"),
        (Filter(exercises=True, host_states=("FR",)), given.alert(exercise=True), "host state IQ is not among FR"),
    ],
)
def test_everything_that_is_asked_must_hold(asked: Filter, alert: Alert, against: str | None) -> None:
    decision = should_notify(given.subscription(filter=asked), alert)
    assert decision.notify is (against is None)
    assert (against or "all that was asked for holds") in "; ".join(decision.reasons)


@pytest.mark.parametrize("state", [SubscriptionState.PAUSED, SubscriptionState.DISABLED])
def test_only_an_active_subscription_is_told(state: SubscriptionState) -> None:
    decision = should_notify(given.subscription(state=state), IRAQ_SEVERE)
    assert decision == (False, (f"the subscription is {state}",))


@for_all(alert=alerts)
def test_an_exercise_reaches_nobody_who_did_not_ask(alert: Alert) -> None:
    open_to_all: Subscription = given.subscription()
    assert should_notify(open_to_all, alert).notify is not alert.exercise


def test_one_of_several_filters_is_enough_and_else_each_says_why_not() -> None:
    of_france, of_iraq = Filter(host_states=("FR",)), Filter(host_states=("IQ",))
    assert should_notify(given.subscription(filter=of_france, or_filters=(of_iraq,)), IRAQ_SEVERE).notify
    nobody = given.subscription(filter=of_france, or_filters=(Filter(types=(IncidentType.ARSON_INCENDIARY,)),))
    assert [reason.split()[0] for reason in should_notify(nobody, IRAQ_SEVERE).reasons] == ["host", "type"]


def test_everything_that_speaks_against_is_told() -> None:
    asked = Filter(host_states=("FR",), min_severity=Severity.EXTREME)
    (reasons,) = should_notify(given.subscription(filter=asked), IRAQ_SEVERE).reasons
    assert reasons == "host state IQ is not among FR; severity severe is below extreme"
