"""A verdict becomes a row that `chancery evaluate` reads."""

import json

from services.classify.core.correlation.correlate import correlate
from services.classify.core.correlation.matching import Windows
from services.classify.core.scoring.gold import GoldDocument, from_row
from services.classify.core.scoring.labelled import gold_row
from services.contracts.article import Article
from services.contracts.feedback import Feedback, Verdict
from services.contracts.incident import Incident
from tests.unit.classify.reports import PUBLISHED, WINDOWS, report


def _incident(windows: Windows) -> Incident:
    (incident,) = correlate([], report(), PUBLISHED, windows, PUBLISHED).remember
    return incident


ARTICLE = Article(
    article_id=report().article_id,
    source=report().source,
    title="Rockets",
    text="Rockets hit the US embassy in Baghdad.",
    published_at=PUBLISHED,
    fetched_at=PUBLISHED,
)


def _gold(verdict: Verdict) -> GoldDocument:
    incident = _incident(WINDOWS)
    given = Feedback(
        incident_id=incident.incident_id, revision=1, verdict=verdict, why="known", author="ana", given_at=PUBLISHED
    )
    row = json.loads(json.dumps(gold_row(given, incident, ARTICLE)))
    return from_row(row, text_field="text", published_field="date", states={}, number=1)


def test_a_confirmed_incident_is_to_be_read_again() -> None:
    gold = _gold(Verdict.CONFIRMED)
    assert (gold.alerts, len(gold.incidents), gold.article.title) == (1, 1, "Rockets")
    assert set(gold.incidents[0].slots) >= {"host_state", "sending_state", "city", "date"}


def test_a_false_alarm_is_a_negative_case() -> None:
    gold = _gold(Verdict.FALSE_ALARM)
    assert (gold.alerts, gold.alert, gold.incidents) == (0, False, ())
