"""What an edited article no longer says is taken back, for as long as what it said is remembered."""

import datetime as dt
from collections.abc import Iterator, MutableMapping, Sequence
from itertools import islice

from pydantic import TypeAdapter

from services.contracts.article import Article
from services.contracts.ids import ArticleId
from services.contracts.model import Instant, Value
from services.contracts.report import IncidentReport, Relation

KEPT = dt.timedelta(days=7)
"""For how long after its last revision an article can take back what it said. Incidents close sooner, and a row is kept
for every article that tells of an attack on anybody of a mission."""
_LOOKED_AT = 2


class Told(Value):
    """What an article's newest revision said at diplomatic sites, and what it took back of the one before.

    Both without evidence. The latter is kept so that a revision read twice takes back the same twice.
    """

    revision: int
    said: tuple[IncidentReport, ...]
    withdrew: tuple[IncidentReport, ...] = ()


_TOLD = TypeAdapter(Told)


def is_over(told: Told, now: Instant) -> bool:
    """Whether no edit that is fetched `now` takes back any more what an article told."""
    newest = max((report.fetched_at for report in (*told.said, *told.withdrew)), default=now)
    return now - newest > KEPT


class ToldRows:
    """What articles told, a row of bytes each: as objects they would take five times the memory.

    `rows` is a dict, or a table that others can read. Rows whose time is over leave `store`, which is what lies under
    such a table, a few whenever one is written: they come and go at the same pace, and nothing ever waits for it.
    """

    def __init__(self, rows: MutableMapping[bytes, bytes], store: MutableMapping[bytes, bytes] | None = None) -> None:
        self._rows = rows
        self._store = rows if store is None else store
        self._round: Iterator[bytes] = iter(())

    def get(self, article_id: ArticleId) -> Told | None:
        value = self._rows.get(article_id.encode())
        return None if value is None else _TOLD.validate_json(value)

    def put(self, article_id: ArticleId, told: Told, now: Instant) -> None:
        """Remember what an article that was fetched `now` told."""
        self._rows[article_id.encode()] = _TOLD.dump_json(told)
        looked_at = list(islice(self._round, _LOOKED_AT))
        if not looked_at:
            self._round = iter(list(self._store))
        for key in looked_at:
            row = self._store.get(key)
            if row is not None and is_over(_TOLD.validate_json(row), now):
                del self._store[key]


def after_reading(known: Told | None, article: Article, reports: Sequence[IncidentReport], now: Instant) -> Told | None:
    """What to remember of an article once it was read as `reports`; None while there is nothing.

    What is over counts for nothing, forgotten or not yet. A revision older than the known one changes nothing. `now`
    goes into the time ledger and decides nothing.
    """
    said = tuple(_slim(report) for report in reports if report.finding.relation is not Relation.NONE)
    if known is None or is_over(known, article.fetched_at):
        return Told(revision=article.revision, said=said) if said else None
    if article.revision < known.revision:
        return known
    if article.revision == known.revision:
        return Told(revision=known.revision, said=said, withdrew=known.withdrew)
    still = {report.report_id for report in said}
    gone = [report for report in known.said if report.report_id not in still]
    return Told(
        revision=article.revision, said=said, withdrew=tuple(_withdrawn(report, article, now) for report in gone)
    )


def _slim(report: IncidentReport) -> IncidentReport:
    return report.model_copy(update={"finding": report.finding.model_copy(update={"evidence": {}})})


def _withdrawn(report: IncidentReport, article: Article, now: Instant) -> IncidentReport:
    return report.model_copy(
        update={
            "withdrawn": True,
            "article_revision": article.revision,
            "published_at": article.published_at,
            "fetched_at": article.fetched_at,
            "watermark_at": article.watermark_at,
            "reported_at": now,
        }
    )
