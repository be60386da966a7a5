"""/v1/subscriptions over records in memory: who is told, proved first, and its secrets told once."""

import base64
import json
from typing import Any

import pytest

from services.contracts import ids
from services.contracts.delivery import DeliveryState
from services.contracts.subscription import Channel, Filter, Subscription, SubscriptionState
from services.contracts.token import Role
from services.contracts.topics import SUBSCRIPTIONS
from services.notify.core import retry
from services.notify.core.channels import CHANNELS
from services.notify.core.status import Answer
from services.runtime.secrets import Vault
from tests.unit.console.house import KEY, NOW, TOKEN_OF, House
from tests.unit.console.test_feeds import of
from tests.unit.notify import given

URL = "https://hooks.example/T0KEN?x=T0KEN"
NEW = {"channel": "webhook", "endpoint": URL, "name": "desk", "filter": {"host_states": ["IQ"]}}
SUBSCRIPTIONS_AT = "/v1/subscriptions"


def stored(house: House) -> Subscription:
    (found,) = house.records.values(SUBSCRIPTIONS)
    assert isinstance(found, Subscription)
    return found


async def subscribed(house: House, **more: Any) -> Any:
    async with house.client(Role.OPERATOR) as client:
        return of(await client.post(SUBSCRIPTIONS_AT, json=NEW | more), 201)


async def test_an_endpoint_is_proved_and_its_secret_is_told_once() -> None:
    house = House()
    async with house.client(Role.OPERATOR) as client:
        made = await client.post(SUBSCRIPTIONS_AT, json=NEW | {"challenge": True})
        told = of(made, 201)
        secret = told["secret"]
        assert len(base64.b64decode(secret.removeprefix("whsec_"))) == 32
        assert (told["public_key"], told["test"]["delivered"]) == (None, True)
        assert made.headers["cache-control"] == "no-store"
        assert told["subscription"]["endpoint"] == "https://hooks.example/…"
        assert told["subscription"]["words"] == "minor and above; in IQ"
        seen = [await client.get(made.headers["location"]), await client.get(SUBSCRIPTIONS_AT)]
        assert of(seen[0]) == told["subscription"]
        assert of(seen[1])["items"] == [told["subscription"]]
    ((proved, challenged),) = house.desk.proved
    assert (proved, challenged) == (stored(house), True)
    vault = Vault([KEY])
    assert (vault.decrypt(proved.endpoint), vault.decrypt(proved.secret or "")) == (URL, secret)
    audit = json.dumps([entry.model_dump(mode="json") for entry in house.records.audit])
    for hidden in (secret, "T0KEN", proved.secret or "", proved.endpoint):
        assert hidden not in audit + seen[0].text + seen[1].text
    assert "T0KEN" not in made.text
    (entry,) = house.records.audit
    assert (entry.action, entry.actor) == ("subscription.added", TOKEN_OF[Role.OPERATOR].token_id)


async def test_what_does_not_take_the_message_is_not_subscribed() -> None:
    house = House()
    house.desk.answers = [Answer(http_status=401, body="bad signature")]
    async with house.client(Role.OPERATOR) as client:
        refused = of(await client.post(SUBSCRIPTIONS_AT, json=NEW), 422)
        assert refused["detail"].startswith("not subscribed: the test message was not delivered: HTTP 401")
        assert "give it as `secret`" in refused["detail"]
        assert (list(house.records.values(SUBSCRIPTIONS)), house.records.audit) == ([], [])
        untested = of(await client.post(SUBSCRIPTIONS_AT, json=NEW | {"test": False}), 201)
        assert (untested["test"], len(house.desk.proved)) == (None, 1)


@pytest.mark.parametrize(
    ("change", "at", "complaint"),
    [
        ({"endpoint": "http://hooks.example/T0KEN"}, "/endpoint", "must be https, not http"),
        ({"endpoint": "T0KEN"}, "/endpoint", "that is no URL"),
        ({"secret": "T0KEN"}, "/secret", "whsec_"),
        ({"channel": "slack", "secret": "T0KEN"}, "/secret", "takes no secret"),
        ({"channel": "slack-bot"}, "/secret", "needs its endpoint's token"),
        ({"channel": "slack", "asymmetric": True}, "/asymmetric", "is not signed"),
        ({"channel": "slack", "challenge": True}, "/challenge", "is not signed"),
        ({"channel": "pigeon"}, "/channel", "Input should be"),
        ({"filter": {"host_states": ["ZZ"]}}, "/filter/host_states", "'ZZ' is no state"),
        ({"or_filters": [{}, {"sending_states": ["XA"]}]}, "/or_filters/1/sending_states", "'XA' is no state"),
        ({"filter": {"sites": ["embassy:US:ZZ:*"]}}, "/filter/sites", "'ZZ' is no state"),
        ({"filter": {"languages": ["english"]}}, "/filter/languages", "'english' is no language"),
        ({"filter": {"sites": ["US"]}}, "/filter/sites/0", "should match pattern"),
        ({"filter": {"groups": [{}]}}, "/filter/groups/0", "valid string"),
        ({"filter": {}, "or_filters": [{"groups": ["Gulf"]}]}, "/groups", "no known site is in gulf"),
        ({"filter": {"hosts": []}}, "/filter/hosts", "not permitted"),
        ({"x": 1}, "/x", "not permitted"),
    ],
)
async def test_what_cannot_be_meant_is_said(change: dict[str, Any], at: str, complaint: str) -> None:
    house = House()
    async with house.client(Role.OPERATOR) as client:
        refused = await client.post(SUBSCRIPTIONS_AT, json=NEW | change)
    (fault,) = of(refused, 422)["errors"]
    assert (fault["at"], complaint in fault["message"]) == (at, True), fault
    assert "T0KEN" not in refused.text
    assert (house.desk.proved, house.records.audit) == ([], [])


