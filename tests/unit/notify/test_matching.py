"""From one alert to its deliveries."""

from services.contracts import ids
from services.contracts.codec import decode, encode
from services.contracts.delivery import Delivery, DeliveryState
from services.contracts.subscription import Filter, SubscriptionState
from services.notify.core.matching import MOST_CLAIMS, deliveries_for
from tests.unit.notify import given
from tests.unit.notify.given import NOW


def test_one_pending_delivery_for_each_subscription_it_answers() -> None:
    wanted = [given.subscription("a"), given.subscription("b", filter=Filter(host_states=("IQ",)))]
    others = [
        given.subscription("c", state=SubscriptionState.PAUSED),
        given.subscription("d", filter=Filter(host_states=("FR",))),
    ]
    told = given.alert()
    made = deliveries_for(told, [*wanted, *others], NOW)
    assert [each.subscription_id for each in made] == [each.subscription_id for each in wanted]
    for each in made:
        assert each.delivery_id == ids.delivery_id(told.alert_id, each.subscription_id)
        assert "." not in each.delivery_id
        assert (each.state, each.attempts, each.next_attempt_at) == (DeliveryState.PENDING, (), None)
        assert (each.revision, each.incident_id, each.created_at) == (1, told.incident.incident_id, NOW)
        assert each.alert == told
        assert decode(encode(each), Delivery) == each


def test_the_same_alert_gives_the_same_ids() -> None:
    desks = [given.subscription("a"), given.subscription("b")]
    first, again = (deliveries_for(given.alert(), desks, NOW) for _ in range(2))
    assert first == again
    other = deliveries_for(given.alert(revision=2), desks, NOW)
    assert not {each.delivery_id for each in first} & {each.delivery_id for each in other}


def test_a_delivery_carries_no_more_claims_than_a_message_can_show() -> None:
    claims = tuple(given.claim(number) for number in range(3_000))
    (made,) = deliveries_for(given.alert(about=given.incident(claims=claims)), [given.subscription()], NOW)
    assert made.alert is not None
    assert made.alert.incident.claims == claims[-MOST_CLAIMS:]
    assert len(encode(made)) < 1_000_000
