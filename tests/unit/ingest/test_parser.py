"""Documents as they come, through the parsing process."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from pathlib import Path

import pytest

from services.contracts.article import TextOrigin
from services.contracts.feed import PollStatus
from services.ingest.adapters.parser import ParserPool
from services.ingest.adapters.parsing import page, parse
from services.ingest.core.feed import Document, Entry
from services.ingest.core.full_text import Page
from services.ingest.core.robots import Permission
from services.ingest.core.timestamps import instant
from tests.unit.ingest.documents import BILLION_LAUGHS, EXTERNAL_ENTITY, GOOD_RSS, WEB_PAGE, item, rss
from tests.unit.ingest.pages import BODY, web_page

URL = "https://wire.example/feed.xml"
HTML = web_page(*BODY)


def read(body: bytes, content_type: str = "") -> Document:
    return parse(body, content_type, URL, 100)


def test_a_good_document() -> None:
    assert read(GOOD_RSS) == Document(
        PollStatus.OK,
        format="RSS 2.0",
        title="Harbour Wire",
        language="en-GB",
        entries=(
            Entry(
                id="w-2",
                link="https://wire.example/2?utm_source=rss",
                title="Second & last",
                text="First paragraph.\nSecond paragraph.",
                text_origin=TextOrigin.ENTRY,
                published_at=instant("2020-12-21T08:00:00+03:00"),
            ),
            Entry(
                id="w-1",
                link="https://wire.example/1",
                title="First",
                text="Only a summary.",
                published_at=instant("2020-12-20T22:15:00Z"),
            ),
        ),
    )


@pytest.mark.parametrize(
    ("head", "minutes"),
    [
        ("<ttl>15</ttl>", 15),
        ("<ttl>0</ttl>", None),
        ("<ttl>-5</ttl>", None),
        ("<ttl>99999999999</ttl>", None),
        ("<sy:updatePeriod>hourly</sy:updatePeriod><sy:updateFrequency>2</sy:updateFrequency>", 30),
        ("<sy:updatePeriod> daily </sy:updatePeriod>", 1440),
        ("<sy:updatePeriod>often</sy:updatePeriod>", None),
        ("<sy:updatePeriod>hourly</sy:updatePeriod><sy:updateFrequency>0</sy:updateFrequency>", 60),
    ],
)
def test_how_long_it_wants_to_be_left_alone(head: str, minutes: int | None) -> None:
    namespaces = 'xmlns:sy="http://purl.org/rss/1.0/modules/syndication/"'
    body = rss(item("a"), head=head).replace(b"<rss ", f"<rss {namespaces} ".encode())
    assert read(body).ttl == (timedelta(minutes=minutes) if minutes else None)


def test_atom_and_rdf() -> None:
    atom = read(
        b'<feed xmlns="http://www.w3.org/2005/Atom"><title>A</title><entry><id>urn:1</id><title type="html">'
        b'R&amp;amp;D &lt;b&gt;now&lt;/b&gt;</title><link rel="alternate" href="/a"/><updated>2020-12-21T08:00:00+01:00'
        b'</updated><content type="xhtml"><div xmlns="http://www.w3.org/1999/xhtml"><p>One</p><p>Two</p></div></content>'
        b"</entry></feed>"
    ).entries[0]
    assert (atom.id, atom.link, atom.title, atom.text) == ("urn:1", "https://wire.example/a", "R&D now", "One\nTwo")
    assert str(atom.published_at) == "2020-12-21 08:00:00+01:00"
    rdf = read(
        b'<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns="http://purl.org/rss/1.0/" '
        b'xmlns:dc="http://purl.org/dc/elements/1.1/"><channel><title>R</title></channel><item rdf:about="urn:2">'
        b"<title>T</title><dc:date>2020-12-21</dc:date><description>D</description></item></rdf:RDF>"
    ).entries[0]
    assert (rdf.id, rdf.title, rdf.text) == ("urn:2", "T", "D")


@pytest.mark.parametrize(
    ("body", "status", "problem"),
    [
        (b"", PollStatus.NOT_A_FEED, "no XML element"),
        (b"\x00\xff\xfe" * 50, PollStatus.NOT_A_FEED, "no XML element"),
        (b"Service temporarily down", PollStatus.NOT_A_FEED, "no XML element"),
        (b'{"version": "1"}', PollStatus.NOT_A_FEED, "no JSON Feed"),
        (WEB_PAGE, PollStatus.NOT_A_FEED, "HTML instead of a feed"),
        (b'<?xml version="1.0"?>\n<html xmlns="x"><body/></html>', PollStatus.NOT_A_FEED, "HTML instead of a feed"),
        (b"<opml><body/></opml>", PollStatus.NOT_A_FEED, "root element is <opml>"),
        (b"<rss version='2.0'><channel><title>T", PollStatus.ILL_FORMED, "no entry could be read"),
        (rss(), PollStatus.OK, ""),
        (
            b"<rss version='2.0'><channel><a:b>T</a:b></channel></rss>",
            PollStatus.OK,
            "ill-formed",
        ),
        (b"<rss version='2.0'><channel><link>http://a/?b&c</link></channel></rss ", PollStatus.OK, "ill-formed"),
        (b"<CHANNEL><TITLE>CDF</TITLE></CHANNEL>", PollStatus.OK, ""),
        (rss("<title>a</title>", "", "<pubDate>now</pubDate>"), PollStatus.OK, "2 entries without"),
        (rss(*["<title>a</title>"] * 130), PollStatus.OK, "130 entries, of which the first 100 are read"),
        (rss("<title>a</title>")[:-20], PollStatus.OK, "ill-formed"),
        (rss("<title>a & b</title>"), PollStatus.OK, "ill-formed"),
    ],
)
def test_wrong_documents(body: bytes, status: PollStatus, problem: str) -> None:
    document = read(body)
    assert document.status is status
    assert problem in document.problem
    assert bool(problem) == bool(document.problem)


def test_entities_neither_expand_nor_fetch() -> None:
    laughs = read(BILLION_LAUGHS)
    assert sum(len(entry.title) for entry in laughs.entries) < 100
    assert "root:" not in str(read(EXTERNAL_ENTITY))


def test_named_entities_of_html_are_characters() -> None:
    body = rss("<title>Caf&eacute;&nbsp;&laquo;x&raquo; &unknown; &amp; &lt;b></title>")
    assert read(body).entries[0].title.startswith("Café\u00a0«x»")
    declared = b'<!DOCTYPE rss [<!ENTITY hq "headquarters">]>' + rss("<title>At &hq;</title>").partition(b"?>")[2]
    assert read(declared).entries[0].title == "At headquarters"


@pytest.mark.parametrize("number", ["#0", "#x1F", "#xD800", "#99999999", "#xFFFFFF"])
def test_references_to_no_character_spoil_nothing(number: str) -> None:
    document = read(rss(f"<title>a&{number};b &#8211; &#x2014;</title>"))
    assert (document.entries[0].title, document.problem) == ("a\ufffdb – —", "")


@pytest.mark.parametrize(
    ("label", "codec", "content_type", "problem"),
    [
        ("utf-8", "utf-8", "", ""),
        ("", "utf-8", "text/xml", ""),
        ("iso-8859-1", "utf-8", "text/xml; charset=iso-8859-1", "labelled iso-8859-1, read as utf-8"),
        ("utf-16", "utf-8", "", "labelled utf-16, read as utf-8"),
        ("windows-1251", "cp1251", "text/xml; charset=utf-8", ""),
        ("", "cp1251", "application/xml; charset=windows-1251", ""),
        ("utf-8", "cp1251", 'text/xml; charset="windows-1251"', "labelled utf-8, read as cp1251"),
        ("utf-16", "utf-16", "", ""),
        ("", "utf-16-le", "", ""),
        ("rot13", "utf-8", "", "labelled rot13, read as utf-8"),
        ("nonsense-8", "utf-8", "text/xml; charset=more-nonsense", "labelled nonsense-8, read as utf-8"),
    ],
)
def test_charsets(label: str, codec: str, content_type: str, problem: str) -> None:
    declaration = f'<?xml version="1.0" encoding="{label}"?>' if label else ""
    text = declaration + "<rss><channel><item><title>Взрыв у посольства</title></item></channel></rss>"
    document = read(text.encode(codec), content_type)
    assert (document.entries[0].title, document.problem) == ("Взрыв у посольства", problem)


def test_a_charset_nobody_named_is_said_to_be_unknown() -> None:
    document = read("<rss><channel><item><title>Взрыв</title></item></channel></rss>".encode("cp1251"))
    assert document.status is PollStatus.OK
    assert document.problem == "labelled utf-8, read as cp1252"


def test_a_text_cut_in_a_character_stays_utf8() -> None:
    body = rss("<title>Взрыв у посольства</title>", f"<title>{'посольство ' * 20}</title>")
    broken = body.replace("Взрыв".encode(), "Взрыв".encode()[:-1])
    assert read(broken).entries[0].title == "Взры\ufffd у посольства"


@pytest.mark.parametrize("content_type", ["text/html", "text/plain"])
@pytest.mark.parametrize("forbidden", ["\x01", "\x00", "&#1;", "&#xFFFE;", "&#xD800;"])
def test_characters_that_xml_forbids_spoil_no_page(content_type: str, forbidden: str) -> None:
    text = page(web_page(*(f"{paragraph}{forbidden}" for paragraph in BODY)), content_type).text
    assert all(paragraph in text for paragraph in BODY)
    assert not {"\x00", "\x01", "\ufffe"} & set(text)


@pytest.mark.parametrize("content_type", ["text/html", "text/plain"])
def test_a_page_without_end_is_cut_where_it_is_read(content_type: str) -> None:
    sentences = (f"Sentence {n} of a report that does not want to end." for n in range(20_000))
    assert len(page(web_page(*sentences), content_type).text) == 200_000


@pytest.fixture
async def pool() -> AsyncIterator[Callable[..., ParserPool]]:
    pools: list[ParserPool] = []

    def make(timeout_s: float, processes: int = 1) -> ParserPool:
        pools.append(ParserPool(processes=processes, timeout_s=timeout_s, max_entries=100))
        return pools[-1]

    yield make
    for made in pools:
        await made.__aexit__()


SLOW = rss(*["<title>a &amp; b</title><description>c</description>"] * 150_000)
FINE = rss(item("1"))


async def test_a_document_past_its_deadline_harms_no_other(pool: Callable[..., ParserPool]) -> None:
    parser = pool(timeout_s=0.7)
    slow, *fine = await asyncio.gather(parser.parse(SLOW, "", URL), *(parser.parse(FINE, "", URL) for _ in range(5)))
    assert (slow.status, slow.problem) == (PollStatus.ILL_FORMED, "not parsed within 0.7 s")
    assert [document.status for document in fine] == [PollStatus.OK] * 5


# lxml looks at every attribute of an element for each further one.
ATTRIBUTES = b"<html><body><div " + b" ".join(b"a%d=b" % n for n in range(100_000)) + b">" + HTML
# Each rule counts for each of the agents above it.
AGENTS = b"".join(b"user-agent:%d\n" % n for n in range(20_000)) + b"".join(b"allow:/%d\n" % n for n in range(20_000))


async def test_a_page_or_a_robots_txt_past_its_deadline_harms_no_other(pool: Callable[..., ParserPool]) -> None:
    parser = pool(timeout_s=2.0)
    slow, forbidden, fine, allowed = await asyncio.gather(
        parser.page(ATTRIBUTES, "text/html"),
        parser.permission(AGENTS, URL, "Bot"),
        parser.page(HTML, "text/html"),
        parser.permission(b"User-agent: *\nDisallow: /private", URL, "Bot"),
    )
    assert (slow, forbidden) == (Page(), Permission(allowed=False))
    assert fine.text.endswith("\n".join(BODY))
    assert allowed == Permission(allowed=True)


async def test_a_killed_process_is_replaced(pool: Callable[..., ParserPool]) -> None:
    parser = pool(timeout_s=30)
    assert (await parser.parse(FINE, "", URL)).status is PollStatus.OK
    (process,) = parser._places._queue  # type: ignore[attr-defined]
    parsing = asyncio.create_task(parser.parse(SLOW, "", URL))
    await asyncio.sleep(0)  # it has its process now
    assert parser._places.empty()
    os.kill(process.pid, signal.SIGKILL)
    document = await parsing
    assert (document.status, document.problem) == (PollStatus.ILL_FORMED, "the document ended its parser (exit -9)")
    assert (await parser.parse(FINE, "", URL)).status is PollStatus.OK


def environment_of(pid: int) -> bytes:
    return Path(f"/proc/{pid}/environ").read_bytes()


async def test_the_parser_is_not_told_our_secrets(
    pool: Callable[..., ParserPool], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CHANCERY_SECRETS__KEYS", "the key")
    monkeypatch.setenv("chancery_kafka__sasl_password", "the password")  # settings are read in any case
    monkeypatch.setenv("OTHER", "something else")
    parser = pool(timeout_s=30)
    await parser.parse(FINE, "", URL)
    (process,) = parser._places._queue  # type: ignore[attr-defined]
    told = environment_of(process.pid)
    assert b"OTHER=something else" in told
    assert b"the key" not in told
    assert b"the password" not in told


async def test_a_cancelled_parse_leaves_no_answer_behind(pool: Callable[..., ParserPool]) -> None:
    parser = pool(timeout_s=30)
    parsing = asyncio.create_task(parser.parse(SLOW, "", URL))
    await asyncio.sleep(0)  # it has its process now
    assert parser._places.empty()
    parsing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await parsing
    assert [entry.id for entry in (await parser.parse(FINE, "", URL)).entries] == ["1"]


async def test_a_large_document_passes(pool: Callable[..., ParserPool]) -> None:
    body = rss(item("1", text="x" * 3_000_000))
    (entry,) = (await pool(timeout_s=30).parse(body, "", URL)).entries
    assert len(entry.text) == 200_000
