"""What a poll of an address would do, without doing it: through the fetcher, the guards, the parser and the schedule of
ingest. For the command and the API."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from services.contracts import ids
from services.contracts.article import Article
from services.contracts.feed import Feed, PollStatus
from services.ingest.adapters.fetcher import fetch_once
from services.ingest.adapters.pages import page_reader
from services.ingest.adapters.parser import ParserPool
from services.ingest.core.feed import Document, Entry
from services.ingest.core.fetched import Fetched
from services.ingest.core.full_text import page_outcome
from services.ingest.core.health import health
from services.ingest.core.outcome import settle, state_before
from services.ingest.core.politeness import HostPacer, host_of
from services.ingest.core.schedule import Pace
from services.runtime.egress import guarded_client
from services.runtime.settings import Settings


@dataclass(frozen=True, slots=True)
class PageCheck:
    """What the page of the newest entry would give. `outcome` is "page", a PageProblem, or "not_wanted" where the entry
    says enough or is too old to be an alert; `begins` is how the article's text would begin."""

    url: str | None
    outcome: str
    entry_chars: int
    text_chars: int
    begins: str


@dataclass(frozen=True, slots=True)
class Check:
    """A fetch, what it brought, and what a first poll would make of it."""

    fetched: Fetched
    document: Document | None
    articles: int
    next_poll: str
    notes: tuple[str, ...] = ()
    page: PageCheck | None = None

    @property
    def status(self) -> PollStatus:
        return self.document.status if self.document else self.fetched.status

    def as_json(self) -> dict[str, Any]:
        """For machines; of a document that could not be read, without what only a document has."""
        fetched, document = self.fetched, self.document
        return {
            "status": self.status,
            "reason": document.problem if document else fetched.reason,
            "url": fetched.url,
            "redirects": [{"url": hop.url, "http_status": hop.http_status} for hop in fetched.hops],
            "http_status": fetched.http_status,
            "content_type": fetched.content_type,
            "bytes": len(fetched.body),
            "etag": fetched.etag,
            "last_modified": fetched.last_modified,
            "cache_control": fetched.cache_control,
            "articles": self.articles,
            "next_poll": self.next_poll,
            "notes": list(self.notes),
            **(of_document(document) if document else {}),
            **({"page": asdict(self.page)} if self.page else {}),
        }


def of_document(document: Document) -> dict[str, Any]:
    """What a document says of itself, as JSON has it."""
    dates = sorted(entry.published_at for entry in document.entries if entry.published_at)
    return {
        "format": document.format,
        "title": document.title,
        "language": document.language,
        "entries": len(document.entries),
        "dated": len(dates),
        "oldest": dates[0] if dates else None,
        "newest": dates[-1] if dates else None,
        "without_id_and_link": sum(not (entry.id or entry.link) for entry in document.entries),
        "median_chars": _median_chars(document.entries),
        "feed_links": list(document.links),
    }


def _median_chars(entries: Sequence[Entry]) -> int:
    lengths = sorted(len(entry.text) for entry in entries)
    return lengths[len(lengths) // 2] if lengths else 0


def parsers(chosen: Settings, processes: int) -> ParserPool:
    """Parsers under the limits of ingest."""
    limits = chosen.ingest
    return ParserPool(processes=processes, timeout_s=limits.parse_timeout_s, max_entries=limits.max_entries)


async def check(chosen: Settings, address: str, *, full_text: bool = False) -> Check:
    """What a first poll of `address`, an http(s) URL, would come to, with `full_text` also the page of its newest
    entry. Raises nothing but CancelledError."""
    limits = chosen.ingest
    fetched = await fetch_once(chosen, address)
    document = None
    if fetched.status is PollStatus.OK:
        async with parsers(chosen, 1) as parser:
            document = await parser.parse(fetched.body, fetched.content_type, fetched.url)
    feed = Feed(feed_id=ids.feed_id(address), url=address)
    now, pace = datetime.now(UTC), Pace.around(limits.interval_s).bounded(limits.min_interval_s, limits.max_interval_s)
    outcome = settle(feed, state_before(feed, None), fetched, document, now=now, pace=pace, jitter=0.0)
    due = outcome.state.next_poll_at
    wait = f"in {(due - now).total_seconds():g} s ({outcome.next_because})" if due else f"never: {outcome.next_because}"
    how = health(outcome.moved or feed, outcome.state, now)
    notes = tuple(note for note in how.notes if document and note != document.problem)
    page = await _page(chosen, address, outcome.articles[-1]) if full_text and outcome.articles else None
    return Check(fetched, document, len(outcome.articles), wait, notes, page)


async def _page(chosen: Settings, address: str, newest: Article) -> PageCheck:
    limits, host = chosen.ingest, host_of(address)
    async with (
        guarded_client(chosen.egress, user_agent=limits.user_agent, timeout_s=limits.timeout_s) as client,
        parsers(chosen, 1) as parser,
    ):
        reader = page_reader(client, parser, HostPacer(limits.host_concurrency, limits.host_spacing_s), chosen)
        (article,) = await reader.complete([newest], host, lambda _: None)
    return PageCheck(
        article.url, page_outcome(article) or "not_wanted", len(newest.text), len(article.text), article.text[:200]
    )
