"""What differs between two sets of rules, entry by entry; and the first set with one of the differences."""

import copy
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from services.classify.core.reading.text import fold_term
from services.contracts.model import Value

Tables = Mapping[str, Mapping[str, Any]]
"""Parsed rule files by name."""


class Change(Value):
    """An entry that the second set has otherwise. `key` leads to it inside its file, `text` is the entry, taken out
    or put in; where `out` and `in_` are both there, one stands in the other's place. `listed`: it is one of a list."""

    file: str
    key: tuple[str, ...]
    out: str | None = None
    in_: str | None = None
    listed: bool = False

    def __str__(self) -> str:
        where = f"{self.file}: {'.'.join(self.key)}"
        if self.out is not None and self.in_ is not None:
            return f"{where}: {self.out} became {self.in_}"
        return f"{where}: {self.out} was taken out" if self.out is not None else f"{where}: {self.in_} was put in"


def changes(a: Tables, b: Tables) -> list[Change]:
    """Every entry in which `b` differs from `a`."""
    return [change for file in sorted({*a, *b}) for change in _between(file, (), a.get(file, {}), b.get(file, {}))]


def _between(file: str, key: tuple[str, ...], a: Any, b: Any) -> Iterator[Change]:
    if isinstance(a, Mapping) and isinstance(b, Mapping):
        for name in dict.fromkeys((*a, *b)):
            if name in a and name in b:
                yield from _between(file, (*key, name), a[name], b[name])
            elif name in a:
                yield from _leaves(file, (*key, name), a[name], out=True)
            else:
                yield from _leaves(file, (*key, name), b[name], out=False)
    elif isinstance(a, list) and isinstance(b, list):
        ours, theirs = list(map(_text, a)), list(map(_text, b))
        for entry in _without(ours, theirs):
            yield Change(file=file, key=key, out=entry, listed=True)
        for entry in _without(theirs, ours):
            yield Change(file=file, key=key, in_=entry, listed=True)
    elif a != b:
        yield Change(file=file, key=key, out=_text(a), in_=_text(b))


def _leaves(file: str, key: tuple[str, ...], value: Any, *, out: bool) -> Iterator[Change]:
    """A whole table or list that only one side has, as its entries: an empty one differs in nothing."""
    if isinstance(value, Mapping):
        for name, each in value.items():
            yield from _leaves(file, (*key, name), each, out=out)
    elif isinstance(value, list):
        for each in value:
            yield _one_sided(file, key, each, out=out, listed=True)
    else:
        yield _one_sided(file, key, value, out=out, listed=False)


def _one_sided(file: str, key: tuple[str, ...], value: Any, *, out: bool, listed: bool) -> Change:
    text = _text(value)
    return Change(file=file, key=key, out=text if out else None, in_=None if out else text, listed=listed)


def _without(some: Sequence[str], others: Sequence[str]) -> list[str]:
    left = list(some)
    for each in others:
        if each in left:
            left.remove(each)
    return left


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)


def with_change(tables: Tables, change: Change) -> dict[str, Mapping[str, Any]]:
    """The tables with one change and no other."""
    table: dict[str, Any] = copy.deepcopy(dict(tables.get(change.file, {})))
    place: Any = table
    *way, last = change.key
    for name in way:
        place = place.setdefault(name, {})
    if change.listed:
        place[last] = [each for each in place.get(last, ()) if _text(each) != change.out]
        if change.in_ is not None:
            place[last].append(json.loads(change.in_))
    elif change.in_ is None:
        place.pop(last, None)
    else:
        place[last] = json.loads(change.in_)
    return {**tables, change.file: table}


_LITERAL = re.compile(r"[^*~{},|]+")


def may_speak(change: Change, language: str, folded: str) -> bool:
    """Whether the entry could have to do with an article in this language: its words, or what is left of a pattern,
    stand in the folded text."""
    stem = change.file.removesuffix(".toml")
    if len(stem) == 2 and stem != language:
        return False
    return any(_stands_in(entry, folded) for entry in (change.out, change.in_) if entry is not None)


def _stands_in(entry: str, folded: str) -> bool:
    words = [word for text in _texts(json.loads(entry)) for word in map(fold_term, _LITERAL.findall(text)) if word]
    longest = max(words, key=len, default="")
    return not longest or any(word in folded for word in words if len(word) > 1 or word == longest)


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from _texts(each)
    elif isinstance(value, list):
        for each in value:
            yield from _texts(each)
