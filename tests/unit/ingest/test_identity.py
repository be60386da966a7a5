"""The identity ladder and the hash that tells an edit."""

from dataclasses import replace
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ingest.core.feed import Entry
from services.ingest.core.identity import canonical_link, content_hash, identities


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
    ("entry", "identity"),
    [
        (FULL, "id:1"),
        (replace(FULL, id=None), "link://example.org/1"),
        (replace(FULL, id=None, link=None), f"text:{content_hash(FULL)}"),
    ],
)
def test_the_ladder(entry: Entry, identity: str) -> None:
    assert identities([entry]) == [identity]


def test_an_id_given_to_two_articles_names_neither() -> None:
    other = replace(FULL, link="https://example.org/2", text="Another")
    assert identities([FULL, other]) == ["link://example.org/1", "link://example.org/2"]


def test_a_link_given_to_two_articles_names_neither() -> None:
    first = replace(FULL, id=None)
    other = replace(first, text="Another")
    assert identities([first, other]) == [f"text:{content_hash(e)}" for e in (first, other)]


def test_an_article_listed_twice_is_one() -> None:
    assert identities([FULL, replace(FULL, title="Corrected")]) == ["id:1", "id:1"]
    bare = replace(FULL, id=None, link=None)
    assert len(set(identities([bare, bare]))) == 1


ENTRIES = st.lists(
    st.builds(
        Entry,
        id=st.sampled_from([None, "1", "2"]),
        link=st.sampled_from([None, "https://a.example/1", "https://a.example/2"]),
        title=st.sampled_from(["", "T", "U"]),
    ),
    max_size=4,
)


@given(ENTRIES)
def test_identity_does_not_depend_on_the_order(entries: list[Entry]) -> None:
    expected = dict(zip(entries, identities(entries), strict=True))
    for order in permutations(entries):
        assert dict(zip(order, identities(order), strict=True)) == expected


def test_only_what_a_reader_sees_is_an_edit() -> None:
    assert content_hash(FULL) == content_hash(replace(FULL, text="  Text\n", id="2", link=None))
    assert content_hash(FULL) != content_hash(replace(FULL, text="Text, corrected"))
    assert content_hash(FULL) != content_hash(replace(FULL, title="Title Text", text=""))
