"""`chancery backup` and `restore`: what was known is known again after everything is gone, byte for byte."""

import json
from pathlib import Path

import pytest

from services.contracts.codec import encode
from services.contracts.model import Record
from services.contracts.subscription import Subscription
from services.contracts.topics import AUDIT, DELIVERIES, FEEDS, SUBSCRIPTIONS, TOPICS
from services.replay.backup import live_rows, read_backup
from services.replay.core.backup import BACKED_UP, Place
from services.runtime.kafka import Publisher, ensure_topics
from services.runtime.secrets import Vault
from services.runtime.settings import Settings
from services.runtime.topic_table import snapshot
from tests.contracts.examples import DELIVERY, EXAMPLES, FEED, SUBSCRIPTION
from tests.integration.conftest import on_embedded
from tests.integration.test_cli import chancery

pytestmark = pytest.mark.integration
HOOK = "https://hooks.example/very-secret-path"


def vault_of(settings: Settings) -> Vault:
    return Vault([key.get_secret_value() for key in settings.secrets.keys])


def elsewhere(settings: Settings) -> Settings:
    """Where nothing is left: another namespace, with another number of partitions."""
    topics = settings.topics.model_copy(update={"namespace": f"restored-{settings.topics.namespace}", "partitions": 3})
    return settings.model_copy(update={"topics": topics})


async def values(settings: Settings) -> dict[Place, bytes | None]:
    rows = await live_rows(settings, BACKED_UP, lambda *_: None)
    return {place: record.value for place, record in rows.items()}


@on_embedded
async def test_what_was_known_is_known_again(kafka: Settings, tmp_path: Path) -> None:
    secret = vault_of(kafka).encrypt(HOOK)
    own: list[Record] = [*EXAMPLES, SUBSCRIPTION.model_copy(update={"endpoint": secret, "secret": secret})]
    by_type = {topic.record_type: topic for topic in BACKED_UP}
    async with Publisher(kafka, "/chancery/test") as publisher:
        for number in range(20):
            await publisher.publish(FEEDS, FEED.model_copy(update={"title": f"title {number}"}))
        removed = FEED.model_copy(update={"feed_id": "feed_removed"})
        await publisher.publish(FEEDS, removed)
        await publisher.delete(FEEDS, removed.key)
        for record in own:
            if type(record) in by_type:
                await publisher.publish(by_type[type(record)], record)
    before = await values(kafka)
    assert {topic for topic, _ in before} == set(BACKED_UP)
    assert before[FEEDS, FEED.key] == encode(FEED)

    path = tmp_path / "backup"
    backed = chancery(kafka, "backup", str(path), "--json")
    assert backed.returncode == 0, backed.stderr
    assert json.loads(backed.stdout)["records"] == len(before)
    assert path.stat().st_mode & 0o077 == 0
    kept = b"".join(record.value or b"" for record in read_backup(path).values())
    assert secret.encode() in kept
    assert HOOK.encode() not in kept

    lost = elsewhere(kafka)
    tried = chancery(lost, "restore", str(path), "--dry-run")
    assert (tried.returncode, "does not exist" in tried.stderr) == (1, True)
    restored = chancery(lost, "restore", str(path), "--json")
    assert restored.returncode == 0, restored.stderr
    assert json.loads(restored.stdout)["written"] == len(before)
    assert await values(lost) == before

    table = await snapshot(lost, [SUBSCRIPTIONS, DELIVERIES, FEEDS])
    found = table.get(SUBSCRIPTIONS, SUBSCRIPTION.key)
    assert isinstance(found, Subscription)
    assert vault_of(kafka).decrypt(found.endpoint) == HOOK
    assert table.get(FEEDS, removed.key) is None
    assert table.partition_of(DELIVERIES, DELIVERY.key) == table.partition_of(SUBSCRIPTIONS, SUBSCRIPTION.key)
    audited = [json.loads(row.value or b"") for row in (await live_rows(lost, [AUDIT], lambda *_: None)).values()]
    assert {(each["action"], each["actor"].partition(":")[0]) for each in audited} == {
        (f"{kind}.added", "cli") for kind in ("feed", "site", "subscription", "silence", "token")
    }


@on_embedded
async def test_what_is_there_is_not_written_over_unasked(kafka: Settings, tmp_path: Path) -> None:
    async with Publisher(kafka, "/chancery/test") as publisher:
        await publisher.publish(FEEDS, FEED, FEED.model_copy(update={"feed_id": "feed_second"}))
    path = tmp_path / "backup"
    assert chancery(kafka, "backup", str(path)).returncode == 0
    assert "exists" in chancery(kafka, "backup", str(path)).stderr
    again = chancery(kafka, "restore", str(path))
    assert (again.returncode, "0 written" in again.stdout) == (0, True), "all is as in the back-up"

    changed, foreign = FEED.model_copy(update={"title": "newer"}), FEED.model_copy(update={"feed_id": "feed_third"})
    async with Publisher(kafka, "/chancery/test") as publisher:
        await publisher.publish(FEEDS, changed, foreign)
    refused = chancery(kafka, "restore", str(path))
    assert (refused.returncode, "nothing was written" in refused.stderr) == (1, True)
    assert (await values(kafka))[FEEDS, FEED.key] == encode(changed)

    forced = chancery(kafka, "restore", str(path), "--force", "--json")
    assert json.loads(forced.stdout) == {
        "missing": 0, "same": 1, "differing": 1, "unreadable": 0, "foreign": 1, "written": 1
    }  # fmt: skip
    now = await values(kafka)
    assert (now[FEEDS, FEED.key], now[FEEDS, foreign.key]) == (encode(FEED), encode(foreign))


@on_embedded
async def test_a_restore_that_was_broken_off_is_finished_by_the_next(kafka: Settings, tmp_path: Path) -> None:
    feeds = [FEED.model_copy(update={"feed_id": f"feed_{n}"}) for n in range(30)]
    async with Publisher(kafka, "/chancery/test") as publisher:
        await publisher.publish(FEEDS, *feeds)
    path, lost = tmp_path / "backup", elsewhere(kafka)
    assert chancery(kafka, "backup", str(path)).returncode == 0
    await ensure_topics(lost, TOPICS)
    async with Publisher(lost, "/chancery/test") as publisher:
        await publisher.publish(FEEDS, *feeds[:11])
    finished = chancery(lost, "restore", str(path), "--json")
    assert json.loads(finished.stdout)["written"] == 19, finished.stderr
    assert await values(lost) == await values(kafka)
