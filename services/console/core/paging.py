"""Pages of a sorted list, by a cursor that names the last item's place: what is added or removed in between moves no
other item onto a page twice or past one."""

import base64
import json
from collections.abc import Callable, Iterable
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
    placed = sorted(((place(item), item) for item in items), key=lambda pair: pair[0])
    after = _place(cursor) if cursor is not None else None
    left = [pair for pair in placed if after is None or pair[0] > after]
    shown = left[:limit]
    following = _cursor(shown[-1][0]) if len(left) > limit else None
    return Page([item for _, item in shown], len(placed), following)


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
