"""One example of every record, with most fields filled, for the golden files. All made up or common knowledge."""

import datetime as dt

from services.contracts import ids
from services.contracts.alert import Alert, ChangeKind, Urgency
from services.contracts.article import Article, Source, TextOrigin
from services.contracts.audit import AuditEntry, FieldChange
from services.contracts.dead_letter import DeadLetter, DeadLetterClass
from services.contracts.delivery import Attempt, Delivery, DeliveryState
from services.contracts.difference import Kind, Otherwise, Quote, Telling
from services.contracts.feed import Feed, FeedState, History, Lease, LeaseStatus, PollStatus, Seen, SourceGrade
from services.contracts.feedback import Feedback, Verdict
from services.contracts.incident import Incident, SourceClaim, TimeLedger
from services.contracts.model import Record
from services.contracts.report import (
    Certainty,
    Count,
    DatePrecision,
    Finding,
    GuardVerdict,
    IncidentReport,
    IncidentType,
    Outcome,
    PlacePrecision,
    Quantity,
    Relation,
    Severity,
    Site,
    SiteKind,
    Span,
    Standing,
)
from services.contracts.shadow import Noticed, Ruleset, Shadow
from services.contracts.silence import Silence
from services.contracts.site import KnownSite
from services.contracts.subscription import Channel, Filter, Subscription
from services.contracts.token import Role, issued

PARIS = dt.timezone(dt.timedelta(hours=1))
PUBLISHED = dt.datetime(2020, 12, 21, 8, tzinfo=PARIS)
FETCHED = dt.datetime(2020, 12, 21, 7, 4, 30, tzinfo=dt.UTC)
LATER = FETCHED + dt.timedelta(seconds=1)