async def test_the_same_endpoint_and_name_again_changes_it_and_keeps_the_secret() -> None:
    house = House()
    first = await subscribed(house)
    before = stored(house)
    async with house.client(Role.OPERATOR) as client:
        again = of(await client.post(SUBSCRIPTIONS_AT, json=NEW | {"filter": {}}))
        assert (again["secret"], again["subscription"]["words"]) == (None, "minor and above")
        assert again["subscription"]["subscription_id"] == first["subscription"]["subscription_id"]
        assert (stored(house).secret, stored(house).created_at) == (before.secret, before.created_at)
        of(await client.post(SUBSCRIPTIONS_AT, json=NEW | {"asymmetric": True}), 422)
        given_one = of(await client.post(SUBSCRIPTIONS_AT, json=NEW | {"secret": given.SECRET}))
    assert given.SECRET not in json.dumps(given_one)
    assert Vault([KEY]).decrypt(stored(house).secret or "") == given.SECRET


async def test_what_changed_during_the_test_is_not_overwritten() -> None:
    house = House()
    await subscribed(house)

    class Racing(type(house.desk)):  # type: ignore[misc]
        async def prove(self, subscription: Subscription, *, challenge: bool = False) -> Any:
            house.records.put(SUBSCRIPTIONS, stored(house).model_copy(update={"state": SubscriptionState.PAUSED}))
            return await super().prove(subscription, challenge=challenge)

    house.desk.__class__ = Racing
    async with house.client(Role.OPERATOR) as client:
        assert "try again" in of(await client.post(SUBSCRIPTIONS_AT, json=NEW), 409)["detail"]
    assert stored(house).state is SubscriptionState.PAUSED


async def test_it_is_changed_paused_resumed_and_removed() -> None:
    house = House()
    where = f"{SUBSCRIPTIONS_AT}/{(await subscribed(house))['subscription']['subscription_id']}"
    disabled = {"state": SubscriptionState.DISABLED, "state_reason": "410"}
    house.records.put(SUBSCRIPTIONS, stored(house).model_copy(update=disabled))
    async with house.client(Role.OPERATOR) as client:
        seen = await client.get(where)
        assert (of(seen)["state"], of(seen)["state_reason"]) == ("disabled", "410")
        told = of(await client.patch(where, json={"filter": {"types": ["bombing_ied"], "groups": ["Gulf  offices"]}}))
        assert (told["filter"]["host_states"], told["filter"]["groups"]) == ([], ["gulf offices"])
        assert (told["state"], told["active_since"]) == ("disabled", None)
        resumed = of(await client.patch(where, json={"state": "active"}))
        assert (resumed["state"], resumed["state_reason"], resumed["active_since"]) == ("active", "", told_at())
        stale = {"if-match": seen.headers["etag"]}
        assert of(await client.patch(where, json={"state": "paused"}, headers=stale), 412)
        paused = await client.patch(where, json={"state": "paused"})
        assert (of(paused)["state"], of(paused)["filter"]) == ("paused", resumed["filter"])
        of(await client.patch(where, json={"state": "disabled"}), 422)
        of(await client.patch(where, json={"filter": {"host_states": ["ZZ"]}}), 422)
        of(await client.patch(where, json={"or_filters": [{"groups": ["gulf"]}]}), 422)
        assert of(await client.delete(where, headers=stale), 412)
        assert (await client.delete(where, headers={"if-match": paused.headers["etag"]})).status_code == 204
        of(await client.get(where), 404)
    assert [entry.action for entry in house.records.audit] == [
        "subscription.added",
        "subscription.changed",
        "subscription.changed",
        "subscription.changed",
        "subscription.removed",
    ]


def told_at() -> str:
    return NOW.isoformat().replace("+00:00", "Z")


