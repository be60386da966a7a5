"""What the agents remember in Faust tables, so that another worker can take over where one left off.

`incidents` and `places` belong to the partitions of the reports topic: the incidents by id, and by host state the ids
and the newest moment its reports told of, so that a report is compared with the incidents of its country only and a
new claim rewrites one incident only. `told` belongs to the partitions of the articles topic: what the last revision
of each article said. All methods are called inside a stream only.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

import faust
from faust.types.tables import TableT
from pydantic import TypeAdapter

from services.classify.core.correlation.withdrawals import Told
from services.contracts.codec import decode, encode
from services.contracts.ids import ArticleId, IncidentId
from services.contracts.incident import Incident
from services.contracts.model import Instant

REMEMBERED = 400
"""Incidents kept for comparison per host state; the oldest by event date go first."""

_TOLD = TypeAdapter(Told)


@dataclass(frozen=True, slots=True)
class _Place:
    clock: datetime | None
    known: tuple[tuple[str, str], ...]
    """Incidents with their days."""


class IncidentTable:
    def __init__(self, app: faust.App, partitions: int) -> None:
        def table(name: str) -> TableT[bytes, bytes]:
            return app.Table(name, partitions=partitions, key_type=bytes, value_type=bytes)

        self._incidents = table("incidents")
        self._places = table("places")
        self._decoded: dict[bytes, tuple[bytes, Incident]] = {}

    def candidates(self, place: str) -> Sequence[Incident]:
        """The remembered incidents of a host state."""
        known = (self._get(incident_id) for incident_id, _ in self._place(place).known)
        return [incident for incident in known if incident is not None]

    def find(self, incident_id: IncidentId) -> Incident | None:
        return self._get(incident_id)

    def clock(self, place: str, shown: Instant) -> Instant:
        """The newest moment that reports of a host state told of, `shown` by the present one included."""
        clock = self._place(place).clock
        return max(clock, shown) if clock else shown

    def put(self, place: str, clock: Instant | None, incidents: Iterable[Incident]) -> None:
        """Remember incidents and, where given, the clock; forgets the oldest of the place beyond `REMEMBERED`."""
        before = self._place(place)
        known = dict(before.known)
        for incident in incidents:
            self._incidents[incident.incident_id.encode()] = encode(incident)
            known[incident.incident_id] = (incident.date or incident.ledger.fetched_at.date()).isoformat()
        by_day = sorted(known.items(), key=lambda entry: (entry[1], entry[0]))
        for forgotten, _ in by_day[:-REMEMBERED]:
            self._incidents.pop(forgotten.encode(), None)
            self._decoded.pop(forgotten.encode(), None)
        after = _Place(clock or before.clock, tuple(by_day[-REMEMBERED:]))
        if after != before:
            row = {"clock": after.clock and after.clock.isoformat(), "known": after.known}
            self._places[place.encode()] = json.dumps(row).encode()

    def _get(self, incident_id: str) -> Incident | None:
        """Decoded once for as long as the table holds the same bytes."""
        key = incident_id.encode()
        value = self._incidents.get(key)
        if value is None:
            return None
        held = self._decoded.get(key)
        if held is None or held[0] != value:
            held = self._decoded[key] = (value, decode(value, Incident))
        return held[1]

    def _place(self, place: str) -> _Place:
        value = self._places.get(place.encode())
        if value is None:
            return _Place(None, ())
        row = json.loads(value)
        clock = datetime.fromisoformat(row["clock"]) if row["clock"] else None
        return _Place(clock, tuple((str(i), str(day)) for i, day in row["known"]))


class ToldTable:
    def __init__(self, app: faust.App, partitions: int) -> None:
        self._articles: TableT[bytes, bytes] = app.Table(
            "told", partitions=partitions, key_type=bytes, value_type=bytes
        )

    def get(self, article_id: ArticleId) -> Told | None:
        value = self._articles.get(article_id.encode())
        return None if value is None else _TOLD.validate_json(value)

    def put(self, article_id: ArticleId, told: Told) -> None:
        self._articles[article_id.encode()] = _TOLD.dump_json(told)
