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
