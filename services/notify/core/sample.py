"""The alert of `chancery subscriptions test`: shows every part of a message, and says that nothing of it is real."""

from datetime import datetime

from services.contracts import ids
from services.contracts.alert import Alert, ChangeKind, Urgency
from services.contracts.article import Source
from services.contracts.ids import ReportId
from services.contracts.incident import Incident, SourceClaim, TimeLedger
from services.contracts.report import (
    Certainty,
    Count,
    DatePrecision,
    IncidentType,
    Outcome,
    PlacePrecision,
    Relation,
    Severity,
    Site,
    SiteKind,
    Standing,
)

QUOTE = "Un colis suspect a été signalé devant l'ambassade ; il s'agit d'un exercice."


def sample_alert(now: datetime) -> Alert:
    """An exercise at an embassy; each `now` gives another incident, so that no endpoint takes it for a repeat."""
    report = ReportId(ids.derive("rep", "test", now.isoformat()))
    site = Site(
        kind=SiteKind.EMBASSY, sending_state="FR", host_state="BE", city="Brussels", precision=PlacePrecision.CITY
    )
    ledger = TimeLedger(event_date=now.date(), published_at=now, fetched_at=now, reported_at=now, correlated_at=now)
    feed = ids.feed_id("https://example.org/")
    claim = SourceClaim(
        report_id=report,
        article_id=ids.article_id(feed, report),
        article_revision=1,
        source=Source(feed_id=feed, name="Chancery test"),
        url="https://example.org/test",
        title="Exercice devant une ambassade",
        language="fr",
        text_fingerprint="0" * 16,
        ledger=ledger,
        tellable=False,
        quote=QUOTE,
        standing=Standing.NEW,
        type=IncidentType.THREAT_HOAX_SUSPECT_ITEM,
        outcome=Outcome.FOILED,
        relation=Relation.PERIMETER,
        site=site,
        date=now.date(),
        date_precision=DatePrecision.DAY,
        severity=Severity.MINOR,
        certainty=Certainty.UNLIKELY,
    )
    incident = Incident(
        incident_id=ids.incident_id(report),
        revision=1,
        type=claim.type,
        outcome=claim.outcome,
        relation=claim.relation,
        site=site,
        date=claim.date,
        date_precision=claim.date_precision,
        killed=Count(low=0, high=0),
        wounded=Count(low=0, high=0),
        severity=claim.severity,
        certainty=claim.certainty,
        independent_sources=1,
        claims=(claim,),
        ledger=ledger,
    )
    return Alert(
        alert_id=ids.alert_id(incident.incident_id, incident.revision),
        change=ChangeKind.OPENED,
        reason="someone asked for a test of this subscription",
        headline="Test: suspect item at the perimeter of an embassy in Brussels",
        urgency=Urgency.PAST,
        exercise=True,
        incident=incident,
    )
