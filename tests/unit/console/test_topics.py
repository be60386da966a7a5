"""/v1/topics over topics in memory, and what it rests on: flow and lag, records as they may be looked at."""

import json
from datetime import timedelta
from typing import Any

import pytest
from aiokafka.errors import KafkaConnectionError

from services.console.core.browsing import (
    MOST_SCANNED,
    SECRETIVE,
    From,
    Raw,
    Sieve,
    Wanted,
    cursor_of,
    original,
    positions_of,
    seen,
)
from services.console.core.paging import BadCursor
from services.console.core.topics import WORK, Held, History, Sample
from services.contracts.codec import encode
from services.contracts.model import Record
from services.contracts.token import Role
from services.contracts.topics import (
    ALERTS,
    ARTICLES,
    DEAD_LETTERS,
    FEEDS,
    REPORTS,
    SUBSCRIPTIONS,
    TOKENS,
    TOPICS,
    Topic,
)
from tests.contracts.examples import ARTICLE, DEAD_LETTER, EXAMPLES, FEED, REPORT, SUBSCRIPTION, TOKEN
from tests.unit.console.house import NOW, House
from tests.unit.console.test_feeds import of
from tests.unit.console.topics_house import SPACE, sample_at

RECORDS = "/v1/topics/articles/records"


def raw(value: Record | bytes | None, offset: int = 0, partition: int = 0, **more: Any) -> Raw:
    whole = encode(value) if isinstance(value, Record) else value
    key = value.key.encode() if isinstance(value, Record) else b"k"
    return Raw(partition, offset, NOW + timedelta(seconds=offset), **{"key": key, "value": whole} | more)


def articles(count: int) -> list[Raw]:
    return [raw(ARTICLE.model_copy(update={"article_id": f"art_{n}", "title": f"T{n % 3}"}), n) for n in range(count)]


async def test_topics_are_listed_with_flow_and_lag() -> None:
    async with House().client(Role.VIEWER) as client:
        told = of(await client.get("/v1/topics"))
        again = await client.get("/v1/topics")
    assert [each["name"] for each in told["topics"]] == [topic.name for topic in TOPICS]
    rows = {each["name"]: each for each in told["topics"]}
    read = rows["articles"]
    assert (read["topic"], read["records"], read["kept_days"], read["in_per_s"]) == ("chancery.articles", 1_003, 30, 1)
    assert read["partitions"][1] == {"partition": 1, "begin": 1, "end": 4}
    assert read["workers"] == [
        {
            "group": "classify",
            "lag": 501,
            "out_per_s": 0.5,
            "partitions": [{"partition": 0, "lag": 500}, {"partition": 1, "lag": 1}],
        }
    ]
    assert rows["alerts"]["workers"][0]["group"] == "notify"
    assert (rows["feeds"]["workers"], rows["feeds"]["kept_days"], rows["feeds"]["newest_age_s"]) == ([], None, 0)
    assert rows["audit"]["newest_at"] is None
    assert again.headers["etag"]


async def test_topics_that_were_not_looked_at_yet_are_asked_for_later() -> None:
    house = House()
    house.history.last = None
    async with house.client() as client:
        answer = await client.get("/v1/topics")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")


async def test_the_last_hours_are_told_in_steps() -> None:
    house = House()
    async with house.client(Role.VIEWER) as client:
        told = of(await client.get("/v1/topics/history?name=articles&hours=1"))
        (topic,) = told["topics"]
        assert [(p["in_per_s"], p["out_per_s"], p["lag"]) for p in topic["points"]] == [
            (1, {"classify": 0.5}, {"classify": 471}),
            (1, {"classify": 0.5}, {"classify": 501}),
        ]
        assert len(of(await client.get("/v1/topics/history?points=1"))["topics"][0]["points"]) == 1
        assert of(await client.get("/v1/topics/history?hours=0.001"))["topics"][0]["points"] == []
        of(await client.get("/v1/topics/history?name=nothing"), 404)
        of(await client.get("/v1/topics/history?hours=nan"), 422)


def test_history_is_bounded_and_a_topic_made_anew_is_no_flow_backwards() -> None:
    history = History(10)
    assert history.now(ARTICLES) is None
    for n in range(100):
        history.add(sample_at(NOW + timedelta(seconds=n), n))
    assert len(history.flows(ARTICLES, NOW, 1_000)) == 9
    spread = history.flows(ARTICLES, NOW, 3)
    assert (len(spread), spread[-1].at) == (3, NOW + timedelta(seconds=99))
    history.add(sample_at(NOW + timedelta(seconds=100), 0))
    assert history.flows(ARTICLES, NOW, 1_000)[-1].in_per_s == 0


