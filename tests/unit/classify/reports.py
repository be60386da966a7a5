"""Reports for the tests of correlation, made from few words, and what they come to."""

import datetime as dt
import hashlib
from collections.abc import Iterable

from services.classify.core.correlation.alerting import alert_for
from services.classify.core.correlation.correlate import clock_of, correlate, judge
from services.classify.core.correlation.matching import Windows
from services.contracts import ids
from services.contracts.alert import Alert, ChangeKind
from services.contracts.article import Source
from services.contracts.feed import SourceGrade
from services.contracts.feedback import Feedback, Verdict
from services.contracts.incident import Incident
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
    Span,
    Standing,
)

DAY = dt.date(2020, 12, 20)
PUBLISHED = dt.datetime(2020, 12, 20, 22, tzinfo=dt.UTC)
BAGHDAD = Site(kind=SiteKind.EMBASSY, sending_state="US", host_state="IQ", city="Baghdad")
WINDOWS = Windows(merge=dt.timedelta(hours=36), alert=dt.timedelta(hours=72))
HOUR = dt.timedelta(hours=1)
NOW = PUBLISHED + dt.timedelta(minutes=5)
STATES = {"US": "United States", "IQ": "Iraq"}
ERBIL = BAGHDAD.model_copy(update={"kind": SiteKind.CONSULATE, "city": "Erbil"})
CITY_ONLY = Site(host_state="IQ", city="Baghdad")
ELSEWHERE = Site(kind=SiteKind.EMBASSY, sending_state="FR", host_state="IQ", city="Erbil")
POSTURE = IncidentType.SECURITY_POSTURE


def report(
    outlet: str = "one",
    *,
    text: str | None = None,
    revision: int = 1,
    hours: float = 0,
    type: IncidentType = IncidentType.ROCKET_MORTAR_MISSILE,  # noqa: A002 - the contract's name
    date: dt.date | None = DAY,
    spoken: bool = False,
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
    """`text` stands for the wording: equal texts are agency copy. `hours` after `PUBLISHED` it was published. `spoken`:
    its day may be that of a statement."""
    published = PUBLISHED + dt.timedelta(hours=hours)
    feed = ids.feed_id(f"https://{outlet}.example/rss")
    article = ids.article_id(feed, f"{outlet}-{type}-{date}")
    day_at = 34 if spoken else 21  # "... in Baghdad, the army said on Sunday", "... in Baghdad on Sunday"
    evidence = {
        "city": (Span(quote="Baghdad", start=10, end=17),),
        "date": (Span(quote="Sunday", start=day_at, end=day_at + 6),),
    }
    finding = Finding(
        standing=standing,
        type=type,
        outcome=Outcome.HIT,
        relation=relation,
        date=date,
        date_precision=DatePrecision.DAY if date else DatePrecision.UNKNOWN,
        evidence=evidence if date else {},
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


def run(records: Iterable[IncidentReport | Feedback]) -> tuple[dict[str, Incident], list[Alert]]:
    """All incidents after the records, and the alerts on the way."""
    incidents: dict[str, Incident] = {}
    clock = dt.datetime.min.replace(tzinfo=dt.UTC)
    alerts = []
    for record in records:
        if isinstance(record, Feedback):
            result = judge(incidents.get(record.incident_id), record)
        else:
            clock = max(clock, clock_of(record))
            result = correlate(incidents.values(), record, clock, WINDOWS, NOW)
        incidents |= {incident.incident_id: incident for incident in result.remember}
        alerts += [alert for step in result.revisions if (alert := alert_for(step.before, step.after, STATES))]
    return incidents, alerts


def changes(alerts: Iterable[Alert]) -> list[ChangeKind]:
    return [alert.change for alert in alerts]


def verdict(incident: Incident, what: Verdict, hours: float = 0) -> Feedback:
    return Feedback(
        incident_id=incident.incident_id,
        host_state="IQ",
        revision=incident.revision,
        verdict=what,
        why="called the post",
        author="ana",
        given_at=PUBLISHED + hours * HOUR,
    )
