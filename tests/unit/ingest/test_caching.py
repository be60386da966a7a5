"""Retry-After, Cache-Control and validators."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ingest.core.caching import conditions, freshness, retry_after

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


LATER, EARLIER = "Mon, 21 Dec 2020 08:05:00 GMT", "Mon, 21 Dec 2020 07:55:00 GMT"


@pytest.mark.parametrize(
    ("cache_control", "others", "seconds"),
    [
        (None, {}, None),
        ("max-age=60", {}, 60),
        ("public, Max-Age = 60", {}, 60),
        ('max-age="60"', {}, 60),
        ("max-age=60, max-age=900", {}, 60),
        ("s-maxage=60", {}, None),
        ("s-maxage=900, max-age=60", {}, 60),
        ("no-cache, max-age=60", {}, None),
        ("max-age=60, no-store", {"expires": LATER}, None),
        ("max-age=sixty", {}, None),
        ("max-age=-1", {}, None),
        ("max-age=60, must-revalidate", {}, 60),
        ("private", {}, None),
        ("private", {"expires": LATER}, 300),
        (None, {"expires": LATER}, 300),
        (None, {"expires": LATER, "date": EARLIER}, 600),
        (None, {"expires": LATER, "date": "today"}, 300),
        (None, {"expires": EARLIER}, 0),
        (None, {"expires": "0"}, 0),
        (None, {"expires": "-1"}, 0),
        (None, {"expires": ""}, 0),
        (None, {"expires": "Thu, 19 Nov 1981 08:52:00 GMT"}, 0),
        ("max-age=60", {"expires": LATER}, 60),
        ("max-age=60", {"age": "50"}, 10),
        ("max-age=60", {"age": "70"}, 0),
        ("max-age=60", {"age": "old"}, 60),
        ("max-age=60", {"age": "20, 50"}, 40),
        (None, {"expires": LATER, "age": "100"}, 200),
        (None, {"age": "100"}, None),
    ],
)
def test_freshness(cache_control: str | None, others: dict[str, str], seconds: int | None) -> None:
    headers = {"expires": None, "date": None, "age": None} | others
    fresh = freshness(cache_control, **headers, now=NOW)
    assert fresh == (None if seconds is None else timedelta(seconds=seconds))


@given(st.integers(0, 10**9))
def test_seconds_and_dates_say_the_same(seconds: int) -> None:
    date = format_datetime(NOW + timedelta(seconds=seconds), usegmt=True)
    assert retry_after(str(seconds), NOW) == retry_after(date, NOW) == timedelta(seconds=seconds)


HEADERS = st.none() | st.text() | st.from_regex(r"[A-Z][a-z]{2}, [0-9]{1,3} Dec [0-9]{1,5} [0-9:]{0,9} GMT|[0-9 ,=-]*")


@given(HEADERS, st.none() | st.sampled_from(["max-age=9", "max-age=9999999999", "private"]), HEADERS, HEADERS)
def test_no_header_raises(value: str | None, cache_control: str | None, date: str | None, age: str | None) -> None:
    asked = retry_after(value, NOW)
    assert asked is None or asked >= timedelta(0)
    for says in (cache_control, value):
        fresh = freshness(says, expires=value, date=date, age=age, now=NOW)
        assert fresh is None or fresh >= timedelta(0)


@given(st.none() | st.binary().map(lambda raw: raw.decode("latin-1")), st.none() | st.text("abc :,"))
def test_validators_are_sent_to_the_byte(etag: str | None, last_modified: str | None) -> None:
    headers = conditions(etag, last_modified)
    assert headers.get(b"If-None-Match") == (etag.encode("latin-1") if etag else None)
    assert headers.get(b"If-Modified-Since") == (last_modified.encode() if last_modified else None)