@pytest.mark.parametrize(
    ("committed", "lag"),
    [((None, 3), (5, 1)), ((2, 9), (5, 0)), ((9, 4), (1, 0)), ((10, 1), (0, 3))],
)
def test_lag_counts_what_waits(committed: tuple[int | None, int | None], lag: tuple[int, int]) -> None:
    held = {topic: (Held(5, 10), Held(0, 4)) for topic in TOPICS}
    assert Sample(NOW, held, {WORK[0]: committed}, {}).lag(WORK[0]) == lag
    assert Sample(NOW, held, {}, {}).lag(WORK[0]) == (5, 4)


@pytest.mark.parametrize("record", EXAMPLES, ids=lambda record: record.KIND)
def test_every_record_is_shown_without_what_is_secret(record: Record) -> None:
    (topic,) = (topic for topic in TOPICS if topic.record_type is type(record))
    shown = seen(topic, raw(record), SPACE)
    assert (shown.problem, shown.text, shown.key) == (None, None, record.key)
    text = json.dumps(shown.value)
    for secret in (TOKEN.secret_hash, SUBSCRIPTION.endpoint, SUBSCRIPTION.secret, SUBSCRIPTION.previous_secret):
        assert secret is None or secret not in text


def test_passwords_in_addresses_are_not_shown() -> None:
    feed = FEED.model_copy(update={"url": "https://ann:hunter2@news.example/rss"})
    shown = seen(FEEDS, raw(feed), SPACE)
    assert shown.value is not None
    assert shown.value["url"] == "https://***@news.example/rss"
    letter = DEAD_LETTER.model_copy(update={"topic": "chancery.feeds", "original_value": encode(feed)})
    assert "hunter2" not in json.dumps(seen(DEAD_LETTERS, raw(letter), SPACE).value)
    assert "hunter2" not in str(original(letter, SPACE))


@pytest.mark.parametrize("topic", TOPICS, ids=lambda topic: topic.name)
def test_what_cannot_be_decoded_is_shown_only_where_it_can_hold_no_secret(topic: Topic) -> None:
    shown = seen(topic, raw(b"hunter2 \xff"), SPACE)
    assert shown.value is None
    assert (shown.problem or "").startswith("not JSON")
    assert (shown.text == "hunter2 \ufffd") is (topic not in SECRETIVE)
    assert (shown.text is None) is (topic in SECRETIVE)
    letter = DEAD_LETTER.model_copy(update={"topic": topic.in_namespace(SPACE), "original_value": b"hunter2"})
    for told in (str(original(letter, SPACE)), str(seen(DEAD_LETTERS, raw(letter), SPACE))):
        assert ("hunter2" in told) is (topic not in SECRETIVE)


def test_a_dead_letter_of_a_strange_topic_shows_nothing_of_its_bytes() -> None:
    letter = DEAD_LETTER.model_copy(update={"topic": "elsewhere", "original_value": b"hunter2"})
    assert "hunter2" not in str(original(letter, SPACE)) + str(seen(DEAD_LETTERS, raw(letter), SPACE))


def test_a_tombstone_and_long_bytes() -> None:
    gone = seen(FEEDS, raw(None), SPACE)
    assert (gone.value, gone.text, gone.problem, gone.size) == (None, None, None, 0)
    long = seen(ARTICLES, raw(b"\xff" * 1_000_000), SPACE)
    assert (long.size, len(long.text or "")) == (1_000_000, 20_000)


@pytest.mark.parametrize(
    ("wanted", "taken"),
    [
        (Wanted(), True),
        (Wanted(key=REPORT.key), True),
        (Wanted(key="x"), False),
        (Wanted(fields=(("finding.type", REPORT.finding.type),)), True),
        (Wanted(fields=(("finding.type", "x"),)), False),
        (Wanted(fields=(("source.name", "Exemple"), ("article_revision", str(REPORT.article_revision)))), True),
        (Wanted(fields=(("title.x", "y"),)), False),
        (Wanted(fields=(("nothing", "null"),)), False),
    ],
)
def test_records_are_filtered_by_what_is_to_be_seen(wanted: Wanted, taken: bool) -> None:
    assert wanted.takes(seen(REPORTS, raw(REPORT), SPACE)) is taken


def test_no_filter_finds_what_is_not_shown() -> None:
    shown = seen(TOKENS, raw(TOKEN), SPACE)
    assert not Wanted(fields=(("secret_hash", TOKEN.secret_hash),)).takes(shown)
    shown = seen(SUBSCRIPTIONS, raw(SUBSCRIPTION), SPACE)
    assert Wanted(fields=(("endpoint", "hidden"),)).takes(shown)


