"""The identity ladder and the hash that tells an edit."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ingest.core.feed import Entry
from services.ingest.core.identity import canonical_link, content_hash, rungs_of


@pytest.mark.parametrize(
    ("link", "canonical"),
    [
        ("https://Example.org", "//example.org/"),
        ("http://example.org:80/a", "//example.org/a"),
        ("https://example.org:443/a", "//example.org/a"),
        ("https://example.org:8443/a", "//example.org:8443/a"),
        ("https://user:pw@example.org/a", "//example.org/a"),
        ("https://example.org/a?utm_source=rss&id=7&fbclid=x&UTM_Medium=y", "//example.org/a?id=7"),
        ("https://example.org/a?xtor=RSS-1", "//example.org/a"),
        ("https://example.org/a;jsessionid=0A1F?id=7&PHPSESSID=3k", "//example.org/a?id=7"),
        ("https://example.org/a?b=2&a=1", "//example.org/a?b=2&a=1"),
        ("https://example.org/a#comments", "//example.org/a"),
        ("https://example.org/#!/story/1", "//example.org/#!/story/1"),
        ("https://[2001:db8::1]/a", "//[2001:db8::1]/a"),
        ("https://[broken/a", "https://[broken/a"),
        ("https://example.org/Case/Kept", "//example.org/Case/Kept"),
    ],
)
def test_canonical_links(link: str, canonical: str) -> None:
    assert canonical_link(link) == canonical


HOSTS = st.from_regex(r"[a-z]{1,10}\.[a-z]{2,3}", fullmatch=True)
PATHS = st.from_regex(r"(/[A-Za-z0-9._~%-]{0,8}){0,3}", fullmatch=True)
QUERIES = st.lists(st.from_regex(r"[b-f]{1,3}=[a-z0-9]{0,4}", fullmatch=True), max_size=3)
TRACKING = st.lists(st.sampled_from(["utm_source=a", "fbclid=1", "at_campaign=2", "xtor=RSS-3"]), max_size=3)


@given(HOSTS, PATHS, QUERIES, TRACKING)
def test_tracking_never_matters_and_canonical_is_settled(
    host: str, path: str, query: list[str], tracking: list[str]
) -> None:
    plain = f"https://{host}{path}?{'&'.join(query)}"
    tracked = f"HTTP://{host.upper()}{path}?{'&'.join(tracking + query)}#top"
    assert canonical_link(plain) == canonical_link(tracked)
    assert canonical_link(canonical_link(plain)) == canonical_link(plain)


@given(st.text())
def test_any_link_has_a_canonical_form(link: str) -> None:
    assert isinstance(canonical_link(link), str)


FULL = Entry(id="1", link="https://example.org/1", title="Title", text="Text")


@pytest.mark.parametrize(
    ("entry", "rungs"),
    [
        (FULL, ["id:1", "link://example.org/1"]),
        (replace(FULL, id=None), ["link://example.org/1"]),
        (replace(FULL, id=None, link=None), []),
    ],
)
def test_the_ladder(entry: Entry, rungs: list[str]) -> None:
    assert list(rungs_of(entry).values()) == [*rungs, f"text:{content_hash(FULL)}"]


def test_only_what_a_reader_sees_is_an_edit() -> None:
    assert content_hash(FULL) == content_hash(replace(FULL, text="  Text\n", id="2", link=None))
    assert content_hash(FULL) != content_hash(replace(FULL, text="Text, corrected"))
    assert content_hash(FULL) != content_hash(replace(FULL, title="Title Text", text=""))
