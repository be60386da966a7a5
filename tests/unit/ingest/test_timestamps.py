"""Dates: read with the offset as written, or not at all."""

from datetime import UTC, datetime, timedelta, timezone
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ingest.core.timestamps import instant


@pytest.mark.parametrize(
    ("text", "iso"),
    [
        ("Mon, 21 Dec 2020 08:00:00 +0100", "2020-12-21T08:00:00+01:00"),
        ("Mon, 21 Dec 2020 00:30:00 +0300", "2020-12-21T00:30:00+03:00"),
        ("21 Dec 2020 08:00:00 GMT", "2020-12-21T08:00:00+00:00"),
        ("Mon, 21 Dec 2020 08:00 EST", "2020-12-21T08:00:00-05:00"),
        ("Mon,21 Dec 2020 08:00:00 Z", "2020-12-21T08:00:00+00:00"),
        ("Monday, 21 December 2020 08:00:00 +01:00", "2020-12-21T08:00:00+01:00"),
        ("Mon, 21-Dec-20 08:00:00 GMT", "2020-12-21T08:00:00+00:00"),
        ("Mon, 21 Dec 2020 08:00:00 GMT+0300", "2020-12-21T08:00:00+03:00"),
        ("Mon, 21 Dec 2020 08:00:00 -0000", "2020-12-21T08:00:00+00:00"),
        ("Mon, 21 Dec 2020 08:00:00 +0100 (CET)", "2020-12-21T08:00:00+01:00"),
        ("lun., 21 Dec 2020 08:00:00 +0100", "2020-12-21T08:00:00+01:00"),
        ("Wed, 31 Dec 2008 23:59:60 GMT", "2008-12-31T23:59:59+00:00"),
        ("2020-12-21T08:00:00+05:30", "2020-12-21T08:00:00+05:30"),
        ("2020-12-21T08:00:00.123456Z", "2020-12-21T08:00:00+00:00"),
        ("2020-12-21T08:00Z", "2020-12-21T08:00:00+00:00"),
        ("2020-12-21 08:00:00", "2020-12-21T08:00:00+00:00"),
        ("2020-12-21 08:00:00 +0300", "2020-12-21T08:00:00+03:00"),
        ("  2020-12-21 ", "2020-12-21T00:00:00+00:00"),
        ("21 Dec 2020", "2020-12-21T00:00:00+00:00"),
        # not dates
        ("", None),
        ("now", None),
        ("yesterday", None),
        ("2020-13-01", None),
        ("2020-02-30T08:00:00Z", None),
        ("Mon, 32 Dec 2020 08:00:00 GMT", None),
        ("Mon, 21 Foo 2020 08:00:00 GMT", None),
        ("Mon, 21 Dec 2020 25:00:00 GMT", None),
        ("Mon, 21 Dec 2020 08:00:00 IST", None),  # three countries' time
        ("2020-12-21T08:00:00+25:00", None),
        ("0000-00-00 00:00:00", None),
        ("1608537600", None),
        ("12/21/2020 08:00:00", None),
    ],
)
def test_dates(text: str, iso: str | None) -> None:
    read = instant(text)
    assert (read.isoformat() if read else None) == iso


OFFSETS = st.integers(-12 * 4, 14 * 4).map(lambda quarters: timezone(timedelta(minutes=15 * quarters)))
MOMENTS = st.datetimes(datetime(1990, 1, 1), datetime(2049, 12, 31), timezones=OFFSETS).map(  # noqa: DTZ001
    lambda moment: moment.replace(microsecond=0)
)


@given(MOMENTS)
def test_what_is_written_by_the_rules_is_read_with_its_offset(moment: datetime) -> None:
    for text in (moment.isoformat(), format_datetime(moment)):
        read = instant(text)
        assert read == moment
        assert read.utcoffset() == moment.utcoffset()


@given(st.text(max_size=60))
def test_no_text_raises(text: str) -> None:
    read = instant(text)
    assert read is None or read.tzinfo is not None


def test_utc_is_utc() -> None:
    read = instant("2020-12-21T08:00:00Z")
    assert read is not None
    assert read.tzinfo is UTC
