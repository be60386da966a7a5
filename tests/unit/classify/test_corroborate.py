"""Whose word an incident rests on: copies of one text are near in fingerprint, one agency is one source."""

import pytest

from services.classify.core.correlation.corroborate import NEAR_COPY_BITS
from services.classify.core.correlation.fingerprint import distance, fingerprint
from services.contracts.alert import ChangeKind
from services.contracts.feed import SourceGrade
from services.contracts.report import (
    Certainty,
    IncidentReport,
)
from tests.unit.classify.reports import (
    changes,
    report,
    run,
)

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


def test_agency_copy_is_one_source_and_one_alert() -> None:
    incidents, alerts = run([report(f"outlet{n}", text="the agency's words") for n in range(40)])
    (incident,) = incidents.values()
    assert len(incident.claims) == 40
    assert incident.independent_sources == 1
    assert [alert.change for alert in alerts] == [ChangeKind.OPENED]


def test_an_agencys_story_is_one_source_in_every_language() -> None:
    incidents, alerts = run(
        [
            report("one", says=("AFP",)),
            report("zwei", hours=1, says=("Nachrichtenagentur AFP",)),
            report("trois", hours=2, says=("l'Agence France-Presse",)),
            report("four", hours=3, says=("وكالة فرانس برس",)),
        ]
    )
    (incident,) = incidents.values()
    assert [source.names for source in incident.sources] == [("four", "one", "trois", "zwei")]
    assert incident.sources[0].reason == "all from AFP"
    assert changes(alerts) == [ChangeKind.OPENED]


@pytest.mark.parametrize(
    ("records", "figure"),
    [
        ([report("one")], 6),
        ([report("one", grade=SourceGrade.B)], 3),
        ([report("one", certainty=Certainty.OBSERVED)], 2),
        ([report("one", certainty=Certainty.POSSIBLE)], 4),
        ([report("one"), report("two")], 2),
        ([report("one"), report("two", grade=SourceGrade.A)], 1),
    ],
)
def test_credibility_is_computed_beside_the_grade(records: list[IncidentReport], figure: int) -> None:
    (incident,) = run(records)[0].values()
    assert incident.credibility == figure
    assert incident.credibility_reason


@pytest.mark.parametrize(
    ("names", "sources"),
    [
        (("BBC News", "BBC Arabic", "بي بي سي عربي"), 1),
        (("DW Español", "Deutsche Welle"), 1),
        (("Reuters: World", "told by Reuters"), 1),  # the agency's own feed, and an outlet that names it
        (("Daily News", "Daily Star"), 2),
        (("RT", "RTL"), 2),
    ],
)
def test_feeds_of_one_house_are_one_source(names: tuple[str, ...], sources: int) -> None:
    reports = [
        each.model_copy(update={"source": each.source.model_copy(update={"name": name})})
        for number, name in enumerate(names)
        for each in [report(f"feed{number}", hours=number, says=("Reuters",) if name.startswith("told") else ())]
    ]
    (incident,) = run(reports)[0].values()
    assert incident.independent_sources == sources
