"""Severity and certainty: two scales, each with the reasons that made it, both read from tables."""

from collections.abc import Sequence

from services.classify.core.taxonomy import TAXONOMY
from services.contracts.report import Certainty, Count, IncidentType, Outcome, Relation, Severity

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
_DEAD_FOR_EXTREME = 5
_HURT_FOR_SEVERE = 5


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
    if killed is not None and killed.low > 0:
        floor = 3 if killed.low >= _DEAD_FOR_EXTREME else 2
        if level < floor:
            level = floor
        reasons.append(f"{killed.low} or more dead: at least {_SEVERITIES[floor].value}")
    elif wounded is not None and wounded.low > 0:
        floor = 2 if wounded.low >= _HURT_FOR_SEVERE else 1
        level = max(level, floor)
        reasons.append(f"{wounded.low} or more wounded: at least {_SEVERITIES[floor].value}")
    return _SEVERITIES[max(0, min(level, 3))], tuple(reasons)


def certainty_of(
    source_kinds: Sequence[str], hedges: Sequence[str], denied: bool, claimed: bool
) -> tuple[Certainty, tuple[str, ...]]:
    """CAP certainty: likely as told; observed when an authority or a witness says so; less when hedged or denied."""
    level = 2
    reasons = ["told as a fact"]
    direct = sorted(
        {"official": "an authority says so", "witness": "witnesses say so"}[kind]
        for kind in set(source_kinds) & {"official", "witness"}
    )
    if direct:
        level = 3
        reasons.append(", ".join(direct))
    if claimed:
        reasons.append("claimed by its authors")
        level = 3
    if hedges:
        level -= 1
        reasons.append(f"hedged: {hedges[0]}")
    if denied:
        level -= 2
        reasons.append("denied by somebody")
    return _CERTAINTIES[max(0, min(level, 3))], tuple(reasons)
