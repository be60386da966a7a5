"""How a feed is, in one word and in words that say what to do; from what its state remembers and the time."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from urllib.parse import urlsplit

from services.contracts.feed import Feed, FeedState, History, PollStatus
from services.ingest.core.history import ENOUGH_WRONG_304S
from services.ingest.core.outcome import SUCCEEDED
from services.ingest.core.recognition import ENOUGH_CHANGES, trusts_links


class HealthKind(StrEnum):
    """In order of what wants looking at least to most."""

    OK = "ok"
    NEVER = "never"
    PAUSED = "paused"
    MOVED = "moved"
    QUIET = "quiet"
    STUCK = "stuck"
    ILL_FORMED = "ill_formed"
    FAILING = "failing"
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class Health:
    """`since` is when it began, where that is known; `words` say what is the matter and what to do, `notes` what else
    is odd about a feed that can be read. Addresses in them are without their query, which may hold a password."""

    kind: HealthKind
    since: datetime | None
    words: str
    notes: tuple[str, ...] = ()


# A move is news for so long; then it is a note.
MOVED_FOR = timedelta(days=7)
# Quiet is a silence of three times the longest usual one, but of a day at least; stuck is one of ten times, a week at
# least, in which nothing was edited either. The second figure of each is for a feed whose rhythm is not known.
QUIET_TIMES, QUIET_AT_LEAST, QUIET_UNKNOWN = 3, timedelta(days=1), timedelta(days=30)
STUCK_TIMES, STUCK_AT_LEAST, STUCK_UNKNOWN = 10, timedelta(days=7), timedelta(days=90)
# New entries dated further behind their appearance, or further ahead of it, have a clock that cannot be relied on.
CLOCK_BEHIND, CLOCK_AHEAD = timedelta(days=2), timedelta(hours=1)

_WHAT_TO_DO = {
    PollStatus.UNREACHABLE: "check the address, and whether this machine may reach it",
    PollStatus.TIMED_OUT: "if it is only slow, raise CHANCERY_INGEST__TIMEOUT_S",
    PollStatus.HTTP_ERROR: "`chancery feeds check` shows the answer",
    PollStatus.THROTTLED: "it is left alone for as long as it asked, and asked less often",
    PollStatus.TOO_LARGE: "if that is the feed, raise CHANCERY_INGEST__MAX_BYTES",
    PollStatus.REFUSED: "the address leads where Chancery does not go; give the feed's own",
    PollStatus.NOT_A_FEED: "`chancery feeds check` names the feeds that a page offers",
    PollStatus.ILL_FORMED: "tell the publisher; `chancery feeds check` shows where it breaks",
}
_REFUSES_PROGRAMS = "it wants no programs, or wants to know which: CHANCERY_INGEST__USER_AGENT says who asks"
_NOT_THERE = "look on the publisher's site where the feed is now; `chancery feeds check` names those a page offers"
_WHAT_TO_DO_AT = {401: "it is not for everybody: ask the publisher", 403: _REFUSES_PROGRAMS, 404: _NOT_THERE}
_SERVER_FAILS = "its server fails, and is asked less often until it recovers"


def kind_of(feed: Feed, state: FeedState | None, now: datetime) -> HealthKind:
    """The one word for it, without the words: it is counted over every feed."""
    if not feed.enabled:
        return HealthKind.PAUSED
    if state is None or state.status is PollStatus.NEVER:
        return HealthKind.NEVER
    if state.status is PollStatus.GONE:
        return HealthKind.GONE
    if state.status in (PollStatus.ILL_FORMED, PollStatus.NOT_A_FEED):
        return HealthKind.ILL_FORMED
    if state.status not in SUCCEEDED:
        return HealthKind.FAILING
    history = state.history
    if history.moved_at and now - history.moved_at < MOVED_FOR:
        return HealthKind.MOVED
    return _by_silence(history, state.entries, now)


def _by_silence(history: History, entries: int, now: datetime) -> HealthKind:
    if history.new_at is None:
        # Of a state that says nothing of it, nothing is said; a feed that never held an entry may be the wrong one.
        return HealthKind.QUIET if history.read_at and not entries else HealthKind.OK
    silence = now - history.new_at
    if silence < QUIET_AT_LEAST:
        return HealthKind.OK
    usual = timedelta(seconds=history.longest_gap_s) if history.longest_gap_s else None
    unedited = history.changed_at is None or now - history.changed_at > STUCK_AT_LEAST
    if unedited and silence > (max(STUCK_TIMES * usual, STUCK_AT_LEAST) if usual else STUCK_UNKNOWN):
        return HealthKind.STUCK
    return HealthKind.QUIET if silence > (QUIET_TIMES * usual if usual else QUIET_UNKNOWN) else HealthKind.OK


def health(feed: Feed, state: FeedState | None, now: datetime, double_of: Feed | None = None) -> Health:
    """All there is to say of a feed; `double_of` is another one at its address (`watchlist.doubles`)."""
    kind = kind_of(feed, state, now)
    if kind is HealthKind.PAUSED:
        return Health(kind, None, "not polled until `chancery feeds resume`")
    if state is None or kind is HealthKind.NEVER:
        return Health(kind, None, "not polled yet")
    history = state.history
    if kind in (HealthKind.FAILING, HealthKind.ILL_FORMED):
        times = f"{state.failures} polls in a row" if state.failures > 1 else "one poll"
        since = history.failing_since or state.last_poll_at
        return Health(kind, since, f"{state.reason or state.status} ({times}): {_what_to_do(state)}")
    if kind is HealthKind.GONE:
        words = "gone for good (410): remove it, or add it at its new address; paused and resumed, it is asked again"
        return Health(kind, state.last_poll_at, words)
    since = {HealthKind.OK: None, HealthKind.MOVED: history.moved_at}.get(kind, history.new_at)
    return Health(kind, since, _told(kind, state, now), (*_double(double_of), *_notes(state, now, kind)))


def _what_to_do(state: FeedState) -> str:
    code = state.http_status or 0
    if state.status is PollStatus.HTTP_ERROR and code >= 400:
        return _WHAT_TO_DO_AT.get(code) or (_SERVER_FAILS if code >= 500 else _WHAT_TO_DO[state.status])
    return _WHAT_TO_DO[state.status]


def _told(kind: HealthKind, state: FeedState, now: datetime) -> str:
    history = state.history
    if kind is HealthKind.MOVED:
        return f"{_the_move(history)}; polled at {_plain(state.url)}: change your own list"
    if history.new_at is None:
        return "it reads well but has not held an entry yet: is it the right feed?" if kind is HealthKind.QUIET else ""
    silence = f"nothing new for {span(now - history.new_at)}"
    if history.longest_gap_s:
        silence += f", where {span(timedelta(seconds=history.longest_gap_s))} is usual"
    if kind is HealthKind.STUCK:
        document = "304 for ever" if state.status is PollStatus.NOT_MODIFIED else "the same document for ever"
        return f"{document}: {silence}; asked without validators too. Look for the feed that took its place"
    if kind is HealthKind.QUIET:
        return f"{silence}: look whether its publisher still writes there"
    return ""


def _double(of: Feed | None) -> Iterator[str]:
    if of is not None:
        yield f"{of.feed_id} is polled at the same address, so every article comes twice: remove one by its id"


def _notes(state: FeedState, now: datetime, kind: HealthKind) -> Iterator[str]:
    history = state.history
    if history.problem:
        yield history.problem
    yield from identity_notes(history)
    if state.entries and state.watermark_at is None:
        yield "no entry has a date: what a first poll finds never alerts, and what comes later counts as new"
    if state.watermark_at and history.new_at and history.new_at - state.watermark_at > CLOCK_BEHIND:
        yield f"its clock is behind: what came on {_day(history.new_at)} is dated {_day(state.watermark_at)} or before"
    if state.watermark_at and state.watermark_at - now > CLOCK_AHEAD:
        yield f"its clock is ahead: it has entries dated {_day(state.watermark_at)}"
    if history.wrong_304s >= ENOUGH_WRONG_304S:
        yield "its 304s hid news: it is asked without validators, and sends the whole document each time"
    if history.moved_from and kind is not HealthKind.MOVED:
        yield _the_move(history)


def identity_notes(history: History) -> Iterator[str]:
    """What is wrong with the ids and links of a feed, and how its entries are told apart instead."""
    instead = "link" if trusts_links(history) else "title and text, so that an edited entry counts as new"
    last = f", last on {_day(history.identity_at)}" if history.identity_at else ""
    if history.id_reuses:
        yield f"one id is given to several articles ({_times(history.id_reuses)}{last}): told apart by {instead}"
    if history.id_changes >= ENOUGH_CHANGES:
        yield f"ids change under the same articles ({_times(history.id_changes)}{last}): told apart by {instead}"


def _times(count: int) -> str:
    return "at one poll" if count == 1 else f"at {count} polls"


def _the_move(history: History) -> str:
    when = f" on {_day(history.moved_at)}" if history.moved_at else ""
    return f"moved for good from {_plain(history.moved_from or '')}{when}"


def _plain(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def _day(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%F}"


def span(length: timedelta) -> str:
    """A length of time as people say it: "3 days", "an hour" is "60 minutes"."""
    minutes = max(int(length.total_seconds() // 60), 0)
    for unit, size in (("day", 1440), ("hour", 60)):
        if minutes >= 2 * size:
            return f"{minutes // size} {unit}s"
    return f"{minutes} minute{'' if minutes == 1 else 's'}"
