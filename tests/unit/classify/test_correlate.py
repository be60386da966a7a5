"""Reports become incidents: what joins, what opens, and what stays bounded."""

import datetime as dt

import pytest

from services.classify.core.correlation.correlate import MANY_CLAIMS, MOST_EDITS
from services.contracts.alert import ChangeKind
from services.contracts.codec import encode
from services.contracts.incident import IncidentStatus
from services.contracts.report import (
    Count,
    IncidentReport,
    IncidentType,
    Relation,
    Severity,
    Site,
    SiteKind,
    Standing,
)
from tests.unit.classify.reports import (
    BAGHDAD,
    CITY_ONLY,
    DAY,
    ERBIL,
    HOUR,
    PUBLISHED,
    changes,
    report,
    run,
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


def test_an_edited_article_replaces_what_it_said() -> None:
    incidents, _ = run([report(killed=3), report(killed=1, revision=2)])
    (incident,) = incidents.values()
    assert incident.killed == Count(low=1, high=1)
    assert incident.independent_sources == 1


def test_a_toll_that_an_edit_brings_is_as_new_as_the_edit() -> None:
    """An edited article keeps its publication time, which ours here do too: `fetched` says when the edit came."""
    first, rise = report("one", killed=2), report("two", hours=1, killed=5)
    edited = report("one", killed=7, revision=2).model_copy(update={"fetched_at": PUBLISHED + 2 * HOUR})
    (incident,) = run([first, rise, edited])[0].values()
    assert incident.killed == Count(low=7, high=7)


def test_an_edit_that_is_dated_anew_is_as_new_as_its_date() -> None:
    """However late it is fetched: a drill's articles are, by years."""
    first, rise = report("one", killed=2), report("two", hours=3, killed=7)
    edited = report("one", killed=4, revision=2, hours=1).model_copy(update={"fetched_at": PUBLISHED + 9 * HOUR})
    (incident,) = run([first, edited, rise])[0].values()
    assert incident.killed == Count(low=7, high=7)


def test_an_edit_that_leaves_the_toll_as_it_was_brings_no_old_toll_back() -> None:
    first, rise = report("one", killed=2), report("two", hours=1, killed=5)
    edited = report("one", killed=2, revision=2).model_copy(update={"fetched_at": PUBLISHED + 2 * HOUR})
    (incident,) = run([first, rise, edited])[0].values()
    assert incident.killed == Count(low=5, high=5)


@pytest.mark.parametrize("order", [1, -1])
def test_staff_of_a_mission_and_the_mission_are_one_target_in_one_city(order: int) -> None:
    """A guard stabbed at the gate: staff to one reporter, the consulate to another; the kind told most names it."""
    guard = BAGHDAD.model_copy(update={"kind": SiteKind.STAFF})
    tellings = [report("one", site=guard), report("two", hours=1), report("three", hours=2)]
    (incident,) = run(tellings[::order])[0].values()
    assert incident.site.kind is SiteKind.EMBASSY


@pytest.mark.parametrize("unlike", [{"sending_state": None}, {"city": None}, {"city": "Erbil"}])
def test_staff_of_who_knows_which_mission_are_another_target(unlike: dict[str, str | None]) -> None:
    guard = BAGHDAD.model_copy(update={"kind": SiteKind.STAFF} | unlike)
    assert len(run([report("one"), report("two", hours=1, site=guard)])[0]) == 2


def test_a_repeated_report_yields_the_alert_it_yielded() -> None:
    """A crash between the table and the alert: the redelivered report finds itself in the table and tells again."""
    first, second, third = report("one"), report("two", hours=1), report("three", hours=2)
    _, alerts = run([first, second, third])
    _, again = run([first, second, third, second])
    assert again[:-1] == alerts
    assert again[-1] == alerts[1]


def test_a_repeated_report_leaves_the_newest_incident_standing() -> None:
    incidents, _ = run([report("one"), report("two", hours=1), report("one")])
    (incident,) = incidents.values()
    assert incident.revision == 2


def test_what_lies_ahead_opens_nothing() -> None:
    """Or a feed with dates of years to come fills what is remembered of a host state."""
    assert run([report(date=DAY + dt.timedelta(days=3))]) == ({}, [])


def test_what_the_whole_world_tells_stays_small_and_still_learns() -> None:
    many = [report(f"outlet{n}", hours=n / 1_000) for n in range(MANY_CLAIMS + 50)]
    incidents, alerts = run([*many, report("late", hours=0.9, killed=4)])
    (incident,) = incidents.values()
    assert len(incident.claims) == MANY_CLAIMS + 1
    assert changes(alerts) == [ChangeKind.OPENED, ChangeKind.CORROBORATED, ChangeKind.CASUALTIES_REVISED]
    assert incident.killed == Count(low=4, high=4)


def test_an_article_that_changes_its_mind_to_and_fro_stays_small_and_escalates_once() -> None:
    edits = [
        report("one", revision=n, hours=n / 100, severity=Severity.EXTREME if n % 2 else Severity.SEVERE)
        for n in range(2, 60)
    ]
    incidents, alerts = run([report("one"), *edits])
    (incident,) = incidents.values()
    assert len(incident.claims) == MOST_EDITS + 1
    assert changes(alerts).count(ChangeKind.ESCALATED) == 1
    gone, alerts = run([report("one"), *edits, report("one", revision=60, hours=1, withdrawn=True)])
    assert gone[incident.incident_id].status is IncidentStatus.RETRACTED


@pytest.mark.parametrize(
    "early",
    [
        report("early", hours=-1, denies=True),
        report("early", hours=-1, standing=Standing.BACKGROUND, alertable=False, severity=Severity.EXTREME),
    ],
)
def test_what_came_too_early_to_join_joins_no_more_when_it_comes_again(early: IncidentReport) -> None:
    once, told_once = run([early, report()])
    twice, told_twice = run([early, report(), early, report()])
    assert twice == once
    assert {alert.alert_id for alert in told_twice} == {alert.alert_id for alert in told_once}


@pytest.mark.parametrize(
    ("elsewhere", "joins"),
    [
        (report("two", site=CITY_ONLY, relation=Relation.NONE, type=IncidentType.BOMBING_IED, killed=40), False),
        (report("two", site=CITY_ONLY, relation=Relation.NONE, killed=40, severity=Severity.EXTREME), True),
    ],
)
def test_what_is_told_of_the_city_alone_says_nothing_of_the_toll_at_the_mission(
    elsewhere: IncidentReport, joins: bool
) -> None:
    incidents, _ = run([report(killed=0), elsewhere])
    (incident,) = incidents.values()
    assert (len(incident.claims) == 2) is joins
    assert (incident.killed, incident.severity) == (Count(low=0, high=0), Severity.SEVERE)


def test_an_incident_never_outgrows_a_record() -> None:
    long = "ж" * 1_000
    told = [report(f"outlet{n}", hours=n / 10).model_copy(update={"title": long}) for n in range(25)]
    edits = [
        each.model_copy(update={"article_revision": number, "fetched_at": each.fetched_at + number * HOUR})
        for number in range(2, MOST_EDITS + 1)
        for each in told
    ]
    incidents, _ = run([*told, *edits])
    (incident,) = incidents.values()
    assert 800_000 < len(encode(incident)) < 1_000_000
    withdrawn = [report(f"outlet{n}", revision=99, hours=30, withdrawn=True) for n in range(25)]
    incidents, alerts = run([*told, *edits, *withdrawn, *withdrawn])
    (incident,) = incidents.values()
    assert alerts[-1].change is ChangeKind.RETRACTED
    assert len(encode(incident)) < 1_000_000
