"""/v1/feeds over records in memory."""

import json
from typing import Any

import httpx
import pytest

from services.console.api.feeds import IMPORT_MAX_BYTES, FeedChange
from services.console.app import MAX_BODY_BYTES
from services.contracts import ids
from services.contracts.feed import Feed, FeedState, PollStatus, SourceGrade
from services.contracts.token import Role
from services.contracts.topics import FEED_STATES, FEEDS
from services.ingest.core import opml
from tests.unit.console.house import NOW, TOKEN_OF, House
from tests.unit.ingest.fakes import feed_at

URL = "https://news.example/rss"


def house_with(*feeds: Feed) -> House:
    house = House()
    house.records.put(FEEDS, *feeds)
    return house


def polled(feed: Feed, status: PollStatus = PollStatus.OK, **more: Any) -> FeedState:
    return FeedState(feed_id=feed.feed_id, url=feed.url, status=status, **more)


def of(answer: httpx.Response, status: int = 200) -> Any:
    assert answer.status_code == status, answer.text
    return answer.json()


def test_every_field_that_people_set_can_be_set_here() -> None:
    assert FeedChange.model_fields.keys() == Feed.model_fields.keys() - {"schema_version", "feed_id", "url"}
    told = {name: field.default for name, field in FeedChange.model_fields.items()}
    assert told == {name: Feed.model_fields[name].default for name in told}


async def test_a_feed_is_added_seen_changed_and_removed() -> None:
    house = House()
    async with house.client(Role.OPERATOR) as client:
        added = await client.post("/v1/feeds", json={"url": f"{URL}#top", "grade": "B", "language": "fr"})
        told = of(added, 201)
        assert (told["url"], told["grade"], told["language"], told["poll"]) == (URL, "B", "fr", None)
        where = added.headers["location"]
        assert where == f"/v1/feeds/{ids.feed_id(URL)}"
        seen = await client.get(where)
        assert (of(seen), seen.headers["etag"]) == (told, added.headers["etag"])

        again = await client.post("/v1/feeds", json={"url": URL, "title": "News"})
        assert of(again) == {**told, "title": "News"}
        paused = await client.patch(where, json={"enabled": False, "language": None})
        assert (of(paused)["enabled"], paused.json()["language"], paused.json()["grade"]) == (False, None, "B")
        assert paused.headers["etag"] != seen.headers["etag"]

        assert (await client.delete(where)).status_code == 204
        assert of(await client.get(where), 404)["detail"] == f"no feed {ids.feed_id(URL)} is watched"
        assert (await client.delete(where)).status_code == 404
    operator = TOKEN_OF[Role.OPERATOR]
    assert [(e.actor, e.actor_name, e.action, e.target) for e in house.records.audit] == [
        (operator.token_id, operator.name, action, ids.feed_id(URL))
        for action in ("feed.added", "feed.changed", "feed.changed", "feed.removed")
    ]
    assert {(c.field, c.before, c.after) for c in house.records.audit[2].changes} == {
        ("enabled", "true", "false"),
        ("language", '"fr"', "null"),
    }


async def test_a_feed_that_the_command_took_is_told_as_it_is() -> None:
    feed = feed_at(URL).model_copy(update={"title": "x" * 1_000, "language": "no tag at all"})
    async with house_with(feed).client(Role.VIEWER) as client:
        assert of(await client.get("/v1/feeds"))["items"][0]["language"] == "no tag at all"
        assert len(of(await client.get(f"/v1/feeds/{feed.feed_id}"))["title"]) == 1_000


async def test_what_changes_nothing_is_not_written() -> None:
    feed = feed_at(URL)
    house = house_with(feed)
    async with house.client() as client:
        of(await client.patch(f"/v1/feeds/{feed.feed_id}", json={"enabled": True}))
        of(await client.post("/v1/feeds", json={"url": URL}))
    assert house.records.audit == []


