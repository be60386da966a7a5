"""`chancery feeds check`: what a poll would do, and how saved documents read."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from services.cli import app
from services.contracts.feed import PollStatus
from services.ingest.check import check
from services.runtime.settings import Settings, load_settings
from tests.unit.ingest.documents import GOOD_RSS, WEB_PAGE, item, rss
from tests.unit.ingest.pages import BODY, LEAD, TITLE, web_page
from tests.unit.ingest.server import Handler, answer, redirect, serving


@pytest.fixture
def settings() -> Settings:
    return load_settings({"CHANCERY_EGRESS__ALLOW_PRIVATE": "127.0.0.0/8"})


async def test_a_feed_that_moved(settings: Settings) -> None:
    routes = {
        "/old": redirect(301, "/new"),
        "/new": answer(200, GOOD_RSS, ETag='"7"', Cache_Control="max-age=900"),
    }
    async with serving(routes) as server:
        told = (await check(settings, server.url("/old"))).as_json()
    assert told["redirects"] == [{"url": server.url("/old"), "http_status": 301}]
    assert (told["url"], told["status"], told["http_status"]) == (server.url("/new"), PollStatus.OK, 200)
    assert (told["format"], told["title"], told["entries"], told["dated"]) == ("RSS 2.0", "Harbour Wire", 2, 2)
    assert (told["articles"], told["etag"], told["next_poll"]) == (2, '"7"', "in 900 s (fresh)")


async def test_a_page_offers_its_feeds(settings: Settings) -> None:
    page = WEB_PAGE.replace(b"<head>", b'<head><link rel="alternate" type="application/rss+xml" href="/rss">')
    assert page != WEB_PAGE
    async with serving({"/": answer(200, page)}) as server:
        told = (await check(settings, server.url("/"))).as_json()
    assert (told["status"], told["feed_links"]) == (PollStatus.NOT_A_FEED, [server.url("/rss")])


async def test_ids_that_name_several_articles_are_said(settings: Settings) -> None:
    date = "Mon, 21 Dec 2020 08:00:00 GMT"
    async with serving({"/": answer(200, rss(item("1", "Fire", "A", date), item("1", "Flood", "B", date)))}) as server:
        told = (await check(settings, server.url("/"))).as_json()
    (note,) = told["notes"]
    assert (told["articles"], note.partition(" (")[0]) == (2, "one id is given to several articles")


@pytest.mark.parametrize(
    ("page", "outcome", "chars"),
    [
        (answer(200, web_page(*BODY), content_type="text/html"), "page", len(LEAD) + 1 + len("\n".join(BODY))),
        (answer(404), "http_error", len(LEAD)),
    ],
)
async def test_the_page_of_the_newest_entry(settings: Settings, page: Handler, outcome: str, chars: int) -> None:
    newest, older = item("n", TITLE, LEAD) + "<link>/1</link>", item("o") + "<link>/2</link>"
    async with serving({"/rss": answer(200, rss(newest, older)), "/1": page}) as server:
        told = (await check(settings, server.url("/rss"), full_text=True)).as_json()["page"]
        assert (told["url"], told["outcome"]) == (server.url("/1"), outcome)
        assert (told["entry_chars"], told["text_chars"]) == (len(LEAD), chars)
        assert told["begins"].startswith(LEAD)
        assert "page" not in (await check(settings, server.url("/rss"))).as_json()


async def test_one_that_is_gone(settings: Settings) -> None:
    async with serving({"/": answer(410)}) as server:
        told = (await check(settings, server.url("/"))).as_json()
    assert (told["status"], told["next_poll"]) == (PollStatus.GONE, "never: gone for good (410)")
    assert "format" not in told


def test_a_folder_of_documents(tmp_path: Path) -> None:
    (tmp_path / "good.xml").write_bytes(GOOD_RSS)
    (tmp_path / "deeper").mkdir()
    (tmp_path / "deeper" / "page.html").write_bytes(WEB_PAGE)
    run = CliRunner().invoke(app, ["feeds", "check", "--files", str(tmp_path), "--json"])
    assert run.exit_code == 0
    read = {row["file"]: (row["status"], row["format"], row["entries"]) for row in json.loads(run.stdout)}
    assert read == {"deeper/page.html": ("not_a_feed", "", 0), "good.xml": ("ok", "RSS 2.0", 2)}
    table = CliRunner().invoke(app, ["feeds", "check", "--files", str(tmp_path)])
    assert "RSS 2.0" in table.stdout


@pytest.mark.parametrize("arguments", [[], ["https://a.example/", "--files", "."], ["--files", ".", "--full-text"]])
def test_one_of_the_two_is_wanted(arguments: list[str]) -> None:
    run = CliRunner().invoke(app, ["feeds", "check", *arguments])
    assert run.exit_code == 2


def test_an_address_that_is_none() -> None:
    assert CliRunner().invoke(app, ["feeds", "check", "ftp://a.example/"]).exit_code == 2
