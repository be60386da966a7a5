"""Incidents as an Atom feed (RFC 4287), for whoever subscribes to us."""

from collections.abc import Iterable
from datetime import UTC, datetime
from xml.etree.ElementTree import Element, SubElement, tostring

from services.console.core.incidents import changed_at, title
from services.contracts.incident import Incident, IncidentStatus
from services.notify.core.writing import words
from services.notify.core.writing.text import link, one_line

MEDIA_TYPE = "application/atom+xml"
NAMESPACE = "http://www.w3.org/2005/Atom"
GEORSS = "http://www.georss.org/georss"

_NEVER = datetime(1970, 1, 1, tzinfo=UTC)


def feed(incidents: Iterable[Incident], address: str) -> bytes:
    """UTF-8 XML, an entry an incident in the order given. `address` is that of the feed itself. An entry keeps its id
    over all revisions and is updated with each; foreign text in it is plain text, with what XML cannot hold left out.
    """
    shown = list(incidents)
    root = Element("feed", {"xmlns": NAMESPACE, "xmlns:georss": GEORSS})
    _add(root, "id", address)
    _add(root, "title", "Chancery: incidents at diplomatic sites")
    _add(root, "updated", _moment(max(map(changed_at, shown), default=_NEVER)))
    SubElement(root, "link", rel="self", type=MEDIA_TYPE, href=address)
    _add(SubElement(root, "author"), "name", "Chancery")
    _add(root, "generator", "Chancery")
    for incident in shown:
        _entry(SubElement(root, "entry"), incident)
    return b"<?xml version='1.0' encoding='UTF-8'?>\n" + tostring(root, encoding="unicode").encode()


def _entry(entry: Element, incident: Incident) -> None:
    status = "" if incident.status is IncidentStatus.OPEN else f"[{incident.status}] "
    _add(entry, "id", f"urn:chancery:incident:{incident.incident_id}")
    _add(entry, "title", f"{status}{incident.severity}: {title(incident)}")
    _add(entry, "updated", _moment(changed_at(incident)))
    _add(entry, "published", _moment(incident.claims[0].ledger.correlated_at))
    for claim in words.sources(incident):
        if shown := link(claim.url):
            SubElement(entry, "link", rel="related", href=shown[0], title=one_line(claim.source.name))
    for scheme, term in (("type", incident.type), ("severity", incident.severity), ("status", incident.status)):
        SubElement(entry, "category", scheme=f"urn:chancery:{scheme}", term=term)
    _add(entry, "summary", "; ".join(_facts(incident)))
    site = incident.site
    if site.lat is not None and site.lon is not None:
        _add(entry, "georss:point", f"{site.lat:.5f} {site.lon:.5f}")


def _facts(incident: Incident) -> Iterable[str]:
    yield words.what(incident)
    yield words.where(incident.site)
    yield words.when(incident)
    yield words.how_sure(incident)
    yield words.toll(incident)
    if particulars := words.particulars(incident):
        yield particulars
    if told := words.quoted(incident):
        yield f"“{told.quote}” ({told.source.name})"


def _add(parent: Element, name: str, text: str) -> None:
    SubElement(parent, name).text = one_line(text)


def _moment(at: datetime) -> str:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")
