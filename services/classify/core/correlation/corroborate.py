"""How many independent sources tell of an incident. Agency copy carried by forty outlets is one source."""

from collections.abc import Sequence

from services.classify.core.correlation.fingerprint import distance
from services.contracts.incident import SourceClaim

NEAR_COPY_BITS = 12
"""Hamming distance of two 64-bit fingerprints up to which two texts are taken for copies of one. Texts of one
agency report with small edits were 0 to 7 bits apart, other tellings of the same event 32 and more
(tests/unit/classify/test_corroborate.py holds pairs of each)."""


def groups(claims: Sequence[SourceClaim]) -> list[list[SourceClaim]]:
    """The claims by independent source, in the order of their first claim: same feed or near-copy is one source."""
    found: list[list[SourceClaim]] = []
    for claim in claims:
        for group in found:
            if any(_same_source(claim, other) for other in group):
                group.append(claim)
                break
        else:
            found.append([claim])
    return found


def _same_source(one: SourceClaim, other: SourceClaim) -> bool:
    return (
        one.source.feed_id == other.source.feed_id
        or distance(one.text_fingerprint, other.text_fingerprint) <= NEAR_COPY_BITS
    )
