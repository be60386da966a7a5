"""Numbers in words and digits, with their bounds: "at least three", "a dozen", "between 10 and 15"."""

import re
from dataclasses import dataclass
from functools import lru_cache

from services.classify.core.reading.lexicon import NumberWords
from services.contracts.report import Count

_TOKEN = re.compile(r"\S+")
_CJK_DIGITS = {
    "零": 0,
    "〇": 0,
    "一": 1,
    "二": 2,
    "两": 2,
    "兩": 2,
    "三": 3,
    "四": 4,
    "五": 5,
    "六": 6,
    "七": 7,
    "八": 8,
    "九": 9,
}
_CJK_UNITS = {"十": 10, "百": 100, "千": 1000, "万": 10000, "萬": 10000}
_CJK_RUN = re.compile(r"\d+|[零〇一二两兩三四五六七八九十百千万萬]+")
_MAX = 1_000_000
_AT_LEAST_GAP = 2
_LOOK_AFTER = 40
_REMEMBERED_WORDS = 4096


@dataclass(frozen=True, slots=True)
class Number:
    """A number in the text: offsets and bounds. `weak` marks an article ("a", "un") that may stand for one."""

    start: int
    end: int
    low: int
    high: int | None
    weak: bool = False

    @property
    def count(self) -> Count:
        return _count(self.low, self.high)


@lru_cache(maxsize=1024)
def _count(low: int, high: int | None) -> Count:
    return Count(low=low, high=high)


