"""The notation of terms, compiled into one automaton."""

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from itertools import islice
from typing import NamedTuple

from ahocorasick_rs import AhoCorasick, Implementation, MatchKind

from services.classify.core.reading.text import fold_term


class LexiconError(ValueError):
    """A lexicon or gazetteer that cannot be used: which file, which key, and why."""

    def __init__(self, file: str, key: str, why: str) -> None:
        super().__init__(f"{file}: {key}: {why}")


class Gap(NamedTuple):
    """How a term with gaps goes on: a regular expression, compiled where it is first needed, and a word that it cannot
    do without, which is cheap to look for first."""

    source: str
    needle: str


class Entry(NamedTuple):
    """What a term means: the layer it belongs to and its value there.

    `gap`: what a literal with gaps must meet. `prefixed`: one of the language's clitics may stand between the word's
    beginning and the term.
    """

    layer: str
    value: str
    exact: str | None = None
    gap: Gap | None = None
    prefixed: bool = False


class Pattern(NamedTuple):
    """An automaton pattern. `lead`, `trail`: a word edge is part of it; `back`, `grow`: a match runs on to the word's
    beginning, to its end."""

    lead: int
    trail: int
    back: bool
    grow: bool
    entries: tuple[Entry, ...]
    plain: bool
    """Whether a match is all that `entries` ask for, between its own edges."""
    needles: tuple[str, ...]
    """What must follow for each of `entries` to be worth a look, if any has a gap; one without needs nothing."""
    distinct: frozenset[str]
    """The needles, each once."""


class _Patterns(dict[int, Pattern]):
    """The patterns by their index, each made when it is first met: of a hundred thousand names a text has twenty."""

    def __init__(self, terms: Mapping[str, Sequence[Entry]], spaced: bool) -> None:
        super().__init__()
        self._literals, self._terms, self._spaced = list(terms), terms, spaced

    def __missing__(self, index: int) -> Pattern:
        literal = self._literals[index]
        lead, trail = literal[0] == " ", literal[-1] == " "
        back, grow = self._spaced and not lead, self._spaced and not trail
        entries = tuple(self._terms[literal])
        needles = tuple(entry.gap.needle if entry.gap else "" for entry in entries)
        plain = not (back or grow or any(entry.exact or entry.gap or entry.prefixed for entry in entries))
        distinct = frozenset(needles) if any(needles) else frozenset()
        pattern = self[index] = Pattern(lead, trail, back, grow, entries, plain, needles, distinct)
        return pattern


class Matcher:
    """One Aho-Corasick automaton over folded text; overlapping matches, so that edges may be shared.

    It is built when first asked: of twelve languages a process may meet two.

    `terms`: literal -> what it means. A space at a literal's end is a word's edge. `spaced`: a literal without one
    grows to the edges of its word. `prefixes`: the clitics that entries marked `prefixed` may carry.
    """

    def __init__(self, terms: Mapping[str, Sequence[Entry]], spaced: bool, prefixes: Sequence[str] = ()) -> None:
        self.prefixes = frozenset(prefixes)
        self.longest_prefix = max(map(len, self.prefixes), default=0)
        self._terms = terms
        self._spaced = spaced

    @cached_property
    def patterns(self) -> Mapping[int, Pattern]:
        return _Patterns(self._terms, self._spaced)

    @cached_property
    def triggers(self) -> frozenset[int]:
        """The patterns that could begin an incident: the gate that most of the world's news does not pass."""
        return self._of(TRIGGER_LAYERS)

    @cached_property
    def triggers_and_masks(self) -> frozenset[int]:
        """Those, and the phrases that may swallow them."""
        return self._of((*TRIGGER_LAYERS, "ignore"))

    @cached_property
    def supports(self) -> frozenset[int]:
        """The patterns that could make a weak trigger count."""
        return self._of(SUPPORT_LAYERS)

    def _of(self, layers: Sequence[str]) -> frozenset[int]:
        terms = enumerate(self._terms.values())
        return frozenset(index for index, entries in terms if any(entry.layer in layers for entry in entries))

    @cached_property
    def automaton(self) -> AhoCorasick:
        return AhoCorasick(
            list(self._terms) or ["\0"],
            matchkind=MatchKind.Standard,
            store_patterns=False,
            implementation=Implementation.ContiguousNFA,
        )


TRIGGER_LAYERS = ("events", "weak_events")
"""Layers whose terms may begin an incident."""
SUPPORT_LAYERS = ("sites", "weapons")
"""Layers whose terms make a weak trigger count."""


_BRACES = re.compile(r"\{([^{}]*)\}")


def expand(term: str) -> Iterator[str]:
    """`tir{,s}` -> `tir`, `tirs`; several braces multiply; a choice may hold braces itself."""
    match = _BRACES.search(term)
    if not match:
        yield term
        return
    for choice in match.group(1).split(","):
        yield from expand(term[: match.start()] + choice.strip(" ") + term[match.end() :])


