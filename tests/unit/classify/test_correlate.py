"""Reports become incidents: what joins, what opens, and that order and repetition change nothing."""

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.classify.core.correlation.correlate import MANY_CLAIMS, MOST_EDITS
from services.contracts import ids
from services.contracts.alert import ChangeKind
from services.contracts.article import Article, Source
from services.contracts.codec import encode
from services.contracts.feed import SourceGrade
from services.contracts.incident import IncidentStatus
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
from tests.day import run as day_run
from tests.unit.classify.reports import (
    BAGHDAD,
    CITY_ONLY,
    DAY,
    ELSEWHERE,
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


_ASSAULT = [IncidentType.ARMED_ATTACK_SHOOTING, IncidentType.STORMING_INTRUSION, IncidentType.SUICIDE_ATTACK]
_MANY = st.lists(
    st.builds(
        report,
        outlet=st.sampled_from(["one", "two", "three", "four"]),
        text=st.sampled_from([None, "agency copy"]),
        revision=st.integers(1, 3),
        hours=st.integers(0, 20),
        date=st.sampled_from([DAY, DAY + dt.timedelta(days=1)]),
        type=st.sampled_from(_ASSAULT),
        site=st.sampled_from([BAGHDAD, *(BAGHDAD.model_copy(update={unsaid: None}) for unsaid in ("city", "kind"))]),
        killed=st.sampled_from([None, 0, 2, 5]),
        severity=st.sampled_from(list(Severity)),
        certainty=st.sampled_from(list(Certainty)),
    ),
    min_size=1,
    max_size=6,
    unique_by=lambda each: each.record_id,
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


@st.composite
def _days_of_attacks(draw: st.DrawFn) -> list[list[IncidentReport]]:
    """The tellings of each attack: at one of three missions, on its own day, told from that noon on for a day."""
    places = st.tuples(st.sampled_from([BAGHDAD, ERBIL, ELSEWHERE]), st.integers(0, 2))
    attacks = draw(st.lists(places, min_size=1, max_size=5, unique_by=lambda place: (place[0].site_key, place[1])))
    return [
        [
            report(
                f"{number}-{telling}",
                site=site,
                date=DAY + dt.timedelta(days=day),
                hours=day * 24 - 14 + later,
                type=kind,
            )
            for telling, (later, kind) in enumerate([(0, _ASSAULT[0]), *draw(_LATER)])
        ]
        for number, (site, day) in enumerate(attacks)
    ]


_LATER = st.lists(st.tuples(st.integers(0, 24), st.sampled_from(_ASSAULT)), max_size=3)


@given(_days_of_attacks(), st.data())
def test_attacks_stay_apart_day_by_day_in_any_order_of_their_tellings(
    attacks: list[list[IncidentReport]], data: st.DataObject
) -> None:
    """After the first telling of each, for only that shows that an attack is older than the next day. Where a later
    one comes first, the attack may as well be of the night between: see below."""
    later = [each for tellings in attacks for each in tellings[1:]]
    firsts = data.draw(st.permutations([tellings[0] for tellings in attacks]))
    rest = data.draw(st.permutations(later + data.draw(st.lists(st.sampled_from(later or firsts), max_size=3))))
    incidents, alerts = run([*firsts, *rest])
    told_of = {frozenset(claim.report_id for claim in incident.claims) for incident in incidents.values()}
    assert told_of == {frozenset(each.report_id for each in tellings) for tellings in attacks}
    assert len({alert.alert_id for alert in alerts if alert.change is ChangeKind.OPENED}) == len(attacks)


_YESTERDAYS = [report("first", hours=-14), report("second", hours=12)]
_TODAYS = report("today", date=DAY + dt.timedelta(days=1), hours=12)
_SPEECH = report("speech", date=DAY + dt.timedelta(days=1), hours=12, spoken=True)
_ROCKET, _GUNMEN = report("rocket"), report("gunmen", type=IncidentType.ARMED_ATTACK_SHOOTING)
_CROWD = report("crowd", type=IncidentType.VIOLENT_PROTEST)


@pytest.mark.parametrize(
    ("records", "apart"),
    [
        ([*_YESTERDAYS, _TODAYS], {"first second", "today"}),
        ([_TODAYS, *_YESTERDAYS], {"first second", "today"}),
        # On the next day people speak of the attack; a day that may be theirs is not the day of another.
        ([*_YESTERDAYS, _SPEECH], {"first second speech"}),
        # What was told first has not come: an attack told on the next day alone may have been at midnight.
        ([_YESTERDAYS[1], _TODAYS, _YESTERDAYS[0]], {"first second today"}),
        # Gunmen may have fired the rocket or come with the crowd; nobody can say which.
        ([_ROCKET, _GUNMEN, _CROWD], {"rocket gunmen", "crowd"}),
        ([_CROWD, _GUNMEN, _ROCKET], {"crowd gunmen", "rocket"}),
    ],
)
def test_where_order_matters(records: list[IncidentReport], apart: set[str]) -> None:
    """An incident that was told is never torn apart or merged with another one that was: who was told of two attacks,
    or of one, has acted on it. So what could be of either stays where the order of arrival put it (docs/adr/0002)."""
    incidents, _ = run(records)
    together = {frozenset(claim.source.name for claim in incident.claims) for incident in incidents.values()}
    assert together == {frozenset(names.split()) for names in apart}


@pytest.mark.parametrize(
    ("text", "another"),
    [
        ("Three rockets hit the US embassy in Baghdad on Tuesday, police said. Four people were killed.", True),
        ("On Tuesday, rockets hit the US embassy in Baghdad.", True),
        ("Rockets hit the US embassy in Baghdad overnight, officials said on Tuesday.", True),
        ("Rockets hit the US embassy in Baghdad, the military said on Tuesday. One guard was killed.", False),
        ("The toll of the rocket attack on the US embassy in Baghdad rose to three on Tuesday, police said.", False),
        ("Police arrested two men on Tuesday over the rocket attack on the US embassy in Baghdad.", False),
        ("A guard wounded when rockets hit the US embassy in Baghdad died on Tuesday, a hospital said.", False),
        ("A militia claimed responsibility on Tuesday for firing rockets at the US embassy in Baghdad.", False),
        ("Des roquettes ont visé l'ambassade américaine à Bagdad, a annoncé mardi l'armée irakienne.", False),
    ],
)
def test_a_second_attack_on_the_next_day_is_another_and_talk_of_the_first_is_not(text: str, another: bool) -> None:
    """As read from the texts; the first attack was told on Monday morning."""
    memory = day_run.Memory()
    monday = dt.datetime(2024, 3, 4, 8, tzinfo=dt.UTC)
    for number, told in enumerate(["Two rockets hit the US embassy in Baghdad on Monday, police said.", text]):
        source = Source(
            feed_id=ids.feed_id(f"https://{number}.example/rss"), name=f"outlet {number}", grade=SourceGrade.C
        )
        at = monday + dt.timedelta(hours=26 * number)
        article = Article(
            article_id=ids.article_id(source.feed_id, "1"),
            source=source,
            title="",
            text=told,
            published_at=at,
            fetched_at=at,
            watermark_at=at,
        )
        for each in day_run.reports_from(memory, article):
            day_run.take(memory, each)
    assert len(memory.all_incidents()) == 1 + another


def test_an_undated_report_joins_the_attack_of_its_own_day() -> None:
    undated = report("undated", date=None, hours=13)
    incidents, _ = run([*_YESTERDAYS, _TODAYS, undated])
    today = max(incidents.values(), key=lambda incident: str(incident.date))
    assert [claim.source.name for claim in today.claims] == ["today", "undated"]


def test_a_midnight_west_of_greenwich_is_later() -> None:
    """Told at 22:00 UTC: in Baghdad hardly before the next day, in Lima at five in the afternoon."""
    lima = Site(kind=SiteKind.EMBASSY, sending_state="MX", host_state="PE", city="Lima", lon=-77.0)
    next_day = DAY + dt.timedelta(days=1)
    assert len(run([report(site=lima), report("two", hours=20, site=lima, date=next_day)])[0]) == 2
    baghdad = BAGHDAD.model_copy(update={"lon": 44.4})
    assert len(run([report(site=baghdad), report("two", hours=20, site=baghdad, date=next_day)])[0]) == 1


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