async def test_a_change_can_ask_that_nobody_else_changed_it_before() -> None:
    feed = feed_at(URL)
    house = house_with(feed)
    where = f"/v1/feeds/{feed.feed_id}"
    async with house.client() as client:
        seen = (await client.get(where)).headers["etag"]
        house.records.put(FEED_STATES, polled(feed))
        after_a_poll = (await client.get(where)).headers["etag"]
        assert after_a_poll != seen
        changed = await client.patch(where, json={"title": "A"}, headers={"if-match": seen})
        assert of(changed)["title"] == "A"
        for stale in (seen, after_a_poll, 'W/"x"', "nonsense", '"x", "y"', '""'):
            for refused in (
                await client.patch(where, json={"title": "B"}, headers={"if-match": stale}),
                await client.delete(where, headers={"if-match": stale}),
            ):
                assert of(refused, 412)["title"] == "Precondition Failed"
        assert of(await client.get(where))["title"] == "A"
        current = f'"x", {changed.headers["etag"]}'
        assert (await client.delete(where, headers={"if-match": current})).status_code == 204
        assert (await client.delete(where, headers={"if-match": "*"})).status_code == 404


async def test_who_has_it_already_is_not_sent_it_again() -> None:
    feed = feed_at(URL)
    house = house_with(feed)
    async with house.client(Role.VIEWER) as client:
        for where in ("/v1/feeds", f"/v1/feeds/{feed.feed_id}"):
            house.records.rows[FEED_STATES] = {}
            first = await client.get(where)
            tag = first.headers["etag"]
            for known in (tag, f"W/{tag}", f'"x", {tag}', "*"):
                same = await client.get(where, headers={"if-none-match": known})
                assert (same.status_code, same.content, same.headers["etag"]) == (304, b"", tag)
            house.records.put(FEED_STATES, polled(feed, PollStatus.HTTP_ERROR, reason="HTTP 500"))
            other = await client.get(where, headers={"if-none-match": tag})
            assert other.status_code == 200
            assert "HTTP 500" in other.text


async def test_a_list_is_walked_by_its_cursors_whatever_comes_and_goes() -> None:
    feeds = [feed_at(f"https://{n}.example/").model_copy(update={"title": f"T{n % 3}"}) for n in range(10)]
    house = house_with(*feeds)
    expected = sorted(feeds, key=lambda feed: (feed.title.casefold(), feed.url))
    seen: list[str] = []
    async with house.client(Role.VIEWER) as client:
        where, pages = "/v1/feeds?limit=4&enabled=true", 0
        while where:
            answer = await client.get(where)
            told = of(answer)
            seen += [feed["feed_id"] for feed in told["items"]]
            pages += 1
            if pages == 1:
                assert told["total"] == 10
                del house.records.rows[FEEDS][seen[-1]]  # the place a cursor names may be gone
            link = answer.headers.get("link", "")
            assert bool(link) is (told["next_cursor"] is not None)
            assert not link or link.endswith('; rel="next"')
            where = link.partition(">")[0].removeprefix("<")
    assert (seen, pages) == ([feed.feed_id for feed in expected], 3)


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", "abcd"),
        ("status=ok", "a"),
        ("status=never", "cd"),
        ("status=http_error", "b"),
        ("enabled=false", "d"),
        ("health=failing", "b"),
        ("health=never", "c"),
        ("health=paused", "d"),
        ("language=pt", "ab"),
        ("language=PT-br", "b"),
        ("language=p", ""),
        ("status=ok&language=pt&enabled=true", "a"),
    ],
)
async def test_a_list_is_filtered(query: str, found: str) -> None:
    languages = {"a": "pt", "b": "pt-BR", "c": None, "d": "fr"}
    feeds = {
        name: feed_at(f"https://{name}.example/").model_copy(
            update={"title": name, "language": language, "enabled": name != "d"}
        )
        for name, language in languages.items()
    }
    house = house_with(*feeds.values())
    house.records.put(FEED_STATES, polled(feeds["a"]), polled(feeds["b"], PollStatus.HTTP_ERROR))
    async with house.client(Role.VIEWER) as client:
        told = of(await client.get(f"/v1/feeds?{query}"))
    assert "".join(feed["title"] for feed in told["items"]) == found
    assert told["total"] == len(found)


