"""A shadow on live articles: what other rules lose is seen where live tells it, and nothing of it stays but that."""

import asyncio
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from aiokafka.admin import AIOKafkaAdminClient

from services.contracts.article import Article
from services.contracts.difference import Kind
from services.contracts.shadow import SILENT_AFTER_S, Shadow
from services.contracts.token import Role
from services.contracts.topics import ARTICLES, SHADOWS
from services.replay.adapters.archive import recording
from services.replay.adapters.rule_sets import CHECKOUT
from services.replay.core.isolation import Purpose
from services.replay.core.rerun import record_in
from services.replay.shadow import clean_dead
from services.replay.stage import topics_of
from services.runtime.kafka import Publisher, connection
from services.runtime.settings import Settings, environment_of
from services.runtime.topic_table import snapshot
from tests.integration.conftest import on_embedded
from tests.integration.test_console import serving_console
from tests.integration.test_replay import chancery, command, everything_on
from tests.integration.workers import Worker, all_is_done

pytestmark = [pytest.mark.integration, pytest.mark.timeout(420)]

PATIENCE_S = 150
LOST = "Bombing at the consulate of Italy in Cairo, Egypt"


@pytest.fixture(scope="module")
def rules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The rules, without the Italian word for a consulate."""
    made = tmp_path_factory.mktemp("rules") / "fewer"
    for part in ("lexicons", "gazetteer"):
        shutil.copytree(CHECKOUT / "services" / "classify" / part, made / part)
    shutil.copy(CHECKOUT / "services" / "classify" / "strangers.toml", made)
    italian = made / "lexicons" / "it.toml"
    text = italian.read_text(encoding="utf-8")
    assert '"consolat{o,i}"' in text
    italian.write_text(text.replace('"consolat{o,i}"', '"consolatt{o,i}"'), encoding="utf-8")
    return made


@pytest.fixture(scope="module")
def articles() -> list[Article]:
    """The demo's articles and the first of the recorded day, as if all were fetched now."""
    found = [record_in(each, Article) for each in recording(CHECKOUT / "tests" / "day" / "day.jsonl.zst")]
    return [each for each in found if each is not None][:60]


async def given(settings: Settings, articles: list[Article]) -> None:
    now = datetime.now(UTC)
    async with Publisher(settings, "/chancery/test") as publisher:
        await publisher.publish(ARTICLES, *(each.model_copy(update={"fetched_at": now}) for each in articles))


