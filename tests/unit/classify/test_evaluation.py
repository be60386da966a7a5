"""How readings are held against gold: verdicts, matching, measures, sums."""

import datetime as dt
from typing import Any

import pytest

from services.classify.core.reading.article import ArticleText, Explanation, Rejection
from services.classify.core.reading.rules import Rules
from services.classify.core.scoring.evaluation import Told, Verdict, judge, match, verdict
from services.classify.core.scoring.gold import Days, GoldDocument, GoldIncident, Many, Named, OneOf, Silent, Wanted
from services.classify.core.scoring.tally import EVERY, Ratio, count, slot_ratio
from services.contracts.report import (
    Certainty,
    Classification,
    Count,
    DatePrecision,
    Finding,
    GuardVerdict,
    IncidentType,
    Outcome,
    Relation,
    Severity,
    Site,
    SiteKind,
    Standing,
)

DAY = dt.date(1990, 1, 5)


def finding(**fields: Any) -> Finding:
    """A report of a bombing in Lima on `DAY` with nobody counted; `fields` change it."""
    base: dict[str, Any] = {
        "standing": Standing.NEW,
        "type": IncidentType.BOMBING_IED,
        "outcome": Outcome.HIT,
        "relation": Relation.NONE,
        "date": DAY,
        "date_precision": DatePrecision.DAY,
        "site": Site(host_state="PE", city="Lima"),
        "severity": Severity.SEVERE,
        "certainty": Certainty.LIKELY,
        "alertable": False,
    }
    return Finding(**(base | fields))


def wanted(label: str = "BOMBING", *, optional: bool = False, **slots: Wanted) -> GoldIncident:
    base: dict[str, Wanted] = {
        "type": OneOf(frozenset({"bombing_ied"})),
        "host_state": OneOf(frozenset({"PE"})),
        "city": Named(frozenset({"LIMA"})),
        "date": Days(DAY, DAY),
        "killed": Silent(),
        "wounded": Silent(),
    }
    return GoldIncident(label, base | slots, optional)


def gold(*incidents: GoldIncident, **fields: Any) -> GoldDocument:
    base: dict[str, Any] = {
        "article": ArticleText(id="a", text=""),
        "language": "en",
        "incidents": incidents,
        "complete": True,
    }
    return GoldDocument(**(base | fields))


def reading(*findings: Finding, rejected: tuple[Rejection, ...] = ()) -> Explanation:
    return Explanation(Classification(id="a", language="en", ruleset_version="1", reports=findings), rejected)


MONTH = (dt.date(1990, 1, 1), dt.date(1990, 1, 31))
YEAR = (dt.date(1990, 1, 1), dt.date(1990, 12, 31))


@pytest.mark.parametrize(
    ("told", "sought", "value"),
    [
        ("bombing_ied", OneOf(frozenset({"bombing_ied", "suicide_attack"})), Verdict.RIGHT),
        ("arson_incendiary", OneOf(frozenset({"bombing_ied"})), Verdict.WRONG),
        (None, OneOf(frozenset({"PE"})), Verdict.MISSED),
        ("PE", Silent(), Verdict.SPURIOUS),
        (None, Silent(), None),
        ("Bogotá", Named(frozenset({"BOGOTA"})), Verdict.RIGHT),
        ("Kyiv", Named(frozenset({"Kiev"})), Verdict.RIGHT),
        ("Lima", Named(frozenset({"BOGOTA"})), Verdict.WRONG),
        ((DAY, DAY), Days(DAY, DAY), Verdict.RIGHT),
        (MONTH, Days(DAY, DAY), Verdict.RIGHT),
        (YEAR, Days(DAY, DAY), Verdict.WRONG),
        ((DAY, DAY), Days(dt.date(1990, 1, 6), dt.date(1990, 1, 9)), Verdict.WRONG),
        (None, Days(None, DAY), None),
        ((DAY, DAY), Days(None, DAY), None),
        ((dt.date(1990, 1, 6), dt.date(1990, 1, 6)), Days(None, DAY), Verdict.WRONG),
        (Count(low=3, high=3), Many(3, 3), Verdict.RIGHT),
        (Count(low=3, high=None), Many(3, 3), Verdict.RIGHT),
        (Count(low=2, high=4), Many(3, 3), Verdict.WRONG),
        (Count(low=5, high=5), Many(2, None), Verdict.RIGHT),
        (Count(low=1, high=1), Many(2, None), Verdict.WRONG),
        (Count(low=9, high=9), Many(None, 15), Verdict.RIGHT),
        (Count(low=0, high=0), Silent(), None),
        (Count(low=1, high=1), Silent(), Verdict.SPURIOUS),
    ],
)
def test_what_a_slot_is_worth(rules: Rules, told: Told, sought: Wanted, value: Verdict | None) -> None:
    assert verdict(told, sought, rules.gazetteer) is value


def test_reports_go_to_the_incident_they_agree_with_most(rules: Rules) -> None:
    arson = finding(type=IncidentType.ARSON_INCENDIARY)
    incidents = [wanted(), wanted("ARSON", type=OneOf(frozenset({"arson_incendiary"})))]
    assert match(incidents, [arson, finding()], rules.gazetteer) == {0: 1, 1: 0}
    assert match(incidents, [arson], rules.gazetteer) == {1: 0}


