"""An incident as it stands, as the alert that would tell it to who asks now."""

from services.classify.core.correlation.alerting import alert_for, urgency
from services.classify.core.correlation.fold import at
from services.classify.core.correlation.headline import headline
from services.console.core.incidents import STATES
from services.contracts import ids
from services.contracts.alert import Alert, ChangeKind
from services.contracts.incident import Incident, IncidentStatus
from services.notify.core.channels import cap
from services.notify.core.channels.cap.message import reference

_CHANGES = {IncidentStatus.RETRACTED: ChangeKind.RETRACTED, IncidentStatus.CLOSED: ChangeKind.CLOSED}


def as_cap(incident: Incident) -> bytes:
    """The CAP 1.2 message of an incident: `Alert` of one that stands as it was first told or was never told, else
    `Update`, or `Cancel` for one that is retracted, which refer to the first alert (OASIS CAP 1.2, 3.2.1)."""
    first = first_alert(incident)
    if first is not None and first.incident.revision == incident.revision:
        return cap.addressed(cap.RULES.render(first), None)
    body = cap.RULES.render(alert_of(incident))
    return cap.addressed(body, reference(cap.RULES.render(first)) if first else None)


def alert_of(incident: Incident) -> Alert:
    """What it says now as an alert, whether or not this revision was worth one."""
    return Alert(
        alert_id=ids.alert_id(incident.incident_id, incident.revision),
        change=_CHANGES.get(incident.status, ChangeKind.CORROBORATED),
        reason=f"asked for as it stands, at revision {incident.revision}",
        headline=headline(incident, STATES),
        urgency=urgency(incident),
        exercise=incident.drill is not None,
        incident=incident,
    )


def first_alert(incident: Incident) -> Alert | None:
    """The alert that told it first, made again; None where no revision was worth one."""
    before = None
    for revision in range(1, incident.revision + 1):
        stood = at(incident, revision)
        if stood is not None and (alert := alert_for(before, stood, STATES)) is not None:
            return alert
        before = stood
    return None
