"""Reports become incidents: what joins, what opens, what is told, and that order and repetition change nothing."""

import datetime as dt
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.classify.core.correlation.alerting import alert_for, headline, told
from services.classify.core.correlation.correlate import Correlation, Windows, correlate, is_recent
from services.contracts.alert import Alert, ChangeKind, Urgency
from services.contracts.incident import Incident
from services.contracts.report import (
    Certainty,
    Count,
    IncidentReport,
    IncidentType,
    Relation,
    Severity,
    Site,
    SiteKind,
    Standing,
)
from tests.unit.classify.reports import BAGHDAD, DAY, PUBLISHED, report

WINDOWS = Windows(merge=dt.timedelta(hours=36), alert=dt.timedelta(hours=72))
NOW = PUBLISHED + dt.timedelta(minutes=5)
STATES = {"US": "United States", "IQ": "Iraq"}
ERBIL = BAGHDAD.model_copy(update={"kind": SiteKind.CONSULATE, "city": "Erbil"})
CITY_ONLY = Site(host_state="IQ", city="Baghdad")


def run(reports: Iterable[IncidentReport]) -> tuple[dict[str, Incident], list[Alert]]:
    """All incidents after the reports, and the alerts on the way."""
    incidents: dict[str, Incident] = {}
    alerts = []
    for each in reports:
        result = correlate(incidents.values(), each, WINDOWS, NOW)
        if result.current is None or result.after is None:
            continue
        incidents[result.current.incident_id] = result.current
        if alert := alert_for(result.before, result.after, STATES):
            alerts.append(alert)
    return incidents, alerts


def test_one_report_is_one_incident_and_one_alert() -> None:
    incidents, (alert,) = run([report()])
    assert len(incidents) == 1
    assert alert.change is ChangeKind.OPENED
    assert alert.urgency is Urgency.IMMEDIATE
    assert alert.headline == (
        "Rocket, mortar or missile fire at the embassy of the United States in Baghdad, Iraq, 20 December 2020"
    )


@pytest.mark.parametrize(
    ("second", "joins"),
    [
        (report("two"), True),
        (report("two", date=DAY + dt.timedelta(days=1)), True),  # after midnight there
        (report("two", date=DAY + dt.timedelta(days=3)), False),
        (report("two", date=DAY - dt.timedelta(days=33)), False),
        (report("two", date=None), True),
        (report("two", date=None, hours=24 * 9), False),
        (report("two", site=ERBIL), False),
        (report("two", site=CITY_ONLY), True),
        (report("two", site=BAGHDAD.model_copy(update={"sending_state": "GB"})), False),
        (report("two", site=BAGHDAD.model_copy(update={"kind": SiteKind.DIPLOMATIC_QUARTER})), True),
        (report("two", type=IncidentType.SUICIDE_ATTACK), True),
        (report("two", type=IncidentType.ARMED_ATTACK_SHOOTING), True),
        (report("two", type=IncidentType.PEACEFUL_PROTEST_BLOCKADE), False),
        (report("two", type=IncidentType.SECURITY_POSTURE), False),
        (report("two", site=CITY_ONLY, date=None), False),
        (report("two", site=Site(host_state="IQ"), relation=Relation.NONE), False),
        (report("two", standing=Standing.BACKGROUND, alertable=False), True),
        (report("two", standing=Standing.BACKGROUND, alertable=False, date=None), False),
    ],
)
def test_what_joins(second: IncidentReport, joins: bool) -> None:
    incidents, _ = run([report(), second])
    most = max(len(incident.claims) for incident in incidents.values())
    assert (most == 2) is joins


def test_a_vague_report_joins_nothing_when_two_incidents_fit() -> None:
    two = [report(), report("two", site=BAGHDAD.model_copy(update={"sending_state": "GB"}))]
    incidents, _ = run([*two, report("three", site=CITY_ONLY)])
    assert sorted(len(incident.claims) for incident in incidents.values()) == [1, 1, 1]


@pytest.mark.parametrize(
    "quiet",
    [
        report(standing=Standing.BACKGROUND, alertable=False),
        report(relation=Relation.NONE, alertable=False),
    ],
)
def test_what_opens_nothing(quiet: IncidentReport) -> None:
    assert run([quiet]) == ({}, [])


def test_agency_copy_is_one_source_and_one_alert() -> None:
    incidents, alerts = run([report(f"outlet{n}", text="the agency's words") for n in range(40)])
    (incident,) = incidents.values()
    assert len(incident.claims) == 40
    assert incident.independent_sources == 1
    assert [alert.change for alert in alerts] == [ChangeKind.OPENED]


