"""How a feed is: from what polls leave in its state, over days that pass only in the test."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from math import e
from typing import Any

import pytest
from typer.testing import CliRunner

from services.cli import app
from services.cli import feeds as feeds_command
from services.contracts import ids
from services.contracts.feed import Feed, FeedState, History, PollStatus
from services.ingest.core.feed import Document, Entry
from services.ingest.core.fetched import Fetched, Hop
from services.ingest.core.health import HealthKind, health, kind_of, span
from services.ingest.core.history import COUNTED_OVER, ENOUGH_WRONG_304S, entries_per_day, validators
from services.ingest.core.outcome import settle, state_before
from services.ingest.core.schedule import Pace

URL = "https://wire.example/rss?key=secret"
FEED = Feed(feed_id=ids.feed_id(URL), url=URL, title="Wire")
START = datetime(2026, 3, 2, tzinfo=UTC)  # a Monday
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
K = HealthKind


class Publisher:
    """A feed and its server, asked every `step`: what it wrote when, and how it answers."""

    def __init__(self, *written: datetime, dated: bool = True, step: timedelta = HOUR) -> None:
        self.written, self.dated, self.step, self.now = written, dated, step, START
        self.state: FeedState | None = None
        self.feed, self.whole = FEED, 0
        self.answers: Callable[[], Fetched | None] = lambda: None
        self.lies, self.published = False, set[str]()

    def entries(self) -> tuple[Entry, ...]:
        shown = sorted((moment for moment in self.written if moment <= self.now), reverse=True)[:10]
        return tuple(
            Entry(f"{d}", None, f"{d}", f"What was at {d}", published_at=d if self.dated else None) for d in shown
        )

    def poll(self, times: int = 1, problem: str = "") -> FeedState:
        for _ in range(times):
            before = state_before(self.feed, self.state)
            etag, _modified = validators(before, self.now)
            entries = self.entries()
            current = f'"{hash(entries)}"'
            fetched, document = self.answers(), None
            if fetched is None and etag is not None and (self.lies or etag == current):
                fetched = Fetched(PollStatus.NOT_MODIFIED, url=URL, http_status=304)
            if fetched is None:
                self.whole += 1
                fetched = Fetched(PollStatus.OK, url=URL, http_status=200, etag=current)
            if fetched.status is PollStatus.OK:
                document = Document(PollStatus.OK, problem, entries=entries)
            settled = settle(
                self.feed, before, fetched, document, now=self.now, pace=Pace(HOUR, HOUR, HOUR), jitter=0.0
            )
            self.state, self.feed = settled.state, settled.moved or self.feed
            self.published |= {article.title for article in settled.articles}
            self.now += self.step
        assert self.state is not None
        return self.state

    def kind(self) -> HealthKind:
        how = health(self.feed, self.state, self.now)
        assert how.kind is kind_of(self.feed, self.state, self.now)
        assert "secret" not in f"{how.words}{how.notes}"
        return how.kind

    def words(self) -> str:
        return health(self.feed, self.state, self.now).words

    def notes(self) -> str:
        return "; ".join(health(self.feed, self.state, self.now).notes)


def every(gap: timedelta, since: datetime, until: datetime) -> Iterator[datetime]:
    while since <= until:
        yield since
        since += gap


def test_before_its_first_poll_and_paused() -> None:
    assert health(FEED, None, START).kind is K.NEVER
    moved = state_before(FEED.model_copy(update={"url": "https://b.example/"}), Publisher(START).poll())
    assert kind_of(FEED, moved, START) is K.NEVER
    assert health(FEED.model_copy(update={"enabled": False}), None, START).kind is K.PAUSED


def test_a_feed_that_moves_is_ok_and_its_nights_are_not_quiet() -> None:
    wire = Publisher(*every(8 * HOUR, START - 3 * DAY, START + 20 * DAY))
    for _ in range(20 * 24):
        wire.poll()
        assert wire.kind() is K.OK


def test_quiet_is_measured_by_the_feeds_own_rhythm_and_stuck_follows() -> None:
    hourly = Publisher(*every(HOUR, START - DAY, START))
    weekly = Publisher(*every(7 * DAY, START - 70 * DAY, START))
    seen: dict[str, dict[HealthKind, float]] = {"hourly": {}, "weekly": {}}
    for _ in range(80 * 24):
        for name, wire in (("hourly", hourly), ("weekly", weekly)):
            wire.poll()
            seen[name].setdefault(wire.kind(), (wire.now - START) / DAY)
    assert [*seen["hourly"]] == [*seen["weekly"]] == [K.OK, K.QUIET, K.STUCK]
    assert [round(seen["hourly"][kind]) for kind in (K.QUIET, K.STUCK)] == [1, 7]
    assert [round(seen["weekly"][kind]) for kind in (K.QUIET, K.STUCK)] == [21, 70]
    assert "304 for ever: nothing new for 80 days, where 7 days is usual" in weekly.words()


def test_a_silence_that_recurs_is_usual() -> None:
    office_hours = [d for d in every(HOUR, START - DAY, START + 40 * DAY) if d.weekday() < 5 and 8 <= d.hour < 18]
    wire, quiet = Publisher(*office_hours), list[int]()
    for _ in range(35 * 24):
        wire.poll()
        if wire.kind() is not K.OK:
            quiet.append((wire.now - START).days)
    assert max(quiet) <= 7, "a weekend is taken for quiet until one was seen"


def test_the_same_document_for_ever_is_stuck_and_an_edited_one_only_quiet() -> None:
    wire = Publisher(*every(HOUR, START - DAY, START), dated=False)
    wire.answers = lambda: Fetched(PollStatus.OK, url=URL, http_status=200)
    wire.poll(100 * 24)
    assert (wire.kind(), wire.words().split(":")[0]) == (K.STUCK, "the same document for ever")
    assert wire.state is not None
    edited = replace(wire.state.history, changed_at=wire.now)
    assert kind_of(FEED, wire.state.model_copy(update={"history": edited}), wire.now) is K.QUIET


def test_a_silent_feed_of_an_earlier_release_is_found_quiet_too() -> None:
    wire = Publisher(*every(HOUR, START - 9 * DAY, START - 8 * DAY))
    wire.state = wire.poll().model_copy(update={"history": History()})
    assert wire.kind() is K.OK
    wire.poll(26)
    assert (wire.kind(), wire.state.history.new_at) == (K.STUCK, START - 8 * DAY)


@pytest.mark.parametrize(("dated", "at_first"), [(True, 4), (False, None)])
def test_new_entries_a_day_are_counted_and_fade(dated: bool, at_first: float | None) -> None:
    wire = Publisher(*every(DAY / 4, START - 30 * DAY, START + 20 * DAY), dated=dated)
    first = entries_per_day(wire.poll().history, START)
    assert first == (pytest.approx(at_first, abs=1) if at_first else None)
    told = entries_per_day(wire.poll(20 * 24).history, wire.now)
    assert told == pytest.approx(4, rel=0.1)
    silent = entries_per_day(wire.poll(3 * 24).history, wire.now)
    assert silent is not None
    assert silent == pytest.approx((told or 0) / e, rel=0.1)
    assert COUNTED_OVER == 3 * DAY
    assert entries_per_day(Publisher().poll().history, START) is None


def test_a_feed_without_any_entry_is_quiet() -> None:
    wire = Publisher()
    wire.poll()
    assert (wire.kind(), "not held an entry yet" in wire.words()) == (K.QUIET, True)


def test_a_304_that_hides_news_is_found_out_and_believed_no_more() -> None:
    wire = Publisher(*every(2 * HOUR, START - 25 * HOUR, START + 3 * DAY), step=HOUR / 6)
    wire.lies = True
    wire.poll()
    for _ in range(24 * 6):
        wire.poll()
        hidden = {f"{d}" for d in wire.written if START < d < wire.now - 2 * HOUR} - wire.published
        assert not hidden, "a 304 is believed no longer than the feed is usually silent"
    assert wire.state is not None
    assert wire.state.history.wrong_304s == ENOUGH_WRONG_304S
    assert validators(wire.state, wire.now) == (None, None)
    assert (wire.kind(), "its 304s hid news" in wire.notes()) == (K.OK, True)
    whole = wire.whole
    wire.poll(24)
    assert wire.whole == whole + 24


def test_an_honest_304_is_rarely_doubted_and_stays_believed() -> None:
    wire = Publisher(*every(6 * HOUR, START - 3 * DAY, START + 20 * DAY))
    wire.poll(20 * 24)
    assert wire.state is not None
    assert wire.state.history.wrong_304s == 0
    assert wire.whole <= 2 * 20 * 4 + 1, "at most once beside each new entry"
    silent = Publisher(*every(DAY, START - 30 * DAY, START))
    silent.poll(30 * 24)
    assert silent.whole <= 31


def test_news_in_the_very_minutes_of_a_doubt_condemns_nobody() -> None:
    wire = Publisher(*every(12 * HOUR, START - 5 * DAY, START + 40 * DAY))
    wire.poll(40 * 24)
    assert wire.state is not None
    assert validators(wire.state, wire.state.history.read_at or START)[0] is not None


@pytest.mark.parametrize(
    ("fetched", "kind", "words"),
    [
        (Fetched(PollStatus.UNREACHABLE, "no route", URL), K.FAILING, "no route (3 polls in a row): check the address"),
        (Fetched(PollStatus.HTTP_ERROR, "HTTP 403", URL, 403), K.FAILING, "CHANCERY_INGEST__USER_AGENT"),
        (Fetched(PollStatus.HTTP_ERROR, "HTTP 404", URL, 404), K.FAILING, "where the feed is now"),
        (Fetched(PollStatus.HTTP_ERROR, "HTTP 418", URL, 418), K.FAILING, "`chancery feeds check` shows the answer"),
        (Fetched(PollStatus.HTTP_ERROR, "HTTP 502", URL, 502), K.FAILING, "its server fails"),
        (
            Fetched(PollStatus.HTTP_ERROR, "redirect loop", URL, 302),
            K.FAILING,
            "`chancery feeds check` shows the answer",
        ),
        (Fetched(PollStatus.THROTTLED, "HTTP 429: too many requests", URL, 429), K.FAILING, "asked less often"),
        (Fetched(PollStatus.NOT_A_FEED, "HTML instead of a feed", URL, 200), K.ILL_FORMED, "chancery feeds check"),
        (Fetched(PollStatus.ILL_FORMED, "not parsed within 20 s", URL, 200), K.ILL_FORMED, "tell the publisher"),
        (Fetched(PollStatus.GONE, "HTTP 410: gone", URL, 410), K.GONE, "gone for good"),
    ],
)
def test_trouble_is_told_with_what_to_do_and_since_when(fetched: Fetched, kind: HealthKind, words: str) -> None:
    wire = Publisher(START)
    wire.poll()
    wire.answers = lambda: fetched
    wire.poll(1 if kind is K.GONE else 3)
    how = health(FEED, wire.state, wire.now)
    assert (how.kind, how.since) == (kind, START + HOUR)
    assert words in how.words
    if kind is K.GONE:
        return
    wire.answers = lambda: None
    assert wire.poll().history.failing_since is None
    assert wire.kind() is K.OK


@pytest.mark.parametrize("status", [status for status in PollStatus if status is not PollStatus.NEVER])
def test_every_status_has_its_words(status: PollStatus) -> None:
    state = FeedState(feed_id=FEED.feed_id, url=URL, status=status, reason="why", last_poll_at=START)
    how = health(FEED, state, START)
    assert how.kind in HealthKind
    assert bool(how.words) == (how.kind is not K.OK)


def test_what_was_wrong_with_the_document_is_remembered_over_a_304() -> None:
    wire = Publisher(START)
    wire.poll(problem="ill-formed: mismatched tag")
    assert wire.poll().status is PollStatus.NOT_MODIFIED
    assert (wire.kind(), wire.notes()) == (K.OK, "ill-formed: mismatched tag")


def test_a_move_is_news_for_a_week_and_then_a_note() -> None:
    wire = Publisher(*every(HOUR, START - DAY, START + 9 * DAY))
    wire.answers = lambda: Fetched(PollStatus.OK, url="https://b.example/rss", http_status=200, hops=(Hop(URL, 301),))
    wire.poll()
    wire.answers = lambda: None
    how = health(wire.feed, wire.state, wire.now)
    assert (how.kind, how.since) == (K.MOVED, START)
    assert how.words.startswith("moved for good from https://wire.example/rss on 2026-03-02; polled at https://b.ex")
    wire.poll(8 * 24)
    assert (wire.kind(), wire.notes()) == (K.OK, "moved for good from https://wire.example/rss on 2026-03-02")


def test_a_double_is_said_of_a_feed_that_reads_well() -> None:
    wire = Publisher(START)
    state = wire.poll()
    twin = FEED.model_copy(update={"feed_id": ids.feed_id("http://wire.example/rss")})
    assert f"{twin.feed_id} is polled at the same address" in "".join(health(FEED, state, wire.now, twin).notes)


def test_clocks_that_cannot_be_relied_on_are_said() -> None:
    undated = Publisher(START, dated=False)
    undated.poll()
    assert undated.notes().startswith("no entry has a date")
    history = History(new_at=START, read_at=START)
    state = FeedState(feed_id=FEED.feed_id, url=URL, status=PollStatus.OK, entries=9, history=history)
    behind = state.model_copy(update={"watermark_at": START - 3 * DAY})
    ahead = state.model_copy(update={"watermark_at": START + 5 * HOUR})
    assert "its clock is behind" in "".join(health(FEED, behind, START).notes)
    assert "its clock is ahead" in "".join(health(FEED, ahead, START).notes)


@pytest.mark.parametrize(
    ("history", "said"),
    [
        (History(id_reuses=1), "one id is given to several articles (at one poll): told apart by link"),
        (History(id_changes=1), ""),
        (History(id_changes=7, identity_at=START), "(at 7 polls, last on 2026-03-02): told apart by link"),
        (History(id_changes=7, link_changes=7), "told apart by title and text, so that an edited entry counts as new"),
        (History(link_changes=7), ""),
    ],
)
def test_odd_ids_are_said(history: History, said: str) -> None:
    state = FeedState(feed_id=FEED.feed_id, url=URL, status=PollStatus.OK, history=history)
    notes = "".join(health(FEED, state, START).notes)
    assert said in notes
    assert bool(said) == bool(notes)


@pytest.mark.parametrize(
    ("length", "words"),
    [
        (timedelta(0), "0 minutes"),
        (timedelta(minutes=1), "1 minute"),
        (timedelta(minutes=119), "119 minutes"),
        (timedelta(hours=47), "47 hours"),
        (timedelta(days=9, hours=5), "9 days"),
        (-HOUR, "0 minutes"),
    ],
)
def test_lengths_in_words(length: timedelta, words: str) -> None:
    assert span(length) == words


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Feed, FeedState | None]]:
    wire = Publisher(START)
    wire.answers = lambda: Fetched(PollStatus.HTTP_ERROR, "HTTP 403 [bold]", URL, 403)
    other = Feed(feed_id=ids.feed_id("https://b.example/"), url="https://b.example/", title="B")
    pairs = [(FEED, wire.poll(2)), (other, None)]
    monkeypatch.setattr(feeds_command, "with_broker", lambda _: pairs)
    return pairs


def _said(*arguments: str) -> Any:
    run = CliRunner().invoke(app, ["feeds", *arguments, "--json"])
    assert run.exit_code == 0, run.output
    return json.loads(run.stdout)


def test_the_list_says_how_feeds_are(watched: list[tuple[Feed, FeedState | None]]) -> None:
    assert [row["health"]["kind"] for row in _said("list")] == ["never", "failing"]
    (failing,) = _said("list", "--health", "FAILING", "--health", "gone")
    assert failing["health"]["since"] == "2026-03-02T00:00:00+00:00"
    assert failing["health"]["words"].startswith("HTTP 403 [bold] (2 polls in a row)")
    assert "seen" not in failing["state"]
    assert _said("list", "--health", "stuck") == []
    table = CliRunner().invoke(app, ["feeds", "list"]).stdout
    assert "failing" in table
    assert "[bold]" in table
    assert CliRunner().invoke(app, ["feeds", "list", "--health", "stuck"]).stdout == "no feed is stuck\n"
    assert CliRunner().invoke(app, ["feeds", "list", "--health", "poorly"]).exit_code == 2


def test_one_feed_is_shown_in_words(watched: list[tuple[Feed, FeedState | None]]) -> None:
    shown = CliRunner().invoke(app, ["feeds", "show", URL]).stdout
    assert shown.startswith("failing since 2026-03-02 00:00:00 UTC  Wire\n")
    assert "last good   never" in shown
    assert "known by    id" in shown
    assert _said("show", FEED.feed_id)["health"]["kind"] == "failing"
    missing = CliRunner().invoke(app, ["feeds", "show", "https://c.example/"])
    assert missing.exit_code == 1
