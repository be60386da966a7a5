"""Folding: a text in which every spelling of a word looks the same, with the way back to the original.

Case, accents, Arabic and Persian letter variants, digits of any script and punctuation are folded one character to
one character, so offsets stay what they were. The characters that have to go (combining marks, tatweel, zero-width
characters) are the exception: only a text that has any pays for a map of offsets.
"""

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

# Marks and format characters that carry no letter: combining accents, Arabic points, tatweel, ZWNJ, bidi controls.
_DROPPED = re.compile(
    "[\u00ad\u0300-\u036f\u0483-\u0489\u0591-\u05bd\u0610-\u061a\u0640\u064b-\u065f\u0670\u06d6-\u06dc\u06df-\u06e8"
    "\u06ea-\u06ed\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufe00-\ufe0f\ufeff]"
)

# Letters that NFKD does not bring together and news does: taa marbuta, alef maqsura, Persian kaf and yeh, dotless i.
_LETTERS = {
    "ة": "ه",
    "ى": "ي",
    "ی": "ي",
    "ې": "ي",
    "ک": "ك",
    "ھ": "ه",
    "ە": "ه",
    "ہ": "ه",
    "ٱ": "ا",
    "ı": "i",
    "ø": "o",
    "ł": "l",
    "đ": "d",
    "ð": "d",
    "ґ": "г",
}


class _FoldTable(dict[int, str]):
    """What each character becomes, nothing if it is dropped; filled as characters are met, bounded by Unicode."""

    def __missing__(self, code: int) -> str:
        folded = self[code] = _fold_character(chr(code))
        return folded


def _fold_character(character: str) -> str:
    if _DROPPED.match(character):
        return ""
    if not character.isalnum():
        return " "
    if character.isdecimal():
        return str(unicodedata.decimal(character))
    base = unicodedata.normalize("NFKD", character)[0].lower()[0]
    return _LETTERS.get(base, base) if base.isalnum() else " "


_TABLE = _FoldTable()


class _BytePage(NamedTuple):
    """The folding of a code page of 256 characters, which goes ten times faster in bytes."""

    codec: str
    table: bytes
    dropped: bytes
    unfit: frozenset[str]
    """Characters whose folding is not on the page: a text that has one is folded by `_TABLE`."""

    def fold(self, text: str) -> str | None:
        """The folding of `text`, None where the page does not hold all of it."""
        try:
            folded = text.encode(self.codec).translate(self.table, self.dropped)
        except UnicodeEncodeError:
            return None
        return None if any(character in text for character in self.unfit) else folded.decode(self.codec)


def _byte_page(codec: str) -> _BytePage:
    table, dropped, unfit = bytearray(256), bytearray(), set()
    for code in range(256):
        character = bytes([code]).decode(codec, errors="ignore")
        folded = _TABLE[ord(character)] if character else " "
        if not folded:
            dropped.append(code)
        elif folded.encode(codec, errors="ignore"):
            table[code] = folded.encode(codec)[0]
        else:
            unfit.add(character)
    return _BytePage(codec, bytes(table), bytes(dropped), frozenset(unfit))


# Western with its dashes and quotes, Turkish, Cyrillic, Arabic. Persian and Chinese are on no page.
_BYTE_PAGES = tuple(map(_byte_page, ("cp1252", "cp1254", "cp1251", "cp1256")))


def _folding(text: str) -> str:
    if not text.isascii():
        for page in _BYTE_PAGES:
            folded = page.fold(text)
            if folded is not None:
                return folded
    return text.translate(_TABLE)


@dataclass(frozen=True, slots=True)
class Folded:
    """`clean` is the original without dropped characters; `norm` is its folding, of the same length.

    All work is done in offsets of `clean`; `span` leads back to the original. `offsets` is None where nothing
    was dropped, else the original offset of every character of `clean`.
    """

    original: str
    clean: str
    norm: str
    offsets: tuple[int, ...] | None = None

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Offsets of the original for `clean[start:end]`, without the white space at its edges."""
        piece = self.clean[start:end]
        if piece[:1].isspace() or piece[-1:].isspace():
            start += len(piece) - len(piece.lstrip())
            end -= len(piece) - len(piece.rstrip())
        if self.offsets is None:
            return start, max(start, end)
        if end <= start:
            return self.offsets[start] if start < len(self.offsets) else len(self.original), 0
        return self.offsets[start], self.offsets[end - 1] + 1


_HAN = re.compile("[\u4e00-\u9fff]")
_HAN_SPACE = re.compile(
    "(?<=[\u4e00-\u9fff”’」』》）])[ \u3000](?= *(?:[\u4e00-\u9fff“‘「『《（]|[0-9]+[\u4e00-\u9fff]))"
)


def _with_breaks(clean: str) -> str:
    """Chinese writes no spaces but between the clauses of a headline: there a space is read as a comma."""
    return _HAN_SPACE.sub("，", clean) if _HAN.search(clean[:_LOOK_FOR_HAN]) else clean


_LOOK_FOR_HAN = 1000


def fold(text: str) -> Folded:
    """The folding of `text`. Linear."""
    norm = _folding(text)
    if len(norm) == len(text):
        return Folded(text, text if text.isascii() else _with_breaks(text), norm)
    kept: list[str] = []
    offsets: list[int] = []
    position = 0
    for match in _DROPPED.finditer(text):
        kept.append(text[position : match.start()])
        offsets.extend(range(position, match.start()))
        position = match.end()
    kept.append(text[position:])
    offsets.extend(range(position, len(text)))
    clean = "".join(kept)
    return Folded(text, _with_breaks(clean), norm, tuple(offsets))


def fold_term(term: str) -> str:
    """A lexicon's term as it looks in a folded text: single spaces, nothing at the edges."""
    return " ".join(term.translate(_TABLE).split())


