"""An article becomes an incident before the eyes of who looks: the stream, its source's text, and the verdict on it."""

import asyncio
import contextlib
from pathlib import Path

import httpx
import pytest

from services.contracts import ids
from services.contracts.topics import ARTICLES
from services.runtime.kafka import Publisher
from services.runtime.settings import Settings
from tests.contracts.examples import ARTICLE
from tests.integration.conftest import on_embedded
from tests.integration.test_console import of, serving_console
from tests.integration.test_judgement import TEXT
from tests.integration.workers import Worker
from tests.unit.console.test_alerts import Event, Reading
from tests.unit.ingest.fakes import utc_now

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]


async def _until(reading: Reading, name: str, status: str) -> Event:
    """The first such event."""
    async with asyncio.timeout(150):
        while True:
            event = await reading.next(within_s=150)
            assert event is not None
            if event.name == name and event.data.get("incident", event.data)["status"] == status:
                return event


@on_embedded
async def test_an_incident_arrives_live_with_its_source_and_is_taken_back_by_a_verdict(
    kafka: Settings, tmp_path: Path
) -> None:
    article = ARTICLE.model_copy(update={"title": "", "text": TEXT, "language_hint": "en", "fetched_at": utc_now()})
    others = [
        article.model_copy(update={"article_id": ids.article_id(article.source.feed_id, str(n)), "text": "Nothing."})
        for n in range(50)
    ]
    async with (
        serving_console(kafka) as client,
        Worker(kafka, tmp_path / "worker.log"),
        Publisher(kafka, "/chancery/test") as publisher,
        client.stream("GET", "/v1/alerts/stream?host_state=ML", timeout=200) as answer,
    ):
        reading = Reading(answer)
        assert (await reading.next() or ("",))[0] == "ready"
        await publisher.publish(ARTICLES, *others, article, *others)
        told = (await _until(reading, "alert", "open")).data
        incident_id = told["incident"]["incident_id"]
        assert (told["change"], told["incident"]["site"]["city"]) == ("opened", "Bamako")

        known = of(await client.get(f"/v1/incidents/{incident_id}"))
        assert [each["alert_id"] for each in known["alerts"]] == [told["alert_id"]]
        (claim,) = known["incident"]["claims"]
        source = of(await client.get(f"/v1/incidents/{incident_id}/sources/{claim['article_id']}"))
        assert "".join(piece["text"] for piece in source["pieces"]) == TEXT
        assert source["report_kept"] is True
        weapons = {TEXT[each["start"] : each["end"]] for each in source["spans"] if "weapon" in each["fields"]}
        assert weapons == {"rockets"}

        judged = {"verdict": "false_alarm", "why": "a test text"}
        of(await client.post(f"/v1/incidents/{incident_id}/verdict", json=judged), 201)
        taken_back = await _until(reading, "alert", "retracted")
        assert taken_back.data["reason"] == "judged a false alarm by the admin: a test text"
        listed = of(await client.get("/v1/incidents?status=retracted"))
        assert [each["incident_id"] for each in listed["items"]] == [incident_id]
        cap = await client.get(f"/v1/incidents/{incident_id}/cap")
        assert "<msgType>Cancel</msgType>" in cap.text
        assert told["alert_id"] in cap.text


@on_embedded
async def test_the_end_of_the_console_ends_its_streams(kafka: Settings) -> None:
    async with contextlib.AsyncExitStack() as looking:
        async with serving_console(kafka) as client:
            viewer = httpx.AsyncClient(base_url=client.base_url, headers=client.headers)
            await looking.enter_async_context(viewer)
            answer = await looking.enter_async_context(viewer.stream("GET", "/v1/alerts/stream"))
            reading = Reading(answer)
            await reading.next()
            ending = asyncio.create_task(reading.next())
        assert await ending is None
