"""What extraction knows of an article, and what one clause of it tells."""

import datetime as dt
import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping
from itertools import pairwise
from operator import itemgetter
from types import MappingProxyType
from typing import NamedTuple

from services.classify.core.reading.dates import DateReader, When
from services.classify.core.reading.lexicon import Lexicon
from services.classify.core.reading.numbers import Number, NumberReader
from services.classify.core.reading.places import Focus, Place
from services.classify.core.reading.scan import Hits
from services.classify.core.reading.site_mentions import SiteMention
from services.classify.core.reading.text import Folded, Sentence
from services.contracts.report import Count, DatePrecision, IncidentType, Outcome, Relation

Spans = tuple[tuple[int, int], ...]


class GuardHit(NamedTuple):
    """A guard that spoke: its name and the words."""

    name: str
    start: int
    end: int


class Casualties(NamedTuple):
    """Counts with the words they were read from; None is silence."""

    killed: Count | None = None
    wounded: Count | None = None
    missing: Count | None = None
    staff: Count | None = None
    revised: bool = False
    soft: frozenset[str] = frozenset()
    """The counts that no number tells: they give way to one that does."""
    more: frozenset[str] = frozenset()
    """The counts that come on top of what was told before: "his driver was also killed"."""
    listed: frozenset[str] = frozenset()
    """The counts that add up several groups: "six priests and two women"."""
    spans: Mapping[str, tuple[int, int]] = MappingProxyType({})


class Mention(NamedTuple):
    """What one clause tells. `trigger` is the word that made it; `strong` that the word names an incident by itself."""

    sentence: Sentence
    start: int
    end: int
    trigger: tuple[int, int]
    type: IncidentType
    generic: bool
    strong: bool
    site: SiteMention | None
    relation: Relation
    when: When | None
    casualties: Casualties
    weapon: tuple[str, int, int] | None
    guards: tuple[GuardHit, ...]
    outcome: Outcome
    place: Place | None
    area: Place | None = None
    spans: Mapping[str, Spans] = MappingProxyType({})
    quantities: tuple[tuple[str, Number], ...] = ()
    update: bool = False
    background: bool = False
    series: bool = False
    conflict: str | None = None
    known: GuardHit | None = None
    """What makes the event one that its reader knows of (`grounds.py`)."""


_YEAR_IN = re.compile(r"(?:19|20)\d\d|\d日")


_SPACES = 32
_NAME_REACH = 24
"""Characters of a place's name before a word for a day or month in it."""


