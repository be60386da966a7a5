"""The console on real brokers: what is changed over REST is what ingest does, and what the next request sees."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from aiokafka import AIOKafkaProducer
from typer.testing import CliRunner

from services.cli import app as chancery
from services.console.adapters.audited import watch
from services.console.app import BROKER, LISTENING, LOADED, console
from services.contracts.audit import AuditEntry
from services.contracts.dead_letter import DeadLetter
from services.contracts.feed import PollStatus
from services.contracts.token import Role, issued
from services.contracts.topics import AUDIT, DEAD_LETTERS, FEEDS, TOKENS
from services.ingest.core import opml
from services.launch.broker import free_port
from services.runtime.health import Health
from services.runtime.kafka import Publisher, connection
from services.runtime.settings import Settings, environment_of
from services.runtime.topic_table import snapshot
from tests.integration.conftest import on_embedded
from tests.integration.test_ingest import ingesting, quick, reading
from tests.unit.console.house import SECRETS, TOKEN_OF
from tests.unit.ingest.documents import GOOD_RSS, item, rss
from tests.unit.ingest.fakes import feed_at, utc_now
from tests.unit.ingest.server import answer, serving

pytestmark = pytest.mark.integration


@asynccontextmanager
async def serving_console(settings: Settings, role: Role = Role.ADMIN) -> AsyncIterator[httpx.AsyncClient]:
    """The service, with a token of every role, and a client of it."""
    port = free_port()
    wanted = settings.model_copy(update={"console": settings.console.model_copy(update={"port": port})})
    async with Publisher(settings, "/chancery/test") as publisher:
        await publisher.publish(TOKENS, *TOKEN_OF.values())
    ready = asyncio.Event()

    class Waiting(Health):
        def set(self, condition: str, met: bool = True) -> None:
            super().set(condition, met)
            if self.ready:
                ready.set()

    stop = asyncio.Event()
    running = asyncio.create_task(console(wanted, Waiting(BROKER, LOADED, LISTENING), stop))
    waiting = asyncio.create_task(ready.wait())
    try:
        async with asyncio.timeout(60):
            await asyncio.wait([running, waiting], return_when=asyncio.FIRST_COMPLETED)
        if running.done():
            running.result()
        headers = {"authorization": f"Bearer {SECRETS[role]}"}
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=30) as client:
            yield client
    finally:
        waiting.cancel()
        stop.set()
        await running


def of(answered: httpx.Response, status: int = 200) -> Any:
    assert answered.status_code == status, answered.text
    return answered.json()


async def until(
    client: httpx.AsyncClient, path: str, holds: Callable[[httpx.Response], bool], **headers: str
) -> httpx.Response:
    """The first answer that holds."""
    async with asyncio.timeout(30):
        while not holds(answered := await client.get(path, headers=headers)):
            pass
    return answered


@on_embedded
async def test_a_feed_added_over_rest_is_polled_and_its_articles_arrive(kafka: Settings) -> None:
    routes = {"/rss": answer(200, GOOD_RSS, ETag='"1"'), "/other": answer(200, rss(item("other")))}
    async with (
        serving(routes) as server,
        reading(kafka) as reader,
        ingesting(quick(kafka)),
        serving_console(kafka, Role.OPERATOR) as client,
    ):
        added = of(await client.post("/v1/feeds", json={"url": server.url("/rss"), "grade": "B"}), 201)
        await reader.until(lambda: len(reader.articles) == 2 and added["feed_id"] in reader.states)
        assert {article.source.grade for article in reader.articles} == {"B"}
        where = f"/v1/feeds/{added['feed_id']}"
        # the state reaches the console by itself
        told = of(await until(client, where, lambda answered: of(answered)["poll"] is not None))
        assert (told["poll"]["status"], told["poll"]["entries"]) == ("ok", 2)

        paused = {"url": server.url("/other"), "enabled": False}
        other = of(await client.post("/v1/feeds", json=paused), 201)
        of(await client.patch(where, json={"title": "Harbour"}))
        assert other["feed_id"] not in reader.states
        of(await client.patch(f"/v1/feeds/{other['feed_id']}", json={"enabled": True}))
        await reader.until(lambda: other["feed_id"] in reader.states)
        assert (await client.delete(where)).status_code == 204
        await reader.until(lambda: added["feed_id"] not in reader.states)
        assert len(server.asked("/rss")) == 1


async def test_whoever_changes_something_sees_it_at_once_and_every_change_is_audited(kafka: Settings) -> None:
    async with serving_console(kafka) as client:
        for n in range(20):
            feed = of(await client.post("/v1/feeds", json={"url": f"https://{n}.example/"}), 201)
            where = f"/v1/feeds/{feed['feed_id']}"
            assert of(await client.get("/v1/feeds"))["total"] == 1
            of(await client.patch(where, json={"title": str(n)}))
            assert of(await client.get(where))["title"] == str(n)
            assert (await client.delete(where)).status_code == 204
            assert (await client.get(where)).status_code == 404
            assert of(await client.get("/v1/feeds"))["items"] == []
    entries = (await snapshot(kafka, [AUDIT])).values(AUDIT)
    # a table keeps the last entry of each target: here the removals
    assert [e.action for e in entries if isinstance(e, AuditEntry)] == ["feed.removed"] * 20


async def test_changes_at_the_same_time_lose_nothing(kafka: Settings) -> None:
    async with serving_console(kafka) as client:
        feed = of(await client.post("/v1/feeds", json={"url": "https://a.example/"}), 201)
        where = f"/v1/feeds/{feed['feed_id']}"
        tag = (await client.get(where)).headers["etag"]
        patches = ({"title": "A"}, {"language": "fr"}, {"country": "FR"}, {"grade": "B"}, {"full_text": True})
        for done in await asyncio.gather(*(client.patch(where, json=patch) for patch in patches)):
            assert done.status_code == 200
        told = of(await client.get(where))
        assert all(told.items() >= patch.items() for patch in patches)
        racing = await asyncio.gather(
            *(client.patch(where, json={"title": str(n)}, headers={"if-match": tag}) for n in range(5))
        )
        assert {answered.status_code for answered in racing} == {412}
        tag = (await client.get(where)).headers["etag"]
        racing = await asyncio.gather(
            *(client.patch(where, json={"title": str(n)}, headers={"if-match": tag}) for n in range(5))
        )
        assert sorted(answered.status_code for answered in racing) == [200, 412, 412, 412, 412]


async def test_what_others_write_is_seen(kafka: Settings) -> None:
    feed = feed_at("https://a.example/")
    async with serving_console(kafka, Role.VIEWER) as client, Publisher(kafka, "/chancery/test") as publisher:
        await publisher.publish(FEEDS, feed)
        told = of(await until(client, "/v1/feeds", lambda answered: bool(of(answered)["items"])))
        assert told["items"][0]["url"] == feed.url
        token = issued("chancery_late", name="late", role=Role.VIEWER, now=utc_now())
        await publisher.publish(TOKENS, token)
        late = {"authorization": "Bearer chancery_late"}
        await until(client, "/v1/feeds", lambda answered: answered.status_code == 200, **late)
        await publisher.publish(TOKENS, token.model_copy(update={"revoked": True}))
        await until(client, "/v1/feeds", lambda answered: answered.status_code == 401, **late)


async def test_what_nobody_can_read_stops_nothing_and_is_buried_by_whose_work_it_is(kafka: Settings) -> None:
    async with Publisher(kafka, "/chancery/test") as publisher, AIOKafkaProducer(**connection(kafka.kafka)) as producer:
        for topic in (FEEDS, TOKENS):
            await producer.send_and_wait(topic.in_namespace(kafka.topics.namespace), b"no JSON", key=b"x")
        await publisher.publish(FEEDS, feed_at("https://a.example/"))
        async with serving_console(kafka) as client:
            assert of(await client.get("/v1/feeds"))["total"] == 1
    letters = (await snapshot(kafka, [DEAD_LETTERS])).values(DEAD_LETTERS)
    assert [(each.service, each.topic) for each in letters if isinstance(each, DeadLetter)] == [
        ("console", TOKENS.in_namespace(kafka.topics.namespace))
    ]


@on_embedded
async def test_a_check_goes_through_the_guard_and_the_parser(kafka: Settings) -> None:
    async with serving({"/rss": answer(200, GOOD_RSS)}) as server:
        wanted = {"url": server.url("/rss")}
        async with serving_console(kafka) as client:
            told = of(await client.post("/v1/feeds/check", json=wanted))
            assert (told["status"], told["format"], told["entries"], told["articles"]) == ("ok", "RSS 2.0", 2, 2)
            assert of(await client.get("/v1/feeds"))["items"] == []
        guarded = kafka.model_copy(update={"egress": kafka.egress.model_copy(update={"allow_private": ()})})
        asked = len(server.requests)
        async with serving_console(guarded) as client:
            for url in (wanted["url"], "http://localhost:1/", "http://[::1]:1/", "http://169.254.169.254/latest"):
                refused = of(await client.post("/v1/feeds/check", json={"url": url}))
                assert (refused["status"], refused["bytes"]) == (PollStatus.REFUSED, 0)
                assert "not a public address" in refused["reason"]
        assert len(server.requests) == asked


@on_embedded
async def test_many_feeds_are_imported_and_exported(kafka: Settings) -> None:
    feeds = [feed_at(f"https://{n}.example/rss") for n in range(2_000)]
    async with serving_console(kafka) as client:
        told = of(await client.post("/v1/feeds/import", content=opml.write(feeds)))
        assert (len(told["added"]), told["problems"]) == (2_000, [])
        exported = await client.get("/v1/feeds/export")
        assert {feed.url for feed in opml.read(exported.content).feeds} == {feed.url for feed in feeds}
        again = of(await client.post("/v1/feeds/import", content=exported.content))
        assert (again["added"], again["changed"], len(again["unchanged"])) == ([], [], 2_000)


@on_embedded
async def test_what_is_watched_once_more_stays_moved_and_paused(kafka: Settings) -> None:
    first, second = feed_at("https://a.example/rss"), feed_at("https://b.example/rss")
    moved = first.model_copy(update={"url": "https://c.example/rss", "enabled": False})
    async with Publisher(kafka, "/chancery/test") as publisher:
        await publisher.publish(FEEDS, moved)
        assert await watch(kafka, publisher, [first, second]) == [
            moved.model_copy(update={"title": first.title}),
            second,
        ]
    found = await snapshot(kafka, [FEEDS, AUDIT])
    assert {feed.record_id: feed for feed in found.values(FEEDS)} == {
        first.feed_id: moved,
        second.feed_id: second,
    }
    assert {entry.action for entry in found.values(AUDIT) if isinstance(entry, AuditEntry)} == {"feed.added"}


@on_embedded
def test_tokens_are_made_listed_and_revoked_by_the_command(kafka: Settings) -> None:
    def run(*arguments: str, exits: int = 0) -> str:
        result = CliRunner().invoke(chancery, ["tokens", *arguments], env=environment_of(kafka))
        assert result.exit_code == exits, result.output
        return result.stdout if exits == 0 else result.output

    made = json.loads(run("create", "--name", "desk", "--role", "operator", "--expires", "90d", "--json"))
    secret = made["secret"]
    assert len(secret) == len("chancery_") + 43
    shown = run("create", "--name", "wall screen")
    assert "viewer wall screen" in shown
    listed = json.loads(run("list", "--json"))
    assert {(token["name"], token["role"]) for token in listed} == {("desk", "operator"), ("wall screen", "viewer")}
    assert "secret_hash" not in run("list", "--json")
    assert secret not in run("list")

    async def status(client: httpx.AsyncClient) -> int:
        return (await client.get("/v1/feeds", headers={"authorization": f"Bearer {secret}"})).status_code

    async def used() -> int:
        async with serving_console(kafka) as client:
            return await status(client)

    assert asyncio.run(used()) == 200
    assert "revoked desk" in run("revoke", "desk")
    assert asyncio.run(used()) == 401
    assert "no token desk" in run("revoke", "desk", exits=1)
    assert "--expires" in run("create", "--name", "x", "--expires", "soon", exits=2)
    assert "--name" in run("create", "--name", "", exits=2)

    async def audited() -> list[AuditEntry]:
        found = (await snapshot(kafka, [AUDIT, TOKENS])).values(AUDIT)
        return [entry for entry in found if isinstance(entry, AuditEntry)]

    entries = asyncio.run(audited())
    assert sorted(entry.action for entry in entries) == ["token.added", "token.changed"]
    assert all(entry.actor.startswith("cli:") for entry in entries)
