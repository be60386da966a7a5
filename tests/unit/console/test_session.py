"""Signing in and out of the page: what a session may, and what no other site can do with it."""

from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from services.console.api.guarded import COOKIE, CSRF_HEADER
from services.console.core.attempts import AT_ONCE
from services.console.core.session import csrf_token, way_back
from services.contracts.token import Role, issued
from services.contracts.topics import TOKENS
from tests.unit.console.house import NOW, SECRETS, TOKEN_OF, House

ONCE = issued("chancery_once", name="chancery up", role=Role.ADMIN, now=NOW, once=True)


async def sign_in(client: httpx.AsyncClient, secret: str, **headers: str) -> httpx.Response:
    return await client.post("/login?next=/feeds%3Fhealth%3Dok", data={"token": secret}, headers=headers)


def csrf_of(client: httpx.AsyncClient) -> dict[str, str]:
    return {CSRF_HEADER: csrf_token(client.cookies[COOKIE])}


async def test_a_token_opens_a_session_of_its_role_and_no_more() -> None:
    house = House()
    async with house.client(None) as client:
        entered = await sign_in(client, f" {SECRETS[Role.ANALYST]} ")
        assert (entered.status_code, entered.headers["location"]) == (303, "/feeds?health=ok")
        cookie = entered.headers["set-cookie"]
        assert all(part in cookie for part in ("HttpOnly", "SameSite=lax", "Secure", "Max-Age=43200"))
        assert SECRETS[Role.ANALYST] not in cookie
        assert (await client.get("/v1/session")).json()["role"] == "analyst"
        refused = await client.post("/v1/feeds", json={"url": "https://a.example/"}, headers=csrf_of(client))
        assert refused.status_code == 403
        assert "needs the role operator" in refused.json()["detail"]
    (opened,) = [record for record in house.records.values(TOKENS) if record.session_of]
    assert client.cookies[COOKIE] not in opened.model_dump_json()


async def test_a_cookie_changes_nothing_without_what_only_our_pages_know() -> None:
    house = House()
    async with house.client(None) as client:
        await sign_in(client, SECRETS[Role.ADMIN])
        for headers in ({}, {CSRF_HEADER: ""}, {CSRF_HEADER: "0" * 64}, {CSRF_HEADER: csrf_token("another")}):
            refused = await client.post("/v1/feeds", json={"url": "https://a.example/"}, headers=headers)
            assert refused.status_code == 403
        allowed = await client.post("/v1/feeds", json={"url": "https://a.example/"}, headers=csrf_of(client))
        assert allowed.status_code == 201
        assert house.records.audit[-1].actor == TOKEN_OF[Role.ADMIN].token_id


async def test_another_site_signs_nobody_in() -> None:
    house = House()
    async with house.client(None) as client:
        for origin in ("https://evil.example", "null", "http://[", "", "https://console.example@evil.example"):
            refused = await sign_in(client, SECRETS[Role.ADMIN], origin=origin)
            assert (refused.status_code, COOKIE in client.cookies) == (403, False)
        assert (await sign_in(client, SECRETS[Role.ADMIN], origin="https://console.example")).status_code == 303


async def test_a_one_time_token_opens_one_session_and_nothing_else() -> None:
    house = House()
    house.records.put(TOKENS, ONCE)
    async with house.client(None) as client:
        direct = await client.get("/v1/feeds", headers={"authorization": "Bearer chancery_once"})
        assert (direct.status_code, direct.json()["detail"]) == (401, "this token only opens the page, once")
        assert (await sign_in(client, "chancery_once")).status_code == 303
        assert (await client.get("/v1/feeds")).status_code == 200
        async with house.client(None) as other:
            again = await sign_in(other, "chancery_once")
        assert again.status_code == 401
        assert "this token was revoked" in again.text
        assert (await client.get("/v1/feeds")).status_code == 200


async def test_a_session_ends_with_its_token_its_time_or_by_signing_out() -> None:
    house = House()
    async with house.client(None) as client:
        await sign_in(client, SECRETS[Role.VIEWER])
        session = client.cookies[COOKIE]
        nested = await sign_in(client, session)
        assert nested.status_code == 401  # a session opens no session: it would never end
        assert (await client.delete("/v1/session", headers=csrf_of(client))).status_code == 204
        assert COOKIE not in client.cookies
        assert (await client.get("/v1/feeds", headers={"cookie": f"{COOKIE}={session}"})).status_code == 401

        await sign_in(client, SECRETS[Role.VIEWER])
        house.records.put(TOKENS, TOKEN_OF[Role.VIEWER].model_copy(update={"revoked": True}))
        assert (await client.get("/v1/feeds")).status_code == 401
        house.records.put(TOKENS, TOKEN_OF[Role.VIEWER])
        assert (await client.get("/v1/feeds")).status_code == 200
        house.pass_time(timedelta(hours=12))
        assert (await client.get("/v1/feeds")).status_code == 401
        client.cookies.clear()
        await sign_in(client, SECRETS[Role.VIEWER])
    sessions = [record for record in house.records.values(TOKENS) if record.session_of]
    assert len(sessions) == 2  # the new one, and the one that ends this very moment; what was over is forgotten


async def test_signing_out_with_a_token_is_refused() -> None:
    house = House()
    async with house.client(Role.ADMIN) as client:
        assert (await client.delete("/v1/session")).status_code == 409
        assert (await client.get("/v1/feeds")).status_code == 200


async def test_wrong_tokens_are_limited_and_told_in_the_page() -> None:
    house = House()
    async with house.client(None) as client:
        tried = [(await sign_in(client, "wrong")).status_code for _ in range(AT_ONCE + 1)]
        assert tried == [401] * AT_ONCE + [429]
        right = await sign_in(client, SECRETS[Role.VIEWER])
    assert right.status_code == 303


async def test_who_is_not_signed_in_is_led_there_and_back() -> None:
    house = House()
    async with house.client(None) as client:
        led = await client.get("/feeds?health=gone&x=1")
        assert led.status_code == 303
        place = urlsplit(led.headers["location"])
        assert (place.path, parse_qs(place.query)["next"]) == ("/login", ["/feeds?health=gone&x=1"])
        form = await client.get(led.headers["location"])
        assert (form.status_code, 'action="/login?next=' in form.text) == (200, True)
        far = await client.get(f"/feeds?language={'a' * 3_000}")
        assert (await client.get(far.headers["location"])).status_code == 200


@pytest.mark.parametrize(
    ("wanted", "back"),
    [
        ("/feeds?x=1", "/feeds?x=1"),
        (None, "/"),
        ("", "/"),
        ("feeds", "/"),
        ("//evil.example", "/"),
        ("/\\evil.example", "/"),
        ("https://evil.example/", "/"),
        ("/\r\nSet-Cookie: a=b", "/"),
        ("/\t/evil.example", "/"),
        ("javascript:alert(1)", "/"),
    ],
)
def test_the_way_back_stays_here(wanted: str | None, back: str) -> None:
    assert way_back(wanted) == back
