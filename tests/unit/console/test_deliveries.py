"""/v1/deliveries and /v1/silences over records in memory, and what the console remembers of deliveries."""

import tracemalloc
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st

from services.console.adapters.desk import MOST_AGAIN
from services.console.core.delivery_log import DeliveryLog
from services.contracts.codec import decode, encode
from services.contracts.delivery import Attempt, Delivery, DeliveryState
from services.contracts.subscription import Subscription, SubscriptionState
from services.contracts.token import Role
from services.contracts.topics import DELIVERIES, SUBSCRIPTIONS
from services.notify.core import retry
from tests.unit.console.house import NOW, TOKEN_OF, House
from tests.unit.console.test_feeds import of
from tests.unit.notify import given

DESK = given.subscription("desk")
HOUR = timedelta(hours=1)
AT = "/v1/deliveries"


def ended(
    number: int, revision: int = 1, state: DeliveryState = DeliveryState.DELIVERED, to: Subscription = DESK, **more: Any
) -> Delivery:
    made = given.delivery(given.alert(number, revision), to, created_at=NOW + number * HOUR)
    attempt = Attempt(at=NOW + number * HOUR, took_s=0.2, http_status=503, outcome="failed", answer="[removed] is down")
    return retry.final(made, state, "HTTP 503").model_copy(update={"attempts": (attempt,), **more})


def house_with(*deliveries: Delivery) -> House:
    house = House()
    house.records.put(SUBSCRIPTIONS, DESK)
    house.desk.put(*deliveries)
    house.desk.told = [given.alert(number, revision) for number in range(5) for revision in (1, 2)]
    return house


async def test_deliveries_are_listed_the_newest_first_and_shown_with_their_attempts() -> None:
    gone = given.subscription("gone")
    log = [ended(0), ended(1, state=DeliveryState.EXPIRED), ended(2, to=gone), given.delivery(given.alert(3), DESK)]
    house = house_with(*log)
    async with house.client(Role.VIEWER) as client:
        listed = of(await client.get(AT))
        assert [each["delivery_id"] for each in listed["items"]] == [log[n].delivery_id for n in (2, 1, 0, 3)]
        assert [each["subscription"] for each in listed["items"]] == [None, "desk", "desk", "desk"]
        assert listed["complete_since"] is None
        first = listed["items"][0]
        assert (first["attempts"], first["last_outcome"], first["last_http_status"]) == (1, "failed", 503)

        async def found(query: str) -> list[str]:
            return [each["delivery_id"] for each in of(await client.get(f"{AT}?{query}"))["items"]]

        assert await found("state=expired&state=pending") == [log[1].delivery_id, log[3].delivery_id]
        assert await found(f"subscription={gone.subscription_id}") == [log[2].delivery_id]
        assert await found(f"incident={log[1].incident_id}") == [log[1].delivery_id]
        assert await found("since=2026-03-01T13:00:00Z&until=2026-03-01T14:00:00Z") == [log[1].delivery_id]
        page = of(await client.get(f"{AT}?limit=3"))
        assert await found(f"cursor={page['next_cursor']}") == [log[3].delivery_id]
        of(await client.get(f"{AT}?since=yesterday"), 422)

        told = of(await client.get(f"{AT}/{log[1].delivery_id}"))
        assert (told["state"], told["subscription"], told["attempts"][0]["answer"]) == (
            "expired",
            "desk",
            "[removed] is down",
        )
        of(await client.get(f"{AT}/dlv_{'a' * 26}"), 404)


