"""JSON Feed, as it should be and as it comes."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.contracts.article import TextOrigin
from services.contracts.feed import PollStatus
from services.ingest.adapters.parsing import DOCUMENTS, parse
from services.ingest.core.feed import Document, Entry
from services.ingest.core.timestamps import instant

URL = "https://wire.example/feed.json"
VERSION = "https://jsonfeed.org/version/1.1"


def read(found: object) -> Document:
    return parse(json.dumps(found).encode(), "application/feed+json", URL, 10)


def test_a_good_one() -> None:
    item = {
        "id": 7,
        "url": "/7",
        "title": "Shots at the gate",
        "content_html": "<p>One.</p><script>x()</script><p>Two.</p>",
        "summary": "short",
        "date_published": "2020-12-20T22:15:00+03:00",
    }
    text = {"id": "8", "external_url": "https://other.example/8", "content_text": "Plain & simple", "date_modified": ""}
    document = read({"version": VERSION, "title": "Wire", "language": "en", "items": [item, text]})
    assert (document.status, document.problem, document.format) == (PollStatus.OK, "", "JSON Feed 1.1")
    assert (document.title, document.language) == ("Wire", "en")
    assert document.entries == (
        Entry(
            id="7",
            link="https://wire.example/7",
            title="Shots at the gate",
            text="One.\nTwo.",
            text_origin=TextOrigin.ENTRY,
            published_at=instant("2020-12-20T22:15:00+03:00"),
        ),
        Entry(id="8", link="https://other.example/8", text="Plain & simple", text_origin=TextOrigin.ENTRY),
    )


@pytest.mark.parametrize(
    ("found", "reason"),
    [
        ({"title": "a package"}, "no JSON Feed"),
        ({"version": 1, "items": []}, "no JSON Feed"),
        ({"version": "https://jsonfeed.org.evil.example/version/1"}, "no JSON Feed"),
    ],
)
def test_other_json_is_no_feed(found: object, reason: str) -> None:
    document = read(found)
    assert document.status is PollStatus.NOT_A_FEED
    assert reason in document.problem


@pytest.mark.parametrize("body", [b'{"version": ', b"{" * 100_000, b'{"a":' * 50_000])
def test_broken_json_says_so(body: bytes) -> None:
    document = parse(body, "", URL, 10)
    assert document.status is PollStatus.NOT_A_FEED
    assert "cannot be read" in document.problem


def test_what_no_text_may_hold_is_left_out() -> None:
    """A control character takes six bytes in a record, and half a surrogate pair cannot be written at all."""
    text = {"id": "a\ud800b", "title": "x\udfff\x00y", "content_text": "\x01" * 200_000 + "z"}
    (entry,) = read({"version": VERSION, "title": "T\ud83d", "language": "en\udc00", "items": [text]}).entries
    assert (entry.id, entry.title, entry.text) == ("ab", "xy", "z")


letters = st.characters() | st.characters(categories=["Cs", "Cc"])
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(letters, max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
names = st.sampled_from(
    ["id", "url", "title", "content_html", "content_text", "summary", "date_published", "external_url"]
)


@given(st.dictionaries(names, anything, max_size=6) | anything, anything, anything)
def test_whatever_an_item_holds_it_is_read(item: object, title: object, language: object) -> None:
    document = read({"version": VERSION, "title": title, "language": language, "items": [item]})
    assert document.status is PollStatus.OK
    assert DOCUMENTS.validate_json(DOCUMENTS.dump_json(document)) == document
