"""The receiver in a process of its own, sent what a good, a repeating and a forging sender would send."""

import base64
import json
import signal
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from standardwebhooks import Webhook

from deploy.demo.receiver import MAX_BYTES
from tests.unit.demo.conftest import Server, Start

SECRET = "whsec_" + base64.b64encode(b"demo secret of thirty-two bytes!").decode()
OTHER = "whsec_" + base64.b64encode(b"another one of thirty-two bytes!").decode()
BODY = '{"type": "alert.opened", "data": {"headline": "Ракеты"}}'


@pytest.fixture
def server(start: Start) -> Server:
    return start("deploy.demo.receiver", "--secret", SECRET)


@pytest.fixture
def client(server: Server) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.url) as client:
        yield client


def signed(
    webhook_id: str = "dlv_1", secret: str = SECRET, body: str = BODY, age: timedelta = timedelta()
) -> dict[str, str]:
    at = datetime.now(UTC) - age
    return {
        "webhook-id": webhook_id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": Webhook(secret).sign(webhook_id, at, body),
    }


def test_what_is_signed_is_taken_and_a_repetition_is_known(server: Server, client: httpx.Client) -> None:
    for duplicate in (False, True):
        assert client.post("/webhook", content=BODY, headers=signed()).status_code == 204
        line = server.next_line()
        assert (line["event"], line["webhook_id"]) == ("webhook.verified", "dlv_1")
        assert line["duplicate"] is duplicate
        assert datetime.fromisoformat(str(line["received_at"])).tzinfo is not None
    received = client.get("/received").json()
    assert [entry["payload"] for entry in received] == [json.loads(BODY)] * 2
    assert [entry["duplicate"] for entry in received] == [False, True]


@pytest.mark.parametrize(
    ("headers", "reason"),
    [
        (dict, "Missing required headers"),
        (lambda: signed(secret=OTHER), "No matching signature found"),
        (lambda: signed(body="{}"), "No matching signature found"),
        (lambda: signed() | {"webhook-id": "dlv_2"}, "No matching signature found"),
        (lambda: signed(age=timedelta(minutes=20)), "Message timestamp too old"),
        (lambda: signed(age=timedelta(minutes=-20)), "Message timestamp too new"),
        (lambda: signed() | {"webhook-timestamp": "soon"}, "Invalid Signature Headers"),
        (lambda: signed() | {"webhook-signature": "v1"}, "not enough values to unpack (expected 2, got 1)"),
        (lambda: signed() | {"webhook-signature": "v1,x"}, ""),
    ],
)
def test_what_is_not_signed_is_refused(
    server: Server, client: httpx.Client, headers: Callable[[], dict[str, str]], reason: str
) -> None:
    assert client.post("/webhook", content=BODY, headers=headers()).status_code == 401
    line = server.next_line()
    assert line["event"] == "webhook.refused"
    assert reason in str(line["reason"])
    assert SECRET not in json.dumps(line)


def test_a_refused_request_is_not_the_first_of_a_duplicate(server: Server, client: httpx.Client) -> None:
    client.post("/webhook", content=BODY, headers=signed(secret=OTHER))
    client.post("/webhook", content=BODY, headers=signed())
    assert [server.next_line()["duplicate"], server.next_line()["duplicate"]] == [False, False]


def test_the_secret_may_stand_in_a_file(start: Start, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(f"{SECRET}\n")
    server = start("deploy.demo.receiver", "--secret-file", str(tmp_path / "secret"))
    assert httpx.post(f"{server.url}/webhook", content=BODY, headers=signed()).status_code == 204


def test_slack_takes_a_message(server: Server, client: httpx.Client) -> None:
    for duplicate in (False, True):
        answer = client.post("/slack", json={"text": "Rockets", "blocks": [{"type": "divider"}]})
        assert (answer.status_code, answer.text) == (200, "ok")
        line = server.next_line()
        assert (line["event"], line["webhook_id"], line["duplicate"]) == ("slack.received", None, duplicate)


@pytest.mark.parametrize(
    ("body", "word"),
    [
        (b"{", "invalid_payload"),
        (b"\xff", "invalid_payload"),
        (b"[" * 100_000, "invalid_payload"),
        (b"{}", "no_text"),
        (b'{"blocks": [{"type": "carpet"}]}', "invalid_blocks"),
    ],
)
def test_slack_answers_a_bad_message_with_its_word(
    server: Server, client: httpx.Client, body: bytes, word: str
) -> None:
    answer = client.post("/slack", content=body)
    assert (answer.status_code, answer.text) == (400, word)
    line = server.next_line()
    assert line["event"] == "slack.refused"
    assert str(line["reason"]).startswith(f"{word}: ")


@pytest.mark.parametrize("path", ["/webhook", "/slack"])
def test_an_endless_body_is_cut_off(server: Server, client: httpx.Client, path: str) -> None:
    assert client.post(path, content=b"x" * (MAX_BYTES + 1)).status_code == 413
    assert "longer" in str(server.next_line()["reason"])


def test_health_and_a_clean_end(server: Server, client: httpx.Client) -> None:
    assert client.get("/healthz").json() == {"status": "ok"}
    assert client.get("/received").json() == []
    server.process.send_signal(signal.SIGTERM)
    assert server.process.wait(timeout=10) == 0
