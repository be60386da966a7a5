"""Ingest on real brokers: from feeds over HTTP to articles and states, through restarts, replicas and kills."""

import asyncio
import json
import os
import signal
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer
from typer.testing import CliRunner

from services.cli import app as chancery
from services.contracts.article import Article, PageProblem, TextOrigin
from services.contracts.audit import AuditEntry, FieldChange
from services.contracts.dead_letter import DeadLetter
from services.contracts.feed import Feed, FeedState, LeaseStatus, PollStatus
from services.contracts.ids import FeedId
from services.contracts.model import Record
from services.contracts.topics import ARTICLES, AUDIT, DEAD_LETTERS, FEED_STATES, FEEDS, Topic
from services.ingest.app import ingest
from services.ingest.core import opml, websub
from services.launch import broker
from services.runtime.dead_letters import DeadLetterBox
from services.runtime.health import Health
from services.runtime.kafka import Publisher, connection
from services.runtime.settings import Settings, environment_of
from services.runtime.topic_table import TopicTable, snapshot
from tests.integration.conftest import on_embedded
from tests.unit.ingest.documents import GOOD_RSS, WEB_PAGE, item, rss
from tests.unit.ingest.fakes import feed_at
from tests.unit.ingest.local_hub import LocalHub
from tests.unit.ingest.pages import BODY, LEAD, TITLE, web_page
from tests.unit.ingest.server import Handler, Request, answer, serving

pytestmark = pytest.mark.integration


class Reader:
    """What stands on some topics, and a way to wait for it."""

    def __init__(self) -> None:
        self.articles: list[Article] = []
        self.states: dict[str, FeedState] = {}
        self.letters: list[DeadLetter] = []
        self.publisher: Publisher
        self._changed = asyncio.Event()

    def note(self, _: Topic, key: str, record: Record | None) -> None:
        match record:
            case Article():
                self.articles.append(record)
            case FeedState():
                self.states[key] = record
            case DeadLetter():
                self.letters.append(record)
            case None:
                self.states.pop(key, None)
        self._changed.set()

    async def until(self, holds: Callable[[], bool]) -> None:
        async with asyncio.timeout(60):
            while not holds():
                self._changed.clear()
                await self._changed.wait()


@asynccontextmanager
async def reading(settings: Settings) -> AsyncIterator[Reader]:
    reader, stop = Reader(), asyncio.Event()
    async with Publisher(settings, "/chancery/test") as reader.publisher:
        letters = DeadLetterBox(reader.publisher, "test")
        table = TopicTable(settings, [ARTICLES, FEED_STATES, DEAD_LETTERS], letters, on_change=reader.note)
        running = asyncio.create_task(table.run(stop))
        await table.loaded()
        try:
            yield reader
        finally:
            stop.set()
            await running


@asynccontextmanager
async def ingesting(settings: Settings) -> AsyncIterator[Health]:
    """The service, started and stopped."""
    health, stop = Health("broker", "feeds_loaded"), asyncio.Event()
    running = asyncio.create_task(ingest(settings, health, stop))
    try:
        yield health
    finally:
        stop.set()
        await running


def quick(settings: Settings, interval_s: float = 600) -> Settings:
    wanted = settings.ingest.model_copy(update={"interval_s": interval_s, "timeout_s": 2.0})
    return settings.model_copy(update={"ingest": wanted})


FEEDS_OF: Mapping[str, Handler] = {
    "/good": answer(200, GOOD_RSS, etag='"1"'),
    "/page": answer(200, WEB_PAGE),
    "/error": answer(500),
}


async def test_feeds_become_articles_and_states(kafka: Settings) -> None:
    async with serving(FEEDS_OF) as server, reading(kafka) as reader:
        feeds = {path: feed_at(server.url(path)) for path in FEEDS_OF}
        await reader.publisher.publish(FEEDS, *feeds.values())
        async with ingesting(quick(kafka)) as health:
            await reader.until(lambda: len(reader.states) == 3 and len(reader.articles) == 2)
            assert health.ready
    assert sorted((a.title, a.text, a.backlog) for a in reader.articles) == [
        ("First", "Only a summary.", True),
        ("Second & last", "First paragraph.\nSecond paragraph.", True),
    ]
    states = {path: reader.states[feed.feed_id] for path, feed in feeds.items()}
    assert {path: state.status for path, state in states.items()} == {
        "/good": PollStatus.OK,
        "/page": PollStatus.NOT_A_FEED,
        "/error": PollStatus.HTTP_ERROR,
    }
    assert states["/good"].etag == '"1"'
    assert str(reader.articles[0].watermark_at) == "2020-12-21 08:00:00+03:00"


