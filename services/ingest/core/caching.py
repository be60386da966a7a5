"""HTTP's words on when to ask again and what to send along (RFC 9110, 9111)."""

import re
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

_MAX_AGE = re.compile(r"""(?:^|[,\s])max-age\s*=\s*"?(\d{1,10})\b""", re.IGNORECASE)
_UNCACHED = re.compile(r"(?:^|[,\s])no-(?:cache|store)\b", re.IGNORECASE)


def conditions(etag: str | None, last_modified: str | None) -> dict[bytes, bytes]:
    """The headers that make a GET conditional: the validators as received, to the byte (RFC 9110, 13.1)."""
    headers = {}
    if etag is not None:
        headers[b"If-None-Match"] = etag.encode("latin-1")
    if last_modified is not None:
        headers[b"If-Modified-Since"] = last_modified.encode("latin-1")
    return headers


def retry_after(value: str | None, now: datetime) -> timedelta | None:
    """The wait a Retry-After asks for, as seconds or as a date (RFC 9110, 10.2.3). None if it asks for none."""
    if value is None:
        return None
    value = value.strip()
    if value.isascii() and value.isdigit():
        return timedelta(seconds=int(value[:10]))
    try:
        until = parsedate_to_datetime(value)
    except (ValueError, OverflowError):
        return None
    return max((until if until.tzinfo else until.replace(tzinfo=UTC)) - now, timedelta(0))


def max_age(cache_control: str | None) -> timedelta | None:
    """How long the answer stays fresh by Cache-Control; None where it does not say, or forbids keeping it."""
    if cache_control is None or _UNCACHED.search(cache_control):
        return None
    match = _MAX_AGE.search(cache_control)
    return timedelta(seconds=int(match[1])) if match else None
