"""`chancery feeds list` and `show`: how feeds are, in a table and in words."""

from collections.abc import Collection, Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any

from rich.markup import escape
from rich.table import Column, Table

from services.cli.context import out, print_json, say
from services.contracts.feed import Feed, FeedState
from services.ingest.core.health import Health, HealthKind, health, span
from services.ingest.core.recognition import trusts_ids, trusts_links
from services.ingest.core.watchlist import doubles

Watched = tuple[Feed, FeedState | None]

_COLOURS = {
    HealthKind.OK: "green",
    HealthKind.NEVER: "cyan",
    HealthKind.PAUSED: "dim",
    HealthKind.MOVED: "yellow",
    HealthKind.QUIET: "yellow",
    HealthKind.STUCK: "magenta",
    HealthKind.ILL_FORMED: "red",
    HealthKind.FAILING: "red",
    HealthKind.GONE: "bold red",
}


def list_watched(watched: Sequence[Watched], kinds: Collection[HealthKind], as_json: bool) -> None:
    """Print the feeds whose health is one of `kinds`, or all where none is named."""
    now = datetime.now(UTC)
    doubled = doubles(feed for feed, _ in watched)
    rows = [(feed, state, health(feed, state, now, doubled.get(feed.feed_id))) for feed, state in watched]
    rows = [row for row in rows if not kinds or row[2].kind in kinds]
    if as_json:
        print_json([_row(*row) for row in rows])
        return
    if not rows:
        say("no feed is " + " or ".join(kinds) if watched else "no feeds; add one with `chancery feeds add URL`")
        return
    table = Table(Column("feed", overflow="fold"), "health", "entries", "next poll (UTC)", "why", show_lines=True)
    for feed, state, how in rows:
        name = f"{feed.title}\n{feed.url}" if feed.title else feed.url
        since = f"\nfor {span(now - how.since)}" if how.since else ""
        words = "\n".join(filter(None, (how.words, *how.notes)))
        cells = (str(state.entries if state else 0), _next(feed, state), escape(words))
        table.add_row(escape(name), f"[{_COLOURS[how.kind]}]{how.kind}[/]{since}", *cells)
    out.print(table)


def show_watched(feed: Feed, watched: Sequence[Watched], as_json: bool) -> None:
    """Print all there is to say of one feed of `watched`."""
    state = next(state for known, state in watched if known.feed_id == feed.feed_id)
    how = health(feed, state, datetime.now(UTC), doubles(known for known, _ in watched).get(feed.feed_id))
    if as_json:
        print_json(_row(feed, state, how))
        return
    since = f" since {_time(how.since)}" if how.since else ""
    name = escape(feed.title or feed.url)
    out.print(f"[{_COLOURS[how.kind]}]{how.kind}[/]{since}  {name}", highlight=False, soft_wrap=True)
    said = [("", how.words), *(("note", note) for note in how.notes), ("address", feed.url), ("id", feed.feed_id)]
    hints = f"language {feed.language or 'none'}, country {feed.country or 'none'}"
    said.append(("hints", f"{hints}, grade {feed.grade}, full text {'on' if feed.full_text else 'off'}"))
    for label, text in said + (_of_state(feed, state) if state else []):
        if text:
            say(f"  {label:<12}{text}")


def _of_state(feed: Feed, state: FeedState) -> list[tuple[str, str]]:
    history = state.history
    code = f" (HTTP {state.http_status})" if state.http_status else ""
    entries = f"{state.entries} in the last document, {len(state.seen)} remembered"
    if state.watermark_at:
        entries += f", the newest of {_time(state.watermark_at)}"
    silence = f"; {span(timedelta(seconds=history.longest_gap_s))} of silence is usual" if history.longest_gap_s else ""
    known_by = "id" if trusts_ids(history) else "link" if trusts_links(history) else "title and text"
    kept = [name for name, value in (("ETag", state.etag), ("Last-Modified", state.last_modified)) if value]
    return [
        ("last poll", f"{_time(state.last_poll_at)}: {state.status}{code}" if state.last_poll_at else ""),
        ("last good", _time(state.last_success_at) if state.last_success_at else "never"),
        ("next poll", _next(feed, state) and f"{_next(feed, state)} UTC"),
        ("entries", entries),
        ("last new", _time(history.new_at) + silence if history.new_at else ""),
        ("known by", known_by),
        ("validators", " and ".join(kept) or "none: every poll fetches the whole document"),
    ]


def _row(feed: Feed, state: FeedState | None, how: Health) -> dict[str, Any]:
    return {
        "feed": feed.model_dump(mode="json"),
        "state": state.model_dump(mode="json", exclude={"seen"}) if state else None,
        "health": asdict(how) | {"since": how.since.isoformat() if how.since else None},
    }


def _next(feed: Feed, state: FeedState | None) -> str:
    return f"{state.next_poll_at.astimezone(UTC):%F %T}" if feed.enabled and state and state.next_poll_at else ""


def _time(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%F %T} UTC"
