"""The agents: decode, call the core, write what it says, acknowledge when that is confirmed."""

import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Protocol, TypeVar

import structlog
from faust.types import EventT

from services.classify.core.correlation.alerting import alert_for
from services.classify.core.correlation.correlate import Correlation, clock_of, correlate, judge
from services.classify.core.correlation.fingerprint import fingerprint
from services.classify.core.correlation.matching import Windows
from services.classify.core.correlation.withdrawals import Told, after_reading
from services.classify.core.reading.article import ArticleText
from services.classify.core.sites.known_sites import KnownSites, with_known_sites
from services.contracts import ids
from services.contracts.article import Article
from services.contracts.dead_letter import DeadLetterClass
from services.contracts.feedback import Feedback
from services.contracts.ids import ArticleId, IncidentId
from services.contracts.incident import Incident
from services.contracts.model import Instant, Record
from services.contracts.report import Classification, IncidentReport, Site
from services.contracts.topics import ALERTS, ARTICLES, FEEDBACK, INCIDENTS, REPORTS, Topic
from services.runtime import metrics
from services.runtime.dead_letters import DeadLetterBox

R = TypeVar("R", bound=Record)
log = structlog.get_logger()

ARTICLE_CLASSIFIED = "article.classified"
REPORT_CORRELATED = "report.correlated"
VERDICT_APPLIED = "verdict.applied"


class Reads(Protocol):
    def read(self, article: ArticleText) -> Classification: ...


class Sends(Protocol):
    async def send(self, topic: Topic, record: Record) -> Awaitable[object]: ...


class Acknowledges(Protocol):
    async def after(self, event: EventT[bytes], caused: Sequence[Awaitable[object]]) -> None: ...


class RemembersIncidents(Protocol):
    def candidates(self, place: str) -> Sequence[Incident]: ...

    def find(self, incident_id: IncidentId) -> Incident | None: ...

    def clock(self, place: str, shown: Instant) -> Instant: ...

    def put(self, place: str, clock: Instant | None, incidents: Sequence[Incident]) -> None: ...


class RemembersArticles(Protocol):
    def get(self, article_id: ArticleId) -> Told | None: ...

    def put(self, article_id: ArticleId, told: Told) -> None: ...


async def read_articles(
    events: AsyncIterator[EventT[bytes]],
    reader: Reads,
    known: KnownSites,
    told: RemembersArticles,
    outbox: Sends,
    acks: Acknowledges,
    letters: DeadLetterBox,
) -> None:
    """Articles to reports, with what is known of the sites they name. What an edit no longer says is taken back, after
    what it says instead: so nothing looks retracted in between."""

    async def step(article: Article) -> list[Awaitable[object]]:
        started = time.perf_counter()
        read = reader.read(text_of(article))
        classification = read.model_copy(
            update={"reports": tuple(with_known_sites(finding, known) for finding in read.reports)}
        )
        metrics.CLASSIFY_SECONDS.observe(time.perf_counter() - started)
        metrics.ARTICLES_CLASSIFIED.labels(classification.language).inc()
        now = datetime.now(UTC)
        reports = reports_of(article, classification, now)
        before = told.get(article.article_id)
        after = after_reading(before, article, reports, now)
        if after is not None and after != before:
            told.put(article.article_id, after)
        withdrawn = after.withdrew if after and after.revision == article.revision else ()
        for report in reports:
            metrics.REPORTS.labels(report.finding.standing, report.finding.type).inc()
        log.info(
            ARTICLE_CLASSIFIED,
            article_id=article.article_id,
            revision=article.revision,
            language=classification.language,
            reports=[f"{r.finding.standing} {r.finding.type} {r.site_key}" for r in reports],
            withdrawn=len(withdrawn),
        )
        return [await outbox.send(REPORTS, report) for report in (*reports, *withdrawn)]

    await _each(events, Article, step, ARTICLES, acks, letters)