async def test_the_effect_is_told_first_and_then_it_is_sent_again() -> None:
    log = [ended(1), ended(1, 2), ended(2, state=DeliveryState.EXPIRED), ended(9)]
    house = house_with(*log)
    asked = {"subscription_id": DESK.subscription_id, "since": NOW.isoformat(), "until": "2026-03-02T12:00:00Z"}
    async with house.client(Role.OPERATOR) as client:
        effect = of(await client.post(f"{AT}/redeliver", json=asked | {"dry_run": True}))
        assert effect == {
            "dry_run": True,
            "subscription_id": DESK.subscription_id,
            "deliveries": [log[1].delivery_id, log[2].delivery_id],
            "states": {"delivered": 1, "expired": 1},
            "superseded": 1,
            "without_alert": 1,
            "words": effect["words"],
        }
        assert effect["words"].startswith("2 to send again to desk (1 delivered, 1 expired); 1 left out, for a newer")
        assert house.records.audit == []
        assert of(await client.post(f"{AT}/redeliver", json=asked)) == effect | {"dry_run": False}
    written = list(house.records.values(DELIVERIES))
    assert [(each.delivery_id, each.state, each.redelivered_after) for each in written] == [
        (log[1].delivery_id, DeliveryState.PENDING, (1,)),
        (log[2].delivery_id, DeliveryState.PENDING, (1,)),
    ]
    assert all(each.alert is not None and each.reason == "the operator has it sent again" for each in written)
    assert [entry.target for entry in house.records.audit] == [each.delivery_id for each in written]
    told = {change.field: change.after for change in house.records.audit[0].changes}
    assert (told["state"], told["alert"]) == ('"pending"', '"hidden"')


async def test_one_is_sent_again_unless_it_goes_by_itself_or_would_take_the_receiver_back() -> None:
    waiting, old, new = given.delivery(given.alert(3), DESK), ended(1), ended(1, 2)
    house = house_with(waiting, old, new)
    async with house.client(Role.OPERATOR) as client:

        async def asked(status: int, **what: Any) -> Any:
            return of(await client.post(f"{AT}/redeliver", json=what), status)

        assert "goes by itself" in (await asked(409, delivery_id=waiting.delivery_id))["detail"]
        assert new.delivery_id in (await asked(409, delivery_id=old.delivery_id))["detail"]
        await asked(404, delivery_id=f"dlv_{'a' * 26}")
        await asked(404, subscription_id=f"sub_{'a' * 26}", since=NOW.isoformat())
        assert (await asked(200, delivery_id=new.delivery_id))["deliveries"] == [new.delivery_id]
        for wrong in (
            {},
            {"subscription_id": DESK.subscription_id},
            {"delivery_id": new.delivery_id, "since": NOW.isoformat()},
            {"subscription_id": DESK.subscription_id, "since": NOW.isoformat(), "states": ["pending"]},
        ):
            await asked(422, **wrong)
        house.records.put(SUBSCRIPTIONS, DESK.model_copy(update={"state": SubscriptionState.PAUSED}))
        assert "resume it first" in (await asked(409, delivery_id=new.delivery_id))["detail"]
        house.records.rows[SUBSCRIPTIONS] = {}
        assert "was removed" in (await asked(409, delivery_id=new.delivery_id))["detail"]


async def test_more_at_a_time_than_one_process_can_bear_is_refused() -> None:
    house = house_with(*(ended(number) for number in range(MOST_AGAIN + 1)))
    asked = {"subscription_id": DESK.subscription_id, "since": NOW.isoformat(), "until": "2030-01-01T00:00:00Z"}
    async with house.client(Role.OPERATOR) as client:
        assert "shorter range" in of(await client.post(f"{AT}/redeliver", json=asked), 409)["detail"]


