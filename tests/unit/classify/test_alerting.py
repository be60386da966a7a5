"""Which revisions are told, why, and in what words."""

import datetime as dt

import pytest
from babel import Locale

from services.classify.core.correlation.alerting import told
from services.classify.core.correlation.correlate import is_recent
from services.classify.core.correlation.headline import headline, site_words
from services.contracts.alert import ChangeKind, Urgency
from services.contracts.feedback import Verdict
from services.contracts.incident import IncidentStatus
from services.contracts.report import (
    Count,
    IncidentReport,
    IncidentType,
    Severity,
    Site,
    SiteKind,
)
from tests.unit.classify.reports import (
    BAGHDAD,
    DAY,
    ERBIL,
    POSTURE,
    PUBLISHED,
    STATES,
    WINDOWS,
    changes,
    report,
    run,
    verdict,
)


def test_one_report_is_one_incident_and_one_alert() -> None:
    incidents, (alert,) = run([report()])
    assert len(incidents) == 1
    assert alert.change is ChangeKind.OPENED
    assert alert.urgency is Urgency.IMMEDIATE
    assert alert.headline == (
        "Rocket, mortar or missile fire at the embassy of the United States in Baghdad, Iraq, 20 December 2020"
    )


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


@pytest.mark.parametrize("days", [2, 400, 20_000])
def test_what_has_not_happened_yet_is_not_told(days: int) -> None:
    future = dt.timedelta(days=days)
    each = report(date=DAY + future, watermark=PUBLISHED + future)
    assert run([each])[1] == []


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


def test_a_posture_after_a_false_alarm_is_told() -> None:
    incidents, _ = run([report()])
    (one,) = incidents.values()
    closing = report("two", type=IncidentType.SECURITY_POSTURE, severity=Severity.MINOR, hours=3)
    _, alerts = run([report(), verdict(one, Verdict.FALSE_ALARM, 1), closing])
    assert alerts[-1].change is ChangeKind.OPENED


def test_the_headline_says_that_nobody_was_hurt_only_when_someone_says_so() -> None:
    (hurt_unknown,) = run([report()])[0].values()
    (nobody,) = run([report(killed=0)])[0].values()
    assert "nobody" not in headline(hurt_unknown, STATES)
    assert headline(nobody, STATES).endswith("nobody hurt")


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


def test_measures_after_the_attack_add_nothing_to_those_told_before_it() -> None:
    country = Site(kind=SiteKind.EMBASSY, sending_state="US", host_state="IQ")
    before, *after = (report(f"p{n}", hours=n, type=POSTURE, site=BAGHDAD if n == 3 else country) for n in (0, 2, 3))
    incidents, alerts = run([before, report("one", hours=1), *after])
    assert changes(alerts) == [ChangeKind.OPENED, ChangeKind.OPENED]
    assert sorted(len(incident.claims) for incident in incidents.values()) == [1, 3]


def test_a_closure_is_told_though_a_demonstration_was() -> None:
    march = report("one", type=IncidentType.PEACEFUL_PROTEST_BLOCKADE, severity=Severity.MINOR)
    assert changes(run([march, report("two", hours=1, type=POSTURE)])[1]) == [ChangeKind.OPENED, ChangeKind.OPENED]


def test_a_toll_that_an_edit_takes_out_is_told() -> None:
    _, alerts = run([report("one", killed=12), report("two", hours=1), report("one", revision=2, hours=2)])
    assert alerts[-1].change is ChangeKind.CASUALTIES_REVISED
    assert alerts[-1].reason == "casualties revised: killed 12 (one) → unknown (one)"


def test_a_denials_severity_hides_no_escalation() -> None:
    denial = report("two", hours=1, denies=True, severity=Severity.EXTREME)
    records = [report("one", severity=Severity.MODERATE), denial, report("three", hours=2, severity=Severity.EXTREME)]
    assert changes(run(records)[1]) == [ChangeKind.OPENED, ChangeKind.ESCALATED]


def test_a_second_source_is_told_once_though_an_article_that_quotes_both_makes_them_one_between() -> None:
    """The third quotes both agencies, so the first two may have one source; the fourth is a second one again."""
    quoted = [("AFP",), ("Reuters",), ("AFP", "Reuters"), ()]
    incidents, alerts = run([report(f"outlet{n}", hours=n, says=says) for n, says in enumerate(quoted)])
    assert changes(alerts) == [ChangeKind.OPENED, ChangeKind.CORROBORATED]
    assert next(iter(incidents.values())).independent_sources == 2


@pytest.mark.parametrize(("old", "told_of"), [(True, 0), (False, 1)])
def test_old_news_of_a_feed_that_woke_up_late_is_remembered_untold(old: bool, told_of: int) -> None:
    """By the clock of its host state, where it has one: alone, a feed's own clock is all there is (docs/adr/0003)."""
    late = report("late", hours=-24 * 30, date=DAY - dt.timedelta(days=30), site=ERBIL)
    incidents, alerts = run([*([report()] if old else []), late])
    assert sum(alert.incident.site == ERBIL for alert in alerts) == told_of
    assert [incident.status for incident in incidents.values() if incident.site == ERBIL] == [
        IncidentStatus.CLOSED if old else IncidentStatus.OPEN
    ]


@pytest.mark.parametrize(("kind", "told_of"), [(SiteKind.EMBASSY, 0), (SiteKind.STAFF, 1)])
def test_a_building_is_told_of_when_its_country_is_known(kind: SiteKind, told_of: int) -> None:
    """A report without host state never meets those that name it: both would be told."""
    incidents, alerts = run([report(site=Site(kind=kind, sending_state="US"))])
    assert (len(incidents), len(alerts)) == (1, told_of)
