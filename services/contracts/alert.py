"""An alert: a revision of an incident that is worth telling, and why."""

import re
from enum import StrEnum
from typing import ClassVar, Self

from pydantic import model_validator

from services.contracts import ids
from services.contracts.ids import AlertId
from services.contracts.incident import Incident
from services.contracts.model import Record


class ChangeKind(StrEnum):
    OPENED = "opened"
    ESCALATED = "escalated"
    CORROBORATED = "corroborated"
    CASUALTIES_REVISED = "casualties_revised"
    TYPE_REFINED = "type_refined"
    PLACE_REFINED = "place_refined"
    RETRACTED = "retracted"
    CLOSED = "closed"


class Urgency(StrEnum):
    """CAP 1.2 urgency, of which news knows three: going on, expected (a threat), and past."""

    IMMEDIATE = "immediate"
    EXPECTED = "expected"
    PAST = "past"


class Alert(Record):
    """What changed and why it is told, with the whole incident as it then stood.

    The id is that of the incident and its revision, so an alert that is sent twice is the same alert.
    `exercise` marks drills and replays; such an alert must say so wherever it is shown. None of a drill is without it.
    """

    KIND: ClassVar[str] = "alert"

    alert_id: AlertId
    change: ChangeKind
    reason: str
    headline: str
    urgency: Urgency
    exercise: bool = False
    incident: Incident

    @model_validator(mode="after")
    def _says_what_is_no_news(self) -> Self:
        if self.incident.drill is not None and not self.exercise:
            raise ValueError(f"an alert of the drill {self.incident.drill} is an exercise")
        return self

    @model_validator(mode="after")
    def _is_called_as_it_is(self) -> Self:
        """Ids go into headers, XML and addresses as they are, and whoever takes an id of ours takes its place."""
        if not re.fullmatch(r"inc_[a-z2-7]{26}", self.incident.incident_id):
            raise ValueError("the incident's id is inc_ and 26 characters of base32")
        if self.alert_id != ids.alert_id(self.incident.incident_id, self.incident.revision):
            raise ValueError("the id of an alert is that of its incident and revision")
        return self

    @property
    def record_id(self) -> str:
        return self.alert_id

    @property
    def key(self) -> str:
        return self.incident.incident_id
