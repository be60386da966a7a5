"""The agents: decode, call the core, write what it says, acknowledge when that is confirmed."""

import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import Protocol, TypeVar

import structlog
from faust.types import EventT

from services.classify.core import chain
from services.classify.core.chain import Reads, RemembersIncidents
from services.classify.core.correlation.correlate import Correlation
from services.classify.core.correlation.matching import Windows
from services.classify.core.correlation.withdrawals import ToldRows
from services.classify.core.sites.known_sites import KnownSites
from services.contracts.alert import Alert
from services.contracts.article import Article
from services.contracts.dead_letter import DeadLetterClass
from services.contracts.feedback import Feedback
from services.contracts.model import Instant, Record
from services.contracts.report import IncidentReport
from services.contracts.topics import ALERTS, ARTICLES, FEEDBACK, INCIDENTS, REPORTS, Topic
from services.runtime import metrics
from services.runtime.dead_letters import DeadLetterBox

R = TypeVar("R", bound=Record)
log = structlog.get_logger()

ARTICLE_CLASSIFIED = "article.classified"
REPORT_CORRELATED = "report.correlated"
VERDICT_APPLIED = "verdict.applied"


Tell = Callable[[Correlation], Sequence[Alert]]
"""The alerts of a correlation."""


class Sends(Protocol):
    async def send(self, topic: Topic, record: Record) -> Awaitable[object]: ...


class Acknowledges(Protocol):
    async def after(self, event: EventT[bytes], caused: Sequence[Awaitable[object]]) -> None: ...


async def read_articles(
    events: AsyncIterator[EventT[bytes]],
    reader: Reads,
    known: KnownSites,
    told: ToldRows,
    outbox: Sends,
    acks: Acknowledges,
    letters: DeadLetterBox,
) -> None:
    """Articles to reports, with what is known of the sites they name. What an edit no longer says is taken back, after
    what it says instead: so nothing looks retracted in between."""

    async def step(article: Article) -> list[Awaitable[object]]:
        started = time.perf_counter()
        classification = chain.read(reader, known, article)
        metrics.CLASSIFY_SECONDS.observe(time.perf_counter() - started)
        metrics.ARTICLES_CLASSIFIED.labels(classification.language).inc()
        reported = chain.report(told, article, classification, datetime.now(UTC))
        for report in reported.reports:
            metrics.REPORTS.labels(report.finding.standing, report.finding.type).inc()
        log.info(
            ARTICLE_CLASSIFIED,
            article_id=article.article_id,
            revision=article.revision,
            language=classification.language,
            reports=[f"{r.finding.standing} {r.finding.type} {r.site_key}" for r in reported.reports],
            withdrawn=len(reported.withdrawn),
        )
        return [await outbox.send(REPORTS, report) for report in (*reported.reports, *reported.withdrawn)]

    await _each(events, Article, step, ARTICLES, acks, letters)


async def correlate_reports(
    events: AsyncIterator[EventT[bytes]],
    table: RemembersIncidents,
    windows: Windows,
    tell: Tell,
    outbox: Sends,
    acks: Acknowledges,
    letters: DeadLetterBox,
) -> None:
    """Reports to incidents and alerts. One host state lies on one partition, so its reports come in order."""

    async def step(report: IncidentReport) -> list[Awaitable[object]]:
        correlation = chain.fold_report(table, report, windows, datetime.now(UTC))
        log.info(
            REPORT_CORRELATED,
            report_id=report.report_id,
            incidents=[incident.incident_id for incident in correlation.remember],
            reason=correlation.reason,
        )
        return await _told(correlation, tell, outbox, report.fetched_at)

    await _each(events, IncidentReport, step, REPORTS, acks, letters)


async def apply_verdicts(
    events: AsyncIterator[EventT[bytes]],
    table: RemembersIncidents,
    tell: Tell,
    outbox: Sends,
    acks: Acknowledges,
    letters: DeadLetterBox,
) -> None:
    """Analysts' verdicts to incidents and alerts. Placed like reports, so they meet the incident's table."""

    async def step(feedback: Feedback) -> list[Awaitable[object]]:
        correlation = chain.fold_verdict(table, feedback)
        log.info(VERDICT_APPLIED, incident_id=feedback.incident_id, reason=correlation.reason)
        return await _told(correlation, tell, outbox, feedback.given_at)

    await _each(events, Feedback, step, FEEDBACK, acks, letters)


async def _told(correlation: Correlation, tell: Tell, outbox: Sends, begun_at: Instant) -> list[Awaitable[object]]:
    """Queue the incidents and the alerts of a correlation."""
    sent = [await outbox.send(INCIDENTS, incident) for incident in correlation.remember]
    for alert in tell(correlation):
        sent.append(await outbox.send(ALERTS, alert))
        if alert.exercise:
            continue  # what is counted and timed is the news
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
