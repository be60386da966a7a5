"""The contracts hold still: golden records and schemas, and what cannot be read is refused with its reason.

After a deliberate change: `python -m tests.contracts.test_contracts` writes the golden files anew; the diff is then the
change to review, and a change that old readers cannot read needs a new schema version.
"""

import json
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from services.cli import app
from services.contracts import ids
from services.contracts.article import Article
from services.contracts.codec import Undecodable, cloudevents_headers, decode, encode
from services.contracts.dead_letter import DeadLetterClass
from services.contracts.delivery import Attempt, Delivery
from services.contracts.feed import Feed
from services.contracts.feedback import Verdict, verdict_on
from services.contracts.model import Record, Upgrade
from services.contracts.report import Count
from services.contracts.silence import Silence, silence
from services.contracts.subscription import Filter
from services.contracts.topics import TOPICS, Topic
from tests.contracts.examples import ARTICLE, DELIVERY, EXAMPLES, FEED, FETCHED, INCIDENT

GOLDEN = Path(__file__).parent / "golden"


def _schema(topic: Topic) -> str:
    return json.dumps(topic.record_type.model_json_schema(mode="serialization"), indent=2, ensure_ascii=False) + "\n"


def _record(record: Record) -> str:
    return json.dumps(json.loads(encode(record)), indent=2, ensure_ascii=False) + "\n"


@pytest.mark.parametrize("record", EXAMPLES, ids=lambda record: record.KIND)
def test_records_are_written_as_the_golden_file_says(record: Record) -> None:
    assert _record(record) == (GOLDEN / "records" / f"{record.KIND}.json").read_text()


@pytest.mark.parametrize("record", EXAMPLES, ids=lambda record: record.KIND)
def test_golden_records_can_be_read(record: Record) -> None:
    assert decode((GOLDEN / "records" / f"{record.KIND}.json").read_bytes(), type(record)) == record


@pytest.mark.parametrize("topic", TOPICS, ids=lambda topic: topic.name)
def test_schemas_hold_still(topic: Topic) -> None:
    assert (
        _schema(topic)
        == (GOLDEN / "schemas" / f"{topic.record_type.KIND}.v{topic.record_type.VERSION}.json").read_text()
    )


def test_every_topic_has_an_example() -> None:
    assert {type(record) for record in EXAMPLES} == {topic.record_type for topic in TOPICS}


@pytest.mark.parametrize(
    ("value", "error_class", "reason"),
    [
        (None, DeadLetterClass.NOT_JSON, "not JSON"),
        (b"", DeadLetterClass.NOT_JSON, "not JSON"),
        (b"\xff\xfe\x00", DeadLetterClass.NOT_JSON, "not JSON"),
        (b"[" * 100_000, DeadLetterClass.NOT_JSON, "not JSON"),
        (b'{"schema_version": 1', DeadLetterClass.NOT_JSON, "not JSON"),
        (b"[]", DeadLetterClass.INVALID, "a feed is a JSON object, not a list"),
        (b"{}", DeadLetterClass.WRONG_VERSION, "schema version None; this release reads 1"),
        (b'{"schema_version": 2}', DeadLetterClass.WRONG_VERSION, "schema version 2; this release reads 1. A newer"),
        (b'{"schema_version": 0}', DeadLetterClass.WRONG_VERSION, "schema version 0; this release reads 1"),
        (b'{"schema_version": "1"}', DeadLetterClass.WRONG_VERSION, "'1'"),
        (b'{"schema_version": true}', DeadLetterClass.WRONG_VERSION, "True"),
        (b'{"schema_version": 1, "url": "x"}', DeadLetterClass.INVALID, "feed_id: Field required"),
        (
            b'{"schema_version": 1, "feed_id": "f", "url": "x", "x": 1}',
            DeadLetterClass.WRONG_VERSION,
            "x: Extra inputs are not permitted. A newer release wrote it",
        ),
        (b'{"schema_version": 1, "url": "x", "x": 1}', DeadLetterClass.INVALID, "feed_id: Field required (and 1 more)"),
        (
            b'{"schema_version": 1, "feed_id": "f", "url": 7}',
            DeadLetterClass.INVALID,
            "url: Input should be a valid string",
        ),
    ],
)
def test_what_cannot_be_read_says_why(value: bytes | None, error_class: DeadLetterClass, reason: str) -> None:
    with pytest.raises(Undecodable) as caught:
        decode(value, Feed)
    assert caught.value.error_class is error_class
    assert reason in caught.value.reason
    assert len(caught.value.reason) < 400


