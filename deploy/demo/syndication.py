"""Publications to RSS 2.0, Atom and OPML bytes. Pure: the caller says which items are out."""

import xml.etree.ElementTree as ET
from collections.abc import Iterable, Sequence
from email.utils import format_datetime
from html import escape

from deploy.demo.newsroom import Item, Publication

ATOM = "http://www.w3.org/2005/Atom"
CONTENT = "http://purl.org/rss/1.0/modules/content/"

ET.register_namespace("atom", ATOM)
ET.register_namespace("content", CONTENT)

MEDIA_TYPES = {"rss": "application/rss+xml", "atom": "application/atom+xml"}


def document(publication: Publication, items: Sequence[Item], self_url: str) -> bytes:
    """The feed with `items`, newest first, in the publication's format, UTF-8 with an XML declaration."""
    newest_first = items[::-1]
    write = _rss if publication.format == "rss" else _atom
    return _bytes(write(publication, newest_first, self_url))


def opml(feeds: Iterable[tuple[Publication, str]]) -> bytes:
    """OPML 2.0 with `language`, `country`, `grade` and `fullText` beside the standard attributes."""
    root = ET.Element("opml", version="2.0")
    _text(ET.SubElement(root, "head"), "title", "Chancery demo feeds")
    body = ET.SubElement(root, "body")
    for publication, url in feeds:
        ET.SubElement(
            body,
            "outline",
            {
                "type": "rss",
                "text": publication.title,
                "title": publication.title,
                "xmlUrl": url,
                "htmlUrl": str(publication.site),
                "language": publication.language,
                "country": publication.country,
                "grade": publication.grade.value,
                "fullText": "true" if publication.full_text else "false",
            },
        )
    return _bytes(root)


def _rss(publication: Publication, items: Sequence[Item], self_url: str) -> ET.Element:
    root = ET.Element("rss", version="2.0")
    channel = ET.SubElement(root, "channel")
    _text(channel, "title", publication.title)
    _text(channel, "link", str(publication.site))
    _text(channel, "description", publication.title)
    _text(channel, "language", publication.language)
    ET.SubElement(channel, f"{{{ATOM}}}link", {"rel": "self", "type": MEDIA_TYPES["rss"], "href": self_url})
    for item in items:
        entry = ET.SubElement(channel, "item")
        _text(entry, "title", item.title)
        _text(entry, "link", str(item.link))
        ET.SubElement(entry, "guid", isPermaLink="false").text = item.guid
        _text(entry, "pubDate", format_datetime(item.published))
        _text(entry, "description", item.paragraphs[0])
        _text(entry, f"{{{CONTENT}}}encoded", _html(item))
    return root


def _atom(publication: Publication, items: Sequence[Item], self_url: str) -> ET.Element:
    root = ET.Element(f"{{{ATOM}}}feed", {"xml:lang": publication.language})
    _text(root, f"{{{ATOM}}}title", publication.title)
    _text(root, f"{{{ATOM}}}id", str(publication.site))
    _text(root, f"{{{ATOM}}}updated", items[0].published.isoformat())
    ET.SubElement(root, f"{{{ATOM}}}link", rel="self", type=MEDIA_TYPES["atom"], href=self_url)
    _text(ET.SubElement(root, f"{{{ATOM}}}author"), f"{{{ATOM}}}name", publication.title)
    for item in items:
        entry = ET.SubElement(root, f"{{{ATOM}}}entry")
        _text(entry, f"{{{ATOM}}}title", item.title)
        _text(entry, f"{{{ATOM}}}id", item.guid)
        ET.SubElement(entry, f"{{{ATOM}}}link", rel="alternate", type="text/html", href=str(item.link))
        _text(entry, f"{{{ATOM}}}published", item.published.isoformat())
        _text(entry, f"{{{ATOM}}}updated", item.published.isoformat())
        ET.SubElement(entry, f"{{{ATOM}}}summary", type="text").text = item.paragraphs[0]
        ET.SubElement(entry, f"{{{ATOM}}}content", type="html").text = _html(item)
    return root


def _html(item: Item) -> str:
    return "".join(f"<p>{escape(paragraph)}</p>" for paragraph in item.paragraphs)


def _text(parent: ET.Element, tag: str, text: str) -> None:
    ET.SubElement(parent, tag).text = text


def _bytes(root: ET.Element) -> bytes:
    raw: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return raw
