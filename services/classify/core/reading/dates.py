"""Dates as news writes them, resolved against the publication only.

A lexicon gives words (months, weekdays, units) and templates with slots; here they become a few regular expressions
a language, run only on sentences in which the scan saw a date word. A date never lies after the article unless it
says "next"; a date without a year is the newest one that fits.
"""

import datetime as dt
import re
from collections.abc import Iterable
from functools import cached_property
from typing import NamedTuple

from services.classify.core.reading.date_screen import DIGITS, Screen
from services.classify.core.reading.lexicon import DateWords
from services.classify.core.reading.matcher import LexiconError
from services.classify.core.reading.text import fold_term
from services.contracts.report import DatePrecision

PART_NAMES = ("morning", "noon", "afternoon", "evening", "night")
_UNIT_DAYS = (0, 0, 1, 7, 30, 365)
_YEAR = r"(?P<year>1[3-9]\d\d|20\d\d)"
_DAY_DIGITS = r"3[01]|[12]\d|0?[1-9]"
_SLOTS = {
    "year": _YEAR,
    "monthnum": r"(?P<monthnum>1[0-2]|0?[1-9])",
}


_VOCABULARY_SLOTS = (
    ("month", "months"), ("jmonth", "jalali_months"), ("weekday", "weekdays"), ("unit", "units"), ("part", "parts"),
    ("days_ago", "days_ago"),
)  # fmt: skip
_SLOT_NAMES = frozenset({"day", "year", "monthnum", "month", "jmonth", "weekday", "unit", "part", "days_ago", "n"})


class When(NamedTuple):
    """A date told in the text: offsets, value, how exactly it is meant.

    `date` is the first day of a month or year told without a day, None when it cannot be resolved (a weekday in an
    article without a date). `conflict` says what cannot be right. `relative` marks words like "yesterday".
    """

    start: int
    end: int
    date: dt.date | None
    precision: DatePrecision
    part: str | None = None
    conflict: str | None = None
    future: bool = False
    explicit_year: bool = False
    soft: bool = False
    """Gives way to a day told otherwise: "said on Tuesday", "in the night to Friday"."""


