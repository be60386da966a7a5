"""Two sides that go on, compared while they do: which alerts both tell, and which one of them has not told.

An alert that only one side told may be on its way on the other. It counts once it is settled: once both sides have
worked off all that lay on the topics when it was heard of, and what they told of it was heard too.
"""

from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import chain, islice

from services.contracts.difference import Kind, Telling
from services.contracts.model import Instant
from services.contracts.shadow import Noticed
from services.replay.core.comparison import Pair, paired

KEPT = 1_000
"""Settled alerts that are kept to be compared anew with what is told later; older ones are only counted."""
SHOWN = 50
"""Differences that are shown."""
_SHOWN_BYTES = 250_000
"""What they may take together: a record is 1 MB at most."""
_LONGEST = 600
"""Characters of a text in a difference that is shown."""
_MOST_QUOTES = 2


class Side(StrEnum):
    LIVE = "live"
    SHADOW = "shadow"


@dataclass(slots=True)
class _Heard:
    """`alert_id` is its own; that of the telling is the one by which both sides know it."""

    telling: Telling
    alert_id: str
    at: Instant
    mark: int


@dataclass(frozen=True, slots=True)
class Standing:
    """How the sides compare. `kinds` counts settled alerts, None those told alike; of those `waiting` one side may yet
    tell. `differences` are the last ones, the newest first."""

    kinds: Counter[Kind | None]
    waiting: int
    differences: tuple[Noticed, ...]


class Running:
    """What both sides told so far. It holds the alerts that wait and the last `kept` that do not."""

    def __init__(self, kept: int = KEPT) -> None:
        self._kept = kept
        self._heard: dict[Side, dict[str, _Heard]] = {side: {} for side in Side}
        self._mark = 0
        self._settled = 0
        self._counted: Counter[Kind | None] = Counter()
        self._past: deque[Noticed] = deque(maxlen=SHOWN)

    def tell(self, side: Side, telling: Telling, at: Instant, known_as: str = "") -> None:
        """A side told an alert; one that tells it again, as after it was killed, tells nothing new. `at` is the moment
        of what caused it, and `known_as` the id that the alert has on the other side, where it has another there."""
        heard = _Heard(telling, telling.alert_id, at, self._mark)
        if known_as:
            heard.telling = telling.model_copy(update={"alert_id": known_as})
        self._heard[side].setdefault(heard.telling.alert_id, heard)

    def mark(self) -> int:
        """A mark behind all that was told so far, for `settle`."""
        self._mark += 1
        return self._mark

    def settle(self, mark: int) -> None:
        """Nothing more will be told of what caused the alerts before the mark. Forgets the oldest that need not be
        kept."""
        self._settled = max(self._settled, mark)
        pairs = self._pairs()
        settled = [pair for pair in pairs if self._is_settled(pair)]
        for pair in sorted(settled, key=self._at)[: max(0, len(settled) - self._kept)]:
            self._counted[pair.kind] += 1
            self._past.extendleft(self._noticed(pair))
            for side, telling in _told(pair):
                del self._heard[side][telling.alert_id]

    @property
    def waiting(self) -> int:
        """Alerts that are not settled."""
        return sum(each.mark >= self._settled for heard in self._heard.values() for each in heard.values())

    @property
    def standing(self) -> Standing:
        pairs = self._pairs()
        settled = sorted((pair for pair in pairs if self._is_settled(pair)), key=self._at, reverse=True)
        shown = (noticed for pair in settled for noticed in self._noticed(pair))
        return Standing(
            self._counted + Counter(pair.kind for pair in settled),
            len(pairs) - len(settled),
            tuple(_fitting(islice(chain(shown, self._past), SHOWN))),
        )

    def _pairs(self) -> list[Pair]:
        live, shadow = ([each.telling for each in self._heard[side].values()] for side in Side)
        return paired(live, shadow)

    def _is_settled(self, pair: Pair) -> bool:
        return all(self._heard[side][telling.alert_id].mark < self._settled for side, telling in _told(pair))

    def _at(self, pair: Pair) -> Instant:
        return min(self._heard[side][telling.alert_id].at for side, telling in _told(pair))

    def _noticed(self, pair: Pair) -> Iterator[Noticed]:
        if (kind := pair.kind) is not None:
            told = {side: _in_short(self._heard[side][telling.alert_id]) for side, telling in _told(pair)}
            otherwise = tuple(
                each.model_copy(update={"a": each.a[:_LONGEST], "b": each.b[:_LONGEST]}) for each in pair.otherwise
            )
            a, b = told.get(Side.LIVE), told.get(Side.SHADOW)
            yield Noticed(kind=kind, a=a, b=b, otherwise=otherwise, at=self._at(pair))


def _told(pair: Pair) -> Iterator[tuple[Side, Telling]]:
    for side, telling in zip(Side, (pair.a, pair.b), strict=True):
        if telling is not None:
            yield side, telling


def _in_short(heard: _Heard) -> Telling:
    telling = heard.telling
    quotes = tuple(
        quote.model_copy(
            update={name: getattr(quote, name)[:_LONGEST] for name in ("source", "title", "quote")}
            | {"url": quote.url if quote.url and len(quote.url) <= _LONGEST else None}
        )
        for quote in telling.quotes[:_MOST_QUOTES]
    )
    return telling.model_copy(
        update={
            "alert_id": heard.alert_id,
            "headline": telling.headline[:_LONGEST],
            "reason": telling.reason[:_LONGEST],
            "facts": {name: value[:_LONGEST] for name, value in telling.facts.items()},
            "quotes": quotes,
            "articles": telling.articles[:_MOST_QUOTES],
        }
    )


def _fitting(differences: Iterator[Noticed]) -> Iterator[Noticed]:
    left = _SHOWN_BYTES
    for each in differences:
        left -= len(each.model_dump_json().encode())
        if left < 0:
            return
        yield each
