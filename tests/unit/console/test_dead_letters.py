"""/v1/dead-letters over letters in memory."""

from datetime import timedelta

import pytest

from services.console.core.auditing import Actor
from services.contracts.codec import encode
from services.contracts.dead_letter import DeadLetterClass
from services.contracts.token import Role
from tests.contracts.examples import SUBSCRIPTION
from tests.unit.console.house import NOW, TOKEN_OF, House
from tests.unit.console.test_feeds import of
from tests.unit.console.test_letters import letter, readable

WHERE = "/v1/dead-letters"
GOOD, BAD = readable(offset=1), letter(offset=2, first_failed_at=NOW + timedelta(hours=1))
FAILED = readable(offset=3, error_class=DeadLetterClass.FAILED, first_failed_at=NOW + timedelta(hours=2))
DONE = readable(offset=4, redriven_at=NOW, redriven_by="cli:ann")


def house_with_letters() -> House:
    house = House()
    house.letters.bury(GOOD, BAD, FAILED, DONE)
    return house


async def test_letters_are_listed_the_newest_first_and_filtered() -> None:
    async with house_with_letters().client(Role.VIEWER) as client:
        told = of(await client.get(WHERE))
        assert [each["offset"] for each in told["items"]][:2] == [3, 2]
        assert told["by_class"] == {"not_json": 3, "failed": 1}
        assert [each["fate"] for each in told["items"]].count("unreadable") == 1
        assert "original_value" not in told["items"][0]
        for query, offsets in {
            "error_class=failed": {3},
            "redriven=true": {4},
            "topic=feeds": set(),
            "topic=articles&service=classify&redriven=false": {1, 2, 3},
            "since=2026-03-01T12:30:00Z&until=2026-03-01T13:30:00": {2},
        }.items():
            found = of(await client.get(f"{WHERE}?{query}"))
            assert {each["offset"] for each in found["items"]} == offsets
        first = await client.get(f"{WHERE}?limit=3&service=classify")
        assert len(of(first)["items"]) == 3
        (link, _) = first.headers["link"].split(";")
        assert len(of(await client.get(link.strip("<>")))["items"]) == 1
        of(await client.get(f"{WHERE}?cursor=x"), 400)


async def test_a_letter_is_shown_with_what_it_holds_but_no_secret() -> None:
    house = house_with_letters()
    secret = letter(encode(SUBSCRIPTION), "chancery.subscriptions", original_key=SUBSCRIPTION.key.encode())
    house.letters.bury(secret)
    async with house.client(Role.OPERATOR) as client:
        good = of(await client.get(f"{WHERE}/{GOOD.dead_letter_id}"))
        assert good["original"]["value"]["article_id"] == GOOD.original_key.decode() if GOOD.original_key else None
        assert good["original"]["headers"] == {"ce_type": "chancery.article.v1"}
        bad = of(await client.get(f"{WHERE}/{BAD.dead_letter_id}"))
        assert (bad["original"]["value"], bad["original"]["text"]) == (None, "no JSON")
        hidden = await client.get(f"{WHERE}/{secret.dead_letter_id}")
        assert of(hidden)["original"]["value"]["endpoint"] == "hidden"
        assert SUBSCRIPTION.endpoint not in hidden.text
        of(await client.get(f"{WHERE}/dead_{'a' * 26}"), 404)


async def test_a_redrive_is_shown_first_and_done_once() -> None:
    house = house_with_letters()
    async with house.client(Role.OPERATOR) as client:
        shown = of(await client.post(f"{WHERE}/redrive", json={"topic": "articles"}))
        assert (shown["put_back"], shown["topics"], shown["redriven"]) == (2, {"chancery.articles": 2}, 0)
        assert (shown["failed_before"], shown["redriven_before"], shown["dry_run"]) == (1, 1, True)
        assert list(shown["left"]) == ["unreadable"]
        assert shown["words"].startswith("4 records, 2 readable now")
        assert house.letters.redriven == []

        do = {"topic": "articles", "dry_run": False}
        assert "dry run first" in str(of(await client.post(f"{WHERE}/redrive", json=do), 422))
        of(await client.post(f"{WHERE}/redrive", json=do | {"effect": "another"}), 409)
        done = of(await client.post(f"{WHERE}/redrive", json=do | {"effect": shown["effect"]}))
        assert done["redriven"] == 2
        actor = Actor.holder_of(TOKEN_OF[Role.OPERATOR])
        assert house.letters.redriven == [(each.key, actor.actor_id) for each in (GOOD, FAILED)]
        # once done it would have another effect
        of(await client.post(f"{WHERE}/redrive", json=do | {"effect": shown["effect"]}), 409)

        ids = {"ids": [GOOD.dead_letter_id]}
        assert of(await client.post(f"{WHERE}/redrive", json=ids))["put_back"] == 0
        again = of(await client.post(f"{WHERE}/redrive", json=ids | {"again": True}))
        assert again["put_back"] == 1


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 422),
        ({"ids": []}, 422),
        ({"ids": ["x"]}, 422),
        ({"ids": [GOOD.dead_letter_id], "topic": "articles"}, 422),
        ({"ids": [f"dead_{'a' * 26}"]}, 404),
        ({"topic": "articles", "target": "tokens"}, 422),
        ({"error_class": "odd"}, 422),
    ],
)
async def test_a_redrive_that_is_not_understood_does_nothing(body: dict[str, object], status: int) -> None:
    house = house_with_letters()
    async with house.client() as client:
        of(await client.post(f"{WHERE}/redrive", json=body | {"dry_run": False, "effect": "x"}), status)
    assert house.letters.redriven == []
