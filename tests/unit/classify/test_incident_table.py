"""What the worker remembers of incidents: as it was written, by host state, the oldest forgotten."""

import datetime as dt
from typing import Any

import pytest

from services.classify.adapters import incidents
from services.classify.adapters.incidents import IncidentTable, ToldTable
from services.classify.core.correlation import memory
from services.classify.core.correlation.correlate import claim_of
from services.classify.core.correlation.fold import build
from services.classify.core.correlation.matching import Windows
from services.classify.core.correlation.withdrawals import KEPT, Told
from services.contracts import ids
from services.contracts.codec import decode, encode
from services.contracts.incident import Incident
from tests.unit.classify.reports import DAY, PUBLISHED, report

WINDOWS = Windows(merge=dt.timedelta(hours=36), alert=dt.timedelta(hours=72))


class Tables:
    """Stands for the Faust application: tables that count what is written, as their changelogs would."""

    def __init__(self) -> None:
        self.written: list[bytes] = []

    def Table(self, *_: object, **__: object) -> dict[bytes, bytes]:
        tables = self

        class Table(dict[bytes, bytes]):
            @property
            def data(self) -> dict[bytes, bytes]:
                return self

            def __setitem__(self, key: bytes, value: bytes) -> None:
                tables.written.append(key)
                super().__setitem__(key, value)

        return Table()


def incident(outlet: str, days: int = 0) -> Incident:
    told = report(outlet, date=DAY + dt.timedelta(days=days))
    return build(ids.incident_id(told.report_id), (claim_of(told, WINDOWS, PUBLISHED),))


@pytest.fixture
def app() -> Any:
    return Tables()


def test_what_was_put_is_what_the_table_would_decode(app: Any) -> None:
    table, one = IncidentTable(app, 4), incident("one")
    table.put("IQ", PUBLISHED, [one])
    assert table.candidates("IQ") == [one] == [decode(encode(one), Incident)]
    assert table.find(one.incident_id) == one
    assert (table.candidates("IR"), table.find(incident("two").incident_id)) == ([], None)


def test_another_worker_finds_it(app: Any) -> None:
    """The tables as a recovery fills them, under a table that has decoded other bytes before."""
    table, one = IncidentTable(app, 4), incident("one")
    table.put("IQ", PUBLISHED, [one])
    later = one.model_copy(update={"revision": 2})
    table._incidents[one.incident_id.encode()] = encode(later)
    assert table.candidates("IQ") == [later]
    table._places[b"IQ"] = incidents.known_row({})
    assert table.candidates("IQ") == []


def test_the_clock_is_the_newest_moment(app: Any) -> None:
    table, hour = IncidentTable(app, 4), dt.timedelta(hours=1)
    assert table.clock("IQ", PUBLISHED) == PUBLISHED
    table.put("IQ", PUBLISHED, [])
    assert table.clock("IQ", PUBLISHED - hour) == PUBLISHED
    assert table.clock("IQ", PUBLISHED + hour) == PUBLISHED + hour
    table.put("IQ", None, [incident("one")])
    assert table.clock("IQ", PUBLISHED - hour) == PUBLISHED


def test_only_what_changed_is_written(app: Any) -> None:
    table, one = IncidentTable(app, 4), incident("one")
    table.put("IQ", PUBLISHED, [one])
    assert app.written == [one.incident_id.encode(), b"IQ", b"IQ clock"]
    table.put("IQ", PUBLISHED, [one.model_copy(update={"revision": 2})])
    assert app.written[3:] == [one.incident_id.encode()]


def test_the_oldest_are_forgotten(app: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "REMEMBERED", 2)
    table = IncidentTable(app, 4)
    oldest, old, new = incident("a", 0), incident("b", 1), incident("c", 2)
    for each in (new, oldest, old):
        table.put("IQ", PUBLISHED, [each])
    assert table.candidates("IQ") == [old, new]
    assert table.find(oldest.incident_id) is None


def test_articles_of_long_ago_are_forgotten_while_others_come(app: Any) -> None:
    table = ToldTable(app, 4)
    articles = [ids.article_id(ids.FeedId("feed"), str(number)) for number in range(200)]
    for number, article in enumerate(articles):
        fetched = PUBLISHED + dt.timedelta(days=number)
        said = report().model_copy(update={"article_id": article, "fetched_at": fetched})
        table.put(article, Told(revision=1, said=(said,)), fetched)
    held = [article for article in articles if table.get(article)]
    assert set(articles[-KEPT.days :]) <= set(held)
    assert len(held) <= 2 * KEPT.days
