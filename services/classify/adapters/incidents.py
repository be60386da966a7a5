"""What the agents remember in Faust tables, so that another worker can take over where one left off.

`incidents` and `places` belong to the partitions of the reports topic. `incidents` has them by id. `places` has two
rows for a host state: its incidents with their days, and the newest moment its reports told of. So a report is compared
with the incidents of its country only, a new claim rewrites one incident only, and the longer row, which the changelog
repeats whenever it is written, is written only when an incident comes or changes its day. `told` belongs to the
partitions of the articles topic: what the last revision of each article said. All methods are called inside a stream
only.
"""

import json
from collections.abc import Iterable, Sequence
from datetime import datetime

import faust
from faust.types.tables import TableT

from services.classify.core.correlation.memory import Known, day_of, in_order
from services.classify.core.correlation.withdrawals import KEPT, ToldRows
from services.contracts.codec import decode, encode
from services.contracts.ids import IncidentId
from services.contracts.incident import Incident
from services.contracts.model import Instant
from services.contracts.topics import milliseconds


class IncidentTable:
    """What was decoded is kept for as long as its table holds the same bytes: a rebalance may change them."""

    def __init__(self, app: faust.App, partitions: int) -> None:
        def table(name: str) -> TableT[bytes, bytes]:
            return app.Table(name, partitions=partitions, key_type=bytes, value_type=bytes)

        self._incidents = table("incidents")
        self._places = table("places")
        self._decoded: dict[str, tuple[bytes, Incident]] = {}
        self._known: dict[str, tuple[bytes, Known]] = {}

    def candidates(self, place: str) -> Sequence[Incident]:
        """The remembered incidents of a host state."""
        known = map(self._get, self._known_of(place))
        return [incident for incident in known if incident is not None]

    def find(self, incident_id: IncidentId) -> Incident | None:
        return self._get(incident_id)

    def clock(self, place: str, shown: Instant) -> Instant:
        """The newest moment that reports of a host state told of, `shown` by the present one included."""
        clock = self._clock_of(place)
        return max(clock, shown) if clock else shown

    def put(self, place: str, clock: Instant | None, incidents: Iterable[Incident]) -> None:
        """Remember incidents and, where given, the clock; forgets the oldest of the place beyond `REMEMBERED`."""
        before = self._known_of(place)
        days: dict[str, str] = {}
        for incident in incidents:
            value = self._incidents[incident.incident_id.encode()] = encode(incident)
            self._decoded[incident.incident_id] = (value, incident)
            days[incident.incident_id] = day_of(incident)
        if any(before.get(incident_id) != day for incident_id, day in days.items()):
            self._put_known(place, {**before, **days})
        if clock is not None and clock != self._clock_of(place):
            self._places[_clock_key(place)] = clock.isoformat().encode()

    def _put_known(self, place: str, known: Known) -> None:
        forgotten, kept = in_order(known)
        for incident_id in forgotten:
            self._incidents.pop(incident_id.encode(), None)
            self._decoded.pop(incident_id, None)
        value = self._places[_known_key(place)] = known_row(kept)
        self._known[place] = (value, kept)

    def _get(self, incident_id: str) -> Incident | None:
        value = self._incidents.get(incident_id.encode())
        if value is None:
            return None
        held = self._decoded.get(incident_id)
        if held is None or held[0] != value:
            held = self._decoded[incident_id] = (value, decode(value, Incident))
        return held[1]

    def _known_of(self, place: str) -> Known:
        value = self._places.get(_known_key(place))
        if value is None:
            return {}
        held = self._known.get(place)
        if held is None or held[0] != value:
            held = self._known[place] = (value, dict(json.loads(value)["known"]))
        return held[1]

    def _clock_of(self, place: str) -> datetime | None:
        value = self._places.get(_clock_key(place))
        return None if value is None else datetime.fromisoformat(value.decode())


def known_row(known: Known) -> bytes:
    """The row of `places` with the incidents of a host state."""
    return json.dumps({"known": list(known.items())}).encode()


def _known_key(place: str) -> bytes:
    return place.encode()


def _clock_key(place: str) -> bytes:
    return f"{place} clock".encode()


_FORGETFUL = {"cleanup.policy": "compact,delete", "retention.ms": milliseconds(KEPT)}


class ToldTable(ToldRows):
    """Rows whose time is over leave the store without a word to the changelog, which forgets them by itself, as Faust
    does with tables of windows: what a recovery brings back counts for nothing."""

    def __init__(self, app: faust.App, partitions: int) -> None:
        table: TableT[bytes, bytes] = app.Table(
            "told", partitions=partitions, key_type=bytes, value_type=bytes, extra_topic_configs=_FORGETFUL
        )
        super().__init__(table, table.data)
