"""A publisher's date string to a moment, with the offset the publisher wrote."""

import re
from datetime import UTC, datetime, timedelta, timezone

_MONTHS = {
    name: n
    for n, name in enumerate(["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"], 1)
}

# Zone names as RFC 822 (5.1) and news sites use them, hours from UTC. A name that means two zones is not here
# (IST, CST of China); such a date falls to feedparser's reading, in UTC.
_ZONES = {
    "z": 0, "ut": 0, "utc": 0, "gmt": 0, "wet": 0, "bst": 1, "west": 1, "cet": 1, "met": 1, "cest": 2, "mest": 2,
    "eet": 2, "eest": 3, "msk": 3, "est": -5, "edt": -4, "cst": -6, "cdt": -5, "mst": -7, "mdt": -6, "pst": -8,
    "pdt": -7, "akst": -9, "akdt": -8, "hst": -10, "jst": 9, "kst": 9, "hkt": 8, "sgt": 8, "aest": 10, "aedt": 11,
    "nzst": 12, "nzdt": 13,
}  # fmt: skip

_ZONE = r"(?P<zone>(?:(?:GMT|UTC|UT)\s?)?[+-]\d{1,2}(?::?\d{2})?|[A-Za-z]{1,5})?"
_CLOCK = r"(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2})(?:[.,]\d+)?)?"
_ISO = re.compile(rf"(?P<year>\d{{4}})-(?P<month>\d{{1,2}})-(?P<day>\d{{1,2}})(?:(?:[Tt]|\s+){_CLOCK}\s*{_ZONE})?")
_RFC822 = re.compile(
    r"(?:[^\W\d]+\.?\s*,?\s*)?(?P<day>\d{1,2})[\s-]+(?P<month>[A-Za-z]{3})[A-Za-z]*\.?[\s-]+(?P<year>\d{4}|\d{2}),?"
    rf"(?:\s+{_CLOCK}\s*{_ZONE})?(?:\s*\([^)]*\))?"
)

_WIDEST_OFFSET = timedelta(hours=14)


def instant(text: str) -> datetime | None:
    """The moment `text` names: ISO 8601 / W3C-DTF, or RFC 822 with the usual slips.

    An offset is kept as written; without one, and for `-0000`, it is UTC. None for anything else.
    """
    match = _ISO.fullmatch(text.strip()) or _RFC822.fullmatch(text.strip())
    if match is None:
        return None
    part = match.groupdict()
    month = int(part["month"]) if part["month"].isdigit() else _MONTHS.get(part["month"].lower())
    zone = _zone(part["zone"] or "z")
    if month is None or zone is None:
        return None
    second = min(int(part["second"] or 0), 59)  # a leap second is the one before it
    clock = int(part["hour"] or 0), int(part["minute"] or 0), second
    try:
        return datetime(_year(part["year"]), month, int(part["day"]), *clock, tzinfo=zone)
    except ValueError:
        return None


def _year(digits: str) -> int:
    """RFC 2822, 4.3: two digits are 1950 to 2049."""
    year = int(digits)
    return year if len(digits) == 4 else year + (2000 if year < 50 else 1900)


def _zone(text: str) -> timezone | None:
    sign = max(text.find("+"), text.find("-"))
    if sign < 0:
        hours = _ZONES.get(text.lower())
        return None if hours is None else timezone(timedelta(hours=hours)) if hours else UTC
    digits = text[sign + 1 :].replace(":", "")
    hours, minutes = (int(digits[:-2]), int(digits[-2:])) if len(digits) > 2 else (int(digits), 0)
    offset = timedelta(hours=hours, minutes=minutes)
    if offset > _WIDEST_OFFSET or minutes > 59:
        return None
    return timezone(-offset if text[sign] == "-" else offset) if offset else UTC
