"""What adding a feed again changes."""

from services.cli.feeds import as_told, merged
from services.contracts import ids
from services.contracts.feed import Feed, SourceGrade
from services.ingest.core import opml

URL = "https://a.example/rss"
KNOWN = Feed(
    feed_id=ids.feed_id(URL), url=URL, title="A", language="ar", grade=SourceGrade.B, full_text=True, enabled=False
)


def test_only_what_is_given_changes() -> None:
    wanted = Feed(feed_id=KNOWN.feed_id, url=URL, language="fr")
    assert merged(KNOWN, wanted) == KNOWN.model_copy(update={"language": "fr"})
    assert merged(None, wanted) == wanted
    off = Feed(feed_id=KNOWN.feed_id, url=URL, grade=SourceGrade.F, full_text=False)
    assert merged(KNOWN, off) == KNOWN.model_copy(update={"grade": SourceGrade.F, "full_text": False})


def test_a_feed_that_moved_stays_moved() -> None:
    moved = KNOWN.model_copy(update={"url": "https://b.example/rss"})
    assert merged(moved, Feed(feed_id=KNOWN.feed_id, url=URL, title="B")) == moved.model_copy(update={"title": "B"})


def test_an_imported_feed_keeps_what_the_document_does_not_give() -> None:
    (wanted,) = opml.read(f'<opml><outline xmlUrl="{URL}" language="fr" grade="F"/></opml>'.encode()).feeds
    assert merged(KNOWN, as_told(wanted)) == KNOWN.model_copy(update={"language": "fr", "grade": SourceGrade.F})
