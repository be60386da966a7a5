"""What an edited article no longer says is taken back."""

from collections.abc import Sequence

from services.contracts.article import Article
from services.contracts.model import Instant, Value
from services.contracts.report import IncidentReport, Relation


class Told(Value):
    """What an article's newest revision said at diplomatic sites, and what it took back of the one before.

    Both without evidence. The latter is kept so that a revision read twice takes back the same twice.
    """

    revision: int
    said: tuple[IncidentReport, ...]
    withdrew: tuple[IncidentReport, ...] = ()


def after_reading(known: Told | None, article: Article, reports: Sequence[IncidentReport], now: Instant) -> Told | None:
    """What to remember of an article once it was read as `reports`; None while there is nothing.

    A revision older than the known one changes nothing. `now` goes into the time ledger and decides nothing.
    """
    said = tuple(_slim(report) for report in reports if report.finding.relation is not Relation.NONE)
    if known is None:
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
