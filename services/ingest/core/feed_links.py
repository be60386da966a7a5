"""The feeds a web page offers in its head: `<link rel="alternate" type="application/rss+xml" href="...">`."""

from html.parser import HTMLParser
from urllib.parse import urljoin

_TYPES = frozenset(
    {"application/rss+xml", "application/atom+xml", "application/rdf+xml", "application/feed+json", "application/json"}
)
MAX_LINKS = 20
# Some pages put their links behind a hundred kilobytes of scripts; none needs more.
MAX_CHARS = 1_000_000


class _Links(HTMLParser):
    def __init__(self, url: str) -> None:
        super().__init__(convert_charrefs=True)
        self.base, self.found = url, dict[str, None]()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        try:
            if tag == "base" and given.get("href"):
                self.base = urljoin(self.base, given["href"].strip())
            elif tag == "link" and self._offers_a_feed(given):
                self._take(urljoin(self.base, given["href"].strip()))
        except ValueError:
            return  # an address that is none

    def _offers_a_feed(self, given: dict[str, str]) -> bool:
        kind = given.get("type", "").split(";")[0].strip().lower()
        return "alternate" in given.get("rel", "").lower().split() and kind in _TYPES and bool(given.get("href"))

    def _take(self, address: str) -> None:
        if address.startswith(("http://", "https://")) and len(self.found) < MAX_LINKS:
            self.found.setdefault(address)


def feed_links(page: str, url: str) -> tuple[str, ...]:
    """Absolute addresses, in the order of the page. `url` is where the page came from."""
    links = _Links(url)
    links.feed(page[:MAX_CHARS])
    return tuple(links.found)