def test_of_equal_pairs_the_one_that_contradicts_less_and_then_the_required(rules: Rules) -> None:
    elsewhere = finding(site=Site(host_state="PE", city="Cusco"))
    unplaced = finding(site=Site(host_state="PE"))
    assert match([wanted()], [elsewhere, unplaced], rules.gazetteer) == {0: 1}
    assert match([wanted(optional=True), wanted()], [finding()], rules.gazetteer) == {1: 0}


def test_to_share_the_country_alone_makes_no_pair(rules: Rules) -> None:
    other = finding(type=IncidentType.KIDNAP_HOSTAGE, date=None, site=Site(host_state="PE"))
    assert match([wanted()], [other], rules.gazetteer) == {}


def test_slots_of_pairs_and_of_what_stands_alone(rules: Rules) -> None:
    first = wanted(killed=Many(2, 2))
    lonely = wanted("KIDNAPPING", type=OneOf(frozenset({"kidnap_hostage"})), city=Silent(), date=Days(None, DAY))
    stray = finding(type=IncidentType.VIOLENT_PROTEST, date=None, site=Site(host_state="CL"))
    evaluation = count([judge(gold(first, lonely, any_incident=True), reading(finding(), stray), rules.gazetteer)])
    paired, every = evaluation.paired[EVERY], evaluation.all[EVERY]
    assert paired["type"] == {Verdict.RIGHT: 1}
    assert every["type"] == {Verdict.RIGHT: 1, Verdict.MISSED: 1, Verdict.SPURIOUS: 1}
    assert paired["killed"] == {Verdict.MISSED: 1}
    assert slot_ratio(every["host_state"]) == Ratio(right=1, told=2, wanted=2)
    assert "city" in every
    assert Verdict.MISSED not in every["city"]
    assert evaluation.labels == {"BOMBING": {True: 1}, "KIDNAPPING": {False: 1}}
    assert evaluation.types == {"bombing_ied": {True: 1}, "violent_protest": {False: 1}}


def test_a_report_of_an_optional_incident_counts_neither_way(rules: Rules) -> None:
    judgement = judge(gold(wanted(optional=True), any_incident=True), reading(finding()), rules.gazetteer)
    assert judgement.slots == ()
    assert judgement.labels == ()


def test_other_reports_are_no_mistake_where_the_gold_is_not_complete(rules: Rules) -> None:
    stray = finding(type=IncidentType.VIOLENT_PROTEST, date=None)
    document = gold(wanted(), any_incident=True, complete=False)
    judgement = judge(document, reading(finding(), stray), rules.gazetteer)
    assert {one.verdict for one in judgement.slots} == {Verdict.RIGHT}
    assert judgement.exact == (1, 1)


@pytest.mark.parametrize(
    ("fields", "certain", "broad", "alert"),
    [
        ({}, False, False, False),
        ({"relation": Relation.ON_SITE}, False, False, False),
        ({"relation": Relation.ON_SITE, "kind": SiteKind.EMBASSY}, True, True, False),
        ({"relation": Relation.VICINITY, "kind": SiteKind.EMBASSY}, False, True, False),
        ({"relation": Relation.STAFF, "kind": SiteKind.STAFF, "alertable": True}, True, True, True),
    ],
)
def test_what_a_reading_answers(rules: Rules, fields: dict[str, Any], certain: bool, broad: bool, alert: bool) -> None:
    site = Site(kind=fields.pop("kind", None), host_state="PE")
    document = gold(any_incident=False, diplomatic=False, broad=False, alert=False)
    answers = judge(document, reading(finding(site=site, **fields)), rules.gazetteer).answers
    assert answers == {
        "any_incident": (False, True),
        "diplomatic": (False, certain),
        "diplomatic_broad": (False, broad),
        "alert": (False, alert),
    }


def test_a_miss_is_explained_by_the_gates_that_spoke(rules: Rules) -> None:
    gate = GuardVerdict(name="drill", reason="is about a drill or an exercise", quote="exercise")
    missed = judge(gold(any_incident=True), reading(rejected=(Rejection("bomb", 4, 8, (gate,)),)), rules.gazetteer)
    assert missed.why == ("rejected 'bomb' at 4: drill is about a drill or an exercise ('exercise')",)
    assert judge(gold(any_incident=True), reading(), rules.gazetteer).why[0].startswith("gate trigger")


def test_sums_by_language(rules: Rules) -> None:
    hit = reading(finding())
    documents = [
        (gold(any_incident=True, language="en"), hit),
        (gold(any_incident=True, language="fr"), reading()),
        (gold(any_incident=False, language="fr"), hit),
        (gold(any_incident=False, language="fr"), reading()),
        (gold(language="fr"), hit),
    ]
    evaluation = count(judge(document, told, rules.gazetteer) for document, told in documents)
    every, french = (evaluation.answers[language]["any_incident"] for language in (EVERY, "fr"))
    assert every.ratio == Ratio(right=1, told=2, wanted=2)
    assert (every.documents, every.false_alarms, every.negatives, every.false_alarms_per_1000) == (4, 1, 2, 250)
    assert (french.ratio.precision, french.ratio.recall, french.ratio.f1) == (0, 0, 0)
    assert evaluation.documents == {EVERY: 5, "en": 1, "fr": 4}
    assert Ratio(0, 0, 0).f1 is None


def test_alerts_over_the_expected_number(rules: Rules) -> None:
    alertable = finding(alertable=True)
    document = gold(alert=True, alerts=1, complete=False)
    assert judge(document, reading(alertable, alertable), rules.gazetteer).extra_alerts == 1
