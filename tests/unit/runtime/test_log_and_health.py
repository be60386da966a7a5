"""Logs keep tokens to themselves; health says what is missing."""

import json
import logging

import httpx
import pytest
import structlog

from services.runtime import health, log, metrics
from services.runtime.health import Health
from services.runtime.settings import HealthSettings, LogSettings


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://hooks.slack.example/services/T0/B0/xyz", "https://hooks.slack.example/…"),
        ("https://user:pw@feeds.example/rss?key=1", "https://feeds.example/…"),
        ("https://feeds.example", "https://feeds.example"),
        ("https://feeds.example?token=1", "https://feeds.example/…"),
        ("cannot reach https://a.example/t0ken now", "cannot reach https://a.example/… now"),
    ],
)
def test_a_url_is_shown_without_what_could_be_a_password(url: str, shown: str) -> None:
    assert log.without_token(url) == shown


def test_a_line_is_json_with_its_service_and_bound_ids(capsys: pytest.CaptureFixture[str]) -> None:
    log.configure(LogSettings(format="json"), "ingest")
    with structlog.contextvars.bound_contextvars(feed_id="feed_1"):
        structlog.get_logger().info("feed.polled", status="ok")
        logging.getLogger("aiokafka").warning("from a library")
    ours, theirs = (json.loads(line) for line in capsys.readouterr().err.splitlines())
    assert {
        "event": "feed.polled",
        "status": "ok",
        "service": "ingest",
        "feed_id": "feed_1",
        "level": "info",
    }.items() <= ours.items()
    assert theirs["event"] == "from a library"


def said(*messages: str, after_s: float = 0) -> list[str]:
    """What comes through of what a library says, one word a second, and the last after a pause."""
    seconds = iter([*range(len(messages) - 1), len(messages) - 1 + after_s])
    once, through = log.SaidOnce(every_s=10, clock=lambda: next(seconds)), list[str]()
    for message in messages:
        record = logging.LogRecord("library", logging.ERROR, "", 0, "%s", (message,), None)
        if once.filter(record):
            through.append(record.getMessage())
    return through


def test_what_a_library_repeats_is_told_once_in_a_while_with_how_often() -> None:
    assert said("no broker", "no broker", "another", "no broker") == ["no broker", "another"]
    assert said("100%", "100%", "100%", "100%", after_s=10) == ["100%", "100% (and 2 times before)"]
    assert said("no broker", "no broker", after_s=9) == ["no broker", "no broker"]


def test_what_is_remembered_of_it_is_bounded() -> None:
    many = [f"line {number}" for number in range(log.SaidOnce.MOST)]
    assert said(*many, "line 999") == many
    assert len(said(*many, "one more", "line 0")) == len(many) + 2


async def test_a_service_is_ready_when_every_condition_is_met() -> None:
    state = Health("broker", "rules")
    async with health.serve(state, HealthSettings(port=0)) as port, httpx.AsyncClient() as http:
        url = f"http://127.0.0.1:{port}"
        assert (await http.get(f"{url}/live")).status_code == 200
        state.set("broker")
        waiting = await http.get(f"{url}/ready")
        assert (waiting.status_code, waiting.json()["conditions"]) == (503, {"broker": True, "rules": False})
        state.set("rules")
        assert (await http.get(f"{url}/ready")).status_code == 200
        metrics.DEAD_LETTERS.labels("test", "not_json").inc()
        shown = (await http.get(f"{url}/metrics")).text
        assert 'chancery_dead_letters_total{error_class="not_json",service="test"}' in shown
        assert (await http.get(f"{url}/else")).status_code == 404
