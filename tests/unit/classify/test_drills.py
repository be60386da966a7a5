"""A drill is played on the live topics and meets nothing there: real news and drills leave each other as they are."""

import datetime as dt
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from services.classify.adapters.incidents import IncidentTable
from services.classify.core.chain import Chain, fold_report, fold_verdict, reports_of
from services.classify.core.correlation.correlate import Correlation
from services.contracts import ids
from services.contracts.alert import Alert, ChangeKind
from services.contracts.codec import Undecodable, decode, encode
from services.contracts.feedback import CALLED_OFF_BY, Verdict, verdict_on
from services.contracts.ids import DrillId
from services.contracts.incident import IncidentStatus
from services.contracts.report import Classification, IncidentReport, IncidentType
from tests.contracts.examples import ALERT, ARTICLE, FINDING
from tests.unit.classify.reports import BAGHDAD, CITY_ONLY, DAY, PUBLISHED, STATES, WINDOWS, report
from tests.unit.classify.test_incident_table import Tables

ONE, OTHER = ids.drill_id("baghdad-2020", "1"), ids.drill_id("baghdad-2020", "2")


def of(drill: DrillId | None, outlet: str, **told: Any) -> IncidentReport:
    """A report; the articles of a drill have ids that no other has."""
    return report(f"{outlet}-{drill or 'real'}", **told).model_copy(update={"drill": drill})


_TOLD = st.lists(
    st.builds(
        of,
        drill=st.sampled_from([None, ONE, OTHER]),
        outlet=st.sampled_from(["one", "two", "three"]),
        revision=st.integers(1, 2),
        hours=st.integers(0, 300),
        date=st.sampled_from([DAY, DAY + dt.timedelta(days=1), DAY + dt.timedelta(days=9)]),
        type=st.sampled_from(
            [IncidentType.ROCKET_MORTAR_MISSILE, IncidentType.BOMBING_IED, IncidentType.SECURITY_POSTURE]
        ),
        site=st.sampled_from([BAGHDAD, CITY_ONLY]),
        killed=st.sampled_from([None, 2, 5]),
        denies=st.booleans(),
        withdrawn=st.booleans(),
    ),
    max_size=12,
)

Came = list[tuple[Correlation, list[Alert]]]


def came(records: list[IncidentReport]) -> Came:
    chain = Chain(WINDOWS, STATES)
    return [chain.take_report(each) for each in records]


@given(_TOLD)
def test_each_is_told_as_if_there_were_no_other(records: list[IncidentReport]) -> None:
    """Incidents, alerts and closings, so the clocks too."""
    together = came(records)
    for drill in (None, ONE, OTHER):
        alone = came([each for each in records if each.drill == drill])
        assert [one for each, one in zip(records, together, strict=True) if each.drill == drill] == alone
    for each, (correlation, alerts) in zip(records, together, strict=True):
        assert {incident.drill for incident in correlation.remember} <= {each.drill}
        assert {(alert.incident.drill, alert.exercise) for alert in alerts} <= {(each.drill, each.drill is not None)}


@pytest.mark.parametrize(("first", "second"), [(None, ONE), (ONE, None), (ONE, OTHER)])
def test_the_clock_of_one_closes_nothing_of_the_other(first: DrillId | None, second: DrillId | None) -> None:
    table: Any = IncidentTable(Tables(), 4)  # type: ignore[arg-type]
    (opened,) = fold_report(table, of(first, "one"), WINDOWS, PUBLISHED).remember
    late = of(second, "one", hours=500, date=DAY + dt.timedelta(days=21))
    (apart,) = fold_report(table, late, WINDOWS, PUBLISHED).remember
    assert apart.drill == second
    kept = table.find(opened.incident_id)
    assert (kept.status, kept.revision) == (IncidentStatus.OPEN, 1)
    closing = of(first, "one", hours=501, date=DAY + dt.timedelta(days=21))
    fold_report(table, closing, WINDOWS, PUBLISHED)
    assert table.find(opened.incident_id).status is IncidentStatus.CLOSED, "its own clock does"


def test_a_drill_is_called_off_whatever_was_said_of_it() -> None:
    chain = Chain(WINDOWS, STATES)
    (opened,) = chain.take_report(of(ONE, "one"))[0].remember
    chain.take_report(of(None, "one"))
    confirmed = verdict_on(opened, Verdict.CONFIRMED, why="seen", author="ana", now=PUBLISHED)
    assert confirmed.drill == ONE
    (stood,) = chain.take_verdict(confirmed)[0].remember
    over = verdict_on(
        stood, Verdict.FALSE_ALARM, why="the exercise is over", author=CALLED_OFF_BY, now=PUBLISHED + dt.timedelta(1)
    )
    correlation, (alert,) = chain.take_verdict(over)
    assert (alert.change, alert.reason, alert.exercise) == (ChangeKind.RETRACTED, "the exercise is over", True)
    assert [each.status for each in correlation.remember] == [IncidentStatus.RETRACTED]
    assert {each.drill: each.status for each in chain.incidents} == {
        ONE: IncidentStatus.RETRACTED,
        None: IncidentStatus.OPEN,
    }


def test_a_verdict_leaves_the_incident_where_it_is_remembered() -> None:
    table: Any = IncidentTable(Tables(), 4)  # type: ignore[arg-type]
    (opened,) = fold_report(table, of(ONE, "one"), WINDOWS, PUBLISHED).remember
    fold_verdict(table, verdict_on(opened, Verdict.CONFIRMED, why="seen", author="ana", now=PUBLISHED))
    assert table.candidates("IQ") == []
    assert fold_report(table, of(ONE, "two"), WINDOWS, PUBLISHED).reason == "joins"


def test_an_alert_of_a_drill_that_does_not_say_so_is_no_alert() -> None:
    drilled = ALERT.incident.model_copy(update={"drill": ONE})
    with pytest.raises(ValidationError, match="is an exercise"):
        ALERT.model_validate(ALERT.model_dump() | {"incident": drilled.model_dump()})
    with pytest.raises(Undecodable, match="is an exercise"):
        decode(encode(ALERT.model_copy(update={"incident": drilled})), Alert)


def test_reports_are_of_the_drill_of_their_article() -> None:
    said = Classification(id="1", language="fr", ruleset_version="test", reports=(FINDING,))
    for drill in (None, ONE):
        article = ARTICLE.model_copy(update={"drill": drill})
        assert [each.drill for each in reports_of(article, said, PUBLISHED)] == [drill]


@pytest.mark.parametrize("drill", ["", "clock", "drill_", "IQ", "drill_" + "1" * 26])
def test_a_drill_has_an_id_that_names_no_other_row(drill: str) -> None:
    """Its host state and id name rows of the worker's table."""
    with pytest.raises(ValidationError):
        ARTICLE.model_validate(ARTICLE.model_dump() | {"drill": drill})
