"""Reports become incidents: what joins, what opens, what is told, and that order and repetition change nothing."""

import datetime as dt
from collections.abc import Iterable

import pytest
from babel import Locale
from hypothesis import given
from hypothesis import strategies as st

from services.classify.core.correlation.alerting import alert_for, told
from services.classify.core.correlation.correlate import MANY_CLAIMS, MOST_EDITS, clock_of, correlate, is_recent, judge
from services.classify.core.correlation.headline import headline, site_words
from services.classify.core.correlation.matching import Windows
from services.contracts.alert import Alert, ChangeKind, Urgency
from services.contracts.codec import encode
from services.contracts.feed import SourceGrade
from services.contracts.feedback import Feedback, Verdict
from services.contracts.incident import Incident, IncidentStatus
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
HOUR = dt.timedelta(hours=1)
NOW = PUBLISHED + dt.timedelta(minutes=5)
STATES = {"US": "United States", "IQ": "Iraq"}
ERBIL = BAGHDAD.model_copy(update={"kind": SiteKind.CONSULATE, "city": "Erbil"})
CITY_ONLY = Site(host_state="IQ", city="Baghdad")


def run(records: Iterable[IncidentReport | Feedback]) -> tuple[dict[str, Incident], list[Alert]]:
    """All incidents after the records, and the alerts on the way."""
    incidents: dict[str, Incident] = {}
    clock = dt.datetime.min.replace(tzinfo=dt.UTC)
    alerts = []
    for record in records:
        if isinstance(record, Feedback):
            result = judge(incidents.get(record.incident_id), record)
        else:
            clock = max(clock, clock_of(record))
            result = correlate(incidents.values(), record, clock, WINDOWS, NOW)
        incidents |= {incident.incident_id: incident for incident in result.remember}
        alerts += [alert for step in result.revisions if (alert := alert_for(step.before, step.after, STATES))]
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
    assert alerts[2].reason == "casualties revised: killed 0 (one) → 2 (four)"
    assert alerts[-1].incident.killed == Count(low=1, high=1)


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


ELSEWHERE = Site(kind=SiteKind.EMBASSY, sending_state="FR", host_state="IQ", city="Erbil")
POSTURE = IncidentType.SECURITY_POSTURE


def changes(alerts: Iterable[Alert]) -> list[ChangeKind]:
    return [alert.change for alert in alerts]


def verdict(incident: Incident, what: Verdict, hours: float = 0) -> Feedback:
    return Feedback(
        incident_id=incident.incident_id,
        host_state="IQ",
        revision=incident.revision,
        verdict=what,
        why="called the post",
        author="ana",
        given_at=PUBLISHED + hours * HOUR,
    )


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


@pytest.mark.parametrize("days", [2, 400, 20_000])
def test_what_has_not_happened_yet_is_not_told(days: int) -> None:
    future = dt.timedelta(days=days)
    each = report(date=DAY + future, watermark=PUBLISHED + future)
    assert run([each])[1] == []


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


def test_a_posture_after_a_false_alarm_is_told() -> None:
    incidents, _ = run([report()])
    (one,) = incidents.values()
    closing = report("two", type=IncidentType.SECURITY_POSTURE, severity=Severity.MINOR, hours=3)
    _, alerts = run([report(), verdict(one, Verdict.FALSE_ALARM, 1), closing])
    assert alerts[-1].change is ChangeKind.OPENED


def test_type_and_place_grow_exact() -> None:
    vague = report("one", site=BAGHDAD.model_copy(update={"city": None}), type=IncidentType.ARMED_ATTACK_SHOOTING)
    _, alerts = run([vague, report("one", type=IncidentType.SUICIDE_ATTACK, hours=1), report("one", hours=2)])
    assert changes(alerts) == [ChangeKind.OPENED, ChangeKind.TYPE_REFINED]
    _, alerts = run([report("one", site=BAGHDAD.model_copy(update={"city": None})), report("one", hours=1)])
    assert [(alert.change, alert.reason) for alert in alerts[1:]] == [
        (
            ChangeKind.PLACE_REFINED,
            "the place is known better: the embassy of the United States in Baghdad, Iraq",
        )
    ]


@pytest.mark.parametrize(
    ("posture", "silent"),
    [
        (Site(kind=SiteKind.EMBASSY, sending_state="US", host_state="IQ"), True),
        (Site(kind=SiteKind.EMBASSY, host_state="IQ"), True),
        (BAGHDAD, True),
        (Site(kind=SiteKind.EMBASSY, sending_state="GB", host_state="IQ", city="Baghdad"), False),
        (BAGHDAD.model_copy(update={"city": "Basra", "kind": SiteKind.CONSULATE}), False),
    ],
)
def test_a_posture_does_not_repeat_what_a_sites_alert_told(posture: Site, silent: bool) -> None:
    records = [report("one"), *[report(f"p{n}", hours=n, type=POSTURE, site=posture) for n in (1, 2)]]
    incidents, alerts = run(records)
    assert (changes(alerts)[1:] == []) is silent
    assert len(incidents) == 2


def test_a_posture_with_nothing_before_it_is_told() -> None:
    _, alerts = run([report(type=POSTURE)])
    assert changes(alerts) == [ChangeKind.OPENED]


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
    ("code", "words"),
    [
        ("US", "the United States"),
        ("CZ", "Czechia"),
        ("VA", "Vatican City"),
        ("CD", "Congo - Kinshasa"),
        ("PH", "the Philippines"),
    ],
)
def test_a_state_has_an_article_only_where_its_name_in_cldr_takes_one(code: str, words: str) -> None:
    site = Site(host_state=code)
    told_as = site_words(site, dict(Locale("en").territories))
    assert words in told_as
    assert words.startswith("the ") or f"the {words}" not in told_as
