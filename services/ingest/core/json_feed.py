"""JSON Feed 1.0 and 1.1 (jsonfeed.org/version/1.1) to the shape in which feedparser tells of the other formats."""

import json
import re
from collections.abc import Mapping
from typing import Any

from services.ingest.core.decoding import without_forbidden

_VERSION = re.compile(r"https?://jsonfeed\.org/version/1(\.1)?", re.IGNORECASE)


class NotAFeed(ValueError):
    """JSON, perhaps, but no JSON Feed; says why."""


def looks_like_json(text: str) -> bool:
    return text.lstrip()[:1] == "{"


def parsed(text: str) -> Mapping[str, Any]:
    """`version`, `feed` and `entries`. What has the wrong type is left out. Raises NotAFeed."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise NotAFeed(f"JSON that cannot be read: {str(error)[:100]}") from None
    version = _VERSION.fullmatch(_string(found, "version").strip())
    if version is None:
        raise NotAFeed("JSON, but no JSON Feed: its `version` is not an address of jsonfeed.org")
    items = found.get("items")
    return {
        "version": "json11" if version[1] else "json10",
        "feed": {"title": _string(found, "title"), "language": _string(found, "language")},
        "entries": [_entry(item) for item in items if isinstance(item, dict)] if isinstance(items, list) else [],
        "links": _links(found),
    }


def _links(found: Mapping[str, Any]) -> list[Mapping[str, str]]:
    """The feed itself and its WebSub hubs; other kinds of hubs speak otherwise."""
    hubs = found.get("hubs")
    named = [hub for hub in hubs if _string(hub, "type").lower() == "websub"] if isinstance(hubs, list) else []
    return [
        {"rel": "self", "href": _string(found, "feed_url")},
        *({"rel": "hub", "href": _string(hub, "url")} for hub in named),
    ]


def _entry(item: Mapping[str, Any]) -> Mapping[str, Any]:
    number = item.get("id")
    link = _string(item, "url") or _string(item, "external_url")
    parts = (("text/html", "content_html"), ("text/plain", "content_text"))
    entry: dict[str, Any] = {
        "id": str(number) if isinstance(number, int | float) else _string(item, "id"),
        "link": link,
        "title": _string(item, "title"),
        "content": [{"type": kind, "value": _string(item, name)} for kind, name in parts if _string(item, name)],
        "summary_detail": {"type": "text/plain", "value": _string(item, "summary")},
    }
    dates = {"published": _string(item, "date_published"), "updated": _string(item, "date_modified")}
    return entry | {name: date for name, date in dates.items() if date}


def _string(found: object, name: str) -> str:
    value = found.get(name) if isinstance(found, dict) else None
    return without_forbidden(value) if isinstance(value, str) else ""