async def test_a_secret_is_rotated_with_overlap_and_told_once() -> None:
    house = House()
    first = await subscribed(house)
    where = f"{SUBSCRIPTIONS_AT}/{first['subscription']['subscription_id']}"
    async with house.client(Role.OPERATOR) as client:
        rotated = await client.post(f"{where}/rotate", json={})
        told = of(rotated)
        assert rotated.headers["cache-control"] == "no-store"
        assert told["secret"] not in (None, first["secret"])
        assert told["subscription"]["previous_until"] is not None
        vault, now = Vault([KEY]), stored(house)
        assert vault.decrypt(now.secret or "") == told["secret"]
        assert vault.decrypt(now.previous_secret or "") == first["secret"]
        assert "overlap of 0" in of(await client.post(f"{where}/rotate", json={}), 409)["detail"]
        ended = of(await client.post(f"{where}/rotate", json={"overlap_s": 0, "asymmetric": True}))
        assert (ended["secret"], ended["public_key"][:5]) == (None, "whpk_")
        assert stored(house).previous_secret is None
        of(await client.post(f"{where}/rotate", json={"overlap_s": -1}), 422)
        house.records.put(SUBSCRIPTIONS, given.subscription("slack", channel=Channel.SLACK))
        slack = given.subscription("slack", channel=Channel.SLACK).subscription_id
        assert (
            "no secret of ours" in of(await client.post(f"{SUBSCRIPTIONS_AT}/{slack}/rotate", json={}), 409)["detail"]
        )


async def test_a_test_that_is_not_taken_is_an_answer() -> None:
    house = House()
    where = f"{SUBSCRIPTIONS_AT}/{(await subscribed(house))['subscription']['subscription_id']}"
    house.desk.answers = [Answer(http_status=204), Answer(http_status=500, body="oh")]
    async with house.client(Role.OPERATOR) as client:
        assert of(await client.post(f"{where}/test"))["delivered"] is True
        failed = of(await client.post(f"{where}/test"))
        assert (failed["delivered"], failed["outcome"]) == (False, "failed")
        assert failed["reason"].startswith("not delivered: HTTP 500")


@pytest.mark.parametrize("channel", list(CHANNELS))
async def test_every_channel_shows_what_it_would_send(channel: Channel) -> None:
    house = House()
    alert, later = given.alert(), given.alert(revision=2)
    house.desk.told = [alert, later]
    async with house.client(Role.OPERATOR) as client:
        where = f"{SUBSCRIPTIONS_AT}/preview"
        sample = of(await client.post(where, json={"channel": channel}))
        assert "exercise" in sample["body"].lower()
        told = of(await client.post(where, json={"channel": channel, "alert": alert.alert_id}))
        assert told["body"].encode() == CHANNELS[channel].render(alert)
        media_types = {Channel.CAP: "application/cap+xml", Channel.EMAIL: "message/rfc822"}
        assert told["media_type"] == media_types.get(channel, "application/json")
        last = of(
            await client.post(where, json={"channel": channel, "alert": alert.incident.incident_id, "late": True})
        )
        assert last["alert_id"] == later.alert_id
        assert last["body"].encode() == CHANNELS[channel].render(later, late=True)
        of(await client.post(where, json={"channel": channel, "alert": given.alert(9).alert_id}), 404)
    assert house.desk.proved == []


async def test_who_is_told_of_an_alert_and_why_not() -> None:
    house, alert = House(), given.alert()
    desk = given.subscription("desk", filter=Filter(host_states=("IQ",)))
    other = given.subscription("Other", filter=Filter(host_states=("FR",)), or_filters=(Filter(host_states=("BE",)),))
    house.records.put(SUBSCRIPTIONS, other, desk)
    house.desk.told = [alert]
    house.desk.put(retry.final(given.delivery(alert, desk), DeliveryState.DELIVERED, "HTTP 204"))
    async with house.client(Role.VIEWER) as client:
        for which in (alert.alert_id, alert.incident.incident_id):
            told = of(await client.get(f"/v1/alerts/{which}/recipients"))
            assert told["headline"] == alert.headline
            assert [(row["name"], row["told"], row["delivery"]) for row in told["recipients"]] == [
                ("desk", True, "delivered: HTTP 204"),
                ("Other", False, ""),
            ]
            assert told["recipients"][0]["reasons"] == ["minor and above; in IQ"]
            assert told["recipients"][1]["reasons"] == [
                "host state IQ is not among FR",
                "host state IQ is not among BE",
            ]
        of(await client.get(f"/v1/alerts/{given.alert(9).alert_id}/recipients"), 404)


async def test_lists_are_filtered_and_walked() -> None:
    house = House()
    found = [given.subscription(name, channel=Channel.SLACK) for name in "cab"] + [given.subscription("d")]
    house.records.put(SUBSCRIPTIONS, *found)
    async with house.client(Role.VIEWER) as client:
        page = of(await client.get(f"{SUBSCRIPTIONS_AT}?channel=slack&limit=2"))
        assert ([each["name"] for each in page["items"]], page["total"]) == (["a", "b"], 3)
        rest = of(await client.get(f"{SUBSCRIPTIONS_AT}?channel=slack&cursor={page['next_cursor']}"))
        assert [each["name"] for each in rest["items"]] == ["c"]
        assert of(await client.get(f"{SUBSCRIPTIONS_AT}?state=paused"))["items"] == []
        of(await client.get(f"{SUBSCRIPTIONS_AT}?cursor=x"), 400)
        assert ids.subscription_id(Channel.SLACK, "endpoint", "a") in json.dumps(page)