@on_embedded
async def test_the_text_of_the_page_arrives_in_the_article(kafka: Settings) -> None:
    """Where the feed allows it and robots.txt does; a later edit of the entry is a revision, the page alone is none."""
    entries = [item("open") + "<link>/open</link>", item("private") + "<link>/private/1</link>"]
    entries = [entry.replace("Text of", f"{LEAD} Text of") for entry in entries]
    routes = {
        "/rss": answer(200, rss(*entries)),
        "/robots.txt": answer(200, b"User-agent: *\nDisallow: /private"),
        "/open": answer(200, web_page(*BODY), content_type="text/html"),
        "/private/1": answer(200, web_page(*BODY), content_type="text/html"),
    }
    async with serving(routes) as server, reading(kafka) as reader:
        feed = feed_at(server.url("/rss")).model_copy(update={"full_text": True})
        await reader.publisher.publish(FEEDS, feed)
        async with ingesting(quick(kafka, interval_s=1)):
            await reader.until(lambda: len(reader.articles) == 2)
            await reader.until(lambda: len(server.asked("/rss")) >= 3)
            edited = entries[0].replace("Text of", "Edited text of")
            server.routes["/rss"] = answer(200, rss(edited, entries[1]))
            await reader.until(lambda: len(reader.articles) == 3)
    articles = {(a.title, a.revision): a for a in reader.articles}
    opened, private, edit = articles["open", 1], articles["private", 1], articles["open", 2]
    for article, lead in ((opened, f"{LEAD} Text of open"), (edit, f"{LEAD} Edited text of open")):
        assert (article.text_origin, article.page_problem) == (TextOrigin.PAGE, None)
        assert article.text == "\n".join((lead, TITLE, *BODY))
    assert (private.text_origin, private.page_problem) == (TextOrigin.SUMMARY, PageProblem.DISALLOWED)
    assert private.text == f"{LEAD} Text of private"
    assert edit.article_id == opened.article_id
    assert len(server.asked("/robots.txt")) == 1
    assert len(server.asked("/open")) == 2
    assert server.asked("/private/1") == []


async def test_a_restart_polls_nobody_early_and_repeats_nothing(kafka: Settings) -> None:
    async with serving(FEEDS_OF) as server, reading(kafka) as reader:
        await reader.publisher.publish(FEEDS, feed_at(server.url("/good")))
        async with ingesting(quick(kafka)):
            await reader.until(lambda: len(reader.states) == 1)
        late = feed_at(server.url("/error"))
        await reader.publisher.publish(FEEDS, late)
        async with ingesting(quick(kafka)):
            await reader.until(lambda: late.feed_id in reader.states)
        assert len(server.asked("/good")) == 1
        assert len(reader.articles) == 2


@on_embedded
async def test_changes_on_the_topic_take_effect_while_running(kafka: Settings) -> None:
    async with serving(FEEDS_OF) as server, reading(kafka) as reader, ingesting(quick(kafka)):
        good, other = feed_at(server.url("/good")), feed_at(server.url("/page"))
        await reader.publisher.publish(FEEDS, good.model_copy(update={"enabled": False}))
        await reader.publisher.publish(FEEDS, other)
        await reader.until(lambda: other.feed_id in reader.states)
        assert good.feed_id not in reader.states
        await reader.publisher.publish(FEEDS, good)
        await reader.until(lambda: good.feed_id in reader.states)
        moved = other.model_copy(update={"url": server.url("/error")})
        await reader.publisher.publish(FEEDS, moved)
        await reader.until(lambda: reader.states[other.feed_id].status is PollStatus.HTTP_ERROR)
        await reader.publisher.delete(FEEDS, good.feed_id)
        await reader.until(lambda: good.feed_id not in reader.states)
        assert len(server.asked("/good")) == 1


