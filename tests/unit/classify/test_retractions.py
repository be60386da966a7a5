"""What ends an incident: denials, what is taken back, verdicts, and quiet."""

import datetime as dt

from hypothesis import given
from hypothesis import strategies as st

from services.contracts.alert import ChangeKind
from services.contracts.feed import SourceGrade
from services.contracts.feedback import Verdict
from services.contracts.incident import IncidentStatus
from services.contracts.report import (
    Count,
    IncidentReport,
    Severity,
    Standing,
)
from tests.unit.classify.reports import (
    BAGHDAD,
    DAY,
    ELSEWHERE,
    changes,
    report,
    run,
    verdict,
)

_DENYING = st.lists(
    st.builds(
        report,
        outlet=st.sampled_from(["two", "three", "four", "five"]),
        hours=st.integers(0, 20),
        grade=st.sampled_from(list(SourceGrade)),
        denies=st.booleans(),
    ),
    min_size=1,
    max_size=5,
    unique_by=lambda each: each.report_id,
)


@given(_DENYING, st.data())
def test_denials_weigh_the_same_in_any_order(reports: list[IncidentReport], data: st.DataObject) -> None:
    """After the first report: a denial of what nobody has told yet has nothing to weigh against, and opens nothing."""
    shuffled = data.draw(st.permutations(reports))
    (one,) = run([report("one"), *reports])[0].values()
    (other,) = run([report("one"), *shuffled])[0].values()
    told_by_order = {"ledger", "claims"}
    assert one.model_dump(exclude=told_by_order) == other.model_dump(exclude=told_by_order)


def test_denials_that_outweigh_take_back_and_are_told_once() -> None:
    records = [
        report("one"),
        report("ministry", hours=1, denies=True, grade=SourceGrade.B, standing=Standing.BACKGROUND),
        report("agency", hours=2, denies=True, standing=Standing.BACKGROUND),
    ]
    incidents, alerts = run(records)
    (incident,) = incidents.values()
    assert incident.status is IncidentStatus.RETRACTED
    assert incident.credibility == 5
    assert changes(alerts) == [ChangeKind.OPENED, ChangeKind.RETRACTED]
    assert "denied by sources that weigh more" in alerts[-1].reason
    _, alerts = run([*records, report("two", hours=3, grade=SourceGrade.A)])
    assert changes(alerts)[2:] == [ChangeKind.OPENED]
    assert "told again by two" in alerts[-1].reason


def test_one_denial_against_two_sources_leaves_doubt_only() -> None:
    incidents, alerts = run([report("one"), report("two", hours=1), report("three", hours=2, denies=True)])
    (incident,) = incidents.values()
    assert (incident.status, incident.credibility) == (IncidentStatus.OPEN, 4)
    assert changes(alerts) == [ChangeKind.OPENED, ChangeKind.CORROBORATED]


def test_a_denial_of_what_nobody_told_opens_nothing() -> None:
    assert run([report(denies=True)]) == ({}, [])


def test_what_every_source_took_back_is_retracted() -> None:
    incidents, alerts = run([report("one"), report("one", revision=2, hours=1, withdrawn=True)])
    (incident,) = incidents.values()
    assert (incident.status, incident.credibility) == (IncidentStatus.RETRACTED, 5)
    assert [(alert.change, alert.reason) for alert in alerts[1:]] == [(ChangeKind.RETRACTED, "taken back by one")]


def test_what_one_of_two_sources_took_back_stands_with_the_other() -> None:
    incidents, _ = run([report("one"), report("two", hours=1), report("one", revision=2, hours=2, withdrawn=True)])
    (incident,) = incidents.values()
    assert (incident.status, incident.independent_sources) == (IncidentStatus.OPEN, 1)


def test_taking_back_what_was_never_taken_up_changes_nothing() -> None:
    assert run([report(withdrawn=True)]) == ({}, [])


def test_an_analyst_closes_or_confirms() -> None:
    (incident,) = run([report()])[0].values()
    judged, alerts = run([report(), verdict(incident, Verdict.FALSE_ALARM, 1)])
    assert judged[incident.incident_id].status is IncidentStatus.RETRACTED
    assert alerts[-1].reason == "judged a false alarm by ana: called the post"
    judged, alerts = run([report(), verdict(incident, Verdict.CONFIRMED, 1), report("two", hours=2, denies=True)])
    assert judged[incident.incident_id].status is IncidentStatus.OPEN
    assert judged[incident.incident_id].credibility == 1
    assert changes(alerts) == [ChangeKind.OPENED, ChangeKind.CORROBORATED]


