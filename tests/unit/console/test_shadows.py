"""/v1/shadows and its pages: what other rules would tell, and whether that is heard of still."""

from datetime import timedelta

import pytest

from services.contracts import ids
from services.contracts.shadow import SILENT_AFTER_S, Shadow
from services.contracts.token import Role
from services.contracts.topics import SHADOWS
from tests.contracts.examples import SHADOW
from tests.unit.console.house import NOW, House
from tests.unit.console.test_feeds import of


def named(name: str, *, begun_h: float = 1, heard_s: float = 0, ended: bool = False) -> Shadow:
    alive_at = NOW - timedelta(seconds=heard_s)
    return SHADOW.model_copy(
        update={
            "shadow_id": ids.shadow_id(name),
            "name": name,
            "begun_at": NOW - timedelta(hours=begun_h),
            "alive_at": alive_at,
            "ended_at": alive_at if ended else None,
            "until": None,
        }
    )


@pytest.fixture
def house() -> House:
    made = House()
    made.records.put(
        SHADOWS,
        named("old", begun_h=3, heard_s=9_000, ended=True),
        named("killed", begun_h=2, heard_s=SILENT_AFTER_S + 1),
        named("alive", begun_h=1, heard_s=SILENT_AFTER_S - 1),
    )
    return made


async def test_the_newest_comes_first_and_one_that_was_killed_is_silent(house: House) -> None:
    async with house.client(Role.VIEWER) as client:
        told = of(await client.get("/v1/shadows"))
        assert [(each["name"], each["state"]) for each in told["items"]] == [
            ("alive", "running"),
            ("killed", "silent"),
            ("old", "ended"),
        ]
        assert told["total"] == 3
        assert "differences" not in told["items"][0]
        house.pass_time(timedelta(seconds=2))
        assert of(await client.get("/v1/shadows?limit=1"))["items"][0]["state"] == "silent"


async def test_pages_lead_from_one_to_the_next(house: House) -> None:
    async with house.client(Role.VIEWER) as client:
        names, url = [], "/v1/shadows?limit=2"
        while url:
            answer = await client.get(url)
            names += [each["name"] for each in answer.json()["items"]]
            url = str(answer.links["next"]["url"]) if "next" in answer.links else ""
        assert names == ["alive", "killed", "old"]
        assert (await client.get("/v1/shadows?cursor=x")).status_code == 400


async def test_one_has_what_live_told_and_what_the_shadow_told(house: House) -> None:
    async with house.client(Role.VIEWER) as client:
        told = of(await client.get(f"/v1/shadows/{ids.shadow_id('alive')}"))
        assert [each["kind"] for each in told["differences"]] == ["lost", "changed"]
        assert told["differences"][0]["a"]["quotes"][0]["quote"] == SHADOW.differences[0].a.quotes[0].quote  # type: ignore[union-attr]
        assert told["differences"][0]["b"] is None
        missing = await client.get(f"/v1/shadows/{ids.shadow_id('nobody')}")
        assert (missing.status_code, "no shadow" in missing.json()["detail"]) == (404, True)


async def test_the_page_shows_both_sides_and_the_fields_that_differ(house: House) -> None:
    async with house.client(Role.VIEWER) as client:
        page = (await client.get(f"/shadows/{ids.shadow_id('alive')}")).text
        assert "roquettes" in page
        assert "Attack at the embassy of the United States in Baghdad, Iraq" in page
        assert f'href="/incidents/{SHADOW.differences[0].a.incident_id}"' in page  # type: ignore[union-attr]
        assert "running" in page
        listed = (await client.get("/shadows")).text
        assert all(state in listed for state in ("running", "silent", "ended"))