OPML = """<opml><body><outline text="A" xmlUrl="https://a.example/" grade="C"/>
<outline text="B" xmlUrl="https://b.example/"/><outline text="X" xmlUrl="ftp://x"/></body></opml>"""


async def test_a_feed_says_how_it_is_in_words() -> None:
    feed = feed_at(URL)
    house = house_with(feed)
    house.records.put(FEED_STATES, polled(feed, PollStatus.HTTP_ERROR, reason="HTTP 404", last_poll_at=NOW, failures=2))
    async with house.client(Role.VIEWER) as client:
        told = of(await client.get(f"/v1/feeds/{feed.feed_id}"))
    assert (told["health"]["kind"], told["health"]["since"]) == ("failing", "2026-03-01T12:00:00Z")
    assert "HTTP 404 (2 polls in a row)" in told["health"]["words"]
    assert told["poll"]["failures"] == 2


async def test_an_import_tells_what_it_did() -> None:
    known = feed_at("https://b.example/").model_copy(update={"title": "Mine", "language": "pt", "enabled": False})
    house = house_with(known)
    new = ids.feed_id("https://a.example/")
    async with house.client(Role.OPERATOR) as client:
        told = of(await client.post("/v1/feeds/import", content=OPML))
        assert (told["added"], told["changed"], told["unchanged"]) == ([new], [known.feed_id], [])
        assert ["ftp" in problem for problem in told["problems"]] == [True]
        told = of(await client.post("/v1/feeds/import", content=OPML))
        assert (told["added"], told["changed"], told["unchanged"]) == ([], [], [new, known.feed_id])
        kept = of(await client.get(f"/v1/feeds/{known.feed_id}"))
        assert (kept["title"], kept["language"], kept["enabled"]) == ("B", "pt", False)
    assert [entry.action for entry in house.records.audit] == ["feed.added", "feed.changed"]


@pytest.mark.parametrize(
    ("document", "complaint"),
    [
        (b"", "not well-formed"),
        (b"nonsense", "not well-formed"),
        (b"<opml/>", "lists no feed"),
        (b'<!DOCTYPE o [<!ENTITY a "b">]><opml/>', "declares entities"),
        (b"\xff\xfe<", "not well-formed"),
    ],
)
async def test_what_is_no_opml_is_refused(document: bytes, complaint: str) -> None:
    house = House()
    async with house.client() as client:
        assert complaint in of(await client.post("/v1/feeds/import", content=document), 422)["detail"]
    assert house.records.audit == []


async def test_an_export_can_be_imported_and_holds_the_password_that_nobody_else_sees() -> None:
    feed = feed_at("https://user:pass@a.example/rss?x@y").model_copy(update={"title": "", "grade": SourceGrade.B})
    house = house_with(feed)
    async with house.client() as client:
        exported = await client.get("/v1/feeds/export")
        assert exported.headers["content-type"].startswith("text/x-opml")
        assert opml.read(exported.content).feeds == (feed,)
        for where in ("/v1/feeds", f"/v1/feeds/{feed.feed_id}"):
            told = (await client.get(where)).text
            assert "https://***@a.example/rss?x@y" in told
            assert "pass@" not in told
        await client.delete(f"/v1/feeds/{feed.feed_id}")
    (entry,) = house.records.audit
    assert "pass@" not in entry.model_dump_json()
    assert "***@" in entry.model_dump_json()


async def test_a_check_is_asked_for_the_address_as_it_is_kept() -> None:
    house = House()
    async with house.client(Role.OPERATOR) as client:
        told = of(await client.post("/v1/feeds/check", json={"url": "HTTP://127.0.0.1:9/x#y"}))
        of(await client.post("/v1/feeds/check", json={"url": "file:///etc/passwd"}), 422)
    assert (told["status"], told["reason"]) == ("refused", "not a public address")
    assert house.checked == ["http://127.0.0.1:9/x"]