@on_embedded
async def test_a_feed_nobody_can_read_is_a_dead_letter_and_stops_no_other(kafka: Settings) -> None:
    async with serving(FEEDS_OF) as server, reading(kafka) as reader:
        producer = AIOKafkaProducer(**connection(kafka.kafka))
        async with producer:
            await producer.send_and_wait(FEEDS.in_namespace(kafka.topics.namespace), b"no JSON", key=b"feed_x")
        await reader.publisher.publish(FEEDS, feed_at(server.url("/good")))
        async with ingesting(quick(kafka)):
            await reader.until(lambda: len(reader.articles) == 2 and bool(reader.letters))
    assert {(letter.service, letter.original_value) for letter in reader.letters} == {("ingest", b"no JSON")}


async def test_replicas_share_feeds_and_take_over(kafka: Settings) -> None:
    """Two replicas poll each feed once; when one stops the other goes on with its states, and polls nobody early."""
    paths = [f"/{n}" for n in range(24)]
    routes = {path: answer(200, rss(item(path)), etag=f'"{path}"') for path in paths}
    async with serving(routes) as server, reading(kafka) as reader:
        feeds = [feed_at(server.url(path)) for path in paths]
        async with ingesting(quick(kafka, interval_s=12)):
            async with ingesting(quick(kafka, interval_s=12)):
                await reader.publisher.publish(FEEDS, *feeds)
                await reader.until(lambda: len(reader.states) == len(feeds))
                assert Counter(request.path for request in server.requests) == dict.fromkeys(paths, 1)
            first = dict(reader.states)
            await reader.until(lambda: all(reader.states[f.feed_id] != first[f.feed_id] for f in feeds))
    assert Counter(request.path for request in server.requests) == dict.fromkeys(paths, 2)
    for path in paths:
        assert server.asked(path)[1].headers["if-none-match"] == f'"{path}"'
    for state in first.values():
        again = reader.states[state.feed_id]
        assert state.next_poll_at is not None
        assert again.last_poll_at is not None
        assert again.last_poll_at >= state.next_poll_at
    assert len(reader.articles) == len(paths)


