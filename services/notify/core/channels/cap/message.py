"""An alert as a CAP 1.2 message (OASIS CAP-V1.2-OS). Element names and their order are those of its schema."""

import re
from collections.abc import Mapping
from datetime import UTC
from xml.etree.ElementTree import Element, SubElement, tostring

from services.contracts.alert import Alert, ChangeKind
from services.contracts.model import Instant
from services.contracts.report import IncidentType, PlacePrecision, Site
from services.notify.core.writing import words
from services.notify.core.writing.telling import Telling, quotation, tell
from services.notify.core.writing.text import clip, one_line, unlinked

NAMESPACE = "urn:oasis:names:tc:emergency:cap:1.2"
SENDER = "chancery-watch"

BUDGETS: Mapping[str, int] = {"headline": 160, "name": 300, "text": 4_000}
"""Characters. CAP recommends 160 for a headline and bounds nothing."""

TYPES: Mapping[ChangeKind, str] = {ChangeKind.OPENED: "Alert", ChangeKind.RETRACTED: "Cancel"}
"""What is neither is an Update."""

CATEGORIES: Mapping[IncidentType, str] = {
    IncidentType.ARSON_INCENDIARY: "Fire",
    IncidentType.CBRN_SUBSTANCE: "CBRNE",
}
"""Beside Security."""

RADIUS_KM: Mapping[PlacePrecision, float] = {
    PlacePrecision.SITE: 0.5,
    PlacePrecision.QUARTER: 2,
    PlacePrecision.CITY: 15,
}

NO_REFERENCES = "<references />"
"""Holds the place of what only the attempt knows."""

MAX_SOURCES = 20


def render(alert: Alert, *, late: bool = False) -> bytes:
    """UTF-8 XML of a message whose references are still open. Equal arguments give equal bytes."""
    told, incident = tell(alert, late=late), alert.incident
    root = Element("alert", xmlns=NAMESPACE)
    _add(root, "identifier", alert.alert_id)
    _add(root, "sender", SENDER)
    _add(root, "sent", _moment(incident.ledger.correlated_at))
    _add(root, "status", "Exercise" if alert.exercise else "Actual")
    _add(root, "msgType", TYPES.get(alert.change, "Update"))
    _add(root, "scope", "Restricted")
    _add(root, "restriction", "For the subscriber of this endpoint")
    _add(root, "note", _fit(" ".join((*told.warnings, told.why)), "text"))
    SubElement(root, "references")
    _add(root, "incidents", incident.incident_id)
    _info(SubElement(root, "info"), alert, told)
    return b"<?xml version='1.0' encoding='UTF-8'?>\n" + tostring(root, encoding="unicode").encode()


def reference(body: bytes) -> str | None:
    """`sender,identifier,sent`: how CAP refers to a message (3.2.1)."""
    found = _CALLED.search(body.decode())
    return f"{found[2]},{found[1]},{found[3]}" if found else None


_CALLED = re.compile("<identifier>([^<]+)</identifier><sender>([^<]+)</sender><sent>([^<]+)</sent>")


def _info(info: Element, alert: Alert, told: Telling) -> None:
    incident = alert.incident
    _add(info, "language", "en")
    _add(info, "category", "Security")
    if incident.type in CATEGORIES:
        _add(info, "category", CATEGORIES[incident.type])
    _add(info, "event", words.TYPES[incident.type])
    for name, scale in (("urgency", alert.urgency), ("severity", incident.severity), ("certainty", incident.certainty)):
        _add(info, name, scale.capitalize())
    _add(info, "effective", _moment(incident.ledger.correlated_at))
    _add(info, "senderName", "Chancery")
    _add(info, "headline", _fit(told.title, "headline"))
    _add(info, "description", _fit("; ".join(f"{label}: {value}" for label, value in told.facts), "text"))
    if told.url:
        _add(info, "web", told.url)
    if told.quote:
        _parameter(info, "quote", " ".join(quotation(told.quote)))
    _parameter(info, "killed", words.count(incident.killed))
    _parameter(info, "wounded", words.count(incident.wounded))
    for source in told.sources[:MAX_SOURCES]:
        _parameter(info, "source", f"{source.name} {source.url}")
    _area(SubElement(info, "area"), incident.site)


def _area(area: Element, site: Site) -> None:
    _add(area, "areaDesc", _fit(unlinked(words.where(site)), "name"))
    radius = RADIUS_KM.get(site.precision)
    if radius is not None and site.lat is not None and site.lon is not None:
        _add(area, "circle", f"{site.lat:.5f},{site.lon:.5f} {radius:g}")


def _parameter(info: Element, name: str, value: str) -> None:
    parameter = SubElement(info, "parameter")
    _add(parameter, "valueName", name)
    _add(parameter, "value", _fit(value, "text"))


def _add(parent: Element, name: str, text: str) -> None:
    SubElement(parent, name).text = text


def _moment(at: Instant) -> str:
    """With a numeric offset: CAP forbids the Z (3.3.2)."""
    return at.astimezone(UTC).isoformat(timespec="seconds")


def _fit(text: str, budget: str) -> str:
    return clip(one_line(text), BUDGETS[budget], lambda _: 1) or "-"