async def test_alerts_are_silenced_for_a_time() -> None:
    house = House()
    new = {"matcher": {"host_states": ["IQ"]}, "reason": "yearly march", "lasts_s": 3_600}
    async with house.client(Role.OPERATOR) as client:
        made = await client.post("/v1/silences", json=new)
        told = of(made, 201)
        where = made.headers["location"]
        assert (told["author"], told["active"], told["alerts"]) == ("the operator", True, 0)
        assert told["words"] == "minor and above; in IQ; exercises too"
        for number, revision in ((1, 1), (1, 2), (2, 1)):
            for to in (DESK, given.subscription("other")):
                house.desk.put(
                    ended(number, revision, DeliveryState.SILENCED, to, reason=f"{told['silence_id']}: yearly march")
                )
        assert of(await client.get(where))["alerts"] == 3
        assert of(await client.get("/v1/silences?active=true"))["items"][0]["alerts"] == 3
        house.pass_time(timedelta(minutes=5))
        over = of(await client.post(f"{where}/end"))
        assert (over["active"], over["expires_at"]) == (False, "2026-03-01T12:05:00Z")
        assert "is over since" in of(await client.post(f"{where}/end"), 409)["detail"]
        assert of(await client.get("/v1/silences?active=true"))["items"] == []
        for wrong in (
            {**new, "matcher": {}},
            {**new, "matcher": {"host_states": ["ZZ"]}},
            {**new, "matcher": {"groups": ["gulf"]}},
            {**new, "lasts_s": 0},
            {**new, "reason": ""},
        ):
            of(await client.post("/v1/silences", json=wrong), 422)
        house.pass_time(timedelta(minutes=5))
        all_of_it = of(await client.post("/v1/silences", json={**new, "matcher": {}, "everything": True}), 201)
        listed = of(await client.get("/v1/silences"))["items"]
        assert [each["silence_id"] for each in listed] == [all_of_it["silence_id"], told["silence_id"]]
    assert [entry.action for entry in house.records.audit] == ["silence.added", "silence.changed", "silence.added"]
    assert house.records.audit[0].actor == TOKEN_OF[Role.OPERATOR].token_id


@pytest.mark.parametrize("pending", [0, 50])
def test_the_log_is_bounded_and_says_what_it_has_forgotten(pending: int) -> None:
    log = DeliveryLog(100)
    for number in range(pending):
        waiting = given.delivery(given.alert(10_000 + number), DESK)
        log.take(waiting.delivery_id, waiting, (0, number))
    for number in reversed(range(1_000)):
        each = ended(number)
        log.take(each.delivery_id, each, (0, number))
        assert len(list(log.newest_first())) <= 110 + pending
    kept = [each for each in log.newest_first() if each.is_final]
    assert len(list(log.newest_first())) - len(kept) == pending
    assert log.complete_since is not None
    assert {each.delivery_id for each in kept if each.created_at > log.complete_since} == {
        ended(number).delivery_id for number in range(1_000) if NOW + number * HOUR > log.complete_since
    }
    assert len(kept) >= 100
    assert not any(each.created_at <= log.complete_since for each in kept)


@for_all(st.lists(st.tuples(st.integers(0, 40), st.sampled_from(["final", "pending", "gone"])), max_size=200))
def test_the_log_has_the_last_word_of_each_key(words: list[tuple[int, str]]) -> None:
    log, last = DeliveryLog(1_000), dict[str, str]()
    for offset, (number, what) in enumerate(words):
        waiting = given.delivery(given.alert(number), DESK)
        record = {"final": ended(number), "pending": waiting, "gone": None}[what]
        log.take(waiting.delivery_id, record, (0, offset))
        last[waiting.delivery_id] = what
    found = {each.delivery_id: "final" if each.is_final else "pending" for each in log.newest_first()}
    assert found == {key: what for key, what in last.items() if what != "gone"}
    for key in found:
        line = log.get(key)
        assert line is not None
        assert words[line.at[1]][1] == found[key]


def test_a_line_is_small() -> None:
    log, number = DeliveryLog(10_000), 2_000
    read = [ended(each, reason="HTTP 503: " + "x" * 5_000) for each in range(number)]
    tracemalloc.start()
    try:
        for offset, each in enumerate(read):
            log.take(each.delivery_id, decode(encode(each), Delivery), (0, offset))
        taken, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert taken / number < 1_000