async def correlate_reports(
    events: AsyncIterator[EventT[bytes]],
    table: RemembersIncidents,
    windows: Windows,
    states: Mapping[str, str],
    outbox: Sends,
    acks: Acknowledges,
    letters: DeadLetterBox,
) -> None:
    """Reports to incidents and alerts. One host state lies on one partition, so its reports come in order."""

    async def step(report: IncidentReport) -> list[Awaitable[object]]:
        clock = table.clock(report.key, clock_of(report))
        correlation = correlate(table.candidates(report.key), report, clock, windows, datetime.now(UTC))
        log.info(
            REPORT_CORRELATED,
            report_id=report.report_id,
            incidents=[incident.incident_id for incident in correlation.remember],
            reason=correlation.reason,
        )
        table.put(report.key, clock, correlation.remember)
        return await _told(correlation, states, outbox, report.fetched_at)

    await _each(events, IncidentReport, step, REPORTS, acks, letters)


async def apply_verdicts(
    events: AsyncIterator[EventT[bytes]],
    table: RemembersIncidents,
    states: Mapping[str, str],
    outbox: Sends,
    acks: Acknowledges,
    letters: DeadLetterBox,
) -> None:
    """Analysts' verdicts to incidents and alerts. Placed like reports, so they meet the incident's table."""

    async def step(feedback: Feedback) -> list[Awaitable[object]]:
        correlation = judge(table.find(feedback.incident_id), feedback)
        log.info(VERDICT_APPLIED, incident_id=feedback.incident_id, reason=correlation.reason)
        table.put(feedback.partition_key, None, correlation.remember)  # an analyst's clock is no feed's
        return await _told(correlation, states, outbox, feedback.given_at)

    await _each(events, Feedback, step, FEEDBACK, acks, letters)


async def _told(
    correlation: Correlation, states: Mapping[str, str], outbox: Sends, begun_at: Instant
) -> list[Awaitable[object]]:
    """Queue the incidents and the alerts of a correlation."""
    sent = [await outbox.send(INCIDENTS, incident) for incident in correlation.remember]
    for revision in correlation.revisions:
        alert = alert_for(revision.before, revision.after, states)
        if alert is not None:
            sent.append(await outbox.send(ALERTS, alert))
            metrics.ALERTS.labels(alert.change, alert.incident.severity).inc()
            metrics.FETCHED_TO_ALERT_SECONDS.observe((datetime.now(UTC) - begun_at).total_seconds())
    return sent


async def _each(
    events: AsyncIterator[EventT[bytes]],
    record_type: type[R],
    step: Callable[[R], Awaitable[Sequence[Awaitable[object]]]],
    topic: Topic,
    acks: Acknowledges,
    letters: DeadLetterBox,
) -> None:
    """Every event in turn: one that cannot be read, or on which the step fails, becomes a dead letter."""
    async for event in events:
        with structlog.contextvars.bound_contextvars(topic=topic.name, offset=event.message.offset):
            record = await letters.read(event.message, record_type)
            caused: Sequence[Awaitable[object]] = ()
            if record is not None:
                try:
                    caused = await step(record)
                except Exception as error:
                    log.exception("step.failed")
                    await letters.bury(event.message, DeadLetterClass.FAILED, f"{type(error).__name__}: {error}")
            await acks.after(event, caused)


def text_of(article: Article) -> ArticleText:
    return ArticleText(
        id=article.article_id,
        text=article.text,
        title=article.title,
        language_hint=article.language_hint,
        country_hint=article.country_hint,
        published_at=article.published_at,
    )


def reports_of(article: Article, classification: Classification, now: Instant) -> list[IncidentReport]:
    """The reports of an article, one for each finding. `now` goes into the time ledger and decides nothing."""
    copy = fingerprint(article.text or article.title)
    reports = []
    for finding in classification.reports:
        site_key = (finding.site or Site()).site_key
        reports.append(
            IncidentReport(
                report_id=ids.report_id(article.article_id, site_key, finding.type, str(finding.date)),
                article_id=article.article_id,
                article_revision=article.revision,
                source=article.source,
                url=article.url,
                title=article.title,
                language=classification.language,
                ruleset_version=classification.ruleset_version,
                text_fingerprint=copy,
                published_at=article.published_at,
                fetched_at=article.fetched_at,
                watermark_at=article.watermark_at,
                reported_at=now,
                backlog=article.backlog,
                finding=finding,
            )
        )
    return reports