class Sentence(NamedTuple):
    """A sentence of `clean`: offsets, and whether it stands in the title."""

    index: int  # type: ignore[assignment]  # its number; no sentence is searched as a tuple
    start: int
    end: int
    title: bool


MOST_IN_A_SENTENCE = 32
"""Event words read of one sentence, and as many sites, casualty words and numbers. None that a person wrote has half of
it; without a bound a sentence of nothing else is measured pair by pair."""

_END = re.compile(
    "[.!?…。！？；؟؛۔\n](?:"  # a set of characters that begins the whole is found fast
    r"(?<=[.!?…])(?<![.!?…].)[.!?…]*+(?:[\"'”’)\]]|\s?»)*(?=\s|$)"
    r"|(?<=[。！？；])[”」』》）]*|(?<=[؟؛۔])[»”\"]*|(?<=\n)(?:[ \t]*\n\s*)?)"
)


_MAX_COLUMN = 110
"""Characters of the longest line of a column."""


def _is_wrapped(text: str) -> bool:
    """Whether line breaks are the wrapping of a column (agency copy) rather than ends of paragraphs."""
    lines = [line.rstrip() for line in text[:6000].split("\n")]
    if max(map(len, lines)) > _MAX_COLUMN:
        return False
    # The last line of a paragraph says nothing: short paragraphs are wrapped like long ones.
    inner = [line for line, following in pairwise(lines) if line and following]
    open_lines = sum(1 for line in inner if line[-1] not in ".!?…:\"'»”。")
    return len(inner) >= 3 and open_lines > len(inner) * 0.6


def split_sentences(
    clean: str,
    title_length: int,
    abbreviations: frozenset[str],
    months: tuple[str, ...] = (),
    max_sentence: int = 1200,
) -> list[Sentence]:
    """The sentences of `clean`, in order, covering all that is not white space.

    A title is a sentence of its own. A full stop after an abbreviation or an initial, in "20. Dezember" or before
    a small letter ends nothing. A run without any end is cut at `max_sentence` characters, so that later work on a
    sentence is bounded.
    """
    wrapped = _is_wrapped(clean[title_length:])
    cuts = [0]
    for match in _END.finditer(clean):
        start, end = match.span()
        mark = clean[start:end]
        if mark[0] == "\n":
            ends = not wrapped or mark.count("\n") > 1
        else:
            ends = mark[0] != "." or mark[:2] == ".." or _ends_sentence(clean, start, end, abbreviations, months)
        if ends or (title_length and start == title_length):
            cuts.append(end)
    cuts.append(len(clean))
    pieces = [
        (piece, min(end, piece + max_sentence))
        for start, end in pairwise(cuts)
        for piece in range(start, end, max_sentence)
    ]
    told = [(start, end) for start, end in pieces if not clean[start:end].isspace()]
    return [Sentence(index, start, end, start < title_length) for index, (start, end) in enumerate(told)]


_LAST_WORD = re.compile(r"[^\W_]++\Z")


def _ends_sentence(clean: str, stop: int, end: int, abbreviations: frozenset[str], months: tuple[str, ...]) -> bool:
    """Whether the full stop at `stop`, with the marks that follow it up to `end`, is the end of a sentence."""
    if clean[end : end + 4].lstrip()[:1].islower():
        return False
    if end - stop > 1:
        return True
    word = clean[max(0, stop - _LONGEST) : stop].rpartition(" ")[2]
    if not word.isalnum():
        found = _LAST_WORD.search(word)
        word = found.group() if found else ""
    if len(word) <= 2 and months and word.isdecimal():
        return not fold_term(clean[end : end + 14]).startswith(months)
    if len(word) == 1 and word.isalpha():
        # "U.S. Embassy" goes on; "...in the U.S. The" cannot be told apart and goes on too.
        return False
    return word.casefold() not in abbreviations


_LONGEST = 16
"""Letters of a word that are looked at."""


def indexes_at(starts: Sequence[int], positions: Iterable[int]) -> list[int]:
    """The indexes of the sentences, which begin at `starts`, that hold any of `positions`, in order."""
    return sorted({bisect_right(starts, position) - 1 for position in positions} - {-1})