class DateReader:
    """The dates of one language."""

    def __init__(
        self,
        words: DateWords,
        number_values: dict[str, int],
        spaced: bool,
        file: str = "",
        prefixes: tuple[str, ...] = (),
    ) -> None:
        self.words = words
        self.numbers = number_values
        self.spaced = spaced
        self.file = file
        self._patterns: dict[int, re.Pattern[str]] = {}
        self.clitics = f"(?:{'|'.join(map(re.escape, prefixes))})?" if prefixes else ""
        # Checked at once: a template that cannot be read is a start-up error, not one of the first article.
        for kind, templates in words.templates.items():
            for template in templates:
                self._check(template, kind)

    def _check(self, template: str, kind: str) -> None:
        slots = re.findall(r"\{\w+\}", template)
        unknown = next((slot for slot in slots if slot[1:-1] not in _SLOT_NAMES), None)
        if unknown:
            why = f"no slot {unknown} in {template!r}; known are {sorted(_SLOT_NAMES)}"
        elif len(set(slots)) < len(slots):
            why = f"{template!r} cannot be read: a slot stands in it twice"
        elif "".join(re.findall(r"[\[\]]", template)).replace("[]", ""):
            why = f"{template!r} cannot be read: its brackets do not pair"
        elif set("{}") & set(re.sub(r"\{\w+\}", "", template)):
            why = f"{template!r} cannot be read: its braces hold no slot"
        elif not fold_term(re.sub(r"\[[^\]]*\]", "", template).replace("{", " ").replace("}", " ")):
            why = f"{template!r} is empty, or all of it is optional: it would match everywhere"
        else:
            return
        raise LexiconError(self.file, f"dates.{kind}", why)

    @cached_property
    def _templates(self) -> tuple[tuple[str, str], ...]:
        """Kind and template, the order in which they win."""
        kinds = ("ago", "night_to", "week_before", "next", "last", "this", "absolute", "day_number")
        told = [(kind, template) for kind in kinds for template in self.words.templates.get(kind, ())]
        return (*told, ("days_ago", "{days_ago}"), ("weekday", "{weekday}"))

    @cached_property
    def _screen(self) -> Screen:
        vocabulary = self.words.vocabulary
        fillings: dict[str, Iterable[str]] = {slot: vocabulary[key] for slot, key in _VOCABULARY_SLOTS}
        fillings["unit"] = (*vocabulary["units"], *vocabulary["dual"])
        fillings["day"] = (*DIGITS, *vocabulary["days"])
        fillings["n"] = (*DIGITS, *self.numbers)
        fillings["year"] = fillings["monthnum"] = DIGITS
        return Screen([template for _, template in self._templates], fillings)

    def _pattern(self, order: int) -> re.Pattern[str]:
        pattern = self._patterns.get(order)
        if pattern is None:
            pattern = self._patterns[order] = self._regex(self._templates[order][1])
        return pattern

    @cached_property
    def _slots(self) -> dict[str, str]:
        slots = dict(_SLOTS)
        for slot, key in _VOCABULARY_SLOTS:
            slots[slot] = f"(?P<{slot}>{self._alternatives(self.words.vocabulary[key])})"
        units = {**self.words.vocabulary["units"], **self.words.vocabulary["dual"]}
        slots["unit"] = f"(?P<unit>{self._alternatives(units)})"
        days = self.words.vocabulary["days"]
        slots["day"] = f"(?P<day>{_DAY_DIGITS}" + (f"|{self._alternatives(days)})" if days else ")")
        numbers = "|".join(sorted(map(re.escape, self.numbers), key=len, reverse=True))
        slots["n"] = rf"(?P<n>\d{{1,3}}|{numbers})" if numbers else r"(?P<n>\d{1,3})"
        return slots

    def _alternatives(self, words: dict[str, int]) -> str:
        ordered = sorted(words, key=len, reverse=True)
        grow = r"\w*" if self.spaced else ""
        return (
            "|".join(re.escape(word[:-1]) + grow if word.endswith("*") else re.escape(word) for word in ordered)
            or "(?!)"
        )

    def _regex(self, template: str) -> re.Pattern[str]:
        """`[{weekday} ]{day} [de ]{month}[ {year}]` -> a regular expression over folded text."""
        pieces = re.split(r"(\{\w+\}|\[|\])", template)
        source = ""
        for piece in pieces:
            if piece == "[":
                source += "(?:"
            elif piece == "]":
                source += ")?"
            elif piece.startswith("{"):
                source += self._slots[piece[1:-1]]
            else:
                lead = r"\s+" if piece[:1].isspace() else ""
                trail = r"\s+" if piece[-1:].isspace() and piece.strip() else ""
                source += lead + r"\s+".join(map(re.escape, fold_term(piece).split())) + trail
        edge = (r"(?<!\w)" + self.clitics, r"(?!\w)") if self.spaced else ("", "")
        return re.compile(edge[0] + "(?:" + source + ")" + edge[1])

    def read(self, norm: str, start: int, end: int, published: dt.date | None) -> list[When]:
        """The dates in `norm[start:end]`, in order, without overlaps."""
        seen = self._screen.seen(norm[start:end])
        matches = [
            (match.start(), -match.end(), order, self._templates[order][0], match)
            for order in self._screen.possible(seen)
            for match in self._pattern(order).finditer(norm, start, end)
        ]
        # The longest reading wins: "le 17 novembre dernier" over "novembre dernier" over "novembre".
        # Of two as long the first: "on 23 September 28 bodies".
        matches.sort(key=lambda item: (item[1] + item[0], item[0], item[2]))
        found: list[When] = []
        for begin, negative_end, _, kind, match in matches:
            if any(begin < when.end and when.start < -negative_end for when in found):
                continue
            if match.group() in self.words.not_alone:
                continue
            when = self._resolve(kind, match, norm, published)
            if when is not None:
                if when.part is None and when.precision is DatePrecision.DAY and self._screen.has("part", seen):
                    when = when._replace(part=self._part_near(norm, when, start, end))
                found.append(when)
        found.sort(key=lambda when: when.start)
        return found

    def _part_near(self, norm: str, when: When, start: int, end: int) -> str | None:
        """The part of the day told right after a date or right before it: "mardi matin", "on the morning of 3 May"."""
        match = self._part.search(norm, when.start, min(end, when.end + 16)) or self._part.search(
            norm, max(start, when.start - 16), when.start
        )
        return PART_NAMES[self._value("parts", match.group("part"))] if match else None

    @cached_property
    def _part(self) -> re.Pattern[str]:
        return self._regex("{part}")

    def _value(self, key: str, word: str) -> int:
        table = self.words.vocabulary[key]
        if word in table:
            return table[word]
        word = " ".join(word.split())
        if word in table:
            return table[word]
        best = max((w for w in table if w.endswith("*") and word.startswith(w[:-1])), key=len, default=None)
        return table[best] if best is not None else 0

    def _resolve(self, kind: str, match: re.Match[str], norm: str, published: dt.date | None) -> When | None:
        groups = {name: text for name, text in match.groupdict().items() if text}
        span = (match.start(), match.end())
        part = PART_NAMES[self._value("parts", groups["part"])] if "part" in groups else None
        if kind == "night_to":
            when = self._resolve("absolute", match, norm, published)
            return when and when._replace(part=PART_NAMES[-1], soft=True)
        if kind in ("absolute", "day_number", "last", "next") and (
            {"day", "month", "jmonth", "monthnum", "year"} & groups.keys()
        ):
            return self._absolute(span, groups, part, published, kind)
        if kind == "days_ago" or "days_ago" in groups:
            days = self._value("days_ago", groups["days_ago"])
            date = _shift(published, days)
            return When(*span, date, _precision(date), part, future=days < 0)
        if "weekday" in groups:
            return self._weekday(span, groups, part, published, kind)
        if "unit" in groups:
            return self._units(span, groups, part, published, kind)
        if part is not None and kind == "this":
            return When(*span, published, _precision(published), part)
        return None

    def _weekday(
        self, span: tuple[int, int], groups: dict[str, str], part: str | None, published: dt.date | None, kind: str
    ) -> When:
        if published is None:
            return When(*span, None, DatePrecision.UNKNOWN, part, future=kind == "next")
        weekday = self._value("weekdays", groups["weekday"])
        back = (published.weekday() - weekday) % 7
        if kind == "next":
            return When(*span, published + dt.timedelta(days=7 - back), DatePrecision.DAY, part, future=True)
        if kind == "last" and back == 0:
            back = 7
        if kind == "week_before":
            back = published.weekday() + 7 - weekday
        date = _shift(published, back)
        return When(*span, date, _precision(date), part)

    def _units(
        self, span: tuple[int, int], groups: dict[str, str], part: str | None, published: dt.date | None, kind: str
    ) -> When | None:
        dual = " ".join(groups["unit"].split()) in self.words.vocabulary["dual"]
        unit = self._value("dual" if dual else "units", groups["unit"])
        count = self._count(groups["n"]) if "n" in groups else 1 + dual
        if published is None:
            return When(*span, None, DatePrecision.UNKNOWN, part)
        if kind == "this":
            if unit <= 2:
                return When(*span, published, DatePrecision.DAY, part)
            return None
        sign = -1 if kind == "next" else 1
        if unit == 4:
            date = _months_back(published, sign * count)
            return When(*span, date and date.replace(day=1), DatePrecision.MONTH, part, future=sign < 0)
        if unit == 5:
            year = published.year - sign * count
            date = dt.date(year, 1, 1) if 1 <= year <= 9999 else None
            return When(*span, date, DatePrecision.YEAR, part, future=sign < 0)
        date = _shift(published, sign * count * _UNIT_DAYS[unit])
        precision = DatePrecision.DAY if unit <= 2 else DatePrecision.MONTH
        if unit == 3 and date:
            # "last week", "two weeks ago": no day is meant; the month is the finest the scale has.
            return When(*span, date, precision, part, future=sign < 0)
        return When(*span, date, precision, part, future=sign < 0)

    def _day(self, text: str) -> int:
        return int(text) if text.isdecimal() else self._value("days", text)

    def _count(self, text: str) -> int:
        text = " ".join(text.split())
        return int(text) if text.isdecimal() else self.numbers.get(text, 1)

    def _absolute(
        self, span: tuple[int, int], groups: dict[str, str], part: str | None, published: dt.date | None, kind: str
    ) -> When | None:
        day = self._day(groups["day"]) if "day" in groups else None
        year = int(groups["year"]) if "year" in groups else None
        if "jmonth" in groups:
            return self._jalali(span, groups, day, year, part, published)
        month = None
        if "month" in groups:
            month = self._value("months", groups["month"])
        elif "monthnum" in groups:
            month = int(groups["monthnum"])
        if month is None:
            if day is not None:
                return self._day_number(span, day, part, published, kind)
            if year is None or year < 1900:
                return None
            return When(*span, _date(year, 1, 1), DatePrecision.YEAR, part, explicit_year=True)
        precision = DatePrecision.DAY if day else DatePrecision.MONTH
        explicit = year is not None
        if year is not None and 1300 <= year < 1500:
            return None
        if year is None:
            if published is None:
                return When(*span, None, DatePrecision.UNKNOWN, part)
            year = _newest_year(month, day or 1, published, future=kind == "next")
            if (
                kind == "last"
                and precision is DatePrecision.MONTH
                and (year, month) == (published.year, published.month)
            ):
                year -= 1
        date = _date(year, month, day or 1)
        conflict = None
        if date is None:
            return When(*span, None, DatePrecision.UNKNOWN, part, f"there is no day {day} in month {month} of {year}")
        if "weekday" in groups and day:
            weekday = self._value("weekdays", groups["weekday"])
            if date.weekday() != weekday:
                conflict = f"{date.isoformat()} is a {date:%A}, the text names another weekday"
        future = published is not None and date > published + dt.timedelta(days=1)
        return When(*span, date, precision, part, conflict, future, explicit)

    def _day_number(
        self, span: tuple[int, int], day: int, part: str | None, published: dt.date | None, kind: str
    ) -> When | None:
        """The newest day of that number; with a word for "last" (上月17日) that of the month before."""
        if published is None:
            return When(*span, None, DatePrecision.UNKNOWN, part)
        base = published if day <= published.day and kind != "last" else _months_back(published, 1)
        date = _date(base.year, base.month, day) if base else None
        return When(*span, date, _precision(date), part) if date else None

    def _jalali(
        self,
        span: tuple[int, int],
        groups: dict[str, str],
        day: int | None,
        year: int | None,
        part: str | None,
        published: dt.date | None,
    ) -> When:
        month = self._value("jalali_months", groups["jmonth"])
        precision = DatePrecision.DAY if day else DatePrecision.MONTH
        if year is None:
            if published is None:
                return When(*span, None, DatePrecision.UNKNOWN, part)
            year = published.year - 621
            while year > 1 and jalali_to_gregorian(year, month, day or 1) > published + dt.timedelta(days=1):
                year -= 1
        date = jalali_to_gregorian(year, month, day or 1) if 1200 <= year <= 1600 else None
        return When(*span, date, _precision(date) if date is None else precision, part)


