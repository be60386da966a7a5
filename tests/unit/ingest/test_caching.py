"""Retry-After, Cache-Control and validators."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ingest.core.caching import conditions, max_age, retry_after

NOW = datetime(2020, 12, 21, 8, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, None),
        ("120", 120),
        (" 0 ", 0),
        ("Mon, 21 Dec 2020 08:05:00 GMT", 300),
        ("Mon, 21 Dec 2020 07:00:00 GMT", 0),
        ("Mon, 21 Dec 2020 08:05:00 -0000", 300),
        ("99999999999999999999", 9_999_999_999),
        ("soon", None),
        ("-5", None),
        ("1.5", None),
        ("٣", None),
        ("", None),
    ],
)
def test_retry_after(value: str | None, seconds: int | None) -> None:
    assert retry_after(value, NOW) == (None if seconds is None else timedelta(seconds=seconds))


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, None),
        ("max-age=60", 60),
        ("public, Max-Age = 60", 60),
        ('max-age="60"', 60),
        ("s-maxage=60", None),
        ("no-cache, max-age=60", None),
        ("max-age=60, no-store", None),
        ("max-age=sixty", None),
        ("private", None),
    ],
)
def test_max_age(value: str | None, seconds: int | None) -> None:
    assert max_age(value) == (None if seconds is None else timedelta(seconds=seconds))


@given(st.integers(0, 10**9))
def test_seconds_and_dates_say_the_same(seconds: int) -> None:
    date = format_datetime(NOW + timedelta(seconds=seconds), usegmt=True)
    assert retry_after(str(seconds), NOW) == retry_after(date, NOW) == timedelta(seconds=seconds)


@given(st.text())
def test_no_header_raises(value: str) -> None:
    asked, age = retry_after(value, NOW), max_age(value)
    assert asked is None or asked >= timedelta(0)
    assert age is None or age >= timedelta(0)


@given(st.none() | st.binary().map(lambda raw: raw.decode("latin-1")), st.none() | st.text("abc :,"))
def test_validators_are_sent_to_the_byte(etag: str | None, last_modified: str | None) -> None:
    headers = conditions(etag, last_modified)
    assert headers.get(b"If-None-Match") == (None if etag is None else etag.encode("latin-1"))
    assert headers.get(b"If-Modified-Since") == (None if last_modified is None else last_modified.encode())
