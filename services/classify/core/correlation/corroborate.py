"""Whose word an incident rests on: how many independent sources, how reliable, and how far they can be believed.

Agency copy carried by forty outlets is one source, in whatever language. Reliability is the feed's grade, A to F;
credibility is computed here, 1 to 6: the two scales of the Admiralty system (NATO AJP-2.1), kept apart as there.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from services.classify.core.correlation.fingerprint import distance
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


def groups(claims: Sequence[SourceClaim]) -> list[list[SourceClaim]]:
    """The claims by independent source, each group and all of them in the order given.

    Two claims have one source when their feed is the same, their texts are near-copies, or both name the same agency;
    and so on from claim to claim, so that the order changes nothing.
    """
    found: list[list[SourceClaim]] = []
    for claim in claims:
        same = [group for group in found if any(_shared(claim, other) for other in group)]
        if same:
            merged = [*(one for group in same for one in group), claim]
            found[found.index(same[0])] = merged
            found = [group for group in found if not any(group is other for other in same)]
        else:
            found.append([claim])
    return found


def independent(claims: Sequence[SourceClaim]) -> tuple[IndependentSource, ...]:
    """The independent sources with their working."""
    return tuple(
        IndependentSource(
            names=tuple(sorted({claim.source.name for claim in group})), grade=_grade(group), reason=_reason(group)
        )
        for group in groups(claims)
    )


def _shared(one: SourceClaim, other: SourceClaim) -> str | None:
    """What makes two claims one source, in words; None where they are two."""
    if one.source.feed_id == other.source.feed_id:
        return "the same feed"
    if distance(one.text_fingerprint, other.text_fingerprint) <= NEAR_COPY_BITS:
        return "near-copies of one text"
    common = sorted(set(one.agencies) & set(other.agencies))
    return f"all from {common[0]}" if common else None


def _reason(group: Sequence[SourceClaim]) -> str:
    if len({claim.source.feed_id for claim in group}) == 1:
        return "its own text"
    shared = {_shared(one, other) for one in group for other in group if one.source.feed_id != other.source.feed_id}
    return ", ".join(sorted(reason for reason in shared if reason))


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
