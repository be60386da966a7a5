"""Entity tags (RFC 9110, 8.8.3 and 13.1): strong ones, from what they stand for."""

import hashlib

from services.contracts.codec import encode
from services.contracts.model import Record


def tag_of(body: bytes) -> str:
    """Of an answer as a whole."""
    return f'"{_hash(body)}"'


def tag_of_records(record: Record, told: Record | None) -> str:
    """Of an answer that shows `record`, which callers change, with what is `told` of it, which they cannot."""
    return f'"{_hash(encode(record))}.{_hash(encode(told)) if told else ""}"'


def is_current(if_none_match: str | None, tag: str) -> bool:
    """May the answer be 304? By weak comparison."""
    return if_none_match is not None and any(
        given == "*" or given.removeprefix("W/") == tag for given in _listed(if_none_match)
    )


def may_change(if_match: str | None, tag: str) -> bool:
    """Is the record still the one that the caller saw? Without If-Match it may be any. What only is told of a record,
    as the end of a poll, counts for nothing here: it would refuse a change that overwrites nobody's."""
    return if_match is None or any(
        given == "*" or _changed_part(given) == _changed_part(tag) for given in _listed(if_match)
    )


def _listed(header: str) -> list[str]:
    return [given.strip() for given in header.split(",")]


def _changed_part(tag: str) -> str:
    return tag.strip('"').partition(".")[0] if tag.startswith('"') else ""


def _hash(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()[:20]
