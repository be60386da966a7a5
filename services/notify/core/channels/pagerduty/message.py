"""An alert as a PagerDuty event (Events API v2). All of it is plain text there."""

import json
from collections.abc import Mapping

from services.contracts.alert import Alert, ChangeKind
from services.contracts.report import Severity
from services.notify.core.writing.telling import quotation, tell
from services.notify.core.writing.text import clip, one_line, unlinked

BUDGETS: Mapping[str, int] = {"summary": 1_000, "detail": 4_000}
"""Characters; PagerDuty: 1024 for the summary, 512 kB for an event."""

MAX_SOURCES = 20

SEVERITIES: Mapping[Severity, str] = {
    Severity.EXTREME: "critical",
    Severity.SEVERE: "error",
    Severity.MODERATE: "warning",
    Severity.MINOR: "info",
}

RESOLVES = frozenset({ChangeKind.RETRACTED, ChangeKind.CLOSED})


def render(alert: Alert, *, late: bool = False) -> bytes:
    """UTF-8 JSON of an event without its routing key. Equal arguments give equal bytes."""
    told, incident = tell(alert, late=late), alert.incident
    details = {label: _fit(value, "detail") for label, value in told.facts}
    details["Why"] = _fit(told.why, "detail")
    if told.warnings:
        details["Warning"] = " ".join(told.warnings)
    if told.quote:
        details["Quote"] = _fit(" ".join(quotation(told.quote)), "detail")
    event = {
        "event_action": "resolve" if alert.change in RESOLVES else "trigger",
        "dedup_key": incident.incident_id,
        "payload": {
            "summary": _fit(told.title, "summary"),
            "source": _fit(dict(told.facts)["Where"], "summary") or "unknown",
            "severity": SEVERITIES[Severity.MINOR if alert.exercise else incident.severity],
            "timestamp": incident.ledger.correlated_at.isoformat(),
            "component": unlinked(incident.site.site_key)[:255],
            "group": incident.site.host_state or "",
            "class": incident.type,
            "custom_details": details,
        },
        "links": [
            {"href": source.url, "text": _fit(f"{source.name}: {source.host}", "summary")}
            for source in told.sources[:MAX_SOURCES]
            if source.url
        ],
        "client": "Chancery",
    }
    return json.dumps(event, ensure_ascii=False).encode()


def _fit(text: str, budget: str) -> str:
    return clip(one_line(text), BUDGETS[budget], lambda _: 1)
