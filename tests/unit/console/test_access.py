"""Who gets in: every route asks for the role that its table says, before it reads anything else."""

import base64
import json
from collections.abc import Iterator
from datetime import timedelta

import pytest
from fastapi import APIRouter
from fastapi.routing import iter_route_contexts
from structlog.testing import capture_logs

from services.console.api.guarded import CSRF_HEADER, GuardedRoute
from services.console.api.signed import SignedRoute
from services.console.core.access import LEAST_ROLE, SIGNED
from services.console.core.attempts import AT_ONCE, MOST_ADDRESSES, REFILL_S, Attempts
from services.console.core.session import csrf_token
from services.console.pages.table import PAGES
from services.contracts.token import Role, Token, issued
from services.contracts.topics import TOKENS
from tests.unit.console.house import NOW, SECRETS, TOKEN_OF, House, somewhere

OPEN = {"/v1/openapi.json", "/login", "/static"}


def routes() -> Iterator[tuple[str, str, type]]:
    """Method, path and class of everything that the application answers."""
    for context in iter_route_contexts(House().app.routes):
        for method in context.methods or ():
            yield method, str(context.path), type(context.original_route)


PAGE_PATHS = {"/", "/world.svg", *(page.path for page in PAGES)}


def test_every_route_stands_in_one_table_and_is_guarded_or_signed() -> None:
    found = {(method, path): kind for method, path, kind in routes() if path not in OPEN}
    signed = {route for route, kind in found.items() if issubclass(kind, SignedRoute)}
    guarded = {route for route, kind in found.items() if issubclass(kind, GuardedRoute)}
    assert signed == SIGNED.keys()
    assert guarded == LEAST_ROLE.keys() | {("GET", path) for path in PAGE_PATHS}
    assert found.keys() == signed | guarded
    assert not signed & guarded


@pytest.mark.parametrize("path", sorted(PAGE_PATHS))
async def test_a_page_leads_who_has_no_token_to_signing_in(path: str) -> None:
    async with House().client(None) as client:
        for headers in ({}, {"authorization": "Bearer x"}, {"cookie": "chancery_session=x"}):
            led = await client.get(path, headers=headers)
            assert (led.status_code, led.headers["location"].partition("?")[0]) == (303, "/login")


@pytest.mark.parametrize("kind", [GuardedRoute, SignedRoute])
def test_a_route_in_no_table_cannot_be_made(kind: type[GuardedRoute]) -> None:
    router = APIRouter(route_class=kind)
    with pytest.raises(KeyError):
        router.add_api_route("/v1/new", lambda: None, methods=["GET"])


@pytest.mark.parametrize(("method", "path"), SIGNED)
async def test_a_signed_route_opens_to_no_token(method: str, path: str) -> None:
    house = House()
    for role in (None, *Role):
        async with house.client(role) as client:
            refused = await client.request(method, path, content=b"payload={}")
        assert (refused.status_code, refused.headers["content-type"]) == (401, "application/problem+json")
        assert refused.json() == {"type": "about:blank", "title": "Unauthorized", "status": 401}
    assert house.records.audit == []


@pytest.mark.parametrize(("method", "path"), LEAST_ROLE)
async def test_a_route_refuses_who_has_no_token_or_too_small_a_role(method: str, path: str) -> None:
    house = House()
    house.live.close()  # a stream would not end
    least = LEAST_ROLE[method, path]
    url = somewhere(path)
    for headers in ({}, {"authorization": "Basic YTpi"}, {"authorization": "Bearer "}, {"authorization": "Bearer x"}):
        async with house.client(None) as client:
            refused = await client.request(method, url, headers=headers, content=b"{no json")
        assert (refused.status_code, refused.headers["content-type"]) == (401, "application/problem+json")
        assert refused.headers["www-authenticate"].startswith("Bearer")
    for role in Role:
        async with house.client(role) as client:
            answer = await client.request(method, url, content=b"{no json")
        assert (answer.status_code == 403) is not role.may(least)
        assert answer.status_code != 401
        if answer.status_code == 403:
            assert 'error="insufficient_scope"' in answer.headers["www-authenticate"]
            assert least in answer.json()["detail"]
    assert house.records.audit == []


def test_roles_stand_above_each_other() -> None:
    assert [[role.may(least) for least in Role] for role in Role] == [
        [True, False, False, False],
        [True, True, False, False],
        [True, True, True, False],
        [True, True, True, True],
    ]


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"revoked": True}, "this token was revoked"),
        ({"expires_at": NOW}, "this token expired at 2026-03-01 12:00:00 UTC"),
        ({"secret_hash": TOKEN_OF[Role.ADMIN].secret_hash}, "no such token"),
    ],
)
async def test_a_token_that_is_no_longer_good(changed: dict[str, object], reason: str) -> None:
    house = House()
    house.records.put(TOKENS, TOKEN_OF[Role.VIEWER].model_copy(update=changed))
    with capture_logs() as logs:
        async with house.client(Role.VIEWER) as client:
            refused = await client.get("/v1/feeds")
    assert (refused.status_code, refused.json()["detail"]) == (401, reason)
    assert 'error="invalid_token"' in refused.headers["www-authenticate"]
    assert SECRETS[Role.VIEWER] not in json.dumps(logs, default=str) + refused.text


