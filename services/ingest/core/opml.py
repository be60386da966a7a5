"""Lists of feeds as OPML 2.0, with `language`, `country`, `grade`, `fullText`, `minIntervalS` and `maxIntervalS` beside
the standard attributes."""

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterable
from dataclasses import dataclass
from xml.parsers import expat

from pydantic import ValidationError

from services.contracts import ids
from services.contracts.feed import Feed
from services.ingest.core.address import BadAddress, feed_url

_NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_TRUE = frozenset({"true", "1", "yes"})


class OpmlError(ValueError):
    """The document cannot be read as OPML; the message says why."""


@dataclass(frozen=True, slots=True)
class Listing:
    """The feeds of an OPML document, once each, in its order, set in what it gives; and what could not be taken, in
    words."""

    feeds: tuple[Feed, ...]
    problems: tuple[str, ...]


def read(document: bytes) -> Listing:
    """Read OPML. Outlines without an address are folders. Raises OpmlError for what is no XML or declares entities."""
    outlines: list[dict[str, str]] = []
    parser = expat.ParserCreate()

    def start(name: str, attributes: dict[str, str]) -> None:
        if name.lower() == "outline":
            outlines.append({key.lower(): value for key, value in attributes.items()})

    def entity(*_: object) -> None:
        raise OpmlError("the OPML declares entities, which no list of feeds needs; remove its DOCTYPE")

    parser.StartElementHandler = start
    parser.EntityDeclHandler = entity
    try:
        parser.Parse(document, True)
    except expat.ExpatError as error:
        raise OpmlError(f"this is not well-formed XML, so not OPML: {error}") from None
    feeds: dict[str, Feed] = {}
    problems = []
    for outline in outlines:
        if not outline.get("xmlurl", "").strip():
            continue
        try:
            feed = _feed(outline)
            feeds.setdefault(feed.feed_id, feed)
        except (BadAddress, ValidationError) as error:
            problems.append(_complaint(outline, error))
    return Listing(tuple(feeds.values()), tuple(problems))


def _feed(outline: dict[str, str]) -> Feed:
    """With only those fields set that the outline gives; to turn the full text off is not a list's to say."""
    url = feed_url(outline["xmlurl"])
    title = (outline.get("title") or outline.get("text") or "").strip()
    given = {
        "title": "" if title == outline["xmlurl"] else title,
        "language": outline.get("language", "").strip(),
        "country": outline.get("country", "").strip().upper(),
        "grade": outline.get("grade", "").strip().upper(),
        "full_text": outline.get("fulltext", "").strip().lower() in _TRUE,
        "min_interval_s": outline.get("minintervals", "").strip(),
        "max_interval_s": outline.get("maxintervals", "").strip(),
    }
    return Feed.model_validate(
        {"feed_id": ids.feed_id(url), "url": url} | {name: value for name, value in given.items() if value}
    )


def _complaint(outline: dict[str, str], error: BadAddress | ValidationError) -> str:
    name = outline.get("title") or outline.get("text") or outline["xmlurl"]
    if isinstance(error, BadAddress):
        return f"{name}: {error}"
    first = error.errors(include_url=False)[0]
    return f"{name}: {'.'.join(map(str, first['loc']))}: {first['msg']}"


def write(feeds: Iterable[Feed], title: str = "Feeds watched by Chancery") -> bytes:
    """`feeds`, by their address, as OPML 2.0 in UTF-8. `read` gives them back, enabled."""
    root = ET.Element("opml", version="2.0")
    ET.SubElement(ET.SubElement(root, "head"), "title").text = title
    body = ET.SubElement(root, "body")
    for feed in sorted(feeds, key=lambda feed: feed.url):
        attributes = {
            "type": "rss",
            "text": feed.title or feed.url,
            "title": feed.title,
            "xmlUrl": feed.url,
            "language": feed.language or "",
            "country": feed.country or "",
            "grade": feed.grade.value,
            "fullText": "true" if feed.full_text else "false",
            "minIntervalS": str(feed.min_interval_s or ""),
            "maxIntervalS": str(feed.max_interval_s or ""),
        }
        ET.SubElement(body, "outline", {name: _NOT_XML.sub("", value) for name, value in attributes.items() if value})
    ET.indent(root)
    document: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return document + b"\n"
