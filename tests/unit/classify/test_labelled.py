"""A verdict becomes a row that `chancery evaluate` reads."""

import json
from collections.abc import Mapping, Sequence

from services.classify.core.scoring.gold import GoldDocument, OneOf, from_row
from services.classify.core.scoring.labelled import gold_row
from services.contracts.article import Article
from services.contracts.feedback import Verdict
from services.contracts.incident import Incident
from services.contracts.report import Site, SiteKind, Standing
from tests.unit.classify.reports import BAGHDAD, PUBLISHED, report, run, verdict

ARTICLE = Article(
    article_id=report().article_id,
    source=report().source,
    title="Rockets",
    text="Rockets hit the US embassy in Baghdad.",
    published_at=PUBLISHED,
    fetched_at=PUBLISHED,
)


_LIMA = Site(kind=SiteKind.EMBASSY, sending_state="FR", host_state="PE", city="Lima")


def _incident(site: Site = BAGHDAD, standing: Standing = Standing.NEW) -> Incident:
    """As the article tells it, or another one before it where it tells of it as background."""
    telling = report(site=site, standing=standing)
    reports = [report("other", site=site), telling] if standing is Standing.BACKGROUND else [telling]
    (incident,) = run(reports)[0].values()
    return incident


def _row(verdicts: Mapping[Verdict, Incident], unjudged: Sequence[Incident] = ()) -> Mapping[str, object] | None:
    given = {
        incident.incident_id: verdict(incident, what).model_copy(update={"author": "ana"})
        for what, incident in verdicts.items()
    }
    return gold_row(ARTICLE, [*verdicts.values(), *unjudged], given)


def _gold(verdicts: Mapping[Verdict, Incident], unjudged: Sequence[Incident] = ()) -> GoldDocument:
    row = json.loads(json.dumps(_row(verdicts, unjudged)))
    return from_row(row, text_field="text", published_field="date", states={}, number=1)


def test_a_confirmed_incident_is_to_be_read_again() -> None:
    gold = _gold({Verdict.CONFIRMED: _incident()})
    assert (gold.alerts, len(gold.incidents), gold.article.title) == (1, 1, "Rockets")
    assert set(gold.incidents[0].slots) >= {"host_state", "sending_state", "city", "date"}


def test_a_false_alarm_is_a_negative_case() -> None:
    gold = _gold({Verdict.FALSE_ALARM: _incident()})
    assert (gold.alerts, gold.alert, gold.incidents) == (0, False, ())


def test_of_two_incidents_in_one_article_each_has_its_own_verdict() -> None:
    gold = _gold({Verdict.CONFIRMED: _incident(), Verdict.FALSE_ALARM: _incident(_LIMA)})
    assert (gold.alerts, [incident.slots["host_state"] for incident in gold.incidents]) == (
        1,
        [OneOf(frozenset({"IQ"}))],
    )


def test_what_nobody_judged_leaves_open_how_many_alerts_there_should_be() -> None:
    gold = _gold({Verdict.CONFIRMED: _incident()}, unjudged=[_incident(_LIMA)])
    assert (gold.alerts, gold.alert, len(gold.incidents)) == (None, True, 1)
    assert _row({Verdict.FALSE_ALARM: _incident()}, unjudged=[_incident(_LIMA)]) is None


def test_what_the_article_tells_as_background_needs_no_verdict() -> None:
    past = _incident(_LIMA, Standing.BACKGROUND)
    assert _gold({Verdict.CONFIRMED: _incident()}, unjudged=[past]).alerts == 1
    assert _gold({Verdict.CONFIRMED: past}).alerts == 0
