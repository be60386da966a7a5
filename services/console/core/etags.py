"""Entity tags (RFC 9110, 8.8.3 and 13.1): strong ones, from what they stand for."""

import hashlib

from pydantic import BaseModel


def tag_of(body: bytes, changed: BaseModel | None = None) -> str:
    """Of an answer; first of what callers can change of it, where they can, for `may_change`."""
    return f'"{_version(changed)}.{_hash(body)}"' if changed else f'"{_hash(body)}"'


def is_current(if_none_match: str | None, tag: str) -> bool:
    """May the answer be 304? By weak comparison."""
    return if_none_match is not None and any(
        given == "*" or given.removeprefix("W/") == tag for given in _listed(if_none_match)
    )


def may_change(if_match: str | None, changed: BaseModel) -> bool:
    """Does it still stand as the caller saw it? Without If-Match it need not. What else the answer told, as
    the end of a poll, counts for nothing here: it would refuse a change that overwrites nobody's."""
    if if_match is None:
        return True
    return any(given == "*" or given.startswith(f'"{_version(changed)}.') for given in _listed(if_match))


def _listed(header: str) -> list[str]:
    return [given.strip() for given in header.split(",")]


def _version(changed: BaseModel) -> str:
    return _hash(changed.model_dump_json().encode())


def _hash(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()[:20]
