"""HTTP's words on when to ask again and what to send along (RFC 9110, 9111)."""

import re
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

_MAX_AGE = re.compile(r"""(?:^|[,\s])max-age\s*=\s*"?(\d{1,10})\b""", re.IGNORECASE)
_UNCACHED = re.compile(r"(?:^|[,\s])no-(?:cache|store)\b", re.IGNORECASE)


def conditions(etag: str | None, last_modified: str | None) -> dict[bytes, bytes]:
    """The headers that make a GET conditional: the validators as received, to the byte (RFC 9110, 13.1).
    An empty one validates nothing, and some servers refuse a request with it."""
    headers = {}
    if etag:
        headers[b"If-None-Match"] = etag.encode("latin-1")
    if last_modified:
        headers[b"If-Modified-Since"] = last_modified.encode("latin-1")
    return headers


def retry_after(value: str | None, now: datetime) -> timedelta | None:
    """The wait a Retry-After asks for, as seconds or as a date (RFC 9110, 10.2.3). None if it asks for none."""
    if value is None:
        return None
    if (until := moment(value)) is not None:
        return max(until - now, timedelta(0))
    return _seconds(value)


def freshness(
    cache_control: str | None, *, expires: str | None, date: str | None, age: str | None, now: datetime
) -> timedelta | None:
    """How long the answer stays fresh from `now` on (RFC 9111, 4.2): its max-age, else Expires less Date, less its Age
    in caches on the way. None where it does not say, or may not be kept without asking.

    s-maxage is not heeded: it speaks to caches that many share.
    """
    cache_control = cache_control or ""
    if _UNCACHED.search(cache_control):
        return None
    if match := _MAX_AGE.search(cache_control):
        lifetime = timedelta(seconds=int(match[1]))
    elif expires is not None:
        until = moment(expires)  # what is no date, "0" above all, has passed (RFC 9111, 5.3)
        lifetime = until - (moment(date or "") or now) if until else timedelta(0)
    else:
        return None
    return max(lifetime - (_seconds((age or "").partition(",")[0]) or timedelta(0)), timedelta(0))


def _seconds(value: str) -> timedelta | None:
    value = value.strip()
    return timedelta(seconds=int(value[:10])) if value.isascii() and value.isdigit() else None


def moment(value: str) -> datetime | None:
    """A date as HTTP writes it (RFC 9110, 5.6.7), UTC where it names no zone; None for anything else."""
    try:
        found = parsedate_to_datetime(value)
    except (ValueError, OverflowError):
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
