"""What a poll of an address would do, without doing it: through the fetcher, the guards, the parser and the schedule of
ingest. For the command and the API."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from services.contracts import ids
from services.contracts.feed import Feed, PollStatus
from services.ingest.adapters.fetcher import fetch_once
from services.ingest.adapters.parser import ParserPool
from services.ingest.core.feed import Document, Entry
from services.ingest.core.fetched import Fetched
from services.ingest.core.health import health
from services.ingest.core.outcome import settle, state_before
from services.ingest.core.schedule import Pace
from services.runtime.settings import Settings


@dataclass(frozen=True, slots=True)
class Check:
    """A fetch, what it brought, and what a first poll would make of it."""

    fetched: Fetched
    document: Document | None
    articles: int
    next_poll: str
    notes: tuple[str, ...] = ()

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


async def check(chosen: Settings, address: str) -> Check:
    """What a first poll of `address`, an http(s) URL, would come to. Raises nothing but CancelledError."""
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
    return Check(fetched, document, len(outcome.articles), wait, notes)
