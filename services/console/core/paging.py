"""Pages of a sorted list, by a cursor that names the last item's place: what is added or removed in between moves no
other item onto a page twice or past one."""

import base64
import json
from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")
Place = tuple[str, ...]


class BadCursor(ValueError):
    """Not a cursor that a page gave."""


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """`total` counts the whole list; `next_cursor` is None on the last page."""

    items: list[T]
    total: int
    next_cursor: str | None


def page(items: Iterable[T], place: Callable[[T], Place], limit: int, cursor: str | None) -> Page[T]:
    """The next `limit` items after `cursor`, sorted by `place`, of which no two are equal. Raises BadCursor."""
    return cut(sorted(items, key=place), place, limit, cursor)


def cut(ordered: Sequence[T], place: Callable[[T], Place], limit: int, cursor: str | None) -> Page[T]:
    """The same of what is sorted already. Raises BadCursor."""
    begin = bisect_right(ordered, _place(cursor), key=place) if cursor is not None else 0
    shown = ordered[begin : begin + limit]
    following = _cursor(place(shown[-1])) if begin + limit < len(ordered) else None
    return Page(list(shown), len(ordered), following)


def _cursor(place: Place) -> str:
    return base64.urlsafe_b64encode(json.dumps(place).encode()).decode().rstrip("=")


def _place(cursor: str) -> Place:
    try:
        place = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (ValueError, RecursionError):
        raise BadCursor("no page gave this cursor") from None
    if not isinstance(place, list) or not place or not all(isinstance(part, str) for part in place):
        raise BadCursor("no page gave this cursor")
    return tuple(place)
