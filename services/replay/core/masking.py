"""What a recording never holds, and what it does not hold when its texts are to be masked.

Secrets are kept out always: what is encrypted on its topic too, for a recording travels. Masked texts keep their shape
(letters become x, digits 0), so that lengths and the offsets of quotes hold.
"""

import json
import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from services.contracts.topics import (
    AUDIT,
    DEAD_LETTERS,
    DELIVERIES,
    FEED_STATES,
    FEEDS,
    SUBSCRIPTIONS,
    TOKENS,
    Topic,
)

NO_HASH = "0" * 64
TEXTS = frozenset({"text", "title", "quote", "headline", "why", "a", "b"})
"""Fields, wherever they stand, that hold words of an article or a person. `a` and `b` are what two sides say."""

_LETTERS = re.compile(r"[^\W\d_]")
_DIGITS = re.compile(r"\d")

Scrub = Callable[[dict[str, Any]], dict[str, Any]]


def _subscription(record: dict[str, Any]) -> dict[str, Any]:
    return record | {"endpoint": "", "secret": None, "previous_secret": None}


def _token(record: dict[str, Any]) -> dict[str, Any]:
    return record | {"secret_hash": NO_HASH}


def _feed(record: dict[str, Any]) -> dict[str, Any]:
    return record | {"url": bare_url(record["url"])}


def _feed_state(record: dict[str, Any]) -> dict[str, Any]:
    lease, history = record.get("lease"), record.get("history") or {}
    if lease:
        lease = lease | {name: bare_url(lease[name]) for name in ("hub", "topic", "callback")}
    if history.get("moved_from"):
        history = history | {"moved_from": bare_url(history["moved_from"])}
    return _feed(record) | {"lease": lease, "history": history, "reason": ""}


def _delivery(record: dict[str, Any]) -> dict[str, Any]:
    """What an endpoint answered, or calls the message, may open doors at the endpoint."""
    attempts = [attempt | {"answer": ""} for attempt in record["attempts"]]
    return record | {"attempts": attempts, "receipt": None}


def _dead_letter(record: dict[str, Any]) -> dict[str, Any]:
    """Nobody knows what is in bytes that could not be read."""
    return record | {"original_value": None, "original_headers": []}


SCRUBS: Mapping[Topic, Scrub] = {
    SUBSCRIPTIONS: _subscription,
    TOKENS: _token,
    FEEDS: _feed,
    FEED_STATES: _feed_state,
    DELIVERIES: _delivery,
    DEAD_LETTERS: _dead_letter,
}
UNRECORDABLE = frozenset({AUDIT})
"""Its entries hold records of every topic as they were before and after."""


def bare_url(url: str) -> str:
    """Without user, password, query and fragment: any of them may be a key."""
    try:
        parts = urlsplit(url)
        return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))
    except ValueError:
        return ""


def fit_to_record(topic: Topic, value: bytes, *, mask: bool) -> bytes:
    """A record as it may be recorded. It must be a readable record of the topic."""
    scrub = SCRUBS.get(topic)
    if scrub is None and not mask:
        return value
    record = json.loads(value)
    if scrub is not None:
        record = scrub(record)
    if mask:
        record = _masked(record, "")
    return json.dumps(record, ensure_ascii=False, separators=(",", ":")).encode()


def _masked(value: Any, name: str) -> Any:
    if isinstance(value, dict):
        return {key: _masked(each, key) for key, each in value.items()}
    if isinstance(value, list):
        return [_masked(each, name) for each in value]
    if isinstance(value, str) and name in TEXTS:
        return _DIGITS.sub("0", _LETTERS.sub("x", value))
    return value