def test_a_verdict_that_comes_again_tells_again() -> None:
    (incident,) = run([report()])[0].values()
    given = verdict(incident, Verdict.FALSE_ALARM, 1)
    judged, alerts = run([report(), given, report("two", hours=2), given])
    assert judged[incident.incident_id].revision == 3
    assert alerts[1] == alerts[-1]


def test_what_happens_after_a_false_alarm_is_another_event() -> None:
    incidents, _ = run([report()])
    (false_alarm,) = incidents.values()
    rejected = verdict(false_alarm, Verdict.FALSE_ALARM, hours=1)
    copy = report("two", hours=2)
    attack = report("three", date=DAY + dt.timedelta(days=1), hours=26, killed=5, severity=Severity.EXTREME)
    incidents, alerts = run([report(), rejected, copy, attack])
    assert [alert.change for alert in alerts] == [ChangeKind.OPENED, ChangeKind.RETRACTED, ChangeKind.OPENED]
    assert alerts[-1].incident.killed == Count(low=5, high=5)
    assert incidents[false_alarm.incident_id].status is IncidentStatus.RETRACTED


def test_two_verdicts_of_one_analyst_on_one_revision_are_two() -> None:
    incidents, _ = run([report()])
    (one,) = incidents.values()
    both = [verdict(one, Verdict.CONFIRMED, 1), verdict(one, Verdict.FALSE_ALARM, 2)]
    _, alerts = run([report(), *both])
    assert alerts[-1].change is ChangeKind.RETRACTED


def test_quiet_in_event_time_closes_and_news_opens_again() -> None:
    first, later = report("one"), report("far", hours=80, date=DAY + dt.timedelta(days=3), site=ELSEWHERE)
    incidents, alerts = run([first, later])
    closed = next(incident for incident in incidents.values() if incident.site == BAGHDAD)
    assert closed.status is IncidentStatus.CLOSED
    assert changes(alerts) == [ChangeKind.OPENED, ChangeKind.OPENED, ChangeKind.CLOSED]
    assert alerts[-1].reason == "nothing new for 72 hours"
    again, _ = run([first, later, report("two", hours=81)])
    assert next(one for one in again.values() if one.site == BAGHDAD).status is IncidentStatus.OPEN


def test_a_late_report_of_before_the_closing_opens_nothing_again() -> None:
    later = report("far", hours=80, date=DAY + dt.timedelta(days=3), site=ELSEWHERE)
    incidents, _ = run([report("one", hours=1), later, report("two")])
    assert next(one for one in incidents.values() if one.site == BAGHDAD).status is IncidentStatus.CLOSED


def test_a_record_that_comes_again_tells_again_what_it_closed() -> None:
    records = [report("one"), report("far", hours=80, date=DAY + dt.timedelta(days=3), site=ELSEWHERE)]
    _, alerts = run(records)
    _, again = run([*records, records[-1]])
    assert again[len(alerts) :] == alerts[1:]


def test_who_confirms_what_was_taken_back_is_named() -> None:
    records = [report("one"), report("ministry", hours=1, denies=True, grade=SourceGrade.B)]
    (incident,) = run(records)[0].values()
    alert = run([*records, verdict(incident, Verdict.CONFIRMED, 2)])[1][-1]
    assert alert.change is ChangeKind.OPENED
    assert alert.reason == "taken back before, and confirmed by ana: called the post"


def test_the_newest_verdict_says_why() -> None:
    """By when it was given: an earlier one may arrive later."""
    (incident,) = run([report()])[0].values()
    newer = verdict(incident, Verdict.FALSE_ALARM, 2)
    older = verdict(incident, Verdict.FALSE_ALARM, 1).model_copy(update={"author": "bo", "why": "heard so"})
    again = verdict(incident, Verdict.CONFIRMED, 0)
    _, alerts = run([report(), again, newer, older])
    assert [alert.reason for alert in alerts if alert.change is ChangeKind.RETRACTED] == [
        "judged a false alarm by ana: called the post"
    ]
