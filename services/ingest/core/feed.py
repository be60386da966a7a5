"""What a parsed document says: its entries, in plain text, with dates that are right or absent."""

import calendar
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urljoin

from services.contracts.article import TextOrigin
from services.contracts.feed import PollStatus
from services.ingest.core import plain_text
from services.ingest.core.timestamps import instant

# A record has to fit a broker's message (1 MB by default), four bytes a character at worst.
MAX_TEXT_CHARS = 200_000
MAX_TITLE_CHARS = 1_000
MAX_ID_CHARS = 4_000


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry as the publisher gave it. `id` is opaque; `link` is an absolute http(s) address."""

    id: str | None = None
    link: str | None = None
    title: str = ""
    text: str = ""
    text_origin: TextOrigin = TextOrigin.SUMMARY
    published_at: datetime | None = None

    @property
    def is_blank(self) -> bool:
        """Nothing to know it by and nothing to read."""
        return not (self.id or self.link or self.title or self.text)


@dataclass(frozen=True, slots=True)
class Document:
    """A document and how it read. `status` is `ok`, `not_a_feed` or `ill_formed`; `problem` says what was wrong,
    also where entries could be read all the same. Entries stand in the order of the document. `format` is a name for
    people ("RSS 2.0"); `links` are the feeds that a web page offers instead; `ttl` is how long the document asks to
    be left alone; `hub` and `topic` are its links to its hub and to itself, as they stand there."""

    status: PollStatus
    problem: str = ""
    format: str = ""
    links: tuple[str, ...] = ()
    title: str = ""
    language: str | None = None
    ttl: timedelta | None = None
    hub: str = ""
    topic: str = ""
    entries: tuple[Entry, ...] = ()


def document(
    parsed: Mapping[str, Any], root: str, url: str, max_entries: int, problem: str = "", is_whole: bool = False
) -> Document:
    """The document in what `feedparser.parse` returned. `root` is the name of its root element, `is_whole` says that
    it ends; `url` is where it came from, for its relative links; `problem` is what was wrong with its bytes.

    Entries after the first `max_entries` are left out, and `problem` says so. A feed without entries is one if nothing
    of it was cut off, however ill-formed: a reader would show it, empty.
    """
    raw = parsed.get("entries") or []
    complaint = plain_text.one_line(str(parsed["bozo_exception"]))[:200] if parsed.get("bozo_exception") else ""
    if not raw and not parsed.get("version") and root.lower() not in _WITHOUT_VERSION:
        reason = f"no feed: the root element is <{root}>" if root else "no feed: no XML element in it"
        return Document(PollStatus.NOT_A_FEED, reason)
    if not raw and complaint and not is_whole:
        return Document(PollStatus.ILL_FORMED, f"ill-formed, and no entry could be read: {complaint}")
    entries = tuple(_entry(item, url) for item in raw[:max_entries])
    problems = [problem] if problem else []
    if complaint:
        problems.append(f"ill-formed: {complaint}")
    if len(raw) > max_entries:
        problems.append(f"{len(raw)} entries, of which the first {max_entries} are read")
    if empty := sum(entry.is_blank for entry in entries):
        problems.append(f"{empty} entries without id, link, title and text")
    head = parsed.get("feed") or {}
    links = head.get("links") or parsed.get("links") or ()
    return Document(
        PollStatus.OK,
        "; ".join(problems),
        format=_format(str(parsed.get("version") or "")),
        title=_title(head),
        language=_language(head),
        ttl=_ttl(head),
        hub=_linked(links, "hub"),
        topic=_linked(links, "self"),
        entries=entries,
    )


_WITHOUT_VERSION = frozenset({"channel"})  # CDF, of 1997
_FORMATS = {"rss": "RSS", "atom": "Atom", "json": "JSON Feed", "cdf": "CDF"}
_VERSION = re.compile(r"([a-z]+)(\d)?(\d)?(\d)?.*")


def _format(version: str) -> str:
    """feedparser's "rss20", "rss091n" or "atom10" as people write it."""
    match = _VERSION.fullmatch(version)
    if match is None or match[1] not in _FORMATS:
        return "RSS or Atom of no known version"
    number = f" {match[2]}.{match[3] or 0}{match[4] or ''}" if match[2] else ""
    return f"{_FORMATS[match[1]]}{number}"


