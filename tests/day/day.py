"""A day of news, 2 March 2024, written by the project: fourteen stories, their copies and edits, and much besides; at
the end one article of 6 March, which shows that of one incident nothing was told for three days.

Twelve incidents are true; of two more one is denied and one taken back. All events and outlets are made up. The texts
stand in TOML beside this module; what the loader adds is small: copies of agency stories with the edits that desks
make, ids, and the clocks of the feeds.
"""

import datetime as dt
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from services.contracts import ids
from services.contracts.article import Article, Source, TextOrigin
from services.contracts.feed import SourceGrade

DAY = dt.date(2024, 3, 2)
HERE = Path(__file__).parent
GOLDEN = HERE.parent / "golden"
FETCHED_AFTER = dt.timedelta(seconds=90)
"""How long after its publication an article is fetched, where the data does not say when it was published."""


@dataclass(frozen=True, slots=True)
class Outlet:
    id: str
    name: str
    language: str
    country: str
    grade: SourceGrade

    @property
    def source(self) -> Source:
        feed = ids.feed_id(f"https://{self.id}.example/rss")
        return Source(feed_id=feed, name=self.name, grade=self.grade)


@dataclass(frozen=True, slots=True)
class Entry:
    """One article as an outlet gives it. `story` names the incident it tells, and is empty for noise."""

    outlet: Outlet
    identity: str
    revision: int
    fetched_at: dt.datetime
    published_at: dt.datetime
    title: str
    text: str
    story: str = ""


@dataclass(frozen=True, slots=True)
class Incident:
    """What the day's data says of one incident."""

    name: str
    retracted: bool


def articles() -> list[Article]:
    """Every article of the day in the order it was fetched, edits as revisions of what they edit."""
    return [article for article, _ in told()]


def told() -> list[tuple[Article, str]]:
    """The articles with the name of the incident each was written for; empty for noise."""
    entries = sorted(_entries(), key=lambda entry: (entry.fetched_at, entry.outlet.id, entry.identity))
    newest: dict[str, dt.datetime] = {}
    found = []
    for entry in entries:
        newest[entry.outlet.id] = max(newest.get(entry.outlet.id, entry.published_at), entry.published_at)
        found.append((_article(entry, newest[entry.outlet.id]), entry.story))
    return found


def incidents() -> list[Incident]:
    return [Incident(data["incident"], data.get("retracted", False)) for data in _stories()]


def _article(entry: Entry, watermark: dt.datetime) -> Article:
    source = entry.outlet.source
    return Article(
        article_id=ids.article_id(source.feed_id, entry.identity),
        revision=entry.revision,
        source=source,
        url=f"https://{entry.outlet.id}.example/{entry.identity}",
        title=entry.title,
        text=entry.text,
        text_origin=TextOrigin.ENTRY,
        language_hint=entry.outlet.language,
        country_hint=entry.outlet.country,
        published_at=entry.published_at,
        fetched_at=entry.fetched_at,
        watermark_at=watermark,
    )


def _read(path: Path) -> dict[str, Any]:
    return tomllib.loads(path.read_text(encoding="utf-8"))


def _stories() -> Iterator[dict[str, Any]]:
    for path in sorted(HERE.glob("incidents/*.toml")):
        yield _read(path)


def outlets() -> dict[str, Outlet]:
    return {
        row["id"]: Outlet(**row | {"grade": SourceGrade(row["grade"])})
        for row in _read(HERE / "outlets.toml")["outlet"]
    }


def _entries() -> Iterator[Entry]:
    known = outlets()
    for number, data in enumerate(_stories(), 1):
        yield from _tellings(f"s{number}", data, known)
    for number, row in enumerate(_read(HERE / "everyday.toml")["item"]):
        yield _entry(known[row["outlet"]], f"everyday-{number}", row)
    yield from _golden(known)


def _entry(outlet: Outlet, identity: str, row: dict[str, Any], **more: Any) -> Entry:
    fetched = _moment(row["at"], row.get("day", DAY))
    published = _moment(row["published"]) if "published" in row else fetched - FETCHED_AFTER
    fields = {"revision": 1, "published_at": published, "title": row["title"], "text": row["text"].strip()} | more
    return Entry(outlet=outlet, identity=identity, fetched_at=fetched, **fields)


def _moment(clock: str, day: dt.date = DAY) -> dt.datetime:
    return dt.datetime.combine(day, dt.time.fromisoformat(clock), dt.UTC)


def _tellings(prefix: str, data: dict[str, Any], known: dict[str, Outlet]) -> Iterator[Entry]:
    """The stories of one incident; an edit keeps the identity and the publication time of what it edits."""
    first: dict[tuple[str, str], Entry] = {}
    for number, row in enumerate(data["story"]):
        story, identity = row.get("id", ""), f"{prefix}-{number}"
        if "carried" not in row:
            entry = _entry(known[row["outlet"]], identity, row, story=data["incident"])
            first[story, row["outlet"]] = first[story, ""] = entry
            yield entry
            continue
        for place, (outlet, at) in enumerate(row["carried"]):
            assert known[outlet].language == row["language"], f"{outlet} does not write {row['language']}"
            title = row["titles"][place % len(row["titles"])]
            copy = {"at": at, "title": title, "text": as_carried(row, place)}
            entry = _entry(known[outlet], identity, copy, story=data["incident"])
            first[story, outlet] = entry
            yield entry
    revisions: dict[str, int] = {}
    for row in data.get("edit", ()):
        before = first[row["of"], row.get("outlet", "")]
        revisions[before.identity] = revisions.get(before.identity, 1) + 1
        yield _entry(
            before.outlet, before.identity, row,
            story=data["incident"], revision=revisions[before.identity], published_at=before.published_at,
        )  # fmt: skip


def as_carried(row: dict[str, Any], place: int) -> str:
    """An agency's text with one of the small edits of desks: none, a dateline, a credit, the last sentence cut, or
    two of these."""
    text, agency = row["text"].strip(), row["agency"]
    stop = "。" if row["language"] == "zh" else ". "
    shorter = text.rstrip(stop).rsplit(stop, 1)[0] + stop.strip()
    dateline = f"{row['city']}（{agency}）— " if row["language"] == "zh" else f"{row['city']} ({agency}) — "
    return (
        text,
        dateline + text,
        f"{text}\n\n({agency})",
        shorter,
        dateline + shorter,
        f"{text}\n\n© {agency} {DAY.year}",
    )[place % 6]


def _golden(known: dict[str, Outlet]) -> Iterator[Entry]:
    """The negatives of the golden cases, as news of this day: what must not alert on its own day must not on this."""
    wanted: dict[str, list[str]] = _read(HERE / "negatives.toml")
    total = sum(map(len, wanted.values()))
    number = 0
    for language, names in wanted.items():
        desks = [outlet for outlet in known.values() if outlet.language == language]
        cases = {
            case["name"]: case for path in sorted(GOLDEN.glob(f"{language}/*.toml")) for case in _read(path)["case"]
        }
        for name in names:
            # From minute to minute through all languages: a step prime to the minutes of the day.
            minute = (number * 577 + 13) % (24 * 60)
            row = {"at": f"{minute // 60:02}:{minute % 60:02}:30", "title": cases[name].get("title", "")}
            assert cases[name]["kind"] == "negative", f"{language}: {name} is no negative any more"
            yield _entry(desks[number % len(desks)], f"negative-{number}", row | {"text": cases[name]["text"]})
            number += 1
    assert number == total
