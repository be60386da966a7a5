"""An analyst's verdict on a running chain: what was told is taken back, and becomes a case to measure by."""

import asyncio
import json
import sys
from pathlib import Path

import pytest

from services.contracts.alert import Alert, ChangeKind
from services.contracts.audit import AuditEntry
from services.contracts.model import Record
from services.contracts.topics import ALERTS, ARTICLES, AUDIT
from services.launch.supervisor import Program, Supervisor
from services.runtime.kafka import Publisher
from services.runtime.settings import Settings, environment_of
from tests.contracts.examples import ARTICLE
from tests.integration.chain import everything_on
from tests.integration.conftest import on_embedded
from tests.integration.test_cli import chancery

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

TEXT = "Two rockets hit the French embassy in Bamako on Monday, police said. Nobody was hurt."


async def _alerts(settings: Settings, number: int) -> list[Alert]:
    """The alerts of the topic once there are so many."""
    found: list[Record] = []
    async with asyncio.timeout(120):
        while len(found) < number:
            found = (await everything_on(settings, ALERTS))[ALERTS]
    return [each for each in found if isinstance(each, Alert)]


@on_embedded
async def test_a_false_alarm_is_taken_back_and_exported(kafka: Settings, tmp_path: Path) -> None:
    article = ARTICLE.model_copy(update={"title": "", "text": TEXT, "language_hint": "en"})
    worker = Supervisor(tmp_path, lambda *_: None)
    command = [sys.executable, "-m", "services.cli", "classify-worker"]
    await worker.start(Program("classify", command, environment_of(kafka)))
    try:
        async with Publisher(kafka, "/chancery/test") as publisher:
            await publisher.publish(ARTICLES, article)
        (opened,) = await _alerts(kafka, 1)
        incident_id = opened.incident.incident_id
        given = await asyncio.to_thread(
            chancery, kafka, "feedback", "reject", incident_id[:12], "--why", "a test text", "--author", "ana"
        )
        assert given.returncode == 0, given.stderr
        _, taken_back = await _alerts(kafka, 2)
    finally:
        await worker.end()
    assert (opened.change, taken_back.change) == (ChangeKind.OPENED, ChangeKind.RETRACTED)
    assert taken_back.reason == "judged a false alarm by ana: a test text"
    exported = await asyncio.to_thread(chancery, kafka, "feedback", "export")
    (row,) = [json.loads(line) for line in exported.stdout.splitlines()]
    assert (row["text"], row["expect"]["alerts"], row["verdicts"][0]["by"]) == (TEXT, 0, "ana")
    listed = await asyncio.to_thread(chancery, kafka, "feedback", "list", "--json")
    assert [each["incident_id"] for each in json.loads(listed.stdout)] == [incident_id]
    (entry,) = (await everything_on(kafka, AUDIT))[AUDIT]
    assert isinstance(entry, AuditEntry)
    assert (entry.action, entry.target) == ("feedback.added", f"{incident_id}-1-ana-false_alarm")
    assert entry.actor.startswith("cli:")
