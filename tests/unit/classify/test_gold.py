"""Rows of gold: what each field becomes, and how a row that cannot be used is refused."""

import datetime as dt
from typing import Any

import pytest

from services.classify.core.scoring.gold import (
    Days,
    GoldDocument,
    GoldError,
    GoldIncident,
    Many,
    Named,
    OneOf,
    Silent,
    from_case,
    from_row,
)

STATES = {"peru": "PE", "chile": "CL"}


def row(**fields: Any) -> GoldDocument:
    return from_row(
        {"id": "a", "text": "Text.", **fields}, text_field="text", published_field="date", states=STATES, number=7
    )


def incident(**fields: Any) -> GoldIncident:
    (one,) = row(label_any_incident=True, incidents=[{"type": "BOMBING", **fields}]).incidents
    return one


@pytest.mark.parametrize(
    ("labels", "any_incident", "certain", "broad", "alert"),
    [
        ({"label_any_incident": True}, True, None, None, None),
        ({"label_any_incident": True, "label_any_incident_optional": True}, None, None, None, None),
        ({"label_diplomatic": True}, None, True, True, None),
        ({"label_diplomatic": True, "label_diplomatic_optional": True}, None, None, None, None),
        ({"label_diplomatic": False}, None, False, False, False),
        ({"label_diplomatic": False, "label_diplomatic_broad": True}, None, None, True, None),
    ],
)
def test_labels_and_what_they_leave_out(
    labels: dict[str, bool], any_incident: bool | None, certain: bool | None, broad: bool | None, alert: bool | None
) -> None:
    gold = row(**labels)
    assert (gold.any_incident, gold.diplomatic, gold.broad, gold.alert) == (any_incident, certain, broad, alert)


@pytest.mark.parametrize(
    ("fields", "slot", "wanted"),
    [
        ({"country": "PERU"}, "host_state", OneOf(frozenset({"PE"}))),
        ({}, "host_state", Silent()),
        ({"country": "PERU", "location": "PERU: LIMA (CITY)", "city": "LIMA"}, "city", Named(frozenset({"LIMA"}))),
        ({"country": "PERU", "location": "PERU"}, "city", Silent()),
        ({"country": "PERU", "location": "PERU: JUNIN (DEPARTMENT)"}, "city", None),
        (
            {"location": "PERU: HUARAZ (CITY) - LIMA (CITY)", "city": "HUARAZ"},
            "city",
            Named(frozenset({"HUARAZ", "LIMA"})),
        ),
        ({"date": "1990-01-05"}, "date", Days(dt.date(1990, 1, 5), dt.date(1990, 1, 5))),
        (
            {"date_earliest": "1990-01-05", "date_latest": "1990-01-06"},
            "date",
            Days(dt.date(1990, 1, 5), dt.date(1990, 1, 6)),
        ),
        ({"date_latest": "1990-01-06"}, "date", Days(None, dt.date(1990, 1, 6))),
        ({}, "date", Silent()),
        ({"killed": {"low": 3, "high": 3, "stated": True}}, "killed", Many(3, 3)),
        ({"killed": {"low": None, "high": None, "stated": False}}, "killed", Silent()),
        ({"killed": {"low": None, "high": None, "stated": True}}, "killed", None),
        ({}, "wounded", None),
    ],
)
def test_fields_become_slots(fields: dict[str, Any], slot: str, wanted: object) -> None:
    assert incident(**fields).slots.get(slot) == wanted


def test_a_threat_may_be_told_as_a_threat() -> None:
    done, threatened = incident().slots["type"], incident(stage="THREATENED").slots["type"]
    assert isinstance(done, OneOf)
    assert isinstance(threatened, OneOf)
    assert "bombing_ied" in done.values & threatened.values
    assert "threat_hoax_suspect_item" in threatened.values - done.values


def test_words_not_known_here_leave_their_slot_open_and_are_named() -> None:
    gold = row(label_any_incident=True, incidents=[{"type": "ROBBERY", "country": "ATLANTIS"}])
    assert gold.unscored == ("type ROBBERY", "country ATLANTIS")
    assert not {"type", "host_state"} & set(gold.incidents[0].slots)


@pytest.mark.parametrize(
    ("value", "moment"),
    [
        ("2020-12-21", dt.datetime(2020, 12, 21, 12, tzinfo=dt.UTC)),
        ("2020-12-21T08:00:00+01:00", dt.datetime(2020, 12, 21, 7, tzinfo=dt.UTC)),
        ("2020-12-21T08:00:00", dt.datetime(2020, 12, 21, 8, tzinfo=dt.UTC)),
        (None, None),
    ],
)
def test_the_day_of_publication(value: str | None, moment: dt.datetime | None) -> None:
    assert row(label_any_incident=True, date=value).article.published_at == moment


