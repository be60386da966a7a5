"""The day without Kafka: articles through reader and correlation, as the agents take them there.

`python -m tests.day.run` prints what every article said and did; `--write` rewrites the golden lists.
"""

import argparse
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from services.classify.adapters.data import load_rules, state_names, windows_of
from services.classify.core.chain import Chain, read
from services.classify.core.correlation.correlate import Correlation
from services.classify.core.correlation.headline import headline
from services.classify.core.reading.pipeline import Reader
from services.classify.core.sites.known_sites import KnownSites
from services.contracts.alert import Alert
from services.contracts.article import Article
from services.contracts.ids import IncidentId
from services.contracts.incident import Incident
from services.contracts.report import Classification, Count, IncidentReport
from services.runtime.settings import ClassifySettings
from tests.day import day

ALERTS = day.HERE / "alerts.golden.jsonl"
INCIDENTS = day.HERE / "incidents.golden.jsonl"
STATES = state_names()
WINDOWS = windows_of(ClassifySettings())


@dataclass
class Memory:
    """What the worker's tables hold, and what it has written."""

    chain: Chain = field(default_factory=lambda: Chain(WINDOWS, STATES))
    alerts: list[Alert] = field(default_factory=list)

    @property
    def incidents(self) -> dict[str, Incident]:
        return {incident.incident_id: incident for incident in self.chain.incidents}

    def all_incidents(self) -> list[Incident]:
        return list(self.chain.incidents)


@lru_cache(maxsize=1)
def reader() -> Reader:
    return Reader(load_rules())


@lru_cache(maxsize=1024)
def _read(article: Article) -> Classification:
    return read(reader(), KnownSites(), article)


def reports_from(memory: Memory, article: Article) -> list[IncidentReport]:
    """What the article makes the worker write to `reports`, in order."""
    return memory.chain.take_article(article, _read(article))


def take(memory: Memory, report: IncidentReport) -> Correlation:
    """What the report makes of the incidents."""
    correlation, alerts = memory.chain.take_report(report)
    memory.alerts += alerts
    return correlation


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
    incidents = memory.incidents
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