class Gist:
    """What extraction knows of an article: all the scan and the readers found, by offset."""

    def __init__(
        self,
        folded: Folded,
        lexicon: Lexicon,
        hits: Hits,
        sentences: list[Sentence],
        places: list[Place],
        focus: Focus,
        dates: DateReader,
        numbers: NumberReader,
        published: dt.date | None,
        dateline_end: int,
    ) -> None:
        self.folded, self.lexicon, self.hits, self.sentences = folded, lexicon, hits, sentences
        self.places, self.focus, self.dates, self.numbers = places, focus, dates, numbers
        self.published, self.dateline_end = published, dateline_end
        self.starts = [sentence.start for sentence in sentences]
        self.place_starts = [place.start for place in places]
        self._whens: dict[int, list[When]] = {}
        self._clauses: dict[int, list[tuple[int, int]]] = {}
        self._closings: list[int] | None = None

    def dates_in(self, sentence: Sentence) -> list[When]:
        """The dates of a sentence; nothing is run where the scan saw no date word and no digit of a year."""
        known = self._whens.get(sentence.index)
        if known is None:
            known = self._whens[sentence.index] = self._read_dates(sentence)
        return known

    def _read_dates(self, sentence: Sentence) -> list[When]:
        if not self.hits.within("date", sentence.start, sentence.end) and not _YEAR_IN.search(
            self.folded.norm, sentence.start, sentence.end
        ):
            return []
        whens = self.dates.read(self.folded.norm, sentence.start, sentence.end, self.published)
        return [when for when in whens if not self._is_in_name(when)]

    def _is_in_name(self, when: When) -> bool:
        """ "Rio de Janeiro": a month that is only a part of a place's name."""
        return any(
            place.start <= when.start and when.end <= place.end and place.end - place.start > when.end - when.start
            for place in self.places_within(when.start - _NAME_REACH, when.end)
        )

    def days_in(self, sentence: Sentence) -> list[When]:
        """The dates of a sentence that name a day."""
        return [when for when in self.dates_in(sentence) if when.precision is DatePrecision.DAY]

    @property
    def title(self) -> Sentence | None:
        """The first sentence of the title; None without one."""
        return next((sentence for sentence in self.sentences if sentence.title), None)

    def sentence_at(self, position: int) -> Sentence | None:
        """The sentence that holds `position`, or what follows it up to the next."""
        index = bisect_right(self.starts, position) - 1
        return self.sentences[index] if index >= 0 else None

    def clauses(self, sentence: Sentence) -> list[tuple[int, int]]:
        """A sentence cut at commas, dashes and their like. Numbers like 1,000 are not cut."""
        known = self._clauses.get(sentence.index)
        if known is None:
            cuts = _clauses(self.folded.clean, sentence)
            for joiner in self.closings(sentence.start, sentence.end):
                at = bisect_right(cuts, joiner, key=itemgetter(0)) - 1
                cuts[at : at + 1] = [(cuts[at][0], joiner), (joiner, cuts[at][1])]
            known = self._clauses[sentence.index] = cuts
        return known

    def closings(self, start: int, end: int) -> list[int]:
        """Where an "and" right behind a finite verb begins the next clause, in a language whose verb comes last."""
        if self._closings is None:
            self._closings = sorted(self._all_closings())
        return self._closings[bisect_left(self._closings, start) : bisect_left(self._closings, end)]

    def _all_closings(self) -> Iterator[int]:
        lexicon, norm = self.lexicon, self.folded.norm
        for joiner in lexicon.numbers.joiners if lexicon.closing else ():
            at = norm.find(f" {joiner} ")
            while at >= 0:
                if norm[norm.rfind(" ", max(0, at - _SPACES), at) + 1 : at] in lexicon.closing:
                    yield at + 1
                at = norm.find(f" {joiner} ", at + 1)

    def clause_at(self, sentence: Sentence, position: int) -> tuple[int, int]:
        """The clause of a sentence that holds `position`, else all of it."""
        cut = self.clauses(sentence)
        clause = cut[bisect_right(cut, position, key=itemgetter(0)) - 1]
        return clause if clause[0] <= position < clause[1] else (sentence.start, sentence.end)

    def is_after_comma(self, position: int) -> bool:
        """Whether nothing but spaces, and not many of them, stands between a comma and `position`."""
        return self.folded.clean[max(0, position - _SPACES) : position].rstrip()[-1:] in (",", "،", "，")

    def words_between(self, start: int, end: int) -> int:
        """Words between two offsets; for scripts without spaces, two characters make a word."""
        if end <= start:
            return 0
        if not self.lexicon.spaced:
            return (end - start) // 2
        return self.folded.norm.count(" ", start, end)

    def places_within(self, start: int, end: int) -> list[Place]:
        """The places that begin in `[start, end)`."""
        first = bisect_left(self.place_starts, start)
        return self.places[first : bisect_left(self.place_starts, end, first)]


_MAY_CUT = re.compile(r"[-,;:()（）،؛、，；：–—]")
CLAUSE_END = re.compile(r"[,;:()（）،؛，、；：]|\s[-–—]+\s|—")


def _clauses(clean: str, sentence: Sentence) -> list[tuple[int, int]]:
    if not _MAY_CUT.search(clean, sentence.start, sentence.end):
        return [(sentence.start, sentence.end)]
    cuts = [sentence.start]
    for match in CLAUSE_END.finditer(clean, sentence.start, sentence.end):
        around = clean[match.start() - 1 : match.end() + 1]
        if len(around) == 3 and around[0].isdigit() and around[2].isdigit():
            continue
        cuts.append(match.end())
    cuts.append(sentence.end)
    return [(start, end) for start, end in pairwise(cuts) if end > start]


def with_span(mention: Mention, name: str, start: int, end: int) -> Mention:
    return mention._replace(spans={**mention.spans, name: (*mention.spans.get(name, ()), (start, end))})
