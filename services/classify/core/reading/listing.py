"""How a list of people is written: what breaks it into items, and the words within one."""

import re
from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

from services.classify.core.reading.gist import CLAUSE_END, Gist
from services.classify.core.reading.scan import Hit

_ASIDE_REACH = 120


class Break(NamedTuple):
    """What stands between two items of a list: `and`, `comma`, `along` ("along with"), `aside` (brackets, dashes), or
    `cut` where the list can only end."""

    kind: str
    start: int
    end: int


def clause_stop(gist: Gist, start: int, end: int) -> int:
    """`end`, or where the clause or the sentence of `start` ends before."""
    end = sentence_stop(gist, start, end)
    stop = CLAUSE_END.search(gist.folded.clean, start, end)
    return stop.start() if stop else max(start, end)


def sentence_stop(gist: Gist, start: int, end: int) -> int:
    sentence = gist.sentence_at(start)
    return min(end, sentence.end if sentence else end, len(gist.folded.clean))


_MARK = re.compile(r"[,،、;:؛；：，()（）\[\]]|(?<=\S)-{2,}(?=\S)|\s[-–—]+\s|—")
_COMMAS, _OPENING, _CLOSING = ",،、", "([（", ")]）"


def breaks_in(gist: Gist, start: int, end: int) -> list[Break]:
    """The breaks of a list in a stretch of one sentence, in order."""
    clean, found = gist.folded.clean, []
    done = start
    for match in _MARK.finditer(clean, start, end):
        at, mark = match.start(), match.group().strip()
        if at < done or _is_in_number(clean, at):
            continue
        if mark in _COMMAS:
            found.append(Break("comma", at, match.end()))
            continue
        close = _close_of(clean, match, end)
        found.append(Break("aside" if close else "cut", at, close or match.end()))
        done = close or match.end()
    words = [*_and_words(gist, start, end)]
    words += [Break("along", hit.start, hit.end) for hit in gist.hits.values("roles", start, end, "along")]
    asides = [each for each in found if each.kind == "aside"]
    found += [word for word in words if not any(aside.start <= word.start < aside.end for aside in asides)]
    found.sort(key=lambda each: (each.start, -each.end))
    return _merged(gist, found)


def _is_in_number(clean: str, at: int) -> bool:
    return clean[at - 1 : at].isdigit() and clean[at + 1 : at + 2].isdigit()


def _close_of(clean: str, mark: re.Match[str], end: int) -> int:
    """Where the aside ends that a bracket or a dash opens; 0 where nothing closes it."""
    sign = mark.group().strip()
    limit = min(end, mark.end() + _ASIDE_REACH)
    if sign in _OPENING:
        close = clean.find(_CLOSING[_OPENING.index(sign)], mark.end(), limit)
        return close + 1 if close >= 0 else 0
    if sign[0] not in "-–—":
        return 0
    other = next((m for m in _MARK.finditer(clean, mark.end(), limit) if m.group().strip() == sign), None)
    return other.end() if other else 0


def _merged(gist: Gist, found: list[Break]) -> list[Break]:
    """A comma and the "and" or "along with" right behind it are one break."""
    merged: list[Break] = []
    for each in found:
        if merged and each.start < merged[-1].end:
            continue  # "und" inside "und zusammen mit"
        joining = merged and merged[-1].kind in ("comma", "and") and each.kind in ("and", "along")
        if joining and not gist.folded.norm[merged[-1].end : each.start].strip():
            each = Break(each.kind, merged.pop().start, each.end)
        merged.append(each)
    return merged


def _and_words(gist: Gist, start: int, end: int) -> Iterator[Break]:
    norm, lexicon = gist.folded.norm, gist.lexicon
    if not lexicon.spaced:
        for word in lexicon.and_words:
            at = norm.find(word, start, end)
            while at >= 0:
                yield Break("and", at, at + len(word))
                at = norm.find(word, at + len(word), end)
        return
    for match in re.finditer(r"\S+", norm[start:end]):
        first, last = start + match.start(), start + match.end()
        if match.group() in lexicon.and_words:
            yield Break("and", first, last)
        elif lexicon.and_prefixes and _is_fused_and(gist, first, last):
            yield Break("and", first, first)