async def test_a_push_brings_an_article_long_before_the_poll(kafka: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """The interval is an hour and a half: what comes after the first poll is pushed. The second replica has an address
    of its own, takes the feed over, and is pushed to there."""
    monkeypatch.setattr(websub, "BETWEEN_POLLS", timedelta(0))
    hub, path, titles = LocalHub(), "/feed", list[str]()
    async with serving({"/hub": hub.handle}) as server, reading(kafka) as reader:
        feed = feed_at(server.url(path))
        link = '<a:link xmlns:a="http://www.w3.org/2005/Atom" rel="{}" href="{}"/>'
        head = link.format("hub", server.url("/hub")) + link.format("self", feed.url)
        server.routes[path] = answer(200, rss(head=head))
        await reader.publisher.publish(FEEDS, feed)

        def leased(callback: str) -> bool:
            lease = reader.states[feed.feed_id].lease if feed.feed_id in reader.states else None
            return lease is not None and (lease.callback, lease.status) == (callback, LeaseStatus.LIVE)

        def subscribed(callback: str) -> bool:
            return any(name[1].startswith(f"{callback}/") for name in hub.subscriptions)

        for title in ("pushed to one", "pushed to the other"):
            settings, callback = reachable(quick(kafka, interval_s=5_400))
            async with ingesting(settings):
                await reader.until(partial(leased, callback))
                titles.append(title)
                server.routes[path] = answer(200, rss(*map(item, titles), head=head))
                await hub.until(partial(subscribed, callback))
                name = next(name for name in hub.subscriptions if name[1].startswith(f"{callback}/"))
                assert await hub.push(name, b"whatever it says") == 202
                await reader.until(lambda: [article.title for article in reader.articles] == titles)
        assert len(server.asked(path)) == 3
        listed = await asyncio.to_thread(listed_feeds, kafka)
        assert (listed[0]["state"]["lease"]["callback"], listed[0]["state"]["lease"]["status"]) == (callback, "live")


def reachable(settings: Settings) -> tuple[Settings, str]:
    """Settings for a replica that hubs can reach, and where."""
    port = broker.free_port()
    callback = f"http://127.0.0.1:{port}"
    wanted = settings.ingest.model_copy(update={"websub_callback": callback, "websub_port": port})
    return settings.model_copy(update={"ingest": wanted}), callback


def listed_feeds(kafka: Settings) -> list[dict[str, Any]]:
    """What `chancery feeds list --json` prints."""
    result = CliRunner().invoke(chancery, ["feeds", "list", "--json"], env=environment_of(kafka))
    assert result.exit_code == 0, result.output
    listed: list[dict[str, Any]] = json.loads(result.stdout)
    return listed


class Replica:
    """An ingest as a process, which servers know by its name."""

    def __init__(self, settings: Settings, name: str) -> None:
        self.name = name
        self._environment = os.environ | environment_of(settings) | {"CHANCERY_INGEST__USER_AGENT": name}
        self._process: asyncio.subprocess.Process

    async def __aenter__(self) -> "Replica":
        self._process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "services.cli", "ingest", env=self._environment, stderr=asyncio.subprocess.DEVNULL
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.kill()

    async def kill(self) -> None:
        """kill -9."""
        if self._process.returncode is None:
            self._process.kill()
        await self._process.wait()


class Site:
    """Feeds that answer with validators, take their time, and note who asks and whether two ask at once."""

    def __init__(self, paths: Sequence[str]) -> None:
        self.routes: dict[str, Handler] = dict.fromkeys(paths, self._answer)
        self.asked: list[tuple[str, str, str | None]] = []
        self.at_once: list[str] = []
        self._open: set[str] = set()
        self._changed = asyncio.Event()

    async def _answer(self, request: Request, writer: asyncio.StreamWriter) -> None:
        path, validator = request.path, request.headers.get("if-none-match")
        self.asked.append((request.headers["user-agent"], path, validator))
        self._changed.set()
        if path in self._open:
            self.at_once.append(path)
        self._open.add(path)
        await asyncio.sleep(0.1)  # long enough for another to come in between
        etag = f'"{path}"'
        known = answer(304) if validator == etag else answer(200, rss(item(path)), etag=etag)
        await known(request, writer)
        self._open.discard(path)

    def pollers(self, since: int = 0) -> dict[str, set[str]]:
        """Who asked for each path, from the request of that number on."""
        found: dict[str, set[str]] = {}
        for name, path, _ in self.asked[since:]:
            found.setdefault(path, set()).add(name)
        return found

    async def until(self, holds: Callable[[], bool]) -> None:
        async with asyncio.timeout(60):
            while not holds():
                self._changed.clear()
                await self._changed.wait()


async def test_the_feeds_of_a_killed_replica_are_taken_over_with_their_states(kafka: Settings) -> None:
    """Two replicas share the feeds, none is asked by both; what a killed one leaves, the other goes on with."""
    site = Site([f"/{n}" for n in range(24)])
    settings = quick(kafka, interval_s=1)
    async with serving(site.routes) as server, reading(kafka) as reader:
        feeds = [feed_at(server.url(path)) for path in site.routes]
        async with Replica(settings, "one") as one, Replica(settings, "two") as two:
            await reader.publisher.publish(FEEDS, *feeds)
            await reader.until(lambda: len(reader.states) == len(feeds))
            # Both have joined, and the rebalance is over, once both ask.
            await site.until(lambda: {"one", "two"} <= {name for name, *_ in site.asked[-len(feeds) :]})
            settled = len(site.asked)
            await site.until(lambda: len(site.pollers(settled)) == len(feeds))
            shared = site.pollers(settled)
            assert {len(names) for names in shared.values()} == {1}
            assert {name for names in shared.values() for name in names} == {one.name, two.name}
            await one.kill()
            killed = len(site.asked)
            left = {path for path, names in shared.items() if names == {one.name}}
            await site.until(lambda: left <= site.pollers(killed).keys())
            taken_over = [(path, tag) for _, path, tag in site.asked[killed:] if path in left]
            assert {name for names in site.pollers(killed).values() for name in names} == {two.name}
    assert {(path, tag) for path, tag in taken_over} == {(path, f'"{path}"') for path in left}
    assert site.at_once == []
    assert len({article.article_id for article in reader.articles}) == len(feeds)
    assert {article.revision for article in reader.articles} == {1}


async def test_a_kill_loses_nothing_and_what_it_repeats_has_the_same_ids(kafka: Settings) -> None:
    paths = [f"/{n}" for n in range(30)]
    routes = {path: answer(200, rss(*(item(f"{path}-{n}") for n in range(20)))) for path in paths}
    environment = os.environ | environment_of(kafka) | {"CHANCERY_LOG__FORMAT": "json"}
    async with serving(routes) as server, reading(kafka) as reader:
        await reader.publisher.publish(FEEDS, *(feed_at(server.url(path)) for path in paths))
        for final in (False, True):
            child = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "services.cli", "ingest", env=environment, stderr=asyncio.subprocess.PIPE
            )
            if final:
                await reader.until(lambda: len(reader.states) == len(paths))
                child.send_signal(signal.SIGTERM)
            else:
                await reader.until(lambda: len(reader.articles) >= 20)
                child.kill()
            _, said = await child.communicate()
            assert (child.returncode == 0) is final, said.decode()[-2000:]
        last = [json.loads(line) for line in said.splitlines()][-1]
    assert last["event"] == "service.stopped"
    wanted = {f"{path}-{n}" for path in paths for n in range(20)}
    assert {article.title for article in reader.articles} == wanted
    assert len({(article.article_id, article.revision) for article in reader.articles}) == len(wanted)