class NextFeed(Feed):
    """A feed as two releases from now might have it: the title was called a name, and before that stood in a list."""

    VERSION = 3
    EARLIER: ClassVar[Mapping[int, Upgrade]] = {
        1: lambda raw: {name: value for name, value in raw.items() if name != "title"} | {"names": [raw["title"]]},
        2: lambda raw: {name: value for name, value in raw.items() if name != "names"} | {"title": raw["names"][0]},
    }

    schema_version: int = 3


def test_records_of_earlier_versions_are_brought_up_to_this_one() -> None:
    told = FEED.model_copy(update={"title": "Wire"})
    read = decode(encode(told), NextFeed)
    assert (read.schema_version, read.title) == (3, "Wire")
    assert decode(encode(read), NextFeed) == read
    second = json.loads(encode(told)) | {"schema_version": 2, "names": ["Wire"]}
    del second["title"]
    assert decode(json.dumps(second).encode(), NextFeed) == read


@pytest.mark.parametrize(
    ("change", "error_class", "reason"),
    [
        ({"schema_version": 4}, DeadLetterClass.WRONG_VERSION, "schema version 4; this release reads 3. A newer"),
        ({"schema_version": 0}, DeadLetterClass.WRONG_VERSION, "schema version 0; this release reads 3"),
        ({"schema_version": 2}, DeadLetterClass.INVALID, "feed of schema version 2: KeyError: 'names'"),
        ({"schema_version": 2, "names": []}, DeadLetterClass.INVALID, "IndexError"),
        ({"schema_version": 2, "names": [7]}, DeadLetterClass.INVALID, "title: Input should be a valid string"),
        ({"schema_version": True}, DeadLetterClass.WRONG_VERSION, "schema version True"),
    ],
)
def test_what_cannot_be_brought_up_says_why(
    change: dict[str, object], error_class: DeadLetterClass, reason: str
) -> None:
    with pytest.raises(Undecodable) as caught:
        decode(json.dumps(json.loads(encode(FEED)) | change).encode(), NextFeed)
    assert caught.value.error_class is error_class
    assert reason in caught.value.reason


@pytest.mark.parametrize("topic", TOPICS, ids=lambda topic: topic.name)
def test_what_is_written_has_the_version_that_is_read_and_every_earlier_one_can_be(topic: Topic) -> None:
    record_type = topic.record_type
    assert record_type.model_fields["schema_version"].default == record_type.VERSION
    assert set(record_type.EARLIER) == set(range(1, record_type.VERSION))


@pytest.mark.parametrize(
    ("update", "reason"),
    [
        ({"redelivered_after": (-1,)}, "redelivered_after counts attempts"),
        ({"redelivered_after": (99,)}, "redelivered_after counts attempts"),
        ({"redelivered_after": (1, 0)}, "redelivered_after counts attempts"),
        ({"created_at": FETCHED.replace(year=9999)}, "times lie in the years 1970 to 9000"),
        ({"next_attempt_at": FETCHED.replace(year=1)}, "times lie in the years 1970 to 9000"),
        ({"attempts": (Attempt(at=FETCHED.replace(year=9999), took_s=0, outcome="failed"),)}, "times lie in the years"),
    ],
)
def test_a_delivery_that_cannot_be_reckoned_with_is_poison(update: dict[str, object], reason: str) -> None:
    """Its reader would count beyond its schedule or the calendar, end, and find it again after the restart."""
    with pytest.raises(Undecodable, match=reason) as caught:
        decode(encode(DELIVERY.model_copy(update=update)), Delivery)
    assert caught.value.error_class is DeadLetterClass.INVALID