def _is_fused_and(gist: Gist, start: int, end: int) -> bool:
    """Whether "and" is grown together with a word for people, a number or a casualty word."""
    if not gist.folded.norm.startswith(tuple(gist.lexicon.and_prefixes), start):
        return False
    words = (*gist.hits.within("victims", start, end), *gist.hits.within("casualties", start, end))
    return any(hit.start == start and hit.prefix in gist.lexicon.and_prefixes for hit in words) or bool(
        gist.numbers.read(gist.folded.norm, start, end)
    )


def is_cut(gist: Gist, start: int, end: int, places: bool = True) -> bool:
    """Whether a word for "in" (with `places`), "by" or "that" stands in between: what follows it was not hurt."""
    words = gist.folded.norm[start:end].split()
    if any((places and word in gist.lexicon.in_) or word in gist.lexicon.that for word in words):
        return True
    return bool(gist.hits.values("roles", start, end, "agent", "passive"))


def plain_words(gist: Gist, start: int, end: int) -> int:
    """Words between two offsets without those of dates and places: "killed on Monday in Kabul two soldiers"."""
    told = [(date.start, date.end) for date in gist.hits.within("date", start, end)]
    told += [(place.start, place.end) for place in gist.places_within(start, end)]
    words = gist.words_between(start, end) - sum(1 + gist.words_between(*each) for each in told)
    return max(words, 0)


def first_noun(gist: Gist, start: int, end: int) -> Hit | None:
    """The first word for people in a stretch; of two in a row the second: "the police commander" is one."""
    nouns = gist.hits.within("victims", start, end)
    for noun, following in pairwise(nouns):
        if not gist.lexicon.spaced or gist.folded.clean[noun.end : following.start] != " ":
            return noun
    return nouns[-1] if nouns else None


_NAME_WORDS = 5
_NO_NAMES = ("victims", "casualties", "events", "weak_events", "weapons", "sites", "actors", "quantities", "guards")


def names_listed(gist: Gist, start: int, stop: int) -> tuple[int, int]:
    """How many names of persons stand in a row that an "and" closes, and where the row ends; (0, start) for none."""
    names, at = 0, start
    for each in breaks_in(gist, start, stop):
        words = len(gist.folded.norm[at : each.start].split())
        closed = each.kind == "and" and _is_full_name(gist, each.end, stop, 1)
        if each.kind not in ("comma", "and") or not 1 <= words <= _NAME_WORDS:
            break
        if not _is_full_name(gist, at, each.start, words):
            break
        names, at = names + 1, each.end
        if closed:
            return names + 1, at
    return 0, start


def _is_full_name(gist: Gist, start: int, stop: int, words: int) -> bool:
    """Whether the words ahead are a name and nothing that the language has a word for."""
    if not is_name(gist, start, stop, words):
        return False
    end = start + sum(len(word) + 1 for word in gist.folded.norm[start:stop].split()[:words])
    return not any(gist.hits.within(layer, start, min(end, stop)) for layer in _NO_NAMES)


def is_name(gist: Gist, start: int, stop: int, words: int) -> bool:
    """Whether a person's name may begin here: words with a capital that are no words of the language, nor a place."""
    found = list(re.finditer(r"\w+", gist.folded.clean[start : sentence_stop(gist, start, stop)]))[:words]
    if len(found) < words or CLAUSE_END.search(gist.folded.clean, start, start + found[-1].start()):
        return False
    for match in found:
        span = start + match.start(), start + match.end()
        word = gist.folded.norm[slice(*span)]
        known = word in gist.lexicon.words or word in gist.lexicon.articles or word in gist.lexicon.in_
        if (
            known
            or not match.group()[0].isupper()
            or gist.hits.within("date", *span)
            or gist.hits.within("roles", *span)
        ):
            return False
    return True
