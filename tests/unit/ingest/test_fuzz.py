"""Damaged documents and long histories: nothing raises, nothing hangs, and what must always hold does."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.contracts import ids
from services.contracts.codec import decode, encode
from services.contracts.feed import Feed, FeedState, PollStatus
from services.ingest.adapters.fetcher import MAX_VALIDATOR_BYTES
from services.ingest.adapters.parsing import DOCUMENTS, PAGES, page, parse
from services.ingest.core import decoding
from services.ingest.core.feed import Document, Entry
from services.ingest.core.fetched import Fetched, Hop
from services.ingest.core.full_text import completed
from services.ingest.core.outcome import FURTHEST_AHEAD, SUCCEEDED, Outcome, settle, state_before
from services.ingest.core.recognition import SEEN_AT_LEAST
from services.ingest.core.schedule import JITTER_SHARE, LONGEST_BACK_OFF, LONGEST_FRESHNESS, LONGEST_RETRY_AFTER, Pace
from services.runtime.settings import IngestSettings
from tests.contracts.examples import ARTICLE
from tests.suites.damage import damaged, fuzzed
from tests.unit.ingest.documents import BILLION_LAUGHS, EXTERNAL_ENTITY, GOOD_RSS, WEB_PAGE
from tests.unit.ingest.hostile.documents import json_feed
from tests.unit.ingest.pages import BODY, web_page

laws = fuzzed(300)
URL = "https://wire.example/feed.xml"
BROKER_BYTES = 1_000_000

ATOM = b"""<?xml version="1.0" encoding="utf-8"?>
<feed xmlns="http://www.w3.org/2005/Atom" xml:lang="fr"><title type="html">A &amp;amp; B</title>
<entry><id>urn:1</id><title>Un</title><link rel="alternate" href="/1"/><updated>2020-12-21T08:00:00+01:00</updated>
<content type="xhtml"><div xmlns="http://www.w3.org/1999/xhtml"><p>Une</p><p>Deux</p></div></content></entry>
<entry><id>urn:2</id><title>Deux</title><summary>Bref.</summary><published>2020-12-22</published></entry></feed>"""
RDF = b"""<?xml version="1.0"?><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"
 xmlns="http://purl.org/rss/1.0/" xmlns:dc="http://purl.org/dc/elements/1.1/"
 xmlns:sy="http://purl.org/rss/1.0/modules/syndication/"><channel><title>R</title>
<sy:updatePeriod>hourly</sy:updatePeriod></channel><item rdf:about="urn:2"><title>T</title>
<dc:date>2020-12-21</dc:date><description>D &#8211; E</description></item></rdf:RDF>"""
JSON_FEED = json_feed(
    '[{"id": "1", "url": "/1", "title": "T", "content_html": "<p>A</p>", "date_published": "2020-12-21"}]'
)
WHOLE = [
    GOOD_RSS,
    ATOM,
    RDF,
    JSON_FEED,
    GOOD_RSS.decode().encode("utf-16"),
    WEB_PAGE,
    BILLION_LAUGHS,
    EXTERNAL_ENTITY,
]

PIECES = (
    st.sampled_from(
        [b"<![CDATA[", b"]]>", b"<!--", b"-->", b"<item>", b"</item>", b"<entry>", b"</channel>", b"<?xml "]
    )
    | st.sampled_from(
        [b"<!DOCTYPE a [", b"<!ENTITY x 'y'>", b"&x;", b"&#xD800;", b"&#0;", b"\x00", b"<", b">", b'"', b"{"]
    )
    | st.sampled_from(
        [b"\xff\xfe", b"\xef\xbb\xbf", b"\\ud800", b"\xed\xa0\x80", b' encoding="utf-16"', b' xml:base="http://[']
    )
    | st.sampled_from([b"<div>" * 500, b"9" * 5_000, b"<a " * 500, b"[" * 5_000])
    | st.binary(max_size=20)
)
TYPES = st.sampled_from(
    ["", "text/html", "application/xml; charset=utf-16", "text/xml; charset=cp1251", "x; charset=zlib"]
)


@given(damaged(WHOLE, PIECES), TYPES)
@laws
def test_no_damage_raises_and_what_is_read_can_be_written(body: bytes, content_type: str) -> None:
    document = parse(body, content_type, URL, 100)
    assert document.status in (PollStatus.OK, PollStatus.NOT_A_FEED, PollStatus.ILL_FORMED)
    assert "the parser failed" not in document.problem
    assert document == parse(body, content_type, URL, 100)
    assert DOCUMENTS.validate_json(DOCUMENTS.dump_json(document)) == document