class NumberReader:
    """The numbers of one language."""

    def __init__(self, words: NumberWords, spaced: bool, prefixes: tuple[str, ...]) -> None:
        self.words = words
        self.spaced = spaced
        self.prefixes = prefixes
        self._vague_first: dict[str, int] = {}
        for term in words.vague:
            first, *rest = term.split()
            self._vague_first[first] = max(self._vague_first.get(first, 1), 1 + len(rest))
        modifiers = words.modifiers
        self._edge = edge = " " if spaced else ""
        self._at_least = tuple(edge + term for term in modifiers["at_least"])
        self._openers = {term[0] for term in modifiers["at_least_after"]} if not spaced else set()
        self._at_most = tuple(edge + term for term in modifiers["at_most"])
        self._at_least_after = tuple(term + edge for term in modifiers["at_least_after"])
        self._value = lru_cache(maxsize=_REMEMBERED_WORDS)(self._value_of)
        self._may_begin = lru_cache(maxsize=_REMEMBERED_WORDS)(self._begins)

    def read(self, norm: str, start: int, end: int) -> list[Number]:
        """The numbers in `norm[start:end]`, in order."""
        found = self._read_spaced(norm, start, end) if self.spaced else self._read_cjk(norm, start, end)
        return self._ranges(norm, [self._bounded(norm, number, start, end) for number in found])

    def _read_spaced(self, norm: str, start: int, end: int) -> list[Number]:
        tokens = [(match.start(), match.end(), match.group()) for match in _TOKEN.finditer(norm, start, end)]
        found: list[Number] = []
        index = 0
        while index < len(tokens):
            if not self._may_begin(tokens[index][2]):
                index += 1
                continue
            vague = self._vague_at(tokens, index)
            if vague:
                low, high, width = vague
                found.append(Number(tokens[index][0], tokens[index + width - 1][1], low, high))
                index += width
                continue
            value, width = self._compound_at(tokens, index)
            if width:
                found.append(Number(tokens[index][0], tokens[index + width - 1][1], value, value))
                index += width
                continue
            if tokens[index][2] in self.words.ones:
                found.append(Number(tokens[index][0], tokens[index][1], 1, 1, weak=True))
            index += 1
        return found

    def _vague_at(self, tokens: list[tuple[int, int, str]], index: int) -> tuple[int, int | None, int] | None:
        longest = self._vague_first.get(tokens[index][2], 0)
        for width in range(min(longest, len(tokens) - index), 0, -1):
            bounds = self.words.vague.get(" ".join(token[2] for token in tokens[index : index + width]))
            if bounds:
                return bounds[0], bounds[1], width
        return None

    def _compound_at(self, tokens: list[tuple[int, int, str]], index: int) -> tuple[int, int]:
        """Value and number of tokens of the number that begins at `index`; (0, 0) when none does."""
        total, current, width, seen = 0, 0, 0, False
        position = index
        while position < len(tokens):
            word = tokens[position][2]
            value = self._value(word)
            multiplier = self.words.multipliers.get(word)
            if multiplier is not None and (seen or multiplier >= 100):
                current = max(current, 1) * multiplier
                if multiplier >= 1000:
                    total, current = total + current, 0
            elif value is not None and (not seen or self._fits(current, value, word, tokens, position)):
                if seen and word.isdecimal():
                    current = current * 1000 + value
                else:
                    current += value
            elif not (seen and word in self.words.joiners and self._continues(tokens, position, current)):
                break
            seen = True
            position += 1
            width = position - index
            if width > 8:
                break
        return min(total + current, _MAX), width

    def _fits(self, current: int, value: int, word: str, tokens: list[tuple[int, int, str]], position: int) -> bool:
        """Whether `value` goes on a number: "vingt trois", "20 000", but not "two three"."""
        if word.isdecimal():
            gap = tokens[position][0] - tokens[position - 1][1]
            return len(word) == 3 and gap == 1 and tokens[position - 1][2].isdecimal() and current < 1000
        if current == 0:
            return True
        scale = 10 if current % 10 == 0 else 0
        if current % 100 == 0:
            scale = 100
        if current % 1000 == 0:
            scale = 1000
        return value < scale or (
            0 < current < 10 and value >= 20 and value % 10 == 0 and value < 100 and self._joined(tokens, position)
        )

    def _joined(self, tokens: list[tuple[int, int, str]], position: int) -> bool:
        before = tokens[position - 1][2]
        return before in self.words.joiners or self._value_exact(tokens[position][2]) is None

    def _continues(self, tokens: list[tuple[int, int, str]], position: int, current: int) -> bool:
        if position + 1 >= len(tokens) or tokens[position + 1][2].isdecimal():
            return False
        value = self._value(tokens[position + 1][2])
        if value is None or tokens[position - 1][2].isdecimal():
            return False
        return (
            (current % 10 == 0 and value < 10) or (current % 100 == 0 and value < 100) or (current < 10 and value >= 20)
        )

    def _value_exact(self, word: str) -> int | None:
        return self.words.values.get(word)

    def _begins(self, word: str) -> bool:
        """Whether a number may begin with `word`; most words of a text are seen again and again."""
        words = self.words
        return (
            word in self._vague_first
            or word in words.multipliers
            or word in words.ones
            or self._value(word) is not None
        )

    def _value_of(self, word: str) -> int | None:
        if word.isdecimal() and word.isascii():
            return int(word) if len(word) <= 7 else None
        value = self.words.values.get(word)
        if value is not None:
            return value
        for prefix in self.prefixes:
            rest = word[len(prefix) :] if word.startswith(prefix) else ""
            if rest in self.words.values:
                return self.words.values[rest]
            if rest.isdecimal() and rest.isascii() and len(rest) <= 7:
                return int(rest)
        return self._fused(word)

    def _fused(self, word: str) -> int | None:
        """ "dreiundzwanzig", "ventitre": two known numbers in one word, with or without a joiner between."""
        if len(word) < 7:
            return None
        for cut in range(3, len(word) - 2):
            left = self.words.values.get(word[:cut])
            if left is None:
                continue
            rest = word[cut:]
            right = self.words.values.get(rest)
            if right is None:
                joiner = next((j for j in self.words.joiners if rest.startswith(j)), None)
                right = self.words.values.get(rest[len(joiner) :]) if joiner else None
            if right is not None and min(left, right) < 10 and max(left, right) >= 20:
                return left + right
        return None

    def _read_cjk(self, norm: str, start: int, end: int) -> list[Number]:
        found = []
        for match in _CJK_RUN.finditer(norm, start, end):
            text = match.group()
            value = int(text[:7]) if text.isdecimal() else _cjk_value(text)
            if text.isdecimal() and match.end() < end and norm[match.end()] in _CJK_UNITS:
                continue
            found.append(Number(match.start(), match.end(), value, value))
        for term, (low, high) in self.words.vague.items():
            position = norm.find(term, start, end)
            if position >= 0:
                found.append(Number(position, position + len(term), low, high))
        found.sort(key=lambda number: (number.start, -number.end))
        kept: list[Number] = []
        for number in found:
            # "20多人": what follows a number at once only leaves it open.
            if not kept or number.start >= kept[-1].end + (norm[number.start] in self._openers):
                kept.append(number)
        return kept

    def _bounded(self, norm: str, number: Number, start: int, end: int) -> Number:
        after = norm[number.end : min(end, number.end + _LOOK_AFTER)].lstrip()
        before = self._edge + norm[max(start, number.start - 30) : number.start].rstrip()
        if before.endswith(self._at_least):
            term = next(term for term in self._at_least if before.endswith(term))
            # The words that open it belong to it: what counts from here is near what they follow.
            begin = max(start, number.start - 30) + len(before) - len(term)
            return Number(begin, number.end, number.low, None)
        if self._is_open_above(after):
            return Number(number.start, number.end, number.low, None)
        if number.weak:
            return number
        if before.endswith(self._at_most):
            return Number(number.start, number.end, min(1, number.low), number.high)
        return number

    def _is_open_above(self, after: str) -> bool:
        """Whether "at least" follows a number, at once or after what is counted ("three rockets at least")."""
        if (after + self._edge).startswith(self._at_least_after):
            return True
        words = after.split() if self.spaced else []
        skipped = range(1, min(_AT_LEAST_GAP, len(words) - 1) + 1)
        return any(f"{' '.join(words[skip:])} ".startswith(self._at_least_after) for skip in skipped)

    def _ranges(self, norm: str, numbers: list[Number]) -> list[Number]:
        joined: list[Number] = []
        for number in numbers:
            if joined and not number.weak and not joined[-1].weak:
                last = joined[-1]
                link = norm[last.end : number.start]
                rising = last.high is not None and number.high is not None and last.high < number.high
                if rising and link.strip() in self.words.modifiers["range"]:
                    joined[-1] = Number(last.start, number.end, last.low, number.high)
                    continue
            joined.append(number)
        return joined


def _cjk_value(text: str) -> int:
    total, section, digit = 0, 0, 0
    for character in text[:12]:
        if character in _CJK_DIGITS:
            digit = _CJK_DIGITS[character]
        else:
            unit = _CJK_UNITS[character]
            if unit >= 10000:
                total, section, digit = (total + section + digit) * unit, 0, 0
            else:
                section, digit = section + max(digit, 1) * unit, 0
    return min(total + section + digit, _MAX)
