"""Recomputes an alert from the recorded articles and the rules, and compares it with the one that was sent.

Where the reports were recorded, they are folded in the order in which they lay on their topic, which is the order in
which the service saw them, each of them read from its article anew; else in the order in which the articles came.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from services.classify.core.chain import Chain, read
from services.classify.core.sites.known_sites import KnownSites
from services.contracts.alert import Alert
from services.contracts.article import Article
from services.contracts.codec import Undecodable, encode
from services.contracts.feedback import Feedback
from services.contracts.model import Value
from services.contracts.report import IncidentReport
from services.contracts.topics import ALERTS, ARTICLES, FEEDBACK, REPORTS
from services.replay.adapters.archive import manifest_of, recording
from services.replay.core.recording import BadRecording, Recorded
from services.replay.core.rerun import Rerun, record_in, site_into
from services.replay.core.volatile import VOLATILE, settled


class Verdict(StrEnum):
    MATCHES = "matches"
    DIFFERS = "differs"
    UNKNOWN = "unknown"
    """What it was made of is not recorded any more."""


class Mismatch(Value):
    """A field of the alert that was sent, and what it is when it is computed again; JSON texts, empty for nothing."""

    field: str
    sent: str
    computed: str


class Verification(Value):
    """`missing` are the articles, by record id, that the alert's claims are of and that are not recorded."""

    alert_id: str
    verdict: Verdict
    headline: str
    mismatches: tuple[Mismatch, ...] = ()
    missing: tuple[str, ...] = ()
    rules_then: tuple[str, ...] = ()
    rules_now: str


def verify(path: Path, alert_id: str, rerun: Rerun, rules_now: str) -> Verification:
    """Recompute an alert of a recording. `rerun` must be fresh. Raises BadRecording, LookupError where the recording
    has no such alert."""
    head = manifest_of(path).head
    if head.masked:
        raise BadRecording(f"{path}: its texts are masked, and rules read texts: record without --mask")
    if missing := [topic.name for topic in (ARTICLES, ALERTS) if topic.name not in head.topics]:
        raise BadRecording(f"{path}: it holds no {' and no '.join(missing)}: record {' '.join(missing)} too")
    sent = _alert(path, alert_id)
    if sent is None:
        raise LookupError(f"{path} holds no alert {alert_id}")
    place = sent.incident.claims[0].site.host_state or "ZZ"
    reported = _reports(path, place)
    alerts = _as_reported(path, place, reported, rerun) if reported.articles else _as_read(path, rerun)
    again = next((alert for alert in alerts if alert.alert_id == alert_id), None)
    mismatches = _mismatches(sent, again)
    missing_articles = _missing(path, sent) if mismatches else ()
    verdict = Verdict.MATCHES if not mismatches else Verdict.UNKNOWN if missing_articles else Verdict.DIFFERS
    return Verification(
        alert_id=alert_id,
        verdict=verdict,
        headline=sent.headline,
        mismatches=mismatches,
        missing=missing_articles,
        rules_then=tuple(sorted(reported.rules)),
        rules_now=rules_now,
    )


def _alert(path: Path, alert_id: str) -> Alert | None:
    found = None
    for record in recording(path):
        alert = record_in(record, Alert) if record.topic is ALERTS else None
        if alert is not None and alert.alert_id == alert_id:
            found = alert
    return found


@dataclass
class _Reported:
    """The articles that reported from a host state, and the rules by which they were read."""

    articles: set[str] = field(default_factory=set)
    rules: set[str] = field(default_factory=set)


def _reports(path: Path, place: str) -> _Reported:
    found = _Reported()
    for record in recording(path):
        report = record_in(record, IncidentReport) if record.topic is REPORTS and record.key == place else None
        if report is not None:
            found.articles.add(report.article_id)
            found.rules.add(report.ruleset_version)
    return found


def _as_read(path: Path, rerun: Rerun) -> Iterator[Alert]:
    for record in recording(path):
        yield from rerun.take(record).alerts


def _as_reported(path: Path, place: str, reported: _Reported, rerun: Rerun) -> Iterator[Alert]:
    """The alerts of a host state, its reports taken in their own order; each is read from its article once more."""
    known, chain = KnownSites(), Chain(rerun.windows, rerun.states)
    anew: dict[tuple[str, int, bool], IncidentReport] = {}
    for record in recording(path):
        if record.topic is ARTICLES and record.key in reported.articles:
            article = record_in(record, Article)
            if article is not None:
                said = chain.take_article(article, read(rerun.reader, known, article))
                anew |= {_identity(report): report for report in said}
        elif record.topic is REPORTS and record.key == place:
            before = record_in(record, IncidentReport)
            report = anew.get(_identity(before)) if before is not None else None
            if report is not None:
                yield from chain.take_report(report)[1]
        elif record.topic is FEEDBACK:
            verdict = record_in(record, Feedback)
            if verdict is not None:
                yield from chain.take_verdict(verdict)[1]
        else:
            _follow(known, record)


def _identity(report: IncidentReport) -> tuple[str, int, bool]:
    return (report.report_id, report.article_revision, report.withdrawn)


def _follow(known: KnownSites, record: Recorded) -> None:
    try:
        site_into(known, record)
    except Undecodable:
        return


def _missing(path: Path, sent: Alert) -> tuple[str, ...]:
    wanted = dict.fromkeys(f"{claim.article_id}-{claim.article_revision}" for claim in sent.incident.claims)
    for record in recording(path):
        article = record_in(record, Article) if record.topic is ARTICLES else None
        if article is not None:
            wanted.pop(article.record_id, None)
    return tuple(wanted)


def _mismatches(sent: Alert, again: Alert | None) -> tuple[Mismatch, ...]:
    """Where the two differ, but for volatile fields and the mark of an exercise."""
    if again is None:
        return (Mismatch(field="alert", sent=sent.headline, computed=""),)
    again = again.model_copy(update={"exercise": sent.exercise})
    paths = VOLATILE[ALERTS.name]
    return tuple(_between("", *(json.loads(settled(encode(each), paths)) for each in (sent, again))))


def _between(path: str, a: Any, b: Any) -> Iterator[Mismatch]:
    if isinstance(a, dict) and isinstance(b, dict):
        for name in dict.fromkeys((*a, *b)):
            yield from _between(f"{path}.{name}".lstrip("."), a.get(name), b.get(name))
    elif isinstance(a, list) and isinstance(b, list) and len(a) == len(b):
        for number, (one, other) in enumerate(zip(a, b, strict=True)):
            yield from _between(f"{path}.{number}", one, other)
    elif a != b:
        yield Mismatch(field=path, sent=_text(a), computed=_text(b))


def _text(value: Any) -> str:
    return "" if value is None else json.dumps(value, ensure_ascii=False)
