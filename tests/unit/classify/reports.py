"""Reports for the tests of correlation, made from few words."""

import datetime as dt
import hashlib

from services.contracts import ids
from services.contracts.article import Source
from services.contracts.feed import SourceGrade
from services.contracts.report import (
    Certainty,
    Count,
    DatePrecision,
    Finding,
    GuardVerdict,
    IncidentReport,
    IncidentType,
    Outcome,
    Relation,
    Severity,
    Site,
    SiteKind,
    Standing,
)

DAY = dt.date(2020, 12, 20)
PUBLISHED = dt.datetime(2020, 12, 20, 22, tzinfo=dt.UTC)
BAGHDAD = Site(kind=SiteKind.EMBASSY, sending_state="US", host_state="IQ", city="Baghdad")


def report(
    outlet: str = "one",
    *,
    text: str | None = None,
    revision: int = 1,
    hours: float = 0,
    type: IncidentType = IncidentType.ROCKET_MORTAR_MISSILE,  # noqa: A002 - the contract's name
    date: dt.date | None = DAY,
    site: Site | None = BAGHDAD,
    relation: Relation = Relation.ON_SITE,
    standing: Standing = Standing.NEW,
    killed: int | None = None,
    severity: Severity = Severity.SEVERE,
    certainty: Certainty = Certainty.LIKELY,
    alertable: bool = True,
    backlog: bool = False,
    watermark: dt.datetime | None = None,
    dated: bool = True,
    grade: SourceGrade = SourceGrade.F,
    says: tuple[str, ...] = (),
    denies: bool = False,
    withdrawn: bool = False,
) -> IncidentReport:
    """`text` stands for the wording: equal texts are agency copy. `hours` after `PUBLISHED` it was published."""
    published = PUBLISHED + dt.timedelta(hours=hours)
    feed = ids.feed_id(f"https://{outlet}.example/rss")
    article = ids.article_id(feed, f"{outlet}-{type}-{date}")
    finding = Finding(
        standing=standing,
        type=type,
        outcome=Outcome.HIT,
        relation=relation,
        date=date,
        date_precision=DatePrecision.DAY if date else DatePrecision.UNKNOWN,
        site=site,
        killed=None if killed is None else Count(low=killed, high=killed),
        severity=severity,
        certainty=certainty,
        alertable=alertable and not denies,
        sources=says,
        guards=(GuardVerdict(name="denial", reason="says that it did not happen"),) if denies else (),
    )
    return IncidentReport(
        report_id=ids.report_id(article, (site or Site()).site_key, type, str(date)),
        article_id=article,
        article_revision=revision,
        source=Source(feed_id=feed, name=outlet, grade=grade),
        language="en",
        ruleset_version="test",
        text_fingerprint=hashlib.sha256((text or outlet).encode()).hexdigest()[:16],
        published_at=published if dated else None,
        fetched_at=published + dt.timedelta(minutes=1),
        watermark_at=watermark or (published if dated else None),
        reported_at=published + dt.timedelta(minutes=2),
        backlog=backlog,
        withdrawn=withdrawn,
        finding=finding,
    )