def _precision(date: dt.date | None) -> DatePrecision:
    return DatePrecision.DAY if date else DatePrecision.UNKNOWN


def _shift(date: dt.date | None, days_back: int) -> dt.date | None:
    if date is None:
        return None
    try:
        return date - dt.timedelta(days=days_back)
    except OverflowError:
        return None


def _date(year: int, month: int, day: int) -> dt.date | None:
    try:
        return dt.date(year, month, day)
    except ValueError:
        return None


def _months_back(date: dt.date, months: int) -> dt.date | None:
    index = date.year * 12 + date.month - 1 - months
    return _date(index // 12, index % 12 + 1, 1)


def _newest_year(month: int, day: int, published: dt.date, future: bool) -> int:
    """The year that makes month and day the newest not after the article (a day of grace for time zones)."""
    candidate = _date(published.year, month, day)
    if future:
        return published.year if candidate and candidate >= published else published.year + 1
    # An article may announce: "on 3 January" in late December lies ahead, not a year back.
    if candidate and candidate <= published + dt.timedelta(days=1):
        return published.year
    return published.year - 1


def jalali_to_gregorian(year: int, month: int, day: int) -> dt.date:
    """The Gregorian date of a Solar Hijri one, by the 33-year rule (right for 1206 to 1498, i.e. 1827 to 2119)."""
    days = 365 * (year - 1) + (8 * (year - 1) + 29) // 33
    days += 31 * (month - 1) if month <= 7 else 186 + 30 * (month - 7)
    return dt.date.fromordinal(226894 + days + day)
