"""The day without Kafka: articles through reader and correlation, as the agents take them there.

`python -m tests.day.run` prints what every article said and did; `--write` rewrites the golden lists.
"""

import argparse
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import lru_cache

from babel import Locale

from services.classify.adapters.data import load_rules
from services.classify.agents import reports_of, text_of
from services.classify.core.correlation.alerting import alert_for
from services.classify.core.correlation.correlate import Correlation, clock_of, correlate
from services.classify.core.correlation.headline import headline
from services.classify.core.correlation.matching import Windows
from services.classify.core.correlation.withdrawals import Told, after_reading
from services.classify.core.reading.pipeline import Reader
from services.contracts.alert import Alert
from services.contracts.article import Article
from services.contracts.ids import IncidentId
from services.contracts.incident import Incident
from services.contracts.model import Instant
from services.contracts.report import Count, IncidentReport
from services.runtime.settings import ClassifySettings
from tests.day import day

ALERTS = day.HERE / "alerts.golden.jsonl"
INCIDENTS = day.HERE / "incidents.golden.jsonl"
STATES = dict(Locale("en").territories)
_SETTINGS = ClassifySettings()
WINDOWS = Windows(
    merge=timedelta(hours=_SETTINGS.merge_window_h),
    alert=timedelta(hours=_SETTINGS.alert_window_h),
    quiet=timedelta(hours=_SETTINGS.quiet_window_h),
)


@dataclass
class Memory:
    """What the worker's tables hold, and what it has written."""

    told: dict[str, Told] = field(default_factory=dict)
    incidents: dict[str, dict[str, Incident]] = field(default_factory=dict)
    """By host state, then by id."""
    clocks: dict[str, Instant] = field(default_factory=dict)
    alerts: list[Alert] = field(default_factory=list)

    def all_incidents(self) -> list[Incident]:
        return [incident for place in self.incidents.values() for incident in place.values()]


@lru_cache(maxsize=1)
def reader() -> Reader:
    return Reader(load_rules())


@lru_cache(maxsize=1024)
def _read(article: Article) -> tuple[IncidentReport, ...]:
    return tuple(reports_of(article, reader().read(text_of(article)), article.fetched_at))


def reports_from(memory: Memory, article: Article) -> list[IncidentReport]:
    """What the article makes the worker write to `reports`, in order."""
    reports = _read(article)
    after = after_reading(memory.told.get(article.article_id), article, reports, article.fetched_at)
    if after is not None:
        memory.told[article.article_id] = after
    withdrawn = after.withdrew if after and after.revision == article.revision else ()
    return [*reports, *withdrawn]


def take(memory: Memory, report: IncidentReport) -> Correlation:
    """What the report makes of the incidents."""
    place = report.key
    clock = memory.clocks[place] = max(memory.clocks.get(place, clock_of(report)), clock_of(report))
    known = memory.incidents.setdefault(place, {})
    done = correlate(list(known.values()), report, clock, WINDOWS, report.fetched_at)
    known |= {incident.incident_id: incident for incident in done.remember}
    steps = ((step, alert_for(step.before, step.after, STATES)) for step in done.revisions)
    memory.alerts += [alert for _, alert in steps if alert is not None]
    return done


def run(articles: Iterable[Article]) -> Memory:
    memory = Memory()
    for article in articles:
        for report in reports_from(memory, article):
            take(memory, report)
    return memory


def alert_lines(memory: Memory) -> list[str]:
    """The golden alerts: per incident, in the order they were first told. No ids, no clocks, no hashes of rules."""
    lines = []
    for number, incident_id in enumerate(_in_order_told(memory), 1):
        for alert in (alert for alert in memory.alerts if alert.incident.incident_id == incident_id):
            row = {"incident": number, "change": alert.change, "reason": alert.reason, "headline": alert.headline}
            lines.append(_line(row | {"urgency": alert.urgency} | _said(alert.incident)))
    return lines


def incident_lines(memory: Memory) -> list[str]:
    """The golden incidents as the day leaves them, in the same order; last those that nobody was told of."""
    incidents = {incident.incident_id: incident for incident in memory.all_incidents()}
    order = dict.fromkeys([*_in_order_told(memory), *incidents])
    lines = []
    for number, incident in enumerate((incidents[incident_id] for incident_id in order), 1):
        row = {"incident": number, "headline": headline(incident, STATES), "site": incident.site.site_key}
        row |= {"type": incident.type, "claims": len(incident.claims), "notes": len(incident.notes)}
        row |= {"inhibited": all(claim.inhibited_by for claim in incident.claims)}
        lines.append(_line(row | _said(incident)))
    return lines


def _in_order_told(memory: Memory) -> list[IncidentId]:
    return list(dict.fromkeys(alert.incident.incident_id for alert in memory.alerts))


def _said(incident: Incident) -> dict[str, object]:
    return {
        "status": incident.status,
        "severity": incident.severity,
        "certainty": incident.certainty,
        "credibility": f"{incident.credibility}: {incident.credibility_reason}",
        "killed": _range(incident.killed),
        "wounded": _range(incident.wounded),
        "sources": [f"{'/'.join(source.names)}: {source.grade}, {source.reason}" for source in incident.sources],
    }


def _line(row: dict[str, object]) -> str:
    return json.dumps(row, ensure_ascii=False)


def _range(count: Count | None) -> list[int | None] | None:
    return None if count is None else [count.low, count.high]


def _describe(told: Sequence[tuple[Article, str]]) -> Iterator[str]:
    memory = Memory()
    for article, story in told:
        yield f"{article.fetched_at:%H:%M} {article.source.name} [{story or 'noise'}] {article.title}"
        for report in reports_from(memory, article):
            finding, before = report.finding, len(memory.alerts)
            reason = take(memory, report).reason
            guards = ",".join(guard.name for guard in finding.guards)
            yield (
                f"      {finding.standing} {finding.type} {finding.relation} {finding.date} {report.site_key} "
                f"killed={_range(finding.killed)} wounded={_range(finding.wounded)} {guards}"
                f"{' withdrawn' if report.withdrawn else ''} -> {reason}"
            )
            yield from (
                f"      ALERT {each.change}: {each.headline} | {each.reason}" for each in memory.alerts[before:]
            )


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--write", action="store_true", help="rewrite the golden lists of alerts and incidents")
    told = day.told()
    if options.parse_args().write:
        memory = run(article for article, _ in told)
        for path, lines in ((ALERTS, alert_lines(memory)), (INCIDENTS, incident_lines(memory))):
            path.write_text("\n".join(lines) + "\n", encoding="utf-8")
            print(f"{len(lines)} lines -> {path.name}")
        return
    for line in _describe(told):
        print(line)


if __name__ == "__main__":
    main()
