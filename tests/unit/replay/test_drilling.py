"""What came of a drill: what is owed to whom, how long it took, who acknowledged, whether it is over."""

from datetime import datetime, timedelta

import pytest

from services.contracts import ids
from services.contracts.alert import Alert, ChangeKind
from services.contracts.delivery import Attempt, Delivery, DeliveryState
from services.contracts.feedback import CALLED_OFF_BY, Feedback, Verdict, verdict_on
from services.contracts.incident import IncidentStatus
from services.contracts.silence import silence
from services.contracts.subscription import Filter, Subscription
from services.replay.core.audience import listeners
from services.replay.core.drilling import Observed, Step, acknowledged, heard
from services.replay.drill import Result
from tests.contracts.examples import ARTICLE
from tests.unit.notify import given
from tests.unit.notify.given import NOW

DRILL = ids.drill_id("baghdad-2020", "now")
INCIDENT = given.incident(drill=DRILL)
CLAIM = INCIDENT.claims[0]
PUBLISHED = {f"{CLAIM.article_id}-{CLAIM.article_revision}": NOW}
ASKED = given.subscription("asked", endpoint="a", filter=Filter(exercises=True))
DESK = given.subscription("desk", endpoint="d")


def alert(change: ChangeKind = ChangeKind.OPENED) -> Alert:
    return given.alert().model_copy(update={"exercise": True, "incident": INCIDENT, "change": change})


def delivered(state: DeliveryState, *after_s: float) -> Delivery:
    attempts = tuple(Attempt(at=NOW + timedelta(seconds=each), took_s=0.5, outcome="failed") for each in after_s)
    return given.delivery(alert(), ASKED, state=state, attempts=attempts, reason="")


def said(author: str, at: datetime) -> Feedback:
    return verdict_on(INCIDENT, Verdict.CONFIRMED, why="seen", author=author, now=at)


def observed(*records: Alert | Delivery | Feedback) -> Observed:
    made = Observed(DRILL)
    for each in (INCIDENT, *records):
        made.take(each)
    return made


@pytest.mark.parametrize(
    ("state", "after_s", "first_s", "delivered_s", "settled"),
    [
        (DeliveryState.PENDING, (), None, None, False),
        (DeliveryState.PENDING, (2,), 2.0, None, False),
        (DeliveryState.DELIVERED, (2, 9), 2.0, 9.5, True),
        (DeliveryState.EXPIRED, (2, 9), 2.0, None, True),
        (DeliveryState.SILENCED, (), None, None, True),
    ],
)
def test_times_are_from_the_article_to_the_endpoint(
    state: DeliveryState, after_s: tuple[float, ...], first_s: float | None, delivered_s: float | None, settled: bool
) -> None:
    came = observed(alert(), delivered(state, *after_s))
    assert came.settled([ASKED, DESK]) is settled
    (listener,) = heard(came, [DESK, ASKED], PUBLISHED)
    (told,) = listener.told
    assert (listener.name, told.state, told.attempts) == ("asked", state, len(after_s))
    assert (told.first_attempt_s, told.delivered_s) == (first_s, delivered_s)


def test_an_alert_without_its_delivery_is_owed() -> None:
    came = observed(alert())
    assert not came.settled([ASKED])
    assert came.settled([DESK]), "nothing is owed to who did not ask"
    assert [each.state for each in heard(came, [ASKED], PUBLISHED)[0].told] == [""]


def test_who_acknowledged_and_when() -> None:
    took = delivered(DeliveryState.DELIVERED, 3)
    words = [said("bo", NOW + timedelta(seconds=60)), said("ana", NOW + timedelta(seconds=40))]
    found = acknowledged(observed(alert(), took, *words, said(CALLED_OFF_BY, NOW)), PUBLISHED)
    assert [(each.by, each.since_published_s, each.since_told_s) for each in found] == [
        ("ana", 40.0, 37.0),
        ("bo", 60.0, 57.0),
    ]
    (untold,) = acknowledged(observed(alert(), words[0]), PUBLISHED)
    assert untold.since_told_s is None


def test_what_is_real_or_of_another_drill_is_not_looked_at() -> None:
    came = Observed(DRILL)
    real = given.alert(2)
    others = INCIDENT.model_copy(update={"drill": ids.drill_id("baghdad-2020", "other")})
    verdict = verdict_on(real.incident, Verdict.CONFIRMED, why="seen", author="ana", now=NOW)
    for each in (real, real.incident, others, given.delivery(real), verdict):
        came.take(each)
    assert came == Observed(DRILL)


def test_whoever_judges_in_the_middle_holds_nothing_up() -> None:
    """A verdict is a revision too: those after it are others than were foreseen."""
    article = ARTICLE.model_copy(update={"article_id": CLAIM.article_id, "revision": CLAIM.article_revision})
    step = Step(timedelta(0), article, (INCIDENT,), (alert(),))
    came = Observed(DRILL)
    assert not came.has(step)
    came.take(INCIDENT.model_copy(update={"revision": 2}))
    assert not came.has(step), "its alert is to come"
    came.take(said("ana", NOW))
    assert came.has(step)
    other = Step(timedelta(0), article.model_copy(update={"revision": 2}), (), ())
    assert came.has(other), "an article that should lead to nothing is waited for by nobody"


def test_it_is_over_once_nothing_stands_and_everyone_may_know() -> None:
    came = observed(alert())
    assert [each.incident_id for each in came.standing()] == [INCIDENT.incident_id]
    came.take(INCIDENT.model_copy(update={"revision": 2, "status": IncidentStatus.RETRACTED}))
    assert (came.standing(), came.is_over()) == ([], False)
    came.take(alert(ChangeKind.RETRACTED).model_copy(update={"alert_id": "alr_2"}))
    assert came.is_over()


@pytest.mark.parametrize(
    ("subscription", "silenced", "alerts", "why"),
    [
        (ASKED, False, 1, ("minor and above; exercises too",)),
        (ASKED, True, 0, ("silenced by",)),
        (DESK, False, 0, ("an exercise, and exercises were not asked for",)),
        (DESK, True, 0, ("an exercise, and exercises were not asked for",)),
    ],
)
def test_who_would_be_told_and_why_not(
    subscription: Subscription, silenced: bool, alerts: int, why: tuple[str, ...]
) -> None:
    quiet = silence(
        Filter(host_states=("IQ",), exercises=True), reason="r", author="ana", now=NOW, lasts=timedelta(hours=1)
    )
    (row,) = listeners([alert()], [subscription], [quiet] if silenced else [], NOW)
    assert (row.name, row.alerts) == (subscription.name, alerts)
    assert [said.startswith(expected) for said, expected in zip(row.why, why, strict=True)] == [True], row.why


def test_all_is_delivered_only_if_everybody_has_it_and_it_is_over() -> None:
    def result(state: DeliveryState, *left: str) -> Result:
        told = tuple(heard(observed(alert(), delivered(state, 1)), [ASKED], PUBLISHED))
        return Result(DRILL, "baghdad-2020", 1, 1, "waited", 1, told, (), left)

    assert result(DeliveryState.DELIVERED).all_delivered
    assert result(DeliveryState.FOLDED).all_delivered
    assert not result(DeliveryState.PENDING).all_delivered
    assert not result(DeliveryState.EXPIRED).all_delivered
    assert not result(DeliveryState.DELIVERED, INCIDENT.incident_id).all_delivered