def test_a_second_source_a_toll_and_a_worse_night_are_told_once_each() -> None:
    _, alerts = run(
        [
            report("one", killed=0),
            report("two", hours=1),
            report("three", hours=2),
            report("four", hours=3, killed=2),
            report("five", hours=4, killed=2, severity=Severity.EXTREME),
            report("six", hours=5, killed=1),
        ]
    )
    assert [(alert.change, alert.incident.revision) for alert in alerts] == [
        (ChangeKind.OPENED, 1),
        (ChangeKind.CORROBORATED, 2),
        (ChangeKind.CASUALTIES_REVISED, 4),
        (ChangeKind.ESCALATED, 5),
        (ChangeKind.CASUALTIES_REVISED, 6),
    ]
    assert alerts[2].reason == "casualties revised: killed 0 → 2"
    assert alerts[-1].incident.killed == Count(low=1, high=1)


def test_an_edited_article_replaces_what_it_said() -> None:
    incidents, _ = run([report(killed=3), report(killed=1, revision=2)])
    (incident,) = incidents.values()
    assert incident.killed == Count(low=1, high=1)
    assert incident.independent_sources == 1


def test_a_repeated_report_yields_the_alert_it_yielded() -> None:
    """A crash between the table and the alert: the redelivered report finds itself in the table and tells again."""
    first, second, third = report("one"), report("two", hours=1), report("three", hours=2)
    _, alerts = run([first, second, third])
    _, again = run([first, second, third, second])
    assert again[:-1] == alerts
    assert again[-1] == alerts[1]


def test_a_repeated_report_leaves_the_newest_incident_standing() -> None:
    incidents, _ = run([report("one"), report("two", hours=1)])
    result = correlate(incidents.values(), report("one"), WINDOWS, NOW)
    assert result == Correlation("seen before", next(iter(incidents.values())), None, result.after)
    assert result.after is not None
    assert result.after.revision == 1


_MANY = st.lists(
    st.builds(
        report,
        outlet=st.sampled_from(["one", "two", "three", "four"]),
        text=st.sampled_from([None, "agency copy"]),
        hours=st.integers(0, 20),
        killed=st.sampled_from([None, 0, 2, 5]),
        severity=st.sampled_from(list(Severity)),
        certainty=st.sampled_from(list(Certainty)),
    ),
    min_size=1,
    max_size=6,
    unique_by=lambda each: each.report_id,
)


@given(_MANY, st.data())
def test_order_and_repetition_do_not_change_what_an_incident_says(
    reports: list[IncidentReport], data: st.DataObject
) -> None:
    """All that is merged is equal. The id, the revision and the ledger are not: they tell which report came first
    and which last."""
    shuffled = data.draw(st.permutations(reports + data.draw(st.lists(st.sampled_from(reports), max_size=3))))
    (one,) = run(reports)[0].values()
    (other,) = run(shuffled)[0].values()
    told_by_order = {"incident_id", "revision", "ledger", "claims"}
    assert one.model_dump(exclude=told_by_order) == other.model_dump(exclude=told_by_order)
    assert {claim.report_id for claim in one.claims} == {claim.report_id for claim in other.claims}


@pytest.mark.parametrize(
    ("each", "recent"),
    [
        (report(), True),
        (report(watermark=PUBLISHED + dt.timedelta(days=3)), True),
        (report(watermark=PUBLISHED + dt.timedelta(days=5)), False),
        (report(date=DAY - dt.timedelta(days=4)), False),
        (report(date=None), True),
        (report(date=None, dated=False), True),
        (report(date=None, dated=False, backlog=True), False),
    ],
)
def test_recent_is_by_the_feeds_own_clock(each: IncidentReport, recent: bool) -> None:
    assert is_recent(each, WINDOWS.alert) is recent


def test_an_incident_that_opened_untold_is_told_by_the_first_tellable_report() -> None:
    incidents, alerts = run([report("one", alertable=False), report("two", hours=1)])
    (incident,) = incidents.values()
    assert told(incident)
    assert [(alert.change, alert.incident.revision) for alert in alerts] == [(ChangeKind.OPENED, 2)]


def test_the_headline_says_that_nobody_was_hurt_only_when_someone_says_so() -> None:
    (hurt_unknown,) = run([report()])[0].values()
    (nobody,) = run([report(killed=0)])[0].values()
    assert "nobody" not in headline(hurt_unknown, STATES)
    assert headline(nobody, STATES).endswith("nobody hurt")