HTML = web_page(*BODY)
MARKUP = st.sampled_from(
    [b"<div>" * 5_000, b"<b>" * 3_000, b"<table><tr><td>" * 500, b"<ul><li>" * 500, b"</div>" * 900, b"<!--", b"-->",
     b"<script>", b"<![CDATA[", b'<p class="', b"<p " + b"a=1 " * 2_000, b"x" * 50_000, b"&#xD800;&#0;&nbsp;",
     b"<?xml version='1.0' encoding='utf-16'?>", b"<!DOCTYPE html [<!ENTITY a 'b'>]>", b"\x00", b"<html/>",
     b"<meta charset=rot13>",
     b"<meta charset='utf-7'>", b"<time datetime='99999-99-99'>", "\U0001f4a3\u202e\u0301".encode(), b"<title/>"]
) | st.binary(max_size=20)  # fmt: skip


@given(st.lists(st.tuples(st.integers(0, len(HTML)), st.integers(0, 400), MARKUP), max_size=4), st.booleans())
@settings(laws, deadline=None)  # the pool has one
def test_no_page_raises_and_its_text_can_be_written(damage: list[tuple[int, int, bytes]], plain: bool) -> None:
    body = HTML
    for start, length, piece in damage:
        body = body[:start] + piece + body[start + length :]
    read = page(body, "text/plain" if plain else "text/html")
    assert PAGES.validate_json(PAGES.dump_json(read)) == read
    assert decoding.without_forbidden(read.text) == read.text
    encode(completed(ARTICLE, read))


@given(damaged(WHOLE, PIECES), st.integers(1, 3))
@laws
def test_what_is_read_of_damage_is_settled_and_repeats_nothing(body: bytes, times: int) -> None:
    history = History()
    document = parse(body, "", URL, 100)
    fetched = Fetched(PollStatus.OK, url=URL, http_status=200)
    for _ in range(times):
        history.poll(fetched, document, after_s=300.0, jitter=0.5)


PACE = Pace.around(300)
HEADER = st.text(st.characters(min_codepoint=32, max_codepoint=255), max_size=30)
WAITS = (
    st.sampled_from(["0", "7", "3600", "99999999", "-1", "soon", "Sun, 01 Mar 2026 14:00:00 GMT", "9" * 400]) | HEADER
)
FRESH = st.sampled_from(["max-age=600", "max-age=99999999", "no-store, max-age=900", "max-age=-1"]) | HEADER
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# From year 1 to 9999, and around the present of these histories.
SECONDS = st.integers(-62_135_500_000, 253_402_200_000) | st.integers(1_769_000_000, 1_774_000_000)
INSTANTS = SECONDS.map(lambda seconds: EPOCH + timedelta(seconds=seconds))
ENTRIES = st.builds(
    Entry,
    id=st.sampled_from([None, "a", "b", "c", "i" * 4_000]),
    link=st.sampled_from([None, "https://wire.example/1", "https://wire.example/2?utm_source=x", "http://[::1"]),
    title=st.sampled_from(["", "One", "Two", "\x7f\u202e"]),
    text=st.sampled_from(["", "Text.", "Corrected."]),
    published_at=st.none() | INSTANTS,
)
READ = st.builds(
    Document,
    st.just(PollStatus.OK),
    ttl=st.none() | st.timedeltas(timedelta(0), timedelta(days=700)),
    entries=st.lists(ENTRIES, max_size=6).map(tuple),
)
UNREAD = st.builds(Document, st.sampled_from([PollStatus.NOT_A_FEED, PollStatus.ILL_FORMED]), st.just("no feed"))
HOPS = st.lists(
    st.builds(Hop, st.sampled_from([URL, "https://b.example/"]), st.sampled_from([301, 302, 308])), max_size=2
)
ANSWERS = st.builds(
    Fetched,
    st.just(PollStatus.OK),
    url=st.sampled_from([URL, "https://b.example/", "http://c.example/"]),
    http_status=st.just(200),
    etag=st.none() | HEADER,
    last_modified=st.none() | HEADER,
    cache_control=st.none() | FRESH,
    retry_after=st.none() | WAITS,
    hops=HOPS.map(tuple),
)
FAILED = st.builds(
    Fetched,
    st.sampled_from(sorted(set(PollStatus) - {PollStatus.OK, PollStatus.NEVER})),
    st.just("why"),
    st.just(URL),
    retry_after=st.none() | WAITS,
    cache_control=st.none() | FRESH,
)
POLLS = st.tuples(ANSWERS, READ | UNREAD) | st.tuples(FAILED, st.none())


