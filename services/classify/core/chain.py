"""What the service does with a record: an article to reports, a report or a verdict to incidents and alerts.

The agents take these steps with Faust tables for a memory; `Chain` takes them with its own, and needs no broker.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from services.classify.core.correlation.alerting import alert_for
from services.classify.core.correlation.correlate import Correlation, clock_of, correlate, judge
from services.classify.core.correlation.fingerprint import fingerprint
from services.classify.core.correlation.matching import Windows
from services.classify.core.correlation.memory import Memory, place_of
from services.classify.core.correlation.withdrawals import ToldRows, after_reading
from services.classify.core.reading.article import ArticleText
from services.classify.core.sites.known_sites import KnownSites, with_known_sites
from services.contracts import ids
from services.contracts.alert import Alert
from services.contracts.article import Article
from services.contracts.feedback import Feedback
from services.contracts.ids import IncidentId
from services.contracts.incident import Incident
from services.contracts.model import Instant
from services.contracts.report import Classification, IncidentReport, Site


class Reads(Protocol):
    def read(self, article: ArticleText) -> Classification: ...


class RemembersIncidents(Protocol):
    def candidates(self, place: str) -> Sequence[Incident]: ...

    def find(self, incident_id: IncidentId) -> Incident | None: ...

    def clock(self, place: str, shown: Instant) -> Instant: ...

    def put(self, place: str, clock: Instant | None, incidents: Sequence[Incident]) -> None: ...


def text_of(article: Article) -> ArticleText:
    return ArticleText(
        id=article.article_id,
        text=article.text,
        title=article.title,
        language_hint=article.language_hint,
        country_hint=article.country_hint,
        published_at=article.published_at,
    )


def read(reader: Reads, known: KnownSites, article: Article) -> Classification:
    """What an article says, with what is known of the sites it names."""
    return with_sites(reader.read(text_of(article)), known)


def with_sites(said: Classification, known: KnownSites) -> Classification:
    """What an article says, with what is known of the sites it names."""
    if not said.reports:
        return said  # most articles
    return said.model_copy(update={"reports": tuple(with_known_sites(finding, known) for finding in said.reports)})


def reports_of(article: Article, classification: Classification, now: Instant) -> list[IncidentReport]:
    """The reports of an article, one for each finding. `now` goes into the time ledger and decides nothing."""
    if not classification.reports:
        return []  # most articles; a fingerprint takes about as long as reading
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
                drill=article.drill,
                finding=finding,
            )
        )
    return reports


@dataclass(frozen=True, slots=True)
class Reported:
    """The reports of an article, and those of its former revision that it takes back: to be told in this order, so that
    nothing looks retracted in between."""

    reports: Sequence[IncidentReport]
    withdrawn: Sequence[IncidentReport]


def report(told: ToldRows, article: Article, classification: Classification, now: Instant) -> Reported:
    """What a reading of an article makes the service tell, given what its former revisions told."""
    reports = reports_of(article, classification, now)
    before = told.get(article.article_id)
    after = after_reading(before, article, reports, now)
    if after is not None and after != before:
        told.put(article.article_id, after, article.fetched_at)
    return Reported(reports, after.withdrew if after and after.revision == article.revision else ())


def fold_report(table: RemembersIncidents, report: IncidentReport, windows: Windows, now: Instant) -> Correlation:
    """Fold a report into the incidents of its host state; one of a drill into those of the drill."""
    place = place_of(report.key, report.drill)
    clock = table.clock(place, clock_of(report))
    correlation = correlate(table.candidates(place), report, clock, windows, now)
    table.put(place, clock, correlation.remember)
    return correlation


def fold_verdict(table: RemembersIncidents, feedback: Feedback) -> Correlation:
    """Fold an analyst's verdict into its incident."""
    correlation = judge(table.find(feedback.incident_id), feedback)
    for incident in correlation.remember:
        place = place_of(feedback.partition_key, incident.drill)
        table.put(place, None, (incident,))  # an analyst's clock is no feed's
    return correlation


def alerts_of(correlation: Correlation, states: Mapping[str, str], *, exercise: bool = False) -> list[Alert]:
    """The alerts of the revisions that are worth telling. `states` maps ISO codes to English names."""
    alerts = (alert_for(revision.before, revision.after, states) for revision in correlation.revisions)
    return [as_exercise(alert) if exercise else alert for alert in alerts if alert is not None]


def as_exercise(alert: Alert) -> Alert:
    """The alert as an exercise, with ids of its own: endpoints that know the real one by its ids must neither change
    nor end it for an exercise, nor take the exercise for a repeat."""
    incident = ids.IncidentId(ids.derive("inc", "exercise", alert.incident.incident_id))
    return alert.model_copy(
        update={
            "alert_id": ids.alert_id(incident, alert.incident.revision),
            "exercise": True,
            "incident": alert.incident.model_copy(update={"incident_id": incident}),
        }
    )


@dataclass
class Chain:
    """The service without Kafka: records in, in the order in which they are to be taken; reports and alerts out.

    The clocks of its ledgers are the fetches, so that the same records give the same bytes.
    """

    windows: Windows
    states: Mapping[str, str]
    told: ToldRows = field(default_factory=lambda: ToldRows({}))
    incidents: Memory = field(default_factory=Memory)

    def take_article(self, article: Article, classification: Classification) -> list[IncidentReport]:
        """What the article makes the service write to `reports`, in order."""
        reported = report(self.told, article, classification, article.fetched_at)
        return [*reported.reports, *reported.withdrawn]

    def take_report(self, report: IncidentReport) -> tuple[Correlation, list[Alert]]:
        correlation = fold_report(self.incidents, report, self.windows, report.fetched_at)
        return correlation, alerts_of(correlation, self.states)

    def take_verdict(self, feedback: Feedback) -> tuple[Correlation, list[Alert]]:
        correlation = fold_verdict(self.incidents, feedback)
        return correlation, alerts_of(correlation, self.states)
