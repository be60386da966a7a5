"""Copies of one text are near in fingerprint, different tellings are far."""

import pytest

from services.classify.core.correlation.corroborate import NEAR_COPY_BITS
from services.classify.core.correlation.fingerprint import distance, fingerprint

ORIGINAL = (
    "At least three rockets landed near the American embassy in Baghdad on Sunday evening, a security official said. "
    "The rockets fell inside the fortified Green Zone, where sirens sounded and a defence system opened fire. "
    "Two more struck residential streets across the river. Nobody was reported hurt, though cars and a building were "
    "damaged. No group said it had fired them. Attacks of this kind have become frequent since October of last year, "
    "and Washington blames armed factions close to Iran. The prime minister ordered an inquiry and the army closed the "
    "bridges into the zone for some hours."
)


@pytest.mark.parametrize(
    "copy",
    [
        ORIGINAL,
        ORIGINAL.upper(),
        "BAGHDAD (Agency) - " + ORIGINAL,
        ORIGINAL + " (Reporting by the Baghdad bureau)",
        ORIGINAL.replace("Sunday evening", "Sunday night"),
        ORIGINAL.replace(
            " The prime minister ordered an inquiry and the army closed the bridges into the zone for some hours.", ""
        ),
    ],
)
def test_copies_are_near(copy: str) -> None:
    assert distance(fingerprint(ORIGINAL), fingerprint(copy)) <= NEAR_COPY_BITS


@pytest.mark.parametrize(
    "other",
    [
        "Sirens wailed over the Iraqi capital late on Sunday as rockets flew towards the United States mission. A "
        "witness saw red flares climb above the river and heard five blasts, then rapid gunfire from the compound. "
        "Iraqi forces spoke of damage to parked cars and of no casualties at all. By midnight the streets were calm.",
        "Eight rockets were aimed at the Green Zone, the Iraqi military said in a statement, and a soldier at a post "
        "was wounded. The embassy asked Iraqi leaders to hold those responsible to account and said its compound had "
        "taken minor damage. It was the third such attack since factions announced a truce.",
        "",
    ],
)
def test_other_tellings_are_far(other: str) -> None:
    assert distance(fingerprint(ORIGINAL), fingerprint(other)) > NEAR_COPY_BITS
