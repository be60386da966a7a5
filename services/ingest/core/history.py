"""What a poll adds to a feed's history: when it last moved, how long it is usually silent, and when its 304 is doubted.

Some servers answer 304 whatever has changed. So after a silence that is unusual for the feed, the document is asked for
without validators; a feed whose 304s hid news is asked so from then on.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise
from math import exp

from services.contracts.feed import FeedState, History, PollStatus
from services.ingest.core.feed import Entry
from services.ingest.core.recognition import Recognised

# A 304 is believed for as long as the feed is usually silent, within these bounds; a day where that is not known.
BELIEVED_AT_LEAST, BELIEVED_AT_MOST, BELIEVED_UNKNOWN = timedelta(hours=1), timedelta(days=7), timedelta(days=1)
# One piece of news may appear in the very minutes of an unconditional poll; twice is no chance.
ENOUGH_WRONG_304S = 2
# What is dated so long before the last 304 stood behind it; anything later may be the publisher's own delay.
PUBLISHING_DELAY = timedelta(minutes=30)

# Long enough for nights and weekends, short enough that a feed that fell silent is seen to within the week.
COUNTED_OVER = timedelta(days=3)

# A long silence that was usual once is forgotten by halves, so that a feed that became busy is judged as one.
GAP_HALF_LIFE = timedelta(days=30)
# Of the silences in a document the longest tenth are left out: pinned entries, holidays.
USUAL_SHARE = 0.9


def validators(state: FeedState, now: datetime) -> tuple[str | None, str | None]:
    """The ETag and Last-Modified to send along; neither where a 304 would not be believed."""
    if state.history.wrong_304s >= ENOUGH_WRONG_304S or _is_doubted(state, now):
        return None, None
    return state.etag, state.last_modified


def _is_doubted(state: FeedState, now: datetime) -> bool:
    history = state.history
    if state.status is not PollStatus.NOT_MODIFIED or history.read_at is None:
        return False
    usual = timedelta(seconds=history.longest_gap_s) if history.longest_gap_s else BELIEVED_UNKNOWN
    return now - history.read_at >= min(max(usual, BELIEVED_AT_LEAST), BELIEVED_AT_MOST)


def after_none(state: FeedState, succeeded: bool, now: datetime, moved_from: str | None) -> History:
    """After a poll that brought no document: a 304, or a failure."""
    if not succeeded:
        return replace(state.history, failing_since=state.history.failing_since or now)
    return _moved(replace(state.history, failing_since=None, read_at=state.history.read_at or now), moved_from, now)


def after_document(
    state: FeedState, found: Recognised, problem: str, entries: Sequence[Entry], now: datetime, moved_from: str | None
) -> History:
    """After a document of `entries`, in which `found` was new or edited."""
    history = replace(found.history, failing_since=None, read_at=now, problem=problem)
    if found.news:
        history = replace(history, changed_at=now)
    fresh = [entry for entry, mark in found.news if mark.revision == 1]
    first = history.new_at is None  # also of a state that an earlier release wrote
    if fresh or (first and entries):
        dates = sorted(entry.published_at for entry in entries if entry.published_at)
        new_at = min(dates[-1], now) if first and dates else now
        history = replace(
            history,
            new_at=new_at,
            daily=_daily(state.history, new_at, dates, fresh),
            longest_gap_s=_longest_gap_s(state, now, dates, fresh),
            wrong_304s=history.wrong_304s + _stood_behind_a_304(state, now, fresh),
        )
    return _moved(history, moved_from, now)


def entries_per_day(history: History, now: datetime) -> float | None:
    """New entries a day, an average in which what came `COUNTED_OVER` ago counts 1/e; None where nothing is known."""
    if history.daily is None or history.new_at is None:
        return None
    return history.daily * exp(-max((now - history.new_at) / COUNTED_OVER, 0))


def _daily(before: History, at: datetime, dates: Sequence[datetime], fresh: Sequence[Entry]) -> float | None:
    """At `at`, when something new came. What is not known yet is counted from the document's dates."""
    fading, came = entries_per_day(before, at), len(fresh)
    if fading is None and dates:
        came = sum(at - COUNTED_OVER < each <= at for each in dates)
    elif fading is None and before.new_at is None:
        return None
    return round((fading or 0) + came / (COUNTED_OVER / timedelta(days=1)), 3)


def _moved(history: History, moved_from: str | None, now: datetime) -> History:
    return replace(history, moved_from=moved_from, moved_at=now) if moved_from else history


def _stood_behind_a_304(state: FeedState, now: datetime, fresh: Sequence[Entry]) -> bool:
    if not _is_doubted(state, now) or state.last_poll_at is None:
        return False
    latest = state.last_poll_at - PUBLISHING_DELAY
    return any(entry.published_at is None or entry.published_at < latest for entry in fresh)


def _longest_gap_s(state: FeedState, now: datetime, dates: Sequence[datetime], fresh: Sequence[Entry]) -> int | None:
    """The longest usual silence: of the document, of the feed's clock until now, and of earlier, fading."""
    within = sorted((later - earlier).total_seconds() for earlier, later in pairwise(dates))
    gaps = [within[int(USUAL_SHARE * (len(within) - 1))]] if within else []
    history = state.history
    if history.new_at is not None:
        dated = [entry.published_at for entry in fresh if entry.published_at]
        if dated and state.watermark_at:
            gaps.append((min(dated) - state.watermark_at).total_seconds())
        elif not dated:
            gaps.append((now - history.new_at).total_seconds())
        if history.longest_gap_s:
            gaps.append(history.longest_gap_s * 0.5 ** ((now - history.new_at) / GAP_HALF_LIFE))
    return round(max(gaps)) if gaps else None
