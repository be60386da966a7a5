"""What adding a feed, and adding it again, comes to."""

import pytest
from pydantic import ValidationError

from services.contracts import ids
from services.contracts.feed import Feed, SourceGrade
from services.ingest.core import opml
from services.ingest.core.address import BadAddress
from services.ingest.core.watchlist import changes, doubles, found, merged, wanted

URL = "https://a.example/rss"
KNOWN = Feed(
    feed_id=ids.feed_id(URL), url=URL, title="A", language="ar", grade=SourceGrade.B, full_text=True, enabled=False
)


def test_only_what_is_given_changes() -> None:
    french = wanted(URL, {"language": "fr"})
    assert french == Feed(feed_id=KNOWN.feed_id, url=URL, language="fr")
    assert merged(KNOWN, french) == KNOWN.model_copy(update={"language": "fr"})
    assert merged(None, french) == french
    off = Feed(feed_id=KNOWN.feed_id, url=URL, grade=SourceGrade.F, full_text=False)
    assert merged(KNOWN, off) == KNOWN.model_copy(update={"grade": SourceGrade.F, "full_text": False})


def test_bounds_are_given_and_taken_back() -> None:
    bounded = merged(KNOWN, wanted(URL, {"min_interval_s": 60, "max_interval_s": 300}))
    assert bounded == KNOWN.model_copy(update={"min_interval_s": 60, "max_interval_s": 300})
    assert merged(bounded, wanted(URL, {"max_interval_s": None})) == KNOWN.model_copy(update={"min_interval_s": 60})


def test_a_feed_that_moved_stays_moved() -> None:
    moved = KNOWN.model_copy(update={"url": "https://b.example/rss"})
    assert merged(moved, Feed(feed_id=KNOWN.feed_id, url=URL, title="B")) == moved.model_copy(update={"title": "B"})


def test_a_feed_that_moved_is_known_by_both_its_addresses() -> None:
    moved = KNOWN.model_copy(update={"url": "https://b.example/rss"})
    (exported,) = opml.read(opml.write([moved])).feeds
    assert exported.feed_id != moved.feed_id
    assert changes([moved], [exported, wanted(URL, {"language": "fr"})]) == [
        (moved, moved),
        (moved, moved.model_copy(update={"language": "fr"})),
    ]


def test_of_a_feed_that_is_wanted_twice_the_second_changes_the_first() -> None:
    new, again = wanted(URL, {"title": "A"}), wanted(URL, {"grade": SourceGrade.B})
    both = merged(new, again)
    assert changes([], [new, again]) == [(None, new), (new, both)]
    assert (both.title, both.grade) == ("A", SourceGrade.B)


def test_an_imported_feed_keeps_what_the_document_does_not_give() -> None:
    (told,) = opml.read(f'<opml><outline xmlUrl="{URL}" language="fr" grade="F"/></opml>'.encode()).feeds
    assert merged(KNOWN, told) == KNOWN.model_copy(update={"language": "fr", "grade": SourceGrade.F})


def test_what_is_wrong_is_refused() -> None:
    with pytest.raises(BadAddress):
        wanted("ftp://a.example/", {})
    with pytest.raises(ValidationError, match="country"):
        wanted(URL, {"country": "Iraq"})


@pytest.mark.parametrize("which", [KNOWN.feed_id, URL, "HTTPS://A.example/rss", "feed:https://a.example/rss#top"])
def test_a_feed_is_found_by_its_id_or_address(which: str) -> None:
    other = wanted("https://b.example/", {})
    assert found([other, KNOWN], which) is KNOWN
    assert found([other], which) is None


def test_a_feed_that_moved_is_found_by_both_its_addresses() -> None:
    moved = KNOWN.model_copy(update={"url": "https://b.example/rss"})
    assert found([moved], URL) is found([moved], "https://b.example/rss") is moved


def test_feeds_that_are_polled_at_one_address_are_doubles() -> None:
    one, other = sorted((KNOWN, wanted("http://a.example/rss", {})), key=lambda feed: feed.feed_id)
    here = [feed.model_copy(update={"url": URL, "enabled": True}) for feed in (other, one)]
    assert doubles(here) == {other.feed_id: here[1]}
    assert doubles([one, other]) == {}
    assert doubles([here[0], here[1].model_copy(update={"enabled": False})]) == {}