@on_embedded
def test_the_command_manages_feeds(kafka: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHANCERY_KAFKA__BOOTSTRAP_SERVERS", kafka.kafka.bootstrap_servers)
    monkeypatch.setenv("CHANCERY_KAFKA__IDEMPOTENCE", str(kafka.kafka.idempotence))
    monkeypatch.setenv("CHANCERY_TOPICS__NAMESPACE", kafka.topics.namespace)

    def run(*arguments: str, exits: int = 0, given: str | None = None) -> str:
        result = CliRunner().invoke(chancery, ["feeds", *arguments], input=given)
        assert result.exit_code == exits, result.output
        return result.stdout if exits == 0 else result.output

    def listed() -> dict[str, Feed]:
        feeds = (Feed.model_validate(row["feed"]) for row in json.loads(run("list", "--json")))
        return {feed.url: feed for feed in feeds}

    assert "no feeds" in run("list")
    added = json.loads(
        run("add", "https://A.example/rss", "--title", "A [1]", "--grade", "b", "--country", "iq", "--json")
    )
    a = listed()["https://a.example/rss"]
    assert (a.title, a.grade, a.country, FeedId(added[0]["feed_id"])) == ("A [1]", "B", "IQ", a.feed_id)
    assert "A [1]" in run("list")
    run("add", a.url, "--min-interval-s", "60", "--max-interval-s", "300")
    run("add", a.url, "--min-interval-s", "0")
    assert listed()[a.url] == a.model_copy(update={"max_interval_s": 300})
    run("pause", "https://a.example/rss")
    assert not listed()[a.url].enabled
    run("resume", a.feed_id)
    assert listed()[a.url].enabled

    document = opml.write([feed_at("https://b.example/"), feed_at("https://c.example/")]).decode()
    run("import", "-", given=document)
    assert "left out X" in run(
        "import",
        "-",
        given='<opml><outline text="X" xmlUrl="ftp://x"/><outline xmlUrl="https://d.example"/></opml>',
        exits=1,
    )
    assert len(listed()) == 4
    exported = opml.read(run("export").encode())
    assert {feed.url for feed in exported.feeds} == set(listed())
    assert {feed.max_interval_s for feed in exported.feeds} == {300, None}
    run("remove", "https://b.example/")
    assert "https://b.example/" not in listed()
    audited = asyncio.run(snapshot(kafka, [AUDIT])).values(AUDIT)
    last = {entry.target: entry for entry in audited if isinstance(entry, AuditEntry)}
    assert last[feed_at("https://b.example/").feed_id].action == "feed.removed"
    assert last[a.feed_id].changes == (FieldChange(field="enabled", before="false", after="true"),)
    assert all(entry.actor.startswith("cli:") for entry in last.values())

    assert "https://example.org/rss.xml" in run("add", "example.org", exits=2)
    assert "--country" in run("add", "https://e.example/", "--country", "Iraq", exits=2)
    assert "--max-interval-s" in run("add", "https://e.example/", "--max-interval-s", "-5", exits=2)
    assert "no feed https://nobody.example/" in run("pause", "https://nobody.example/", exits=1)
    assert "not OPML" in run("import", "-", given="nonsense", exits=2)
    assert "lists no feed" in run("import", "-", given="<opml/>", exits=2)
    assert "cannot read" in run("import", "missing.opml", exits=2)
