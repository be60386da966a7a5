"""Which date templates a sentence could meet at all: one scan for the words that each cannot do without.

A language has some fifty templates and a sentence words for two or three of them. The screen may let through what
does not match; it never keeps back what does.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache

from ahocorasick_rs import AhoCorasick, Implementation, MatchKind

from services.classify.core.reading.text import fold_term

DIGITS = tuple("0123456789")
_OPTIONAL = re.compile(r"\[[^\]]*\]")
_REMEMBERED = 1024
_SLOT = re.compile(r"\{(\w+)\}")


class Screen:
    """`slots`: what may fill each slot, any of which it needs; an ending `*` is left open."""

    def __init__(self, templates: Sequence[str], slots: Mapping[str, Iterable[str]]) -> None:
        self._bits = {slot: 1 << index for index, slot in enumerate(slots)}
        words: dict[str, int] = {}
        for slot, fillings in slots.items():
            for filling in fillings:
                word = filling.rstrip("*")
                words[word] = words.get(word, 0) | self._bits[slot]
        self._always = words.pop("", 0)
        fixed: dict[str, int] = {}
        self._needed = []
        for template in templates:
            plain = _OPTIONAL.sub(" ", template)
            needed = sum({self._bits[slot] for slot in _SLOT.findall(plain)})
            for word in fold_term(_SLOT.sub(" ", plain)).split():
                needed |= fixed.setdefault(word, 1 << (len(slots) + len(fixed)))
            self._needed.append(needed)
        for word, bit in fixed.items():
            words[word] = words.get(word, 0) | bit
        self.possible = lru_cache(maxsize=_REMEMBERED)(self._meets)
        self._values = tuple(words.values())
        self._automaton = AhoCorasick(
            list(words) or ["\0"], matchkind=MatchKind.Standard, store_patterns=False,
            implementation=Implementation.ContiguousNFA,
        )  # fmt: skip

    def seen(self, text: str) -> int:
        """What folded `text` holds, as a set of bits."""
        seen, values = self._always, self._values or (0,)
        for index, _, _ in self._automaton.find_matches_as_indexes(text, overlapping=True):
            seen |= values[index]
        return seen

    def _meets(self, seen: int) -> tuple[int, ...]:
        """The templates, by their place, that need no more than was seen."""
        return tuple(index for index, needed in enumerate(self._needed) if needed & ~seen == 0)

    def has(self, slot: str, seen: int) -> bool:
        return bool(self._bits[slot] & seen)