FEED = Feed(
    feed_id=ids.feed_id("https://news.example/fr.xml"),
    url="https://news.example/fr.xml",
    title="Exemple",
    language="fr",
    country="FR",
    grade=SourceGrade.B,
    full_text=True,
    min_interval_s=60,
    max_interval_s=600,
)
STATE = FeedState(
    feed_id=FEED.feed_id,
    url=FEED.url,
    etag='W/"1"',
    last_modified="Mon, 21 Dec 2020 07:00:00 GMT",
    status=PollStatus.OK,
    http_status=200,
    last_poll_at=FETCHED,
    last_success_at=FETCHED,
    next_poll_at=FETCHED + dt.timedelta(minutes=5),
    entries=1,
    watermark_at=PUBLISHED,
    lease=Lease(
        hub="https://hub.example/",
        topic=FEED.url,
        status=LeaseStatus.LIVE,
        callback="https://chancery.example",
        ask_at=FETCHED + dt.timedelta(days=8),
        ends_at=FETCHED + dt.timedelta(days=10),
    ),
    ttl_s=600,
    fresh_s=300,
    interval_s=150.0,
    seen=(Seen(identity="id:1", content_hash="0" * 16),),
    history=History(
        moved_from="https://news.example/rss",
        moved_at=FETCHED,
        read_at=FETCHED,
        problem="1 entries without id, link, title and text",
        changed_at=FETCHED,
        new_at=FETCHED,
        longest_gap_s=86_400,
        id_reuses=1,
        identity_at=FETCHED,
    ),
)
KNOWN_SITE = KnownSite(
    site_id=ids.known_site_id("offices.csv", "Baghdad office"),
    name="Baghdad office",
    host_state="IQ",
    city="Baghdad",
    lat=33.3128,
    lon=44.3615,
    watch_radius_m=2000,
    origin="offices.csv",
)
SOURCE = Source(feed_id=FEED.feed_id, name="Exemple", grade=SourceGrade.B)
ARTICLE = Article(
    article_id=ids.article_id(FEED.feed_id, "id:1"),
    source=SOURCE,
    url="https://news.example/1",
    title="Bagdad : des roquettes visent une ambassade",
    text="Des roquettes ont visé l'ambassade américaine dimanche 20 décembre.",
    text_origin=TextOrigin.ENTRY,
    language_hint="fr",
    published_at=PUBLISHED,
    fetched_at=FETCHED,
    watermark_at=PUBLISHED,
    backlog=True,
)
SITE = Site(
    kind=SiteKind.EMBASSY,
    sending_state="US",
    host_state="IQ",
    city="Baghdad",
    area="Green Zone",
    lat=33.299,
    lon=44.394,
    precision=PlacePrecision.SITE,
)
FINDING = Finding(
    standing=Standing.NEW,
    type=IncidentType.ROCKET_MORTAR_MISSILE,
    outcome=Outcome.HIT,
    relation=Relation.ON_SITE,
    date=dt.date(2020, 12, 20),
    date_precision=DatePrecision.DAY,
    site=SITE,
    killed=Count(low=0, high=0),
    wounded=Count(low=0, high=0),
    counts=(Quantity(what="explosions", count=Count(low=5)),),
    weapon="rocket",
    sources=("Iraqi security forces",),
    severity=Severity.SEVERE,
    severity_reasons=("rockets at an embassy",),
    certainty=Certainty.LIKELY,
    certainty_reasons=("official source",),
    guards=(GuardVerdict(name="example", reason="shows the form"),),
    alertable=True,
    evidence={"type": (Span(quote="roquettes", start=14, end=23),)},
)
REPORT = IncidentReport(
    report_id=ids.report_id(ARTICLE.article_id, SITE.site_key, FINDING.type, "2020-12-20"),
    article_id=ARTICLE.article_id,
    source=SOURCE,
    url=ARTICLE.url,
    title=ARTICLE.title,
    language="fr",
    ruleset_version="example",
    text_fingerprint="00000000000000ff",
    published_at=PUBLISHED,
    fetched_at=FETCHED,
    watermark_at=PUBLISHED,
    reported_at=LATER,
    finding=FINDING,
)
LEDGER = TimeLedger(
    event_date=FINDING.date, published_at=PUBLISHED, fetched_at=FETCHED, reported_at=LATER, correlated_at=LATER
)
CLAIM = SourceClaim(
    report_id=REPORT.report_id,
    article_id=ARTICLE.article_id,
    article_revision=1,
    source=SOURCE,
    url=ARTICLE.url,
    title=ARTICLE.title,
    language="fr",
    text_fingerprint=REPORT.text_fingerprint,
    ledger=LEDGER,
    tellable=True,
    quote="roquettes",
    standing=Standing.NEW,
    type=FINDING.type,
    outcome=FINDING.outcome,
    relation=FINDING.relation,
    site=SITE,
    date=FINDING.date,
    date_precision=DatePrecision.DAY,
    killed=FINDING.killed,
    severity=FINDING.severity,
    certainty=FINDING.certainty,
)
INCIDENT = Incident(
    incident_id=ids.incident_id(REPORT.report_id),
    revision=1,
    type=FINDING.type,
    outcome=FINDING.outcome,
    relation=FINDING.relation,
    site=SITE,
    date=FINDING.date,
    date_precision=DatePrecision.DAY,
    killed=FINDING.killed,
    severity=FINDING.severity,
    certainty=FINDING.certainty,
    independent_sources=1,
    claims=(CLAIM,),
    ledger=LEDGER,
)
ALERT = Alert(
    alert_id=ids.alert_id(INCIDENT.incident_id, 1),
    change=ChangeKind.OPENED,
    reason="first report, from Exemple",
    headline="Rocket, mortar or missile fire at the embassy of the United States in Baghdad, Iraq",
    urgency=Urgency.IMMEDIATE,
    incident=INCIDENT,
)
SUBSCRIPTION = Subscription(
    subscription_id=ids.subscription_id("webhook", "https://hooks.example/1", "duty"),
    name="duty",
    channel=Channel.WEBHOOK,
    endpoint="encrypted",
    endpoint_hint="https://hooks.example/…",
    secret="encrypted",
    filter=Filter(host_states=("IQ",), min_severity=Severity.MODERATE),
    created_at=FETCHED,
)
SILENCE = Silence(
    silence_id=ids.silence_id("ana", "IQ", "2020-12-21"),
    matcher=Filter(host_states=("IQ",)),
    reason="exercise of the week",
    author="ana",
    created_at=FETCHED,
    expires_at=FETCHED + dt.timedelta(days=1),
)
DELIVERY = Delivery(
    delivery_id=ids.delivery_id(ALERT.alert_id, SUBSCRIPTION.subscription_id),
    subscription_id=SUBSCRIPTION.subscription_id,
    alert_id=ALERT.alert_id,
    incident_id=INCIDENT.incident_id,
    revision=1,
    state=DeliveryState.DELIVERED,
    created_at=LATER,
    attempts=(Attempt(at=LATER, took_s=0.05, http_status=204, outcome="delivered"),),
)
FEEDBACK = Feedback(
    incident_id=INCIDENT.incident_id,
    revision=1,
    verdict=Verdict.CONFIRMED,
    why="called the post",
    author="ana",
    given_at=LATER,
)
DEAD_LETTER = DeadLetter(
    dead_letter_id=ids.dead_letter_id("chancery.articles", 0, 7),
    error_class=DeadLetterClass.NOT_JSON,
    reason="not JSON: Expecting value",
    service="classify",
    topic="chancery.articles",
    partition=0,
    offset=7,
    original_key=b"k",
    original_value=b"\xff\x00not json",
    original_headers=(("ce_type", b"chancery.article.v1"),),
    first_failed_at=LATER,
)
TOKEN = issued(
    "chancery_example", name="duty desk", role=Role.OPERATOR, now=FETCHED, expires_at=FETCHED + dt.timedelta(days=90)
)
TELLING = Telling(
    alert_id=ALERT.alert_id,
    incident_id=INCIDENT.incident_id,
    cause=ARTICLE.record_id,
    change=ALERT.change,
    headline=ALERT.headline,
    reason=ALERT.reason,
    urgency=ALERT.urgency,
    facts={"type": INCIDENT.type, "site": SITE.site_key},
    quotes=(
        Quote(
            article=ARTICLE.record_id,
            source=SOURCE.name,
            language="fr",
            title=ARTICLE.title,
            url=ARTICLE.url,
            quote=CLAIM.quote,
        ),
    ),
    articles=(ARTICLE.record_id,),
)
SHADOW = Shadow(
    shadow_id=ids.shadow_id("fewer"),
    name="fewer",
    live=Ruleset(name="live", version="1a2b3c4d-0123456789ab"),
    other=Ruleset(name="fewer", version="1a2b3c4d-ba9876543210"),
    begun_at=FETCHED,
    since=FETCHED,
    until=FETCHED + dt.timedelta(hours=1),
    alive_at=LATER,
    ended_at=LATER,
    end="it was asked to",
    articles=7,
    same=1,
    changed=1,
    lost=1,
    waiting=1,
    differences=(
        Noticed(kind=Kind.LOST, a=TELLING, b=None, otherwise=(), at=FETCHED),
        Noticed(
            kind=Kind.CHANGED,
            a=TELLING,
            b=TELLING.model_copy(update={"headline": "Attack at the embassy of the United States in Baghdad, Iraq"}),
            otherwise=(
                Otherwise(
                    field="headline",
                    a=TELLING.headline,
                    b="Attack at the embassy of the United States in Baghdad, Iraq",
                ),
            ),
            at=FETCHED,
        ),
    ),
)
AUDIT_ENTRY = AuditEntry(
    audit_id=ids.audit_id(TOKEN.token_id, "feed.changed", FEED.feed_id, "2020-12-21T07:05:00Z"),
    at=LATER,
    actor=TOKEN.token_id,
    actor_name=TOKEN.name,
    action="feed.changed",
    target=FEED.feed_id,
    changes=(FieldChange(field="grade", before='"C"', after='"B"'),),
)

EXAMPLES: tuple[Record, ...] = (
    FEED,
    STATE,
    KNOWN_SITE,
    ARTICLE,
    REPORT,
    INCIDENT,
    ALERT,
    SUBSCRIPTION,
    SILENCE,
    DELIVERY,
    FEEDBACK,
    DEAD_LETTER,
    SHADOW,
    TOKEN,
    AUDIT_ENTRY,
)
