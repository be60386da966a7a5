"""Severity and certainty: two scales, each with the reasons that made it, both read from tables."""

from collections.abc import Sequence
from typing import TypeVar

from services.classify.core.taxonomy import TAXONOMY
from services.contracts.report import Certainty, Count, IncidentType, Outcome, Relation, Severity

S = TypeVar("S")
_SEVERITIES = (Severity.MINOR, Severity.MODERATE, Severity.SEVERE, Severity.EXTREME)
_CERTAINTIES = (Certainty.UNLIKELY, Certainty.POSSIBLE, Certainty.LIKELY, Certainty.OBSERVED)

_RELATION_STEPS: dict[Relation, tuple[int, str]] = {
    Relation.ON_SITE: (0, "on site"),
    Relation.STAFF: (0, "against staff"),
    Relation.CONVOY: (0, "against a convoy"),
    Relation.PERIMETER: (0, "at the perimeter"),
    Relation.VICINITY: (-1, "only in the vicinity"),
    Relation.NONE: (-1, "no diplomatic target"),
}
_OUTCOME_STEPS: dict[Outcome, tuple[int, str]] = {
    Outcome.HIT: (0, ""),
    Outcome.CLAIMED: (0, ""),
    Outcome.INTERCEPTED: (-1, "intercepted"),
    Outcome.FOILED: (-1, "foiled"),
    Outcome.THREATENED: (-2, "only threatened"),
}
_FLOORS: tuple[tuple[str, int, Severity], ...] = (
    ("dead", 5, Severity.EXTREME),
    ("dead", 1, Severity.SEVERE),
    ("wounded", 5, Severity.SEVERE),
    ("wounded", 1, Severity.MODERATE),
)
"""Who, at least how many, and the least that makes it; the first row that holds."""

_TOLD_AS_A_FACT = Certainty.LIKELY
_OBSERVED_BY: dict[str, str] = {
    "official": "an authority says so",
    "witness": "witnesses say so",
    "claimed": "claimed by its authors",
}
"""Who makes it observed."""
_DOUBTS: dict[str, int] = {"hedged": -1, "denied": -2}


def severity_of(
    kind: IncidentType, relation: Relation, outcome: Outcome, killed: Count | None, wounded: Count | None
) -> tuple[Severity, tuple[str, ...]]:
    """CAP severity: the type's own, moved by relation and outcome, raised by the dead and wounded."""
    taxon = TAXONOMY[kind]
    level = _SEVERITIES.index(taxon.severity)
    reasons = [f"{kind.value} starts at {taxon.severity.value}"]
    for step, reason in (_RELATION_STEPS[relation], _OUTCOME_STEPS[outcome]):
        if step:
            level += step
            reasons.append(f"{reason}: {step:+d}")
    harmed = {"dead": killed.low if killed else 0, "wounded": wounded.low if wounded else 0}
    for who, at_least, floor in _FLOORS:
        if harmed[who] >= at_least:
            level = max(level, _SEVERITIES.index(floor))
            reasons.append(f"{harmed[who]} or more {who}: at least {floor.value}")
            break
    return _on_scale(_SEVERITIES, level), tuple(reasons)


def certainty_of(
    source_kinds: Sequence[str], hedges: Sequence[str], denied: bool, claimed: bool
) -> tuple[Certainty, tuple[str, ...]]:
    """CAP certainty: likely as told; observed when an authority or a witness says so; less when hedged or denied."""
    level = _CERTAINTIES.index(_TOLD_AS_A_FACT)
    reasons = ["told as a fact"]
    said_by = {*source_kinds, *(["claimed"] if claimed else [])}
    for who, reason in _OBSERVED_BY.items():
        if who in said_by:
            level = _CERTAINTIES.index(Certainty.OBSERVED)
            reasons.append(reason)
    if hedges:
        level += _DOUBTS["hedged"]
        reasons.append(f"hedged: {hedges[0]}")
    if denied:
        level += _DOUBTS["denied"]
        reasons.append("denied by somebody")
    return _on_scale(_CERTAINTIES, level), tuple(reasons)


def _on_scale(scale: Sequence[S], level: int) -> S:
    return scale[max(0, min(level, len(scale) - 1))]
