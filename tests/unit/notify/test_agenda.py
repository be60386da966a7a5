"""The agenda: due times, free endpoints, revisions in order; by cases and by a model."""

from datetime import datetime, timedelta

from hypothesis import given as for_all
from hypothesis import settings
from hypothesis import strategies as st

from services.contracts.delivery import Attempt, Delivery
from services.contracts.ids import DeliveryId, IncidentId, SubscriptionId
from services.contracts.report import Severity
from services.notify.core.agenda import Agenda
from services.notify.core.retry import due_at
from tests.unit.notify import given
from tests.unit.notify.given import NOW

DESKS = [given.subscription(name) for name in ("a", "b", "c")]


def at(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def waiting(
    number: int = 1,
    revision: int = 1,
    desk: int = 0,
    due: float = 0,
    attempts: int = 0,
    severity: Severity = Severity.SEVERE,
) -> Delivery:
    attempt = Attempt(at=NOW, took_s=0, outcome="failed")
    return given.delivery(
        given.alert(number, revision, about=given.incident(severity=severity)),
        DESKS[desk],
        created_at=at(due),
        next_attempt_at=at(due) if attempts else None,
        attempts=(attempt,) * attempts,
    )


def test_what_is_due_first_goes_first_and_not_before_its_time() -> None:
    agenda = Agenda()
    late, early = waiting(1, due=10, desk=0), waiting(2, due=5, desk=1)
    agenda.put(late)
    agenda.put(early)
    assert agenda.next_turn() == at(5)
    assert agenda.take(at(4.999)) is None
    assert agenda.take(at(5)) == early.delivery_id
    assert agenda.take(at(5)) is None
    assert agenda.next_turn() == at(10)
    assert agenda.take(at(20)) == late.delivery_id
    assert agenda.next_turn() is None


def test_one_at_a_time_for_an_endpoint() -> None:
    agenda = Agenda()
    first, second, other = waiting(1), waiting(2, due=1), waiting(3, desk=1, due=2)
    for each in (first, second, other):
        agenda.put(each)
    assert [agenda.take(at(9)), agenda.take(at(9)), agenda.take(at(9))] == [first.delivery_id, other.delivery_id, None]
    assert agenda.next_turn() is None
    agenda.release(DESKS[0].subscription_id)
    assert agenda.take(at(9)) == second.delivery_id


def test_an_endpoint_that_asks_for_time_gets_it() -> None:
    agenda = Agenda()
    agenda.put(waiting(1))
    agenda.take(at(0))
    agenda.release(DESKS[0].subscription_id, at(30))
    second = waiting(2, due=1)
    agenda.put(second)
    assert agenda.next_turn() == at(30)
    assert agenda.take(at(29)) is None
    assert agenda.take(at(30)) == second.delivery_id


def test_revisions_go_in_order_even_when_the_clocks_disagree() -> None:
    agenda = Agenda()
    first, second = waiting(1, revision=1, due=5), waiting(1, revision=2, due=3)
    agenda.put(first)
    agenda.put(second)
    taken = []
    for _ in range(2):
        taken.append(agenda.take(at(9)))
        agenda.release(DESKS[0].subscription_id)
    assert taken == [first.delivery_id, second.delivery_id]


def test_a_newer_revision_does_not_wait_for_a_retry() -> None:
    agenda = Agenda()
    retried, fresh = waiting(1, revision=1, due=300, attempts=3), waiting(1, revision=2, due=1)
    agenda.put(retried)
    agenda.put(fresh)
    assert agenda.take(at(1)) == fresh.delivery_id


def test_what_is_put_again_takes_its_own_place() -> None:
    agenda = Agenda()
    agenda.put(waiting(1, due=1))
    agenda.put(waiting(1, due=50, attempts=1))
    assert len(agenda) == 1
    assert agenda.take(at(49)) is None
    assert agenda.take(at(50)) == waiting(1).delivery_id


def test_what_is_removed_is_gone() -> None:
    agenda = Agenda()
    kept, removed = waiting(1, due=2), waiting(2, due=1)
    agenda.put(kept)
    agenda.put(removed)
    agenda.remove(removed.delivery_id)
    agenda.remove(DeliveryId("never there"))
    assert (len(agenda), agenda.next_turn()) == (1, at(2))
    assert agenda.take(at(9)) == kept.delivery_id


def all_of(agenda: Agenda, now: datetime) -> list[DeliveryId]:
    """What is due at the first desk, in turn."""
    taken = []
    while delivery_id := agenda.take(now):
        taken.append(delivery_id)
        agenda.release(DESKS[0].subscription_id)
    return taken


def test_an_extreme_alert_goes_before_ten_minor_ones_that_wait_longer() -> None:
    agenda = Agenda()
    minor = [waiting(number, due=number, severity=Severity.MINOR) for number in range(10)]
    extreme = waiting(10, due=60, severity=Severity.EXTREME)
    for each in (*minor, extreme):
        agenda.put(each)
    assert agenda.take(at(0)) == minor[0].delivery_id
    agenda.release(DESKS[0].subscription_id, at(90))
    assert all_of(agenda, at(90)) == [extreme.delivery_id, *(each.delivery_id for each in minor[1:])]


def test_a_grave_revision_takes_the_earlier_ones_along() -> None:
    agenda = Agenda()
    other = waiting(1, severity=Severity.MODERATE)
    first, second = waiting(2, 1, due=1, severity=Severity.MINOR), waiting(2, 2, due=2, severity=Severity.EXTREME)
    for each in (other, first, second):
        agenda.put(each)
    assert all_of(agenda, at(9)) == [first.delivery_id, second.delivery_id, other.delivery_id]


@settings(max_examples=200, deadline=None)
@for_all(
    alerts=st.lists(st.tuples(st.integers(1, 5), st.sampled_from(Severity), st.integers(0, 40)), max_size=20),
    removed=st.sets(st.integers(0, 19)),
    pause=st.integers(1, 15),
)
def test_the_gravest_incident_that_is_due_goes_first_and_its_revisions_in_order(
    alerts: list[tuple[int, Severity, int]], removed: set[int], pause: int
) -> None:
    agenda = Agenda()
    due: dict[DeliveryId, tuple[datetime, Delivery]] = {}
    revisions: dict[int, int] = {}
    latest: dict[int, int] = {}
    for number, severity, seconds in alerts:
        revisions[number] = revisions.get(number, 0) + 1
        latest[number] = max(seconds, latest.get(number, 0))
        delivery = waiting(number, revisions[number], due=seconds, severity=severity)
        agenda.put(delivery)
        due[delivery.delivery_id] = at(latest[number]), delivery
    for delivery_id in [each for place, each in enumerate(due) if place in removed]:
        agenda.remove(delivery_id)
        del due[delivery_id]

    def gravity(delivery: Delivery) -> int:
        assert delivery.alert is not None
        return list(Severity).index(delivery.alert.incident.severity)

    clock, told = 0, dict[IncidentId, int]()
    while due:
        if found := agenda.take(at(clock)):
            ready = [each for when, each in due.values() if when <= at(clock)]
            _, taken = due.pop(found)
            of_it = [each for each in ready if each.incident_id == taken.incident_id]
            assert min(map(gravity, of_it)) == min(map(gravity, ready))
            assert taken.revision > told.get(taken.incident_id, 0)
            told[taken.incident_id] = taken.revision
            agenda.release(DESKS[0].subscription_id, at(clock + pause))
        clock += 1
        assert clock < 1_000, "something is never taken"
    assert len(agenda) == 0


deliveries = st.builds(
    waiting,
    st.integers(1, 4),
    st.integers(1, 3),
    st.integers(0, 2),
    st.integers(0, 60),
    st.integers(0, 2),
    st.sampled_from(Severity),
)
steps = st.lists(
    st.one_of(
        st.tuples(st.just("put"), deliveries),
        st.tuples(st.just("remove"), deliveries),
        st.tuples(st.just("pass"), st.integers(0, 30)),
        st.tuples(st.just("release"), st.tuples(st.integers(0, 2), st.none() | st.integers(0, 20))),
    ),
    max_size=60,
)


@settings(max_examples=300, deadline=None)
@for_all(steps=steps)
def test_against_a_model_nothing_is_lost_early_or_together(steps: list[tuple[str, object]]) -> None:
    """A plain dictionary says what waits; the agenda must offer exactly what is due at endpoints that are free."""
    agenda = Agenda()
    clock = 0.0
    model: dict[DeliveryId, Delivery] = {}
    busy: set[SubscriptionId] = set()
    held: dict[SubscriptionId, datetime] = {}
    for name, value in steps:
        match name, value:
            case "put", Delivery() as delivery:
                agenda.put(delivery)
                model[delivery.delivery_id] = delivery
            case "remove", Delivery() as delivery:
                agenda.remove(delivery.delivery_id)
                model.pop(delivery.delivery_id, None)
            case "pass", int(seconds):
                clock += seconds
            case "release", (int(desk), (None | int()) as wait):
                subscription_id = DESKS[desk].subscription_id
                if subscription_id in busy:
                    busy.discard(subscription_id)
                    until = None if wait is None else at(clock + wait)
                    agenda.release(subscription_id, until)
                    held.pop(subscription_id, None)
                    if until:
                        held[subscription_id] = until
        assert len(agenda) == len(model)
        while taken := agenda.take(at(clock)):
            delivery = model.pop(taken)
            assert due_at(delivery) <= at(clock)
            assert delivery.subscription_id not in busy
            assert held.get(delivery.subscription_id, at(0)) <= at(clock)
            busy.add(delivery.subscription_id)
        turn = agenda.next_turn()
        assert turn is None or turn > at(clock)
        free = [each for each in model.values() if each.subscription_id not in busy]
        assert (turn is None) == (not free)