def test_looking_is_bounded() -> None:
    sieve = Sieve(ALERTS, SPACE, Wanted(key="no such"), 10, {0: 0})
    taken = 0
    for n in range(2 * MOST_SCANNED):
        if sieve.full:
            break
        sieve.take(raw(b"x", n))
        taken += 1
    assert taken == MOST_SCANNED
    assert sieve.positions == {0: MOST_SCANNED}
    heavy = Sieve(ALERTS, SPACE, Wanted(), 500, {0: 0})
    while not heavy.full:
        heavy.take(raw(b"x" * 1_000_000, heavy.scanned))
    assert heavy.scanned == 4
    newest = Sieve(ALERTS, SPACE, Wanted(), 500, {0: 0}, newest=True)
    for n in range(10):
        newest.take(raw(b"x" * 1_000_000, n))
    assert [each.offset for each in newest.records()] == [6, 7, 8, 9]


async def test_records_are_paged_from_where_one_asks() -> None:
    house = House()
    house.topics.on[ARTICLES] = articles(10)
    async with house.client(Role.OPERATOR) as client:
        newest = of(await client.get(RECORDS, params={"limit": 3}))
        assert [each["offset"] for each in newest["records"]] == [7, 8, 9]
        assert newest["records"][0]["value"]["title"] == "T1"
        first = of(await client.get(RECORDS, params={"partition": 0, "offset": 2, "limit": 4}))
        assert ([each["offset"] for each in first["records"]], first["stopped"]) == ([2, 3, 4, 5], "full")
        rest = of(await client.get(RECORDS, params={"cursor": first["next_cursor"]}))
        assert ([each["offset"] for each in rest["records"]], rest["stopped"]) == ([6, 7, 8, 9], "end")
        nothing = of(await client.get(RECORDS, params={"cursor": rest["next_cursor"]}))
        assert (nothing["records"], nothing["scanned"]) == ([], 0)
        since = of(await client.get(RECORDS, params={"since": (NOW + timedelta(seconds=8)).isoformat()}))
        assert [each["offset"] for each in since["records"]] == [8, 9]
        titled = of(await client.get(RECORDS, params={"field": "title=T2", "partition": 0, "offset": 0}))
        assert [each["offset"] for each in titled["records"]] == [2, 5, 8]
        keyed = of(await client.get(RECORDS, params={"key": "art_4"}))
        assert [each["offset"] for each in keyed["records"]] == [4]
    assert house.topics.asked[0] == From()


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("offset=3", 422),
        ("partition=0&offset=3&since=2026-01-01T00:00:00Z", 422),
        ("partition=-1", 422),
        ("limit=501", 422),
        ("since=0001-01-01T00:00:00Z", 422),
        ("since=9999-12-31T23:59:59Z", 422),
        ("field=title", 422),
        ("field==x", 422),
        ("&".join(["field=a=b"] * 6), 422),
        (f"field=a={'x' * 500}", 422),
        ("cursor=x", 400),
        ("cursor=W1swLC0xXV0", 400),
    ],
)
async def test_what_cannot_be_asked_is_refused(query: str, status: int) -> None:
    house = House()
    async with house.client() as client:
        for path in (RECORDS, f"{RECORDS}/follow"):
            if "limit" not in query or path == RECORDS:
                of(await client.get(f"{path}?{query}"), status)
    assert house.topics.asked == []


async def test_only_topics_of_ours_are_read() -> None:
    async with House().client() as client:
        for name in ("__consumer_offsets", "chancery.articles", "replay.articles", "nothing"):
            assert "there is no topic" in of(await client.get(f"/v1/topics/{name}/records"), 404)["detail"]
            of(await client.get(f"/v1/topics/{name}/records/follow"), 404)


def test_a_cursor_is_what_an_answer_gave() -> None:
    assert positions_of(cursor_of({3: 7, 0: 2**40})) == {0: 2**40, 3: 7}
    for bad in ("", "x", "W10x", cursor_of({0: -1}), cursor_of({0: True}), "bnVsbA", "W1tbXSwxXV0"):
        with pytest.raises(BadCursor):
            positions_of(bad)


async def test_records_are_followed_as_events() -> None:
    house = House()
    house.topics.on[ARTICLES] = articles(4)
    async with house.client(Role.OPERATOR) as client:
        answer = await client.get(f"{RECORDS}/follow?field=title%3DT0")
        assert answer.headers["content-type"].startswith("text/event-stream")
        events = [dict(line.split(": ", 1) for line in e.splitlines()) for e in answer.text.split("\r\n\r\n") if e]
        assert [each["event"] for each in events] == ["begun", "record", "record", "end"]
        assert [json.loads(each["data"])["offset"] for each in events[1:3]] == [0, 3]
        assert positions_of(json.loads(events[-1]["data"])["next_cursor"]) == {0: 4}
        house.topics.fails = KafkaConnectionError("no broker")
        refused = await client.get(f"{RECORDS}/follow")
        assert (refused.status_code, refused.headers["content-type"]) == (503, "application/problem+json")
        of(await client.get(RECORDS), 503)
