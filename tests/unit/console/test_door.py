"""What holds for every request: the host's name, headers, errors, what is logged and counted, the description."""

import json
from pathlib import Path

import pytest
from aiokafka.errors import KafkaTimeoutError
from prometheus_client import REGISTRY
from structlog.testing import capture_logs

from services.console.adapters.store import NotSeen
from services.console.core.access import LEAST_ROLE, SIGNED
from services.console.door import hosts_of
from services.contracts.token import Role
from services.runtime.settings import ConsoleSettings
from tests.unit.console.house import TOKEN_OF, House

GOLDEN = Path(__file__).parent / "openapi.json"


@pytest.mark.parametrize(
    ("settings", "answers", "refuses"),
    [
        ({}, ["localhost", "127.0.0.1", "[::1]"], ["evil.example", "", "192.0.2.1"]),
        ({"host": "127.0.0.2"}, ["127.0.0.2", "localhost"], ["evil.example"]),
        ({"host": "::1", "hosts": ("Desk.example",)}, ["[::1]", "desk.example"], ["evil.example"]),
        ({"host": "0.0.0.0", "hosts": ("desk.example",)}, ["DESK.example"], ["localhost", "x.desk.example"]),
        ({"host": "0.0.0.0"}, ["any.example"], []),
    ],
)
async def test_a_strange_name_is_turned_away(settings: dict[str, str], answers: list[str], refuses: list[str]) -> None:
    house = House(hosts_of(ConsoleSettings.model_validate(settings)))
    async with house.client() as client:
        for name in answers:
            for host in (name, f"{name}:8080"):
                assert (await client.get("/v1/feeds", headers={"host": host})).status_code == 200
        for name in (*refuses, *(["a:b:c", "[::1", "localhost@evil.example"] if refuses else [])):
            refused = await client.get("/v1/feeds", headers={"host": name})
            assert (refused.status_code, refused.headers["content-type"]) == (421, "application/problem+json")


@pytest.mark.parametrize("host", ["", "[::1", "a:b:c", "a b", "evil.example/x", '"><x', "a:123456"])
async def test_what_is_no_name_is_turned_away_where_any_name_is_welcome(host: str) -> None:
    async with House(None).client() as client:
        for path in ("/v1/feeds", "/feeds", "/login", "/v1/incidents.atom"):
            assert (await client.get(path, headers={"host": host})).status_code == 421


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/nowhere", 404), ("GET", "/v1/feeds/", 404), ("GET", "/docs", 404), ("PUT", "/v1/feeds", 405)],
)
async def test_what_is_not_there_is_a_problem_too(method: str, path: str, status: int) -> None:
    async with House().client(None) as client:
        answer = await client.request(method, path)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    assert answer.json()["status"] == status
    assert answer.json()["type"] == "about:blank"
    assert (status != 405) or set(answer.headers["allow"].split(", ")) <= {"GET", "POST"}


@pytest.mark.parametrize(
    ("error", "status", "says"),
    [
        (KafkaTimeoutError(), 503, "KafkaTimeoutError"),
        (NotSeen("written, not read"), 503, "written, not read"),
        (RuntimeError("hunter2"), 500, "its log says more"),
    ],
)
async def test_what_fails_inside_is_a_problem_that_gives_nothing_away(error: Exception, status: int, says: str) -> None:
    house = House()
    house.records.fails = error
    async with house.client() as client:
        answer = await client.post("/v1/feeds", json={"url": "https://a.example/"})
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    assert says in answer.json()["detail"]
    assert "hunter2" not in answer.text
    assert (status != 503) or answer.headers["retry-after"]
    assert answer.headers["x-content-type-options"] == "nosniff"


async def test_no_answer_may_run_be_framed_or_be_read_by_another_site() -> None:
    async with House().client() as client:
        for path in ("/v1/feeds", "/v1/feeds/export", "/v1/openapi.json", "/nothing"):
            answer = await client.get(path, headers={"origin": "https://evil.example"})
            assert answer.headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"
            assert answer.headers["x-content-type-options"] == "nosniff"
            assert not any(name.startswith("access-control-") for name in answer.headers)
        asked = await client.options("/v1/feeds", headers={"access-control-request-method": "POST"})
        assert asked.status_code == 405


async def test_head_is_get() -> None:
    async with House().client() as client:
        got, head = await client.get("/v1/feeds"), await client.head("/v1/feeds")
    assert (head.status_code, head.headers["etag"]) == (200, got.headers["etag"])


async def test_a_request_is_one_line_and_one_count_without_what_it_asked() -> None:
    labels = {"method": "GET", "route": "/v1/feeds", "http_status": "200"}
    before = REGISTRY.get_sample_value("chancery_console_requests_total", labels) or 0
    with capture_logs() as logs:
        async with House().client(Role.VIEWER) as client:
            await client.get("/v1/feeds?language=secret")
            await client.request("BREW", "/coffee")
    (line, other) = (line for line in logs if line["event"] == "request.answered")
    assert (line["route"], line["http_status"], line["actor"]) == (
        "/v1/feeds",
        200,
        TOKEN_OF[Role.VIEWER].token_id,
    )
    assert (other["route"], other["method"], other["actor"]) == ("none", "other", None)
    assert "secret" not in json.dumps(logs, default=str)
    assert REGISTRY.get_sample_value("chancery_console_requests_total", labels) == before + 1


async def test_the_description_holds_still() -> None:
    """After a deliberate change: `python -m tests.unit.console.test_door` writes it anew."""
    async with House().client(None) as client:
        answer = await client.get("/v1/openapi.json")
    assert answer.json() == json.loads(GOLDEN.read_text())


def test_the_description_says_who_may_what() -> None:
    paths = json.loads(GOLDEN.read_text())["paths"]
    operations = {(m.upper(), path): operation for path, ops in paths.items() for m, operation in ops.items()}
    told = {route: each["x-least-role"] for route, each in operations.items() if each["security"]}
    assert {route: each["x-signed-by"] for route, each in operations.items() if not each["security"]} == SIGNED
    assert told == LEAST_ROLE
    assert all("default" in each["responses"] for each in operations.values())
    assert "http" not in json.dumps(paths).replace("http_error", "").replace("http_status", "").replace("http(s)", "")


if __name__ == "__main__":
    GOLDEN.write_text(json.dumps(House().app.openapi(), indent=2, ensure_ascii=False) + "\n")
