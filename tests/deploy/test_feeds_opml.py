"""The starter list of feeds: whether it can be read, and whether what stands in it is valid."""

from collections import Counter
from pathlib import Path
from urllib.parse import urlsplit
from xml.etree import ElementTree as ET

import pytest
from babel import Locale

from services.contracts.feed import Feed, SourceGrade
from services.ingest.core import opml
from services.ingest.core.address import feed_url

ROOT = Path(__file__).parents[2]
DOCUMENT = (ROOT / "deploy/feeds.opml").read_bytes()
LISTING = opml.read(DOCUMENT)
FOLDERS = ET.fromstring(DOCUMENT).findall("body/outline")
OUTLINES = [outline for folder in FOLDERS for outline in folder]
COUNTRIES = {code for code in Locale("en").territories if len(str(code)) == 2} - {"EU", "EZ", "UN", "XA", "XB", "ZZ"}
READ = {path.stem for path in (ROOT / "services/classify/lexicons").glob("*.toml")}
ONLY_HTTP = {"www.people.com.cn"}
"""Hosts whose publisher gives no https address."""


def primary(language: str | None) -> str:
    return (language or "").partition("-")[0]


def test_it_is_read_without_a_problem_and_nothing_is_lost() -> None:
    assert LISTING.problems == ()
    assert len(LISTING.feeds) == len(OUTLINES) >= 72


def test_every_language_that_is_read_has_feeds() -> None:
    told = Counter(primary(feed.language) for feed in LISTING.feeds)
    assert set(told) == READ
    assert len(READ) == 12
    assert min(told.values()) >= 6, told


def test_a_folder_holds_one_language() -> None:
    assert all(len({primary(outline.get("language")) for outline in folder}) == 1 for folder in FOLDERS)
    assert len(FOLDERS) == len(READ)


def test_no_address_stands_twice() -> None:
    addresses = [feed_url(outline.attrib["xmlUrl"]) for outline in OUTLINES]
    bare = [address.partition("://")[2].removeprefix("www.").rstrip("/") for address in addresses]
    assert [address for address, times in Counter(bare).items() if times > 1] == []


@pytest.mark.parametrize("feed", LISTING.feeds, ids=lambda feed: feed.url)
def test_a_feed_is_valid(feed: Feed) -> None:
    parts = urlsplit(feed.url)
    assert parts.hostname
    assert "." in parts.hostname
    assert parts.scheme == ("http" if parts.hostname in ONLY_HTTP else "https")
    assert not parts.username
    assert feed.title
    assert feed.country is None or feed.country in COUNTRIES
    assert Locale.parse(feed.language, sep="-")
    assert feed.grade in set(SourceGrade) - {SourceGrade.A, SourceGrade.F}, "A is earned; F says nobody graded it"


@pytest.mark.parametrize("outline", OUTLINES, ids=lambda outline: outline.attrib["xmlUrl"])
def test_an_outline_says_what_a_reader_of_opml_expects(outline: ET.Element) -> None:
    needed = {"type", "text", "title", "xmlUrl", "htmlUrl", "language", "grade"}
    assert set(outline.attrib) - {"country", "maxIntervalS"} == needed
    assert outline.attrib["type"] == "rss"
    assert outline.attrib["text"] == outline.attrib["title"]
    assert urlsplit(outline.attrib["htmlUrl"]).scheme in ("http", "https")
    assert outline.attrib["grade"] in set(SourceGrade)