BAD: list[tuple[Any, str]] = [
    ({}, "/url"),
    ({"url": "ftp://x.example/"}, "/url"),
    ({"url": 7}, "/url"),
    ({"url": "https://a.example/" + "x" * 2_000}, "/url"),
    ({"url": URL, "grade": "Z"}, "/grade"),
    ({"url": URL, "grade": None}, "/grade"),
    ({"url": URL, "country": "Iraq"}, "/country"),
    ({"url": URL, "language": "not a tag"}, "/language"),
    ({"url": URL, "title": "x" * 301}, "/title"),
    ({"url": URL, "title": None}, "/title"),
    ({"url": URL, "title": "\ud800"}, "/title"),
    ({"url": "https://\ud800.example/"}, "/url"),
    ({"url": URL, "enabled": "perhaps"}, "/enabled"),
    ({"url": URL, "feed_id": "x"}, "/feed_id"),
    ([], ""),
    ("x", ""),
    (None, ""),
]


@pytest.mark.parametrize(("body", "at"), BAD, ids=lambda value: str(value)[:40].encode("ascii", "replace").decode())
async def test_what_is_wrong_is_named(body: Any, at: str) -> None:
    house = House()
    async with house.client() as client:
        answer = await client.post("/v1/feeds", content=json.dumps(body), headers={"content-type": "application/json"})
    problem = of(answer, 422)
    assert answer.headers["content-type"] == "application/problem+json"
    assert at in {fault["at"] for fault in problem["errors"]}
    assert house.records.audit == []


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[" * 60_000, b"\xff\xfe\x00", b'{"url": NaN}', b"9" * 60_000, b"url=https%3A%2F%2Fa.example"],
)
async def test_what_is_no_json_is_refused(body: bytes) -> None:
    async with House().client() as client:
        for path in ("/v1/feeds", "/v1/feeds/check"):
            for media_type in ("application/json", "text/plain", "application/x-www-form-urlencoded"):
                answer = await client.post(path, content=body, headers={"content-type": media_type})
                assert answer.status_code in (400, 422), answer.text
                assert answer.headers["content-type"] == "application/problem+json"


async def test_too_large_a_body_is_refused_by_what_it_says_and_by_what_it_is() -> None:
    async def chunks(size: int) -> Any:
        for _ in range(size // 1_000 + 1):
            yield b" " * 1_000

    async with House().client() as client:
        for path, most in (("/v1/feeds", MAX_BODY_BYTES), ("/v1/feeds/import", IMPORT_MAX_BYTES)):
            headers = {"content-type": "application/json"}
            for content in (b" " * (most + 1), chunks(most)):
                answer = await client.post(path, content=content, headers=headers)
                assert of(answer, 413)["status"] == 413
                assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("query", ["limit=0", "limit=1001", "limit=x", "status=fine", "enabled=maybe"])
async def test_a_wrong_parameter_is_named(query: str) -> None:
    async with House().client() as client:
        problem = of(await client.get(f"/v1/feeds?{query}"), 422)
    assert problem["errors"][0]["at"] == f"query {query.partition('=')[0]}"


@pytest.mark.parametrize("cursor", ["", "x", "W10", "bnVsbA", "%00", "é", "eyJhIjoxfQ", "WzFd"])
async def test_a_wrong_cursor_is_refused(cursor: str) -> None:
    async with House().client() as client:
        assert "cursor" in of(await client.get(f"/v1/feeds?cursor={cursor}"), 400)["detail"]


@pytest.mark.parametrize("feed_id", ["x", "feed_", "feed_" + "a" * 27, "feed_" + "A" * 26, "%2e%2e", "import"])
async def test_a_wrong_id_is_refused(feed_id: str) -> None:
    async with House().client() as client:
        answer = await client.patch(f"/v1/feeds/{feed_id}", json={})
    assert answer.status_code in (404, 405, 422)
    assert answer.headers["content-type"] == "application/problem+json"