class History:
    """A feed through its polls; each is checked against what must hold of all."""

    def __init__(self) -> None:
        self.feed = Feed(feed_id=ids.feed_id(URL), url=URL)
        self.now = datetime(2026, 3, 1, tzinfo=UTC)
        self.state: FeedState | None = None
        self.published: set[tuple[str, int]] = set()

    def poll(self, fetched: Fetched, document: Document | None, *, after_s: float, jitter: float) -> None:
        self.now += timedelta(seconds=after_s)
        before = state_before(self.feed, self.state)
        outcome, again = (
            settle(self.feed, before, fetched, document, now=self.now, pace=PACE, jitter=jitter) for _ in range(2)
        )
        assert outcome == again
        state = outcome.state
        self._next_poll(outcome, fetched)
        self._articles(outcome)
        assert before.watermark_at is None or (state.watermark_at and state.watermark_at >= before.watermark_at)
        assert state.watermark_at is None or state.watermark_at <= self.now + FURTHEST_AHEAD
        entries = len(document.entries) if document else 0
        assert len(state.seen) <= max(SEEN_AT_LEAST, 2 * entries, len(before.seen))
        assert len({mark.identity for mark in state.seen}) == len(state.seen)
        if state.status not in SUCCEEDED:
            assert (state.seen, state.etag, state.watermark_at) == (before.seen, before.etag, before.watermark_at)
        for record in (state, *outcome.articles):
            assert decode(encode(record), type(record)) == record
            assert len(encode(record)) < BROKER_BYTES
        self.state, self.feed = state, outcome.moved or self.feed

    def _next_poll(self, outcome: Outcome, fetched: Fetched) -> None:
        due, status = outcome.state.next_poll_at, outcome.state.status
        assert (due is None) == (status is PollStatus.GONE)
        if due is None:
            return
        longest = max(PACE.longest, LONGEST_FRESHNESS, LONGEST_BACK_OFF, LONGEST_RETRY_AFTER) * (1 + JITTER_SHARE)
        assert self.now + PACE.shortest <= due <= self.now + longest
        asked = fetched.retry_after or ""
        if status not in SUCCEEDED and asked.isascii() and asked.isdigit():
            assert due >= self.now + min(timedelta(seconds=int(asked[:9])), LONGEST_RETRY_AFTER)

    def _articles(self, outcome: Outcome) -> None:
        marks = {mark.identity: mark.revision for mark in outcome.state.seen}
        for article in outcome.articles:
            assert (article.article_id, article.revision) not in self.published
            self.published.add((article.article_id, article.revision))
            assert marks[article.article_id] == article.revision
            assert article.watermark_at == outcome.state.watermark_at


@given(st.lists(st.tuples(POLLS, st.floats(0, 100_000), st.floats(0, 1, exclude_max=True)), max_size=8))
@laws
def test_whatever_comes_the_laws_of_a_feed_hold(
    polls: list[tuple[tuple[Fetched, Document | None], float, float]],
) -> None:
    history = History()
    for (fetched, document), after_s, jitter in polls:
        history.poll(fetched, document, after_s=after_s, jitter=jitter)


def test_the_largest_state_there_can_be_fits_a_record() -> None:
    """Twice as many entries as a document may have are remembered, beside the longest validators."""
    largest = 4_000
    with pytest.raises(ValueError, match="max_entries"):
        IngestSettings(max_entries=largest + 1)
    history, longest = History(), "\xff" * MAX_VALIDATOR_BYTES
    fetched = Fetched(PollStatus.OK, url=URL, http_status=200, etag=longest, last_modified=longest)
    for poll in range(3):
        entries = tuple(Entry(id=f"{poll}-{n}", title=f"T{poll}x{n} U{poll}x{n}") for n in range(largest))
        history.poll(fetched, Document(PollStatus.OK, entries=entries), after_s=300.0, jitter=0.0)
    assert history.state is not None
    assert len(history.state.seen) == 2 * largest


def test_an_entry_that_comes_without_words_and_gains_some_is_published() -> None:
    history, fetched = History(), Fetched(PollStatus.OK, url=URL, http_status=200)
    for text in ("", "Text."):
        history.poll(fetched, Document(PollStatus.OK, entries=(Entry(id="a", text=text),)), after_s=300.0, jitter=0.0)
    assert len(history.published) == 2