@contextmanager
def shadowed(settings: Settings, *arguments: str | Path) -> Iterator[subprocess.Popen[str]]:
    environment = {**os.environ, **environment_of(settings)}
    process = subprocess.Popen(
        command("shadow", *arguments), env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        yield process
    finally:
        process.terminate()
        process.communicate(timeout=60)


async def heard_of(settings: Settings, running: subprocess.Popen[str]) -> Shadow | None:
    if running.poll() is not None:
        pytest.fail(f"it ended with {running.returncode}: {running.communicate()[1]}")
    return next((await snapshot(settings, [SHADOWS])).values(SHADOWS), None)


async def until_settled(settings: Settings, running: subprocess.Popen[str], articles: int) -> Shadow:
    """How it stands when so many articles were given and nothing waits."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            found = await heard_of(settings, running)
            if found and found.articles == articles and not found.waiting and found.same:
                return found
            await asyncio.sleep(0.5)


def children_of(pid: int) -> list[int]:
    """The worker, once it runs."""
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def has_ended(pid: int) -> bool:
    return not Path(f"/proc/{pid}").exists()


async def groups_of(settings: Settings) -> set[str]:
    admin = AIOKafkaAdminClient(**connection(settings.kafka))
    await admin.start()
    try:
        return {name for name, _ in await admin.list_consumer_groups() if name.startswith(tuple(Purpose))}
    finally:
        await admin.close()


async def test_what_other_rules_lose_is_seen_on_the_topic_and_in_the_console(
    kafka: Settings, rules: Path, articles: list[Article], tmp_path: Path
) -> None:
    async with Worker(kafka, tmp_path / "live"):
        await given(kafka, articles[:30])
        with shadowed(kafka, "--rules", rules, "--since", "1h", "--json") as running:
            await given(kafka, articles[30:])
            found = await until_settled(kafka, running, len(articles))
            before = await everything_on(kafka)
            running.send_signal(signal.SIGTERM)
            told, said = await asyncio.to_thread(running.communicate, timeout=60)
        await all_is_done(kafka)
    assert (running.returncode, "Traceback" in said) == (0, False), said
    lost = [each for each in found.differences if each.kind is Kind.LOST]
    assert [each.a.headline.startswith(LOST) for each in lost if each.a] == [True]
    assert "consolato" in "".join(quote.title for each in lost if each.a for quote in each.a.quotes)
    assert (found.lost, found.gained, found.changed) == (1, 0, 0), "what differs is what the word did, and nothing else"
    assert found.same > 10
    assert found.live.version != found.other.version
    lines = [Shadow.model_validate_json(line) for line in told.splitlines()]
    assert lines[-1].ended_at
    assert lines[-1].end == "it was asked to"
    (last,) = (await snapshot(kafka, [SHADOWS])).values(SHADOWS)
    assert last == lines[-1]
    after = await everything_on(kafka)
    changed = {name for name in after if after[name] != before.get(name)}
    assert changed == {SHADOWS.in_namespace(kafka.topics.namespace)}, "nothing else was written to, or made"
    assert not await topics_of(kafka, Purpose.SHADOW)
    assert not await groups_of(kafka)
    await _seen_in_the_console(kafka, last)


async def _seen_in_the_console(kafka: Settings, shadow: Shadow) -> None:
    async with serving_console(kafka, Role.VIEWER) as console:
        (line,) = (await console.get("/v1/shadows")).json()["items"]
        assert (line["name"], line["state"], line["lost"]) == ("fewer", "ended", 1)
        told = (await console.get(f"/v1/shadows/{shadow.shadow_id}")).json()
        (lost,) = told["differences"]
        assert lost["a"]["quotes"][0]["quote"] == shadow.differences[0].a.quotes[0].quote  # type: ignore[union-attr]


@on_embedded
async def test_the_same_rules_differ_in_nothing_though_both_workers_are_killed(
    kafka: Settings, articles: list[Article], tmp_path: Path
) -> None:
    same = CHECKOUT / "services" / "classify"
    async with Worker(kafka, tmp_path / "live") as live:
        with shadowed(kafka, "--rules", same, "--name", "same") as running:
            while not await heard_of(kafka, running):
                pass
            await given(kafka, articles[:20])
            first = await until_settled(kafka, running, 20)
            (worker,) = children_of(running.pid)
            os.kill(worker, signal.SIGKILL)
            await live.kill()
            await given(kafka, articles[20:])
            found = await until_settled(kafka, running, len(articles))
    assert first.same < found.same
    assert (found.lost, found.gained, found.changed, found.differences) == (0, 0, 0, ())


@on_embedded
async def test_one_that_is_killed_is_silent_and_what_it_left_can_be_deleted(kafka: Settings, rules: Path) -> None:
    before = await everything_on(kafka)
    with shadowed(kafka, "--rules", rules, "--name", "killed") as running:
        while not await heard_of(kafka, running):
            pass
        busy = await asyncio.to_thread(chancery, kafka, "shadow", "--rules", rules, "--name", "killed")
        assert (busy.returncode, "is in use" in busy.stderr) == (2, True)
        alive = await asyncio.to_thread(chancery, kafka, "shadow", "--clean")
        assert (alive.returncode, alive.stdout) == (0, "0 topics deleted\n"), "it is heard of"
        workers = children_of(running.pid)
        running.send_signal(signal.SIGKILL)
        running.wait()
    async with asyncio.timeout(30):  # the kernel ends it with the shadow; until then it may make its topics
        while True:
            if all(map(has_ended, workers)):
                break
            await asyncio.sleep(0.1)
    left = await topics_of(kafka, Purpose.SHADOW)
    assert left
    later = datetime.now(UTC) + timedelta(seconds=SILENT_AFTER_S + 1)
    assert set(await clean_dead(kafka, later)) >= set(left)
    (found,) = (await snapshot(kafka, [SHADOWS])).values(SHADOWS)
    assert (found.end, found.ended_at) == ("it was killed", found.alive_at)
    after = await everything_on(kafka)
    assert {name for name in after if after[name] != before.get(name)} == {SHADOWS.in_namespace(kafka.topics.namespace)}


@pytest.mark.parametrize(
    ("arguments", "environment", "says"),
    [
        ([], {}, "name the other rules"),
        (["--rules", "recorded"], {}, "name the other rules"),
        (["--rules", "/nowhere"], {}, "neither a directory with lexicons/ nor a revision"),
        (["--rules", "BROKEN"], {}, "it.toml"),
        (["--rules", "RULES", "--name", "../live"], {}, "the NAME of one is of a-z and 0-9"),
        (["--rules", "RULES", "--name", "x"], {"CHANCERY_TOPICS__NAMESPACE": "shadow-x."}, "is the live one"),
        (["--rules", "RULES", "--for", "ever"], {}, "is no length of time"),
    ],
)
@on_embedded
async def test_what_cannot_be_followed_is_refused_and_writes_nothing(
    kafka: Settings, rules: Path, tmp_path: Path, arguments: list[str], environment: dict[str, str], says: str
) -> None:
    broken = tmp_path / "broken"
    shutil.copytree(rules, broken)
    (broken / "lexicons" / "it.toml").write_text("[language\n")
    before = await everything_on(kafka)
    named = {"RULES": str(rules), "BROKEN": str(broken)}
    asked = [named.get(each, each) for each in arguments]
    refused = await asyncio.to_thread(chancery, kafka, "shadow", *asked, **environment)
    assert (refused.returncode, says in refused.stderr.replace("\n", " ")) == (2, True), refused.stderr
    assert await everything_on(kafka) == before