MAX_BRACES = 32
MAX_CHOICES = 16_384
"""Spellings of one term: the widest of ours has ten thousand. A slip of the pen would fill the memory."""


def choices(file: str, key: str, term: str) -> list[str]:
    """Every spelling of a term, bounded. Raises LexiconError."""
    if not isinstance(term, str) or not term.strip():
        raise LexiconError(file, key, f"a term is a non-empty string, not {term!r}")
    depth = 0
    for character in term:
        depth += (character == "{") - (character == "}")
        if depth < 0:
            break
    if depth:
        raise LexiconError(file, key, f"braces do not pair in {term!r:.80}")
    if term.count("{") > MAX_BRACES:
        raise LexiconError(file, key, f"more than {MAX_BRACES} choices in {term!r:.80}")
    found = list(islice(expand(term), MAX_CHOICES + 1))
    if len(found) > MAX_CHOICES:
        raise LexiconError(file, key, f"more than {MAX_CHOICES} spellings of {term!r:.80}")
    return found


_GAP_WORDS = 6


_GAP_CHARACTERS = 14


class TermCompiler:
    """Turns the notation of terms into automaton literals with their entries.

    A term is words of the language, folded like the text. `*` stands for any letters at a word's end or start,
    ` ~ ` for up to six words, `{a,b}` for a choice, a leading `=` asks for the exact letters (case included).
    """

    def __init__(self, file: str, spaced: bool, prefixes: Sequence[str] = ()) -> None:
        self.file = file
        self.spaced = spaced
        self.prefixes = prefixes
        self.terms: dict[str, list[Entry]] = {}

    def add(self, term: str, layer: str, value: str, key: str) -> None:
        for choice in choices(self.file, key, term):
            self._add_plain(choice.strip(), layer, value, key)

    def _add_plain(self, term: str, layer: str, value: str, key: str) -> None:
        exact = None
        if term.startswith("="):
            exact = term = term[1:]
        if "**" in term:
            raise LexiconError(self.file, key, f"{term!r} has two open ends at one place")
        if "~" in term and not all(map(fold_term, term.split("~"))):
            raise LexiconError(self.file, key, f"{term!r} has no word on one side of its gap")
        head, *rest = re.split(r"(\*(?=.)|\s*~\s*)", term) if not term.startswith("*") else self._starred(term)
        lead_open = term.startswith("*")
        literal = fold_term(head)
        gap = Gap(self._verifier(literal, head, rest), _needle(rest)) if rest else None
        trail_open = bool(rest) or term.endswith("*")
        is_open = self.spaced and (lead_open or trail_open) and not (rest and rest[0].strip() == "~")
        if len(literal) < (2 if is_open else 1):
            raise LexiconError(self.file, key, f"{term!r} begins with too little to look for")
        prefixed = bool(not lead_open and self.prefixes and "؀" <= literal[0] <= "ۿ")
        entry = Entry(layer, value, exact, gap, prefixed)
        for variant in self._variants(literal):
            text = variant
            if self.spaced:
                text = ("" if lead_open or prefixed else " ") + variant + ("" if trail_open else " ")
                if rest and (rest[0].strip() == "~" or head.endswith(" ")):
                    text += " "
            bucket = self.terms.setdefault(text, [])
            if entry not in bucket:
                bucket.append(entry)

    @staticmethod
    def _starred(term: str) -> list[str]:
        return re.split(r"(\*(?=.)|\s*~\s*)", term[1:])

    @staticmethod
    def _variants(literal: str) -> Iterator[str]:
        yield literal
        if "ß" in literal:
            yield literal.replace("ß", "ss")
        if "œ" in literal:
            yield literal.replace("œ", "oe")

    def _verifier(self, literal: str, head: str, rest: list[str]) -> str:
        gap = rf"(?:\S+ +){{0,{_GAP_WORDS}}}?" if self.spaced else rf".{{0,{_GAP_CHARACTERS}}}?"
        source = re.escape(literal)
        if self.prefixes:
            source = r"\S{0,3}" + source
        for index in range(0, len(rest), 2):
            operator = rest[index].strip()
            following = rest[index + 1] if index + 1 < len(rest) else ""
            if operator == "~":
                source += (r" +" + gap) if self.spaced else gap
            else:
                before = head if index == 0 else rest[index - 1]
                source += r" +\w*" if before.endswith(" ") else r"\w*"
                if following.startswith(" ") and following.strip():
                    source += r" +"
            open_end = following.endswith("*")
            source += r" +".join(map(re.escape, fold_term(following).split(" ")))
            if open_end and index + 2 >= len(rest):
                source += r"\w*"
        return source + (r"(?=\s|$)" if self.spaced else "")


def _needle(rest: list[str]) -> str:
    """The longest word of what follows a term's first literal."""
    return max((word for piece in rest[1::2] for word in fold_term(piece).split()), key=len, default="")
