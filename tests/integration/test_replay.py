"""A replay through a real worker: twice the same, apart from what is live, and gone when it is over."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from services.classify.adapters.data import rule_tables
from services.contracts.alert import Alert
from services.contracts.codec import decode
from services.contracts.topics import ALERTS, ARTICLES, TOPICS, Topic
from services.replay.adapters.archive import manifest_of, recording
from services.replay.core.isolation import Purpose
from services.replay.core.recording import Recorded
from services.replay.core.volatile import VOLATILE, settled
from services.replay.stage import topics_of
from services.runtime.kafka import Publisher, connection, consumer_options
from services.runtime.settings import Settings, environment_of, load_settings
from tests.day import day
from tests.integration.conftest import on_embedded
from tests.unit.replay.recordings import written

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def hours(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The first hours of the recorded day, in which incidents open, grow and are corrected."""
    path = tmp_path_factory.mktemp("hours") / "day"
    records = [
        Recorded(ARTICLES, 0, number, article.fetched_at, article.key, article.model_dump_json().encode())
        for number, article in enumerate(day.articles()[:120])
    ]
    written(path, records)
    return path


def chancery(settings: Settings, *arguments: str | Path, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(*arguments),
        env={**os.environ, **environment_of(settings), **more},
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )


def command(*arguments: str | Path) -> Sequence[str | Path]:
    return [sys.executable, "-m", "services.cli", *arguments]


async def everything_on(settings: Settings) -> dict[str, int]:
    """Every topic of the broker that is not a replay's own leaving, with how much is on it."""
    admin = AIOKafkaAdminClient(**connection(settings.kafka))
    await admin.start()
    try:
        names = [name for name in await admin.list_topics() if not name.startswith("_")]
    finally:
        await admin.close()
    consumer = AIOKafkaConsumer(**consumer_options(settings.kafka))
    await consumer.start()
    try:
        await consumer._client.force_metadata_update()
        numbers = {name: sorted(consumer.partitions_for_topic(name) or ()) for name in names}
        partitions = [TopicPartition(name, number) for name, own in numbers.items() for number in own]
        ends = await consumer.end_offsets(partitions)
        return {name: sum(ends[TopicPartition(name, number)] for number in numbers[name]) for name in names}
    finally:
        await consumer.stop()


def without_clocks(path: Path) -> list[tuple[Topic, bytes]]:
    found = [(each.topic, settled(each.value or b"", VOLATILE[each.topic.name])) for each in recording(path)]
    return sorted(found, key=lambda row: row[0].name)  # each topic in its own order; between topics there is none


@on_embedded
def test_two_replays_write_the_same_bytes_and_leave_nothing(kafka: Settings, hours: Path, tmp_path: Path) -> None:
    async def live() -> None:
        async with Publisher(kafka, "/chancery/test") as publisher:
            await publisher.publish(ARTICLES, *day.articles()[:3])

    asyncio.run(live())
    before = asyncio.run(everything_on(kafka))
    outputs = [tmp_path / "one", tmp_path / "two"]
    for path in outputs:
        done = chancery(kafka, "replay", hours, "-o", path, "--json")
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["played"] == 120
    by = {manifest_of(path).head.rules_version for path in outputs}
    assert by == {rule_tables().version}, "every report names its rules: other rules in between are other bytes"
    one, two = map(without_clocks, outputs)
    assert one == two
    assert {topic.name for topic, _ in one} == {"reports", "incidents", "alerts"}
    alerts = [decode(each.value, Alert) for each in recording(outputs[0]) if each.topic is ALERTS]
    assert len(alerts) > 10
    assert all(alert.exercise for alert in alerts)
    dry = json.loads(chancery(kafka, "replay", hours, "--dry-run", "--json").stdout)
    assert dry["written"]["alerts"] == len(alerts)
    assert dry["written"]["reports"] == sum(topic.name == "reports" for topic, _ in one)
    assert asyncio.run(everything_on(kafka)) == before, "the live topics are as they were, and there are no others"


