"""The feed server in a process of its own, read with the parser that the poller uses; its shelf by itself."""

import signal
import subprocess
import sys
import time
import xml.etree.ElementTree as ET

import feedparser
import httpx
import pytest

from deploy.demo import newsroom, syndication
from deploy.demo.feed_server import FIRST_ENTRIES, Shelf
from tests.unit.demo.conftest import Start

PUBLICATIONS = newsroom.read()
MODULE = "deploy.demo.feed_server"
NEVER = "100000"


def test_a_shelf_fills_by_one_entry_a_request_and_not_faster_than_its_pace() -> None:
    shelf = Shelf(PUBLICATIONS[0], every_s=2)
    seen = [len(shelf.items_at(now)) for now in (10.0, 11.9, 12.0, 12.1, 60.0, 60.5)]
    assert seen == [FIRST_ENTRIES, FIRST_ENTRIES, 3, 3, 4, 4]
    for now in range(100, 200, 2):
        shelf.items_at(now)
    assert shelf.items_at(300) == PUBLICATIONS[0].items


def test_pace_zero_shows_everything() -> None:
    assert Shelf(PUBLICATIONS[0], every_s=0).items_at(0) == PUBLICATIONS[0].items


@pytest.mark.parametrize("publication", PUBLICATIONS, ids=lambda publication: publication.feed)
def test_a_parser_reads_what_was_written(publication: newsroom.Publication) -> None:
    raw = syndication.document(publication, publication.items, "http://127.0.0.1/feeds/x.xml")
    parsed = feedparser.parse(raw)
    assert not parsed.bozo
    assert parsed.version == {"rss": "rss20", "atom": "atom10"}[publication.format]
    assert parsed.feed.language == publication.language
    assert [entry.id for entry in parsed.entries] == [item.guid for item in reversed(publication.items)]
    for entry, item in zip(parsed.entries, reversed(publication.items), strict=True):
        assert (entry.title, entry.link) == (item.title, str(item.link))
        assert entry.summary == item.paragraphs[0]
        assert tuple(entry.published_parsed)[:6] == item.published.utctimetuple()[:6]
        assert entry.content[0].value.count("<p>") == len(item.paragraphs)


def test_the_server_lists_its_feeds_and_answers_conditional_requests(start: Start) -> None:
    server = start(MODULE, "--release-every", NEVER)
    with httpx.Client(base_url=server.url) as client:
        assert client.get("/healthz").json() == {"status": "ok"}
        assert client.get("/feeds/unknown.xml").status_code == 404

        outlines = list(ET.fromstring(client.get("/feeds.opml").content).iter("outline"))
        assert [outline.get("title") for outline in outlines] == [feed.title for feed in PUBLICATIONS]
        assert {"xmlUrl", "language", "country", "grade", "fullText"} <= outlines[0].attrib.keys()

        for outline in outlines:
            url = outline.get("xmlUrl", "")
            assert url.startswith(server.url)
            first = client.get(url)
            assert (first.status_code, len(feedparser.parse(first.content).entries)) == (200, FIRST_ENTRIES)
            etag, modified = first.headers["etag"], first.headers["last-modified"]
            for headers, status in (
                ({"If-None-Match": etag}, 304),
                ({"If-None-Match": f'"other", W/{etag}'}, 304),
                ({"If-None-Match": "*"}, 304),
                ({"If-None-Match": '"other"', "If-Modified-Since": modified}, 200),
                ({"If-Modified-Since": modified}, 304),
                ({"If-Modified-Since": "Thu, 01 Jan 1998 00:00:00 GMT"}, 200),
                ({"If-Modified-Since": "yesterday"}, 200),
            ):
                answer = client.get(url, headers=headers)
                assert answer.status_code == status, headers
                assert answer.headers["etag"] == etag
                assert (answer.content == b"") == (status == 304)


def test_an_etag_ends_when_an_entry_is_added(start: Start) -> None:
    server = start(MODULE, "--release-every", "0.001")
    with httpx.Client(base_url=server.url) as client:
        url = f"/feeds/{PUBLICATIONS[0].feed}.xml"
        first = client.get(url)
        deadline = time.monotonic() + 10
        while (second := client.get(url, headers={"If-None-Match": first.headers["etag"]})).status_code == 304:
            assert time.monotonic() < deadline
        assert len(feedparser.parse(second.content).entries) == FIRST_ENTRIES + 1


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_cleanly(start: Start, number: signal.Signals) -> None:
    server = start(MODULE)
    httpx.get(f"{server.url}/healthz")
    server.process.send_signal(number)
    assert server.process.wait(timeout=10) == 0


def test_a_taken_port_is_said_in_one_line(start: Start) -> None:
    server = start(MODULE)
    port = server.url.rpartition(":")[2]
    second = subprocess.run(
        [sys.executable, "-m", MODULE, "--port", port], capture_output=True, text=True, timeout=30, check=False
    )
    assert second.returncode == 1
    assert second.stdout == ""
    (line,) = second.stderr.splitlines()
    assert line.startswith(f"cannot listen on 127.0.0.1:{port}: Address already in use")