@given(st.binary(max_size=200))
def test_decoding_raises_nothing_else(value: bytes) -> None:
    with pytest.raises(Undecodable):
        decode(value, Article)


@given(st.text(), st.text())
def test_any_text_comes_back(title: str, text: str) -> None:
    # JSON carries no lone surrogates; ingest never makes them.
    article = ARTICLE.model_copy(update={"title": title.encode(errors="replace").decode(), "text": text})
    assert decode(encode(article), Article) == article


def test_headers_are_those_of_the_cloudevents_kafka_binding() -> None:
    assert dict(cloudevents_headers(FEED, "/chancery/ingest", FETCHED)) == {
        "content-type": b"application/json",
        "ce_specversion": b"1.0",
        "ce_type": b"chancery.feed.v1",
        "ce_source": b"/chancery/ingest",
        "ce_id": FEED.feed_id.encode(),
        "ce_time": b"2020-12-21T07:04:30Z",
    }


@given(st.lists(st.text(max_size=8), max_size=4), st.lists(st.text(max_size=8), max_size=4))
def test_different_parts_give_different_ids(one: list[str], other: list[str]) -> None:
    assert (ids.derive("x", *one) == ids.derive("x", *other)) == (one == other)


def test_an_id_fits_a_webhook_header() -> None:
    made = ids.delivery_id(ids.AlertId("a.b"), ids.SubscriptionId("c"))
    assert made.startswith("dlv_")
    assert "." not in made
    assert len(made) == 30


def test_a_count_runs_forwards() -> None:
    with pytest.raises(ValueError, match="from 3 to 2 runs backwards"):
        Count(low=3, high=2)


def test_topic_settings() -> None:
    settings = {topic.name: topic.config for topic in TOPICS}
    assert settings["feeds"]["cleanup.policy"] == "compact"
    assert settings["articles"] == {"cleanup.policy": "delete", "retention.ms": "2592000000"}
    assert TOPICS[0].in_namespace("replay-7.") == "replay-7.feeds"


def test_a_silence_that_one_thing_asks_for_twice_is_one_silence() -> None:
    matcher, hour = Filter(host_states=("IQ",)), timedelta(hours=1)

    def made(minutes: int, asked_by: str = "") -> Silence:
        now = FETCHED + timedelta(minutes=minutes)
        return silence(matcher, reason="why", author="ana", now=now, lasts=hour, asked_by=asked_by)

    assert made(0, "msg").silence_id == made(5, "msg").silence_id
    assert len({each.silence_id for each in (made(0), made(5), made(0, "msg"), made(0, "other"))}) == 4
    assert made(5).expires_at == FETCHED + timedelta(minutes=65)


def test_a_verdict_is_of_the_last_revision_and_lies_with_its_incident() -> None:
    incident = INCIDENT.model_copy(update={"revision": 3})
    said = verdict_on(incident, Verdict.CONFIRMED, why="called", author="ana", now=FETCHED)
    assert (said.revision, said.partition_key) == (3, incident.site.host_state)


def test_the_schemas_are_printed_and_written(tmp_path: Path) -> None:
    """Of all on the topics, and of what a webhook gets."""
    printed = CliRunner().invoke(app, ["schema"])
    written = CliRunner().invoke(app, ["schema", "--directory", str(tmp_path)])
    assert (printed.exit_code, written.exit_code) == (0, 0)
    kinds = {topic.record_type.KIND: f".v{topic.record_type.VERSION}" for topic in TOPICS} | {"webhook": ""}
    assert json.loads(printed.stdout).keys() == kinds.keys()
    for kind, version in kinds.items():
        assert json.loads((tmp_path / f"{kind}{version}.json").read_text()) == json.loads(printed.stdout)[kind]


if __name__ == "__main__":
    for example in EXAMPLES:
        (GOLDEN / "records" / f"{example.KIND}.json").write_text(_record(example))
    for each in TOPICS:
        (GOLDEN / "schemas" / f"{each.record_type.KIND}.v{each.record_type.VERSION}.json").write_text(_schema(each))