@on_embedded
def test_what_lies_on_the_topics_is_played_as_a_recording_of_it_is(kafka: Settings, tmp_path: Path) -> None:
    async def live() -> None:
        async with Publisher(kafka, "/chancery/test") as publisher:
            for article in day.articles()[:25]:  # one by one, so that the partitions agree on the order
                await publisher.publish(ARTICLES, article)

    asyncio.run(live())
    taken = tmp_path / "taken"
    done = chancery(kafka, "record", "articles", "feedback", "sites", "-o", taken)
    assert done.returncode == 0, done.stderr
    outputs = [tmp_path / "recorded", tmp_path / "from-topic"]
    for asked, path in zip((str(taken), "--from-topic"), outputs, strict=True):
        done = chancery(kafka, "replay", asked, "-o", path, "--json")
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["played"] == 25
    one, two = map(without_clocks, outputs)
    assert one == two
    assert sum(topic is ALERTS for topic, _ in one) > 1


@on_embedded
def test_one_that_is_killed_touches_nothing_live_and_can_be_cleaned_up(kafka: Settings, hours: Path) -> None:
    before = asyncio.run(everything_on(kafka))
    environment = {**os.environ, **environment_of(kafka)}
    killed = subprocess.Popen(
        command("replay", hours, "--run", "killed", "--speed", "1"),
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    while killed.poll() is None and not asyncio.run(everything_on(kafka)).get("replay-killed.articles"):
        pass
    assert killed.poll() is None
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    left = asyncio.run(everything_on(kafka))
    assert {name: number for name, number in left.items() if not name.startswith("replay-killed.")} == before
    assert asyncio.run(topics_of(kafka, Purpose.REPLAY))
    again = chancery(kafka, "replay", hours, "--run", "killed")
    assert (again.returncode, "is in use" in again.stderr.replace("\n", " ")) == (2, True)
    cleaned = chancery(kafka, "replay", "--clean")
    assert cleaned.returncode == 0, cleaned.stderr
    assert asyncio.run(everything_on(kafka)) == before


BAD_FILE = b"\x28\xb5\x2f\xfd torn"


@pytest.mark.parametrize(
    ("arguments", "environment", "says"),
    [
        (["--run", "x"], {"CHANCERY_TOPICS__ENVIRONMENT": "production"}, "nothing is replayed with these settings"),
        (["--run", "x"], {"CHANCERY_TOPICS__NAMESPACE": "replay-x."}, "is the live one"),
        (["--run", "x"], {"CHANCERY_TOPICS__NAMESPACE": "replay-x.y."}, "is the live one, or within it, or around it"),
        (["--run", "../chancery"], {}, "is no namespace of a replay or a shadow"),
        (["--run", "a.chancery"], {}, "is no namespace of a replay or a shadow"),
    ],
)
@on_embedded
def test_what_could_touch_the_live_topics_is_refused(
    kafka: Settings, hours: Path, arguments: list[str], environment: dict[str, str], says: str
) -> None:
    before = asyncio.run(everything_on(kafka))
    refused = chancery(kafka, "replay", hours, *arguments, **environment)
    assert refused.returncode == 2
    assert says in refused.stderr.replace("\n", " ")
    assert asyncio.run(everything_on(kafka)) == before


@on_embedded
def test_a_bad_recording_writes_nothing(kafka: Settings, hours: Path, tmp_path: Path) -> None:
    before = asyncio.run(everything_on(kafka))
    for number, content in enumerate((b"", b"hello", hours.read_bytes()[:-20], BAD_FILE)):
        path = tmp_path / str(number)
        path.write_bytes(content)
        refused = chancery(kafka, "replay", path)
        assert refused.returncode == 2, refused.stderr
        assert refused.stderr.startswith("error:")
        assert refused.stderr.count("\n") == 1, "one sentence"
    assert asyncio.run(everything_on(kafka)) == before
    assert set(before) >= {topic.in_namespace(kafka.topics.namespace) for topic in TOPICS}


@pytest.mark.parametrize("arguments", [["replay"], ["replay", "--really-send", "--to", "desk"]])
def test_without_a_broker_it_says_so(hours: Path, arguments: list[str]) -> None:
    nowhere = load_settings(
        {"CHANCERY_KAFKA__BOOTSTRAP_SERVERS": "127.0.0.1:1", "CHANCERY_KAFKA__CONNECT_TIMEOUT_S": "1"}
    )
    failed = chancery(nowhere, *arguments, hours)
    assert failed.returncode == 1
    assert failed.stderr.splitlines()[-1].startswith("error: no broker answers at 127.0.0.1:1.")
    assert "Traceback" not in failed.stderr
