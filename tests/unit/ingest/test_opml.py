"""Lists of feeds in and out."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy.demo import newsroom, syndication
from services.contracts import ids
from services.contracts.feed import LONGEST_BOUND_S, Feed, SourceGrade
from services.ingest.core import opml
from services.ingest.core.address import BadAddress, feed_url
from tests.unit.ingest.documents import BILLION_LAUGHS, EXTERNAL_ENTITY


def listing(*outlines: str) -> opml.Listing:
    body = "".join(outlines)
    return opml.read(f'<opml version="2.0"><head/><body>{body}</body></opml>'.encode())


def test_folders_are_opened_and_attributes_read() -> None:
    read = listing(
        '<outline text="Folder"><outline text="A" title="Title A" xmlUrl="https://a.example/rss" language="fr"'
        ' country="iq" grade="b" fullText="true" minIntervalS="60" maxIntervalS="300"/></outline>',
        '<outline text="B" xmlURL="https://b.example/rss"/>',
        '<outline text="again" xmlUrl="https://A.example/rss"/>',
        '<outline text="a page" htmlUrl="https://c.example/"/>',
    )
    assert read.problems == ()
    assert read.feeds == (
        Feed(
            feed_id=ids.feed_id("https://a.example/rss"),
            url="https://a.example/rss",
            title="Title A",
            language="fr",
            country="IQ",
            grade=SourceGrade.B,
            full_text=True,
            min_interval_s=60,
            max_interval_s=300,
        ),
        Feed(feed_id=ids.feed_id("https://b.example/rss"), url="https://b.example/rss", title="B"),
    )


@pytest.mark.parametrize(
    ("outline", "complaint"),
    [
        ('<outline text="X" xmlUrl="https://x.example/" grade="Z"/>', "X: grade"),
        ('<outline text="X" xmlUrl="https://x.example/" country="Iraq"/>', "X: country"),
        ('<outline text="X" xmlUrl="https://x.example/" maxIntervalS="often"/>', "X: max_interval_s"),
        ('<outline text="X" xmlUrl="https://x.example/" minIntervalS="0"/>', "X: min_interval_s"),
        ('<outline text="X" xmlUrl="ftp://x.example/"/>', "no http or https address"),
    ],
)
def test_what_cannot_be_taken_is_said_and_the_rest_is_taken(outline: str, complaint: str) -> None:
    read = listing(outline, '<outline text="B" xmlUrl="https://b.example/rss"/>')
    assert [feed.title for feed in read.feeds] == ["B"]
    (problem,) = read.problems
    assert complaint in problem


@pytest.mark.parametrize("document", [BILLION_LAUGHS, EXTERNAL_ENTITY, b"", b"<opml>", b"no xml at all"])
def test_hostile_and_broken_documents_are_refused(document: bytes) -> None:
    with pytest.raises(opml.OpmlError):
        opml.read(document)


def test_the_demo_lists_its_feeds() -> None:
    publications = newsroom.read()
    document = syndication.opml((p, f"http://127.0.0.1:1/feeds/{p.feed}.xml") for p in publications)
    read = opml.read(document)
    assert read.problems == ()
    assert {(f.title, f.language, f.country, f.grade, f.full_text) for f in read.feeds} == {
        (p.title, p.language, p.country, p.grade, p.full_text) for p in publications
    }


FEEDS = st.builds(
    lambda url, **rest: Feed(feed_id=ids.feed_id(url), url=url, **rest),
    url=st.from_regex(r"https://[a-z]{1,8}\.example/[a-z?=&]{0,9}", fullmatch=True).map(feed_url),
    title=st.text(st.characters(exclude_categories=["C", "Z"]), max_size=20),
    language=st.sampled_from([None, "fr", "pt-BR"]),
    country=st.sampled_from([None, "IQ", "FR"]),
    grade=st.sampled_from(SourceGrade),
    full_text=st.booleans(),
    min_interval_s=st.none() | st.integers(1, LONGEST_BOUND_S),
    max_interval_s=st.none() | st.integers(1, LONGEST_BOUND_S),
)


@given(st.lists(FEEDS, unique_by=lambda feed: feed.url))
def test_what_is_written_is_read_back(feeds: list[Feed]) -> None:
    assert opml.read(opml.write(feeds)) == opml.Listing(tuple(sorted(feeds, key=lambda feed: feed.url)), ())


@given(st.lists(st.text(max_size=30), max_size=3))
def test_any_title_can_be_written(titles: list[str]) -> None:
    feeds = [
        Feed(feed_id=ids.feed_id(str(n)), url=f"https://a.example/{n}", title=title) for n, title in enumerate(titles)
    ]
    assert len(opml.read(opml.write(feeds)).feeds) == len(titles)


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        (" https://Example.ORG/Feed?x=1#top ", "https://example.org/Feed?x=1"),
        ("HTTP://example.org", "http://example.org/"),
        ("feed://example.org/rss", "http://example.org/rss"),
        ("feed:https://example.org/rss", "https://example.org/rss"),
        ("https://User:Pass@Example.org/rss", "https://User:Pass@example.org/rss"),
        ("http://[2001:db8::1]:8080/", "http://[2001:db8::1]:8080/"),
    ],
)
def test_addresses(typed: str, kept: str) -> None:
    assert feed_url(typed) == kept
    assert feed_url(kept) == kept


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "example.org/rss",
        "ftp://example.org/",
        "file:///etc/passwd",
        "https://",
        "http://a b/",
        "http://a:x/",
        "http://[::1/",
        "javascript:alert(1)",
        "http:///path",
    ],
)
def test_what_is_no_address(typed: str) -> None:
    with pytest.raises(BadAddress):
        feed_url(typed)
