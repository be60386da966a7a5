"""Which alerts two runs over the same records tell alike, otherwise, or only one of them."""

import operator
import re
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass

from services.contracts.difference import Kind, Otherwise, Telling


@dataclass(frozen=True, slots=True)
class Pair:
    """One alert on both sides, or on one of them."""

    a: Telling | None
    b: Telling | None

    @property
    def kind(self) -> Kind | None:
        """None where both tell the same."""
        if self.a is None:
            return Kind.GAINED
        if self.b is None:
            return Kind.LOST
        return Kind.CHANGED if self.otherwise else None

    @property
    def otherwise(self) -> tuple[Otherwise, ...]:
        if self.a is None or self.b is None:
            return ()
        a, b = _fields(self.a), _fields(self.b)
        names = dict.fromkeys((*a, *b))
        return tuple(
            Otherwise(field=name, a=a.get(name, ""), b=b.get(name, ""))
            for name in names
            if a.get(name, "") != b.get(name, "")
        )


def paired(a: Sequence[Telling], b: Sequence[Telling]) -> list[Pair]:
    """Every alert of both sides once, in the order of `a`, then what only `b` has in its order.

    The same alert has the same id where it was read alike. An id follows from what was read, so what was read otherwise
    is found by the article that caused it: about the same site first.
    """
    keys: tuple[Callable[[Telling], Hashable], ...] = (
        lambda told: told.alert_id,
        lambda told: (told.cause, told.facts.get("site"), told.facts.get("type")),
        lambda told: (told.cause, told.facts.get("site")),
        lambda told: told.cause,
    )
    of_a: dict[int, int] = {}
    for key in keys:
        free: dict[Hashable, list[int]] = defaultdict(list)
        taken = set(of_a.values())
        for number, told in enumerate(b):
            if number not in taken:
                free[key(told)].append(number)
        for number, told in enumerate(a):
            if number not in of_a and free[key(told)]:
                of_a[number] = free[key(told)].pop(0)
    both = [Pair(told, b[of_a[number]] if number in of_a else None) for number, told in enumerate(a)]
    taken = set(of_a.values())
    return both + [Pair(None, told) for number, told in enumerate(b) if number not in taken]


def _fields(told: Telling) -> dict[str, str]:
    return {
        "change": told.change,
        "headline": told.headline,
        "reason": told.reason,
        "urgency": told.urgency,
    } | told.facts


_COMPARISONS = {
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
    "==": operator.eq,
    "!=": operator.ne,
}
_CONDITION = re.compile(rf"\s*({'|'.join(Kind)})\s*(>=|<=|==|!=|>|<)\s*(\d{{1,9}})\s*")


@dataclass(frozen=True, slots=True)
class Condition:
    """`lost>0`: holds of a comparison that lost alerts."""

    text: str
    kind: Kind
    comparison: Callable[[int, int], bool]
    number: int

    @classmethod
    def parse(cls, text: str) -> "Condition":
        """Raises ValueError, which says how to write one."""
        found = _CONDITION.fullmatch(text)
        if not found:
            raise ValueError(f"{text!r} is no condition: write lost>0, gained>=3 or changed!=0")
        return cls(text.strip(), Kind(found[1]), _COMPARISONS[found[2]], int(found[3]))

    def holds(self, kinds: Iterable[Kind]) -> bool:
        return self.comparison(sum(kind is self.kind for kind in kinds), self.number)
