"""Whose word an incident rests on: how many independent sources, how reliable, and how far they can be believed.

Agency copy carried by forty outlets is one source, in whatever language. Reliability is the feed's grade, A to F;
credibility is computed here, 1 to 6: the two scales of the Admiralty system (NATO AJP-2.1), kept apart as there.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from services.classify.core.correlation.agencies import houses_of
from services.contracts.feed import SourceGrade
from services.contracts.incident import IndependentSource, SourceClaim
from services.contracts.report import Certainty

NEAR_COPY_BITS = 12
"""Hamming distance of two 64-bit fingerprints up to which two texts are taken for copies of one. Texts of one
agency report with small edits were 0 to 7 bits apart, other tellings of the same event 32 and more
(tests/unit/classify/test_corroborate.py holds pairs of each)."""

_GRADES = tuple(SourceGrade)
RELIABLE = frozenset({SourceGrade.A, SourceGrade.B})

WEIGHTS: Mapping[SourceGrade, int] = {
    SourceGrade.A: 5,
    SourceGrade.B: 4,
    SourceGrade.C: 3,
    SourceGrade.D: 2,
    SourceGrade.E: 1,
    SourceGrade.F: 2,
}
"""What a source weighs where sources contradict each other; one that nobody graded weighs little."""


@dataclass(slots=True)
class _Group:
    positions: list[int]  # of its claims
    reasons: set[str] = field(default_factory=set)


def independent(claims: Sequence[SourceClaim]) -> tuple[IndependentSource, ...]:
    """The independent sources, with what makes the outlets of each one source.

    Two claims have one source when their feed is the same, their texts are near-copies, or both name the same agency or
    are its own or one broadcaster's; and so on from claim to claim, so that the order changes nothing but the order.
    """
    groups: list[_Group] = []  # a claim's group, by the claim's position; joined groups are one object
    known: dict[str, int] = {}
    prints: dict[int, int] = {}
    for position, claim in enumerate(claims):
        groups.append(_Group([position]))
        for key, reason in _marks(claim):
            if key in known:
                _join(groups, known[key], position, reason)
            known.setdefault(key, position)
        text = int(claim.text_fingerprint, 16)
        if text not in prints:  # what is near to one that is known has been joined to it
            near = [first for other, first in prints.items() if (text ^ other).bit_count() <= NEAR_COPY_BITS]
            prints[text] = position
        else:
            near = [prints[text]]
        for first in near:
            _join(groups, first, position, "near-copies of one text")
    distinct = {id(group): group for group in groups}.values()
    return tuple(_source([claims[position] for position in group.positions], group.reasons) for group in distinct)


def _marks(claim: SourceClaim) -> list[tuple[str, str]]:
    """What a claim shares with others of its source, and what that is called."""
    return [
        (f"feed {claim.source.feed_id}", ""),
        *(
            (f"house {house}", f"all from {house}")
            for house in sorted({*claim.agencies, *houses_of(claim.source.name)})
        ),
    ]


def _join(groups: list[_Group], one: int, other: int, reason: str) -> None:
    """Make the groups of two claims one, the smaller added to the larger."""
    large, small = groups[one], groups[other]
    if large is not small:
        if len(large.positions) < len(small.positions):
            large, small = small, large
        large.positions += small.positions
        large.reasons |= small.reasons
        for position in small.positions:
            groups[position] = large
    large.reasons |= {reason} if reason else set()


def _source(claims: Sequence[SourceClaim], reasons: Iterable[str]) -> IndependentSource:
    several = len({claim.source.feed_id for claim in claims}) > 1
    return IndependentSource(
        names=tuple(sorted({claim.source.name for claim in claims})),
        grade=_grade(claims),
        reason=", ".join(sorted(reasons)) if several else "its own text",
    )


def _grade(group: Sequence[SourceClaim]) -> SourceGrade:
    return min((claim.source.grade for claim in group), key=_GRADES.index)


def weight(sources: Sequence[IndependentSource]) -> int:
    return sum(WEIGHTS[source.grade] for source in sources)


@dataclass(frozen=True, slots=True)
class Evidence:
    """What credibility is judged by: who says it, who denies it, and the best certainty in which it is told."""

    told_by: tuple[IndependentSource, ...]
    denied_by: tuple[IndependentSource, ...]
    certainty: Certainty

    @property
    def reliable(self) -> bool:
        return any(source.grade in RELIABLE for source in self.told_by)

    @property
    def outweighed(self) -> bool:
        """Do those who deny it weigh more than those who tell it?"""
        return weight(self.denied_by) > weight(self.told_by)


Row = tuple[int, str, Callable[[Evidence], bool]]

CREDIBILITY: tuple[Row, ...] = (
    (5, "improbable: denied by sources that weigh more", lambda e: e.outweighed),
    (4, "doubtful: denied by another source", lambda e: bool(e.denied_by)),
    (5, "improbable: nobody tells it any more", lambda e: not e.told_by),
    (1, "confirmed by independent sources, a reliable one among them", lambda e: len(e.told_by) > 1 and e.reliable),
    (2, "probably true: independent sources agree", lambda e: len(e.told_by) > 1),
    (2, "probably true: an authority or a witness says so", lambda e: e.certainty is Certainty.OBSERVED),
    (4, "doubtful: one source, and it hedges", lambda e: e.certainty in (Certainty.POSSIBLE, Certainty.UNLIKELY)),
    (3, "possibly true: one reliable source", lambda e: e.reliable),
    (6, "cannot be judged: one source of unknown or low reliability", lambda _: True),
)
"""Admiralty figure, its reason, when it holds; the first that holds."""


def credibility(evidence: Evidence) -> tuple[int, str]:
    """The figure from 1 to 6, and why."""
    return next((figure, reason) for figure, reason, holds in CREDIBILITY if holds(evidence))
