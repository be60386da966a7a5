"""The remembered incidents: two Faust tables that belong to the partitions of the reports topic.

`incidents` holds the incidents by id, `places` the ids by host state, so that a report is compared with the incidents
of its country only and a new claim rewrites one incident only.
"""

import json
from collections.abc import Sequence

import faust
from faust.types.tables import TableT

from services.contracts.codec import decode, encode
from services.contracts.incident import Incident

REMEMBERED = 400
"""Incidents kept for comparison per host state; the oldest by event date go first."""


class IncidentTable:
    def __init__(self, app: faust.App, partitions: int) -> None:
        def table(name: str) -> TableT[bytes, bytes]:
            return app.Table(name, partitions=partitions, key_type=bytes, value_type=bytes)

        self._incidents = table("incidents")
        self._places = table("places")

    def candidates(self, place: str) -> Sequence[Incident]:
        """The remembered incidents of a host state. Call it inside the stream only."""
        return [
            decode(value, Incident)
            for incident_id, _ in self._remembered(place)
            if (value := self._incidents.get(incident_id.encode())) is not None
        ]

    def put(self, place: str, incident: Incident) -> None:
        """Remember an incident; forgets the oldest of the place beyond `REMEMBERED`. Inside the stream only."""
        self._incidents[incident.incident_id.encode()] = encode(incident)
        day = (incident.date or incident.ledger.fetched_at.date()).isoformat()
        known = [(other, when) for other, when in self._remembered(place) if other != incident.incident_id]
        known = sorted([*known, (incident.incident_id, day)], key=lambda entry: entry[1])
        for forgotten, _ in known[:-REMEMBERED]:
            self._incidents.pop(forgotten.encode(), None)
        self._places[place.encode()] = json.dumps(known[-REMEMBERED:]).encode()

    def _remembered(self, place: str) -> list[tuple[str, str]]:
        return [(str(i), str(day)) for i, day in json.loads(self._places.get(place.encode()) or b"[]")]