async def test_a_token_is_good_until_the_moment_it_expires() -> None:
    house = House()
    house.records.put(TOKENS, TOKEN_OF[Role.VIEWER].model_copy(update={"expires_at": NOW + timedelta(seconds=1)}))
    async with house.client(Role.VIEWER) as client:
        assert (await client.get("/v1/feeds")).status_code == 200
        house.pass_time(timedelta(seconds=1))
        assert (await client.get("/v1/feeds")).status_code == 401


def test_a_record_does_not_hold_its_secret() -> None:
    token = issued("chancery_secret", name="n", role=Role.VIEWER, now=NOW)
    assert "chancery_secret" not in token.model_dump_json()
    assert Token.model_validate_json(token.model_dump_json()) == token


def basic(secret: str, user: str = "reader") -> dict[str, str]:
    return {"authorization": f"Basic {base64.b64encode(f'{user}:{secret}'.encode()).decode()}"}


async def test_a_token_may_come_as_a_password_to_read_and_not_to_change() -> None:
    house = House()
    async with house.client(None) as client:
        asked = await client.get("/v1/incidents.atom")
        assert asked.headers["www-authenticate"] == 'Bearer realm="chancery", Basic realm="chancery", charset="UTF-8"'
        assert "Basic" not in (await client.get("/v1/incidents")).headers["www-authenticate"]
        for user in ("reader", "", "légation"):
            read = await client.get("/v1/incidents.atom", headers=basic(SECRETS[Role.VIEWER], user))
            assert read.status_code == 200
        assert (await client.get("/incidents", headers=basic(SECRETS[Role.VIEWER]))).status_code == 200
        new = {"url": "https://a.example/"}
        for extra in ({}, {CSRF_HEADER: csrf_token("")}):
            headers = {**basic(SECRETS[Role.ADMIN]), **extra}
            assert (await client.post("/v1/feeds", json=new, headers=headers)).status_code == 403
        assert (await client.get("/v1/feeds/export", headers=basic(SECRETS[Role.ANALYST]))).status_code == 403
        for header in ("Basic", "Basic !", f"Basic {base64.b64encode(b'no colon').decode()}", "Basic /w=="):
            refused = await client.get("/v1/feeds", headers={"authorization": header})
            assert (refused.status_code, "Authorization" in refused.json()["detail"]) == (401, True)
        tried = [(await client.get("/v1/feeds", headers=basic("wrong"))).status_code for _ in range(AT_ONCE + 1)]
        assert tried == [401] * AT_ONCE + [429]


async def test_wrong_tokens_are_limited_by_address_and_right_ones_are_not_held_up() -> None:
    house = House()
    wrong = {"authorization": "Bearer wrong"}
    async with house.client(None) as client:
        tried = [(await client.get("/v1/feeds", headers=wrong)).status_code for _ in range(AT_ONCE + 2)]
        assert tried == [401] * AT_ONCE + [429] * 2
        limited = await client.get("/v1/feeds", headers=wrong)
        assert 0 < int(limited.headers["retry-after"]) <= REFILL_S + 1
        right = await client.get("/v1/feeds", headers={"authorization": f"bearer  {SECRETS[Role.VIEWER]}"})
        assert right.status_code == 200
        house.pass_time(timedelta(seconds=REFILL_S))
        assert (await client.get("/v1/feeds", headers=wrong)).status_code == 401
        assert (await client.get("/v1/feeds", headers=wrong)).status_code == 429
    async with house.client(None, address="192.0.2.2") as other:
        assert (await other.get("/v1/feeds", headers=wrong)).status_code == 401


def test_attempts_are_counted_by_network_and_in_bounded_memory() -> None:
    attempts = Attempts()
    for n in range(AT_ONCE):
        assert attempts.failed(f"2001:db8::{n:x}", 0) == 0
    assert attempts.failed("2001:db8::ffff", 0) > 0
    assert attempts.failed("2001:db8:0:1::", 0) == 0
    assert attempts.failed("::ffff:192.0.2.1", 0) == 0
    for n in range(2 * MOST_ADDRESSES):
        attempts.failed(f"10.{n >> 16}.{n >> 8 & 255}.{n & 255}", 0)
    assert len(attempts._full_at) == MOST_ADDRESSES
