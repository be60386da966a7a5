"""The commands an operator types, against a broker."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from services.contracts.topics import ALERTS, TOPICS
from services.runtime.kafka import Publisher
from services.runtime.settings import Settings, environment_of
from tests.integration.conftest import on_embedded
from tests.unit.notify import given

pytestmark = pytest.mark.integration


def chancery(settings: Settings, *arguments: str, release: str = "services.cli") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", release, *arguments],
        env=environment_of(settings),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_feeds_and_subscriptions_are_added_and_seen(kafka: Settings) -> None:
    added = chancery(kafka, "feeds", "add", "https://news.example/rss", "--title", "Example", "--grade", "B")
    assert added.returncode == 0, added.stderr
    (feed,) = json.loads(chancery(kafka, "feeds", "list", "--json").stdout)
    assert (feed["feed"]["url"], feed["feed"]["title"]) == ("https://news.example/rss", "Example")
    assert feed["health"]["kind"] == "never"
    assert json.loads(chancery(kafka, "feeds", "list", "--health", "failing", "--json").stdout) == []
    assert chancery(kafka, "feeds", "show", feed["feed"]["url"]).stdout.startswith("never  Example\n")

    subscribed = chancery(
        kafka, "subscribe", "webhook", "http://127.0.0.1:9/hook?token=hidden", "--no-test", "--host-state", "IQ"
    )
    assert subscribed.returncode == 0, subscribed.stderr
    assert "whsec_" in subscribed.stdout + subscribed.stderr
    listed = chancery(kafka, "subscriptions", "list", "--json")
    assert "IQ" in listed.stdout
    assert "hidden" not in listed.stdout
    assert "whsec_" not in listed.stdout


@on_embedded
async def test_who_gets_an_alert_is_explained(kafka: Settings) -> None:
    told, reader = given.alert(), ["subscribe", "webhook", "http://127.0.0.1:9/hook", "--no-test", "--name"]
    for name, options in {
        "iraq": ["--host-state", "IQ"],
        "near": ["--near", "33.3,44.4,5", "--min-severity", "extreme", "--or", '{"sites": ["embassy:US:*:*"]}'],
        "paris": ["--host-state", "FR", "--language", "fr"],
    }.items():
        assert chancery(kafka, *reader, name, *options).returncode == 0
    async with Publisher(kafka, "/chancery/test") as publisher:
        await publisher.publish(ALERTS, told, given.alert(revision=2))
    explained = json.loads(chancery(kafka, "subscriptions", "explain", told.alert_id, "--json").stdout)
    assert explained["alert_id"] == told.alert_id
    rows = {row["name"]: (row["told"], row["reasons"]) for row in explained["subscriptions"]}
    assert rows == {
        "iraq": (True, ["minor and above; in IQ"]),
        "near": (True, ["minor and above; at embassy:US:*:*"]),
        "paris": (False, ["host state IQ is not among FR"]),
    }
    newest = json.loads(chancery(kafka, "subscriptions", "explain", told.incident.incident_id, "--json").stdout)
    assert newest["alert_id"] != told.alert_id
    missing = chancery(kafka, "subscriptions", "explain", "alert_x")
    assert (missing.returncode, "no alert 'alert_x' is kept" in missing.stderr) == (1, True)


@on_embedded
def test_topics_are_listed_with_what_is_in_them(kafka: Settings) -> None:
    assert "0 created" in chancery(kafka, "topics", "ensure").stderr
    chancery(kafka, "feeds", "add", "https://news.example/rss")
    rows = {
        row["topic"].partition(".")[2]: row for row in json.loads(chancery(kafka, "topics", "list", "--json").stdout)
    }
    assert rows.keys() == {topic.name for topic in TOPICS}
    assert all(row["partitions"] == 4 for row in rows.values())
    assert rows["feeds"]["records"] == 1
    assert rows["feeds"]["newest_age_s"] < 60


@on_embedded
def test_no_dead_letters_is_said(kafka: Settings) -> None:
    assert json.loads(chancery(kafka, "dead-letters", "list", "--json").stdout) == []
    missing = chancery(kafka, "dead-letters", "show", "dead_x")
    assert (missing.returncode, "no dead letter dead_x" in missing.stderr) == (1, True)


@on_embedded
def test_a_wrong_environment_is_one_clear_error(kafka: Settings) -> None:
    wrong = subprocess.run(
        [sys.executable, "-m", "services.cli", "topics", "ensure"],
        env={"CHANCERY_TOPICS__PARTITIONS": "many"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert wrong.returncode == 78
    assert "CHANCERY_TOPICS__PARTITIONS" in wrong.stderr
    assert "Traceback" not in wrong.stderr


@on_embedded
def test_a_group_is_one_that_a_known_site_is_in(kafka: Settings, tmp_path: Path) -> None:
    offices = tmp_path / "offices.csv"
    offices.write_text("name,lat,lon,radius_m,group\nOffice,33.3,44.4,2000,Gulf Offices; data\n")
    assert chancery(kafka, "sites", "import", str(offices)).returncode == 0
    subscribe = ("subscribe", "webhook", "http://127.0.0.1:9/hook", "--no-test", "--json", "--group")
    made = chancery(kafka, *subscribe, "gulf  offices")
    assert made.returncode == 0, made.stderr
    assert json.loads(made.stdout)["subscription"]["filter"]["groups"] == ["gulf offices"]
    silence = ("silences", "add", "--reason", "x", "--for", "1h", "--group")
    for mistyped in (chancery(kafka, *subscribe, "golf offices"), chancery(kafka, *silence, "golf offices")):
        assert mistyped.returncode == 2
        assert "no known site is in golf offices" in mistyped.stderr
    assert chancery(kafka, *silence, "data").returncode == 0
