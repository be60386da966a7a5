import datetime as dt

import pytest

from services.classify.core.reading.dates import jalali_to_gregorian
from services.classify.core.reading.pipeline import Reader
from services.classify.core.reading.text import fold
from services.contracts.report import DatePrecision

MONDAY = dt.date(2020, 12, 21)

CASES = [
    ("fr", "le 17 novembre dernier", "2020-11-17", "day", None),
    ("fr", "hier soir", "2020-12-20", "day", "evening"),
    ("fr", "dimanche dernier", "2020-12-20", "day", None),
    ("fr", "dimanche 20 décembre", "2020-12-20", "day", None),
    ("fr", "lundi", "2020-12-21", "day", None),
    ("fr", "lundi dernier", "2020-12-14", "day", None),
    ("fr", "il y a trois jours", "2020-12-18", "day", None),
    ("fr", "le 1er mars 2019", "2019-03-01", "day", None),
    ("fr", "mardi matin", "2020-12-15", "day", "morning"),
    ("fr", "en octobre", "2020-10-01", "month", None),
    ("fr", "le mois dernier", "2020-11-01", "month", None),
    ("fr", "en 1998", "1998-01-01", "year", None),
    ("fr", "avant-hier", "2020-12-19", "day", None),
    ("fr", "la semaine dernière", "2020-12-14", "month", None),
    ("en", "on Sunday night", "2020-12-20", "day", "night"),
    ("en", "last Monday", "2020-12-14", "day", None),
    ("en", "on Monday", "2020-12-21", "day", None),
    ("en", "yesterday", "2020-12-20", "day", None),
    ("en", "last night", "2020-12-20", "day", "night"),
    ("en", "November 17, 2019", "2019-11-17", "day", None),
    ("en", "17 November", "2020-11-17", "day", None),
    ("en", "Dec. 31", "2019-12-31", "day", None),
    ("en", "two weeks ago", "2020-12-07", "month", None),
    ("en", "the 20th of December", "2020-12-20", "day", None),
    ("en", "last month", "2020-11-01", "month", None),
    ("en", "three years ago", "2017-01-01", "year", None),
    ("en", "in October 2019", "2019-10-01", "month", None),
]


@pytest.mark.parametrize(("language", "text", "date", "precision", "part"), CASES)
def test_dates_of_news(reader: Reader, language: str, text: str, date: str, precision: str, part: str | None) -> None:
    norm = fold(text).norm
    (when,) = reader.rules.dates[language].read(norm, 0, len(norm), MONDAY)
    assert (str(when.date), when.precision, when.part) == (date, precision, part)


@pytest.mark.parametrize("text", ["on Sunday", "yesterday", "two days ago", "17 November", "last month"])
def test_without_a_publication_nothing_is_guessed(reader: Reader, text: str) -> None:
    norm = fold(text).norm
    (when,) = reader.rules.dates["en"].read(norm, 0, len(norm), None)
    assert when.date is None
    assert when.precision is DatePrecision.UNKNOWN


def test_a_wrong_weekday_is_kept_and_flagged(reader: Reader) -> None:
    norm = fold("lundi 20 décembre").norm
    (when,) = reader.rules.dates["fr"].read(norm, 0, len(norm), MONDAY)
    assert str(when.date) == "2020-12-20"
    assert when.conflict
    assert "Sunday" in when.conflict


def test_a_day_that_does_not_exist_is_no_date(reader: Reader) -> None:
    norm = fold("31 November 2019").norm
    (when,) = reader.rules.dates["en"].read(norm, 0, len(norm), MONDAY)
    assert when.date is None
    assert when.conflict


@pytest.mark.parametrize("text", ["next Sunday", "tomorrow"])
def test_things_to_come_are_marked(reader: Reader, text: str) -> None:
    norm = fold(text).norm
    (when,) = reader.rules.dates["en"].read(norm, 0, len(norm), MONDAY)
    assert when.future


@pytest.mark.parametrize(
    ("jalali", "gregorian"),
    [
        ((1399, 9, 30), "2020-12-20"),
        ((1403, 1, 1), "2024-03-20"),
        ((1358, 8, 13), "1979-11-04"),
        ((1375, 12, 30), "1997-03-20"),
    ],
)
def test_solar_hijri(jalali: tuple[int, int, int], gregorian: str) -> None:
    assert str(jalali_to_gregorian(*jalali)) == gregorian
