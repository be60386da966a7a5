"""What order and repetition change of incidents: nothing, but where the tests say why."""

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.contracts import ids
from services.contracts.alert import ChangeKind
from services.contracts.article import Article, Source
from services.contracts.feed import SourceGrade
from services.contracts.report import (
    Certainty,
    IncidentReport,
    IncidentType,
    Severity,
    Site,
    SiteKind,
)
from tests.day import run as day_run
from tests.unit.classify.reports import (
    BAGHDAD,
    DAY,
    ELSEWHERE,
    ERBIL,
    report,
    run,
)

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