def _entry(raw: Mapping[str, Any], url: str) -> Entry:
    text, origin = _text(raw)
    identifier = _string(raw, "id").strip()
    return Entry(
        id=identifier[:MAX_ID_CHARS] or None,
        link=_link(raw, url),
        title=_title(raw),
        text=text[:MAX_TEXT_CHARS],
        text_origin=origin,
        published_at=_published_at(raw),
    )


_WEB = re.compile(r"https?://[^\s/]", re.IGNORECASE)


def _link(raw: Mapping[str, Any], url: str) -> str | None:
    """The absolute link. An id that feedparser took for the link counts only if it is one by itself."""
    link = _string(raw, "link").strip()
    if not link or (link == _string(raw, "id").strip() and not _WEB.match(link)):
        return None
    try:
        link = urljoin(url, link)
    except ValueError:
        return None
    return link if _WEB.match(link) and len(link) <= MAX_ID_CHARS else None


def _text(raw: Mapping[str, Any]) -> tuple[str, TextOrigin]:
    """The longest text there is. feedparser copies a content to the summary where there is no other."""
    contents: Sequence[Mapping[str, Any]] = raw.get("content") or ()
    content = max((_plain(part) for part in contents), key=len, default="")
    summary = _plain(raw.get("summary_detail") or {"value": raw.get("summary")})
    if content and len(content) >= len(summary):
        return content, TextOrigin.ENTRY
    return summary, TextOrigin.SUMMARY


def _title(raw: Mapping[str, Any]) -> str:
    title = _plain(raw.get("title_detail") or {"value": raw.get("title"), "type": "text/plain"})
    return plain_text.one_line(title)[:MAX_TITLE_CHARS].rstrip()


def _plain(part: Mapping[str, Any]) -> str:
    kind, value = part.get("type") or "text/html", _string(part, "value")
    if kind == "text/plain":
        return plain_text.from_plain(value)
    if kind.startswith("text/") or kind.endswith("xml"):
        return plain_text.from_html(value)
    return ""


def _published_at(raw: Mapping[str, Any]) -> datetime | None:
    """The first of these that is a date; an update is a date too, where it is the only one."""
    for name in ("published", "created", "updated"):
        if name in raw:
            moment = instant(_string(raw, name)) or _from_tuple(raw.get(f"{name}_parsed"))
            if moment is not None:
                return moment
    return None


def _from_tuple(parsed: Sequence[int] | None) -> datetime | None:
    """feedparser's UTC tuple, for the date formats only it knows."""
    try:
        return datetime.fromtimestamp(calendar.timegm(tuple(parsed)), UTC) if parsed else None
    except (ValueError, OverflowError, OSError):
        return None


_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(?:[-_][A-Za-z0-9]{2,8}){0,4}")


def _language(head: Mapping[str, Any]) -> str | None:
    language = _string(head, "language").strip()
    return language.replace("_", "-") if _LANGUAGE.fullmatch(language) else None


def _linked(links: Sequence[Mapping[str, Any]], relation: str) -> str:
    return next((_string(link, "href") for link in links if relation in _string(link, "rel").lower().split()), "")


_PERIODS_H = {"hourly": 1, "daily": 24, "weekly": 168, "monthly": 720, "yearly": 8760}


def _ttl(head: Mapping[str, Any]) -> timedelta | None:
    """RSS's `ttl`, in minutes; else so many times in a period (web.resource.org/rss/1.0/modules/syndication)."""
    minutes, times = _string(head, "ttl").strip(), _string(head, "sy_updatefrequency").strip()
    if _FEW_DIGITS.fullmatch(minutes):
        return timedelta(minutes=int(minutes)) or None
    hours = _PERIODS_H.get(_string(head, "sy_updateperiod").strip().lower())
    often = int(times) if _FEW_DIGITS.fullmatch(times) else 1
    return timedelta(hours=hours) / max(often, 1) if hours else None


_FEW_DIGITS = re.compile("[0-9]{1,6}")


def _string(raw: Mapping[str, Any], name: str) -> str:
    value = raw.get(name)
    return value if isinstance(value, str) else ""
