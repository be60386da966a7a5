"""An alert as Alertmanager's `postableAlerts`: one alert an incident, the same labels for all its revisions."""

import json
from collections.abc import Mapping
from datetime import timedelta

from services.contracts.alert import Alert, ChangeKind
from services.contracts.report import Severity
from services.notify.core.writing.telling import quotation, tell
from services.notify.core.writing.text import clip, one_line

BUDGETS: Mapping[str, int] = {"label": 200, "annotation": 2_000}
"""Characters."""

FIRES_FOR = timedelta(hours=72)
"""Alertmanager takes an alert for resolved when it hears no more of it. News is not sent again and again, so the end is
told with each revision; after so long without a report an incident is closed here too."""

ENDS = frozenset({ChangeKind.RETRACTED, ChangeKind.CLOSED})


def render(alert: Alert, *, late: bool = False) -> bytes:
    """UTF-8 JSON of a list: the incident at its severity, and ended at every other. Equal arguments give equal bytes.

    Labels are an alert's identity, so what may change with a revision is annotation; but people route by severity.
    """
    told, incident = tell(alert, late=late), alert.incident
    annotations = {"summary": _fit(told.title), "why": _fit(told.why), "footer": _fit(told.footer)}
    annotations |= {label.lower().replace(" ", "_"): _fit(value) for label, value in told.facts}
    if told.warnings:
        annotations["warning"] = " ".join(told.warnings)
    if told.quote:
        annotations["quote"] = _fit(" ".join(quotation(told.quote)))
    at = incident.ledger.correlated_at
    ends_at = at if alert.change in ENDS else at + FIRES_FOR
    posted = [
        {
            "labels": _labels(alert, severity),
            "annotations": annotations,
            "startsAt": min(incident.ledger.published_at or at, at).isoformat(),
            "endsAt": (ends_at if severity is incident.severity else at).isoformat(),
            **({"generatorURL": told.url} if told.url else {}),
        }
        for severity in Severity
    ]
    return json.dumps(posted, ensure_ascii=False).encode()


def _labels(alert: Alert, severity: Severity) -> dict[str, str]:
    return {
        "alertname": "DiplomaticSiteIncident",
        "incident_id": alert.incident.incident_id,
        "severity": severity,
        "host_state": clip(one_line(alert.incident.site.host_state or ""), BUDGETS["label"], lambda _: 1) or "unknown",
        "exercise": str(alert.exercise).lower(),
    }


def _fit(text: str) -> str:
    return clip(one_line(text), BUDGETS["annotation"], lambda _: 1)
