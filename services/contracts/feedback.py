"""An analyst's verdict on an incident."""

from enum import StrEnum
from typing import ClassVar

from services.contracts.article import OfDrill
from services.contracts.ids import IncidentId
from services.contracts.incident import Incident
from services.contracts.model import Instant, Record


class Verdict(StrEnum):
    CONFIRMED = "confirmed"
    FALSE_ALARM = "false_alarm"


class Feedback(Record):
    """A verdict on an incident as it stood at `revision`. `host_state` is the incident's: it leads to its partition.

    `drill` is the incident's too: such a verdict says that somebody is awake, and nothing of the world.
    """

    KIND: ClassVar[str] = "feedback"

    incident_id: IncidentId
    host_state: str | None = None
    revision: int
    verdict: Verdict
    why: str
    author: str
    given_at: Instant
    drill: OfDrill = None

    @property
    def record_id(self) -> str:
        return f"{self.incident_id}-{self.revision}-{self.author}-{self.verdict}"

    @property
    def partition_key(self) -> str:
        """Placed as the reports of its host state, so that the verdict meets the incident's table."""
        return self.host_state or "ZZ"


CALLED_OFF_BY = "chancery drill"
"""The author of the last word on each incident of a drill: the exercise is over."""


def verdict_on(incident: Incident, verdict: Verdict, *, why: str, author: str, now: Instant) -> Feedback:
    """What `author` says at `now` of the incident as it stands."""
    return Feedback(
        incident_id=incident.incident_id,
        host_state=incident.site.host_state,
        revision=incident.revision,
        verdict=verdict,
        why=why,
        author=author,
        given_at=now,
        drill=incident.drill,
    )
