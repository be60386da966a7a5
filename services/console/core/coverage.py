"""Which languages and countries were heard from lately, and which not: quiet is not blind."""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime, timedelta
from enum import StrEnum

from pydantic import BaseModel

from services.contracts.feed import Feed, FeedState
from services.contracts.incident import Incident
from services.contracts.model import Instant
from services.notify.core.writing import words

WINDOW = timedelta(days=1)
NOT_SAID = "und"
"""Of feeds that no language or country was given for (ISO 639-2: undetermined)."""


class Hearing(StrEnum):
    """How well a language or country is heard, the worst first."""

    NO_FEED = "no_feed"
    """Nobody listens."""
    PAUSED = "paused"
    BLIND = "blind"
    """There are feeds, and none could be read: what happens there is not seen."""
    QUIET = "quiet"
    """Feeds were read and had nothing new."""
    HEARD = "heard"


class Coverage(BaseModel):
    """One language (BCP 47, its first part) or country (ISO 3166-1). Of its `feeds`, `polled` are not paused, `read`
    could be read in the window and `new` had new entries; `reports` counts claims about incidents from it."""

    code: str
    name: str
    hearing: Hearing
    feeds: int
    polled: int
    read: int
    new: int
    reports: int
    newest_at: Instant | None


class Covered(BaseModel):
    """Of the window from `since` to now, the worst heard first."""

    since: Instant
    languages: list[Coverage]
    countries: list[Coverage]


Watched = tuple[Feed, FeedState | None]


def covered(
    watched: Iterable[Watched], incidents: Iterable[Incident], readable: Iterable[str], now: datetime
) -> Covered:
    """From the feeds and what is remembered of their polls; `readable` are the languages there is a lexicon for, which
    stand there without a feed too. What a feed brings is counted under what was given for it, not what it turns out to
    be written in; `reports` is by what it was written in."""
    since = now - WINDOW
    watched = list(watched)
    real = [incident for incident in incidents if incident.drill is None]
    lately = [claim for incident in real for claim in incident.claims if claim.ledger.fetched_at >= since]
    country_of = {feed.feed_id: feed.country or NOT_SAID for feed, _ in watched}
    told_in = Counter(claim.language.partition("-")[0] for claim in lately)
    told_from = Counter(country_of.get(claim.source.feed_id, NOT_SAID) for claim in lately)
    languages: dict[str, list[Watched]] = {code: [] for code in {*readable, *told_in}}
    countries: dict[str, list[Watched]] = {code: [] for code in told_from}
    for feed, state in watched:
        languages.setdefault((feed.language or NOT_SAID).partition("-")[0].lower(), []).append((feed, state))
        countries.setdefault(country_of[feed.feed_id], []).append((feed, state))
    return Covered(
        since=since,
        languages=_sorted(
            _coverage(code, words.language(code), theirs, told_in[code], since) for code, theirs in languages.items()
        ),
        countries=_sorted(
            _coverage(code, words.state(code), theirs, told_from[code], since) for code, theirs in countries.items()
        ),
    )


def _coverage(code: str, name: str, watched: list[Watched], reports: int, since: datetime) -> Coverage:
    polled = [state for feed, state in watched if feed.enabled]
    read = [state for state in polled if state and state.last_success_at and state.last_success_at >= since]
    new = [state for state in read if state.history.new_at and state.history.new_at >= since]
    known = (state.history.new_at for _, state in watched if state and state.history.new_at)
    return Coverage(
        code=code,
        name=name if code != NOT_SAID else "not said",
        hearing=_hearing(len(watched), len(polled), len(read), len(new) + reports),
        feeds=len(watched),
        polled=len(polled),
        read=len(read),
        new=len(new),
        reports=reports,
        newest_at=max(known, default=None),
    )


def _hearing(feeds: int, polled: int, read: int, heard: int) -> Hearing:
    if heard:
        return Hearing.HEARD
    if not feeds:
        return Hearing.NO_FEED
    if not polled:
        return Hearing.PAUSED
    return Hearing.QUIET if read else Hearing.BLIND


def _sorted(found: Iterable[Coverage]) -> list[Coverage]:
    order = tuple(Hearing)
    return sorted(found, key=lambda each: (order.index(each.hearing), each.name, each.code))