@pytest.mark.parametrize(
    ("case", "alert", "alerts"),
    [
        ({"alerts": 2}, True, 2),
        ({"alerts": 0}, False, 0),
        ({"kind": "negative"}, False, 0),
        ({"kind": "negative", "alerts": 1}, True, 1),
        ({"kind": "in_the_wild", "report": [{"alertable": True}]}, True, None),
        ({"kind": "in_the_wild", "report": [{"type": "bombing_ied"}]}, None, None),
    ],
)
def test_whether_a_golden_case_alerts(case: dict[str, Any], alert: bool | None, alerts: int | None) -> None:
    gold = from_case({"name": "a", "text": "Text.", **case}, "fr")
    assert (gold.language, gold.alert, gold.alerts) == ("fr", alert, alerts)


def test_an_expectation_in_a_row_is_a_golden_case() -> None:
    report = {"type": ["bombing_ied", "suicide_attack"], "city": "Kabul", "date": "None", "killed": [80], "wounded": 3}
    gold = row(expect={"alerts": 1, "reports": [report]}, lang="en")
    assert (gold.alert, gold.complete, gold.language) == (True, False, "en")
    assert gold.incidents == (
        GoldIncident(
            "bombing_ied/suicide_attack",
            {
                "type": OneOf(frozenset({"bombing_ied", "suicide_attack"})),
                "city": Named(frozenset({"Kabul"})),
                "date": Silent(),
                "killed": Many(80, None),
                "wounded": Many(3, 3),
            },
        ),
    )


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({}, "has neither labels"),
        ({"label_any_incident": True, "text": None}, "text: is missing"),
        ({"label_any_incident": True, "text": 5}, "text: must be a string, not 5"),
        ({"label_any_incident": True, "date": "yesterday"}, "date: 'yesterday' is no ISO date"),
        ({"label_any_incident": "yes"}, "label_any_incident: "),
        ({"label_any_incident": True, "incidents": [{}]}, "incidents.0.type: "),
        (
            {"label_any_incident": True, "incidents": [{"type": "ARSON", "killed": {"low": -1}}]},
            "incidents.0.killed.low: ",
        ),
        ({"label_any_incident": True, "incidents": [{"type": "ARSON", "date": "soon"}]}, "incidents.0.date: "),
        ({"expect": {"report": [{"typ": "bombing_ied"}]}}, "expect.report.0.typ: no such field"),
        ({"expect": {"report": [{"killed": "many"}]}}, "expect.report.0.killed: must be a number"),
        ({"expect": {"report": [{"date": "soon"}]}}, "expect.report.0.date: 'soon' is no ISO date"),
        ({"expect": {"alert": 1}}, "expect.alert: "),
    ],
)
def test_a_row_that_cannot_be_used_names_the_field(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(GoldError) as raised:
        row(**fields)
    assert str(raised.value).startswith(message)


@pytest.mark.parametrize(
    ("report", "complaint"),
    [
        ({"type": "nonsense"}, "expect.report.0.type: 'nonsense' is none of rocket_mortar_missile, "),
        ({"type": ["arson_incendiary", 5]}, "expect.report.0.type: 5 is none of"),
        ({"standing": "newish"}, "expect.report.0.standing: 'newish' is none of new, update, background"),
        ({"relation": "near"}, "expect.report.0.relation: 'near' is none of on_site"),
        ({"kind": "castle"}, "expect.report.0.kind: 'castle' is none of embassy"),
        ({"host_state": "Iraq"}, "expect.report.0.host_state: 'Iraq' is no ISO 3166 alpha-2 code"),
        ({"sending_state": ["US", "usa"]}, "expect.report.0.sending_state: 'usa' is no ISO 3166 alpha-2 code"),
        ({"city": 5}, "expect.report.0.city: must be a name, not 5"),
        ({"killed": [5, 1]}, "expect.report.0.killed: [5, 1] runs backwards"),
        ({"killed": []}, "expect.report.0.killed: must be a number or"),
        ({"killed": [1, 2, 3]}, "expect.report.0.killed: must be a number or"),
        ({"killed": -1}, "expect.report.0.killed: must be a number or"),
        ({"wounded": True}, "expect.report.0.wounded: must be a number or"),
        ({"alertable": "yes"}, "expect.report.0.alertable: must be true or false, not 'yes'"),
    ],
)
def test_a_value_that_can_never_be_told_is_a_slip_and_no_miss(report: dict[str, Any], complaint: str) -> None:
    with pytest.raises(GoldError) as caught:
        row(expect={"report": [report]})
    assert str(caught.value).startswith(complaint)


def test_labels_and_kinds_that_cannot_be_right_are_refused() -> None:
    with pytest.raises(GoldError, match=r"incidents\.0\.killed: .*from 5 to 1 runs backwards"):
        incident(killed={"low": 5, "high": 1})
    with pytest.raises(GoldError, match=r"^expect\.kind: "):
        row(expect={"kind": "negativ"})


@pytest.mark.parametrize(
    ("killed", "wanted"), [(3, Many(3, 3)), ([3], Many(3, None)), ([0, None], Many(0, None)), ([1, 2], Many(1, 2))]
)
def test_counts_of_an_expected_report(killed: object, wanted: Many) -> None:
    (one,) = row(expect={"report": [{"killed": killed}]}).incidents
    assert one.slots["killed"] == wanted
