"""Alerts, subscriptions and deliveries for the tests: one of each that is well-formed, and ways to vary it."""

from datetime import UTC, date, datetime
from typing import Any

from services.contracts import ids
from services.contracts.alert import Alert, ChangeKind, Urgency
from services.contracts.article import Source
from services.contracts.delivery import Delivery
from services.contracts.feed import SourceGrade
from services.contracts.ids import IncidentId, ReportId
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
from services.contracts.subscription import Channel, Subscription

NOW = datetime(2024, 5, 2, 9, 30, tzinfo=UTC)
SECRET = "whsec_" + "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVowMTIzNDU="

SITE = Site(
    kind=SiteKind.EMBASSY,
    sending_state="US",
    host_state="IQ",
    city="Baghdad",
    area="Green Zone",
    lat=33.3,
    lon=44.4,
    precision=PlacePrecision.QUARTER,
)
LEDGER = TimeLedger(event_date=date(2024, 5, 2), published_at=NOW, fetched_at=NOW, reported_at=NOW, correlated_at=NOW)


def claim(number: int = 1, **changes: Any) -> SourceClaim:
    """What source `number` says."""
    url = f"https://news{number}.example/story/{number}"
    feed = ids.feed_id(f"https://news{number}.example/feed")
    article = ids.article_id(feed, url)
    made = SourceClaim(
        report_id=ids.report_id(article, SITE.site_key, "rocket_mortar_missile", "2024-05-02"),
        article_id=article,
        article_revision=1,
        source=Source(feed_id=feed, name=f"News {number}", grade=SourceGrade.B),
        url=url,
        title="Roquettes sur Bagdad",
        language="fr",
        text_fingerprint=f"{number:016x}",
        ledger=LEDGER,
        tellable=True,
        quote="Trois roquettes sont tombées près de l'ambassade.",
        standing=Standing.NEW,
        type=IncidentType.ROCKET_MORTAR_MISSILE,
        outcome=Outcome.HIT,
        relation=Relation.PERIMETER,
        site=SITE,
        severity=Severity.SEVERE,
        certainty=Certainty.LIKELY,
    )
    return made.model_copy(update=changes)


def incident(**changes: Any) -> Incident:
    made = Incident(
        incident_id=ids.incident_id(ReportId("rep_1")),
        revision=1,
        type=IncidentType.ROCKET_MORTAR_MISSILE,
        outcome=Outcome.HIT,
        relation=Relation.PERIMETER,
        site=SITE,
        date=date(2024, 5, 2),
        date_precision=DatePrecision.DAY,
        killed=Count(low=0, high=0),
        wounded=Count(low=2),
        severity=Severity.SEVERE,
        certainty=Certainty.LIKELY,
        independent_sources=1,
        credibility=3,
        credibility_reason="possibly true: one reliable source",
        claims=(claim(),),
        ledger=LEDGER,
    )
    return made.model_copy(update=changes)


def alert(number: int = 1, revision: int = 1, *, about: Incident | None = None, **changes: Any) -> Alert:
    """Revision `revision` of incident `number`; `about` gives the incident's other fields."""
    incident_id = ids.incident_id(ReportId(f"rep_{number}"))
    revised = (about or incident()).model_copy(update={"incident_id": incident_id, "revision": revision})
    made = Alert(
        alert_id=ids.alert_id(incident_id, revision),
        change=ChangeKind.OPENED if revision == 1 else ChangeKind.CORROBORATED,
        reason="first report, from News 1" if revision == 1 else "a second independent source reports it: News 2",
        headline="Rocket fire at the perimeter of the embassy of the United States in Baghdad, 2 May 2024, 2 wounded",
        urgency=Urgency.IMMEDIATE,
        incident=revised,
    )
    return made.model_copy(update=changes)


def subscription(
    name: str = "desk", *, channel: Channel = Channel.WEBHOOK, endpoint: str = "endpoint", **changes: Any
) -> Subscription:
    made = Subscription(
        subscription_id=ids.subscription_id(channel, endpoint, name),
        name=name,
        channel=channel,
        endpoint=endpoint,
        endpoint_hint="https://…",
        created_at=NOW,
    )
    return made.model_copy(update=changes)


def delivery(of: Alert | None = None, to: Subscription | None = None, **changes: Any) -> Delivery:
    """A pending delivery that was never attempted."""
    of, to = of or alert(), to or subscription()
    made = Delivery(
        delivery_id=ids.delivery_id(of.alert_id, to.subscription_id),
        subscription_id=to.subscription_id,
        alert_id=of.alert_id,
        incident_id=IncidentId(of.incident.incident_id),
        revision=of.incident.revision,
        created_at=NOW,
        alert=of,
    )
    return made.model_copy(update=changes)


def incident_of(number: int) -> IncidentId:
    return ids.incident_id(ReportId(f"rep_{number}"))
