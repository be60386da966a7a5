"""The feeds that a web page offers."""

from hypothesis import given
from hypothesis import strategies as st

from services.contracts.feed import PollStatus
from services.ingest.adapters.parsing import parse
from services.ingest.core.feed_links import MAX_LINKS, feed_links

PAGE = "https://paper.example/world/index.html"


def link(href: str, kind: str = "application/rss+xml", rel: str = "alternate") -> str:
    return f'<link rel="{rel}" type="{kind}" href="{href}">'


def test_feeds_of_every_kind_absolute_and_once() -> None:
    page = (
        "<html><head>"
        + link("/rss")
        + link("atom.xml", "application/atom+xml; charset=utf-8", "ALTERNATE feed")
        + link("//cdn.example/feed.json", "application/feed+json")
        + link("/rss")
        + link("/style.css", "text/css", "stylesheet")
        + link("/fr", "text/html")
        + link("javascript:alert(1)")
        + link("")
        + link("http://[broken")
        + "</head><body>"
    )
    assert feed_links(page, PAGE) == (
        "https://paper.example/rss",
        "https://paper.example/world/atom.xml",
        "https://cdn.example/feed.json",
    )


def test_a_base_moves_them() -> None:
    assert feed_links('<base href="https://m.example/a/">' + link("b"), PAGE) == ("https://m.example/a/b",)


def test_no_more_than_anybody_reads() -> None:
    assert len(feed_links("".join(link(f"/{n}") for n in range(100)), PAGE)) == MAX_LINKS


def test_a_page_that_is_polled_names_them() -> None:
    document = parse(f"<!DOCTYPE html><html><head>{link('/rss')}</head></html>".encode(), "text/html", PAGE, 10)
    assert (document.status, document.links) == (PollStatus.NOT_A_FEED, ("https://paper.example/rss",))


@given(st.text(alphabet=st.sampled_from("<>/=\"' abrelhftkin-:&;!?[]"), max_size=200))
def test_any_markup_is_read(page: str) -> None:
    assert all(address.startswith("http") for address in feed_links(page, PAGE))
