"""Incidents remembered for comparison, in memory; and which are forgotten, wherever they are remembered."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from services.contracts.ids import DrillId, IncidentId
from services.contracts.incident import Incident
from services.contracts.model import Instant

REMEMBERED = 400
"""Incidents kept for comparison per host state; the oldest by event date go first."""

Known = Mapping[str, str]
"""The incidents of a host state with their days, in the order of these."""


def place_of(host_state: str, drill: DrillId | None) -> str:
    """Where incidents are remembered and a clock is kept, so that only what may be one incident meets: a host state,
    and each drill in it apart."""
    return host_state if drill is None else f"{host_state} {drill}"


def day_of(incident: Incident) -> str:
    """The day by which an incident is old: its own, else that of the fetch."""
    return (incident.date or incident.ledger.fetched_at.date()).isoformat()


def in_order(known: Known) -> tuple[list[str], dict[str, str]]:
    """The ids to forget beyond `REMEMBERED`, and what is kept, by day."""
    by_day = sorted(known.items(), key=lambda entry: (entry[1], entry[0]))
    return [forgotten for forgotten, _ in by_day[:-REMEMBERED]], dict(by_day[-REMEMBERED:])


class Memory:
    """What the worker's table of incidents remembers, for a run without Kafka; `place` is `place_of`."""

    def __init__(self) -> None:
        self._incidents: dict[str, Incident] = {}
        self._known: dict[str, dict[str, str]] = {}
        self._clocks: dict[str, Instant] = {}

    def __iter__(self) -> Iterator[Incident]:
        return iter(self._incidents.values())

    def candidates(self, place: str) -> Sequence[Incident]:
        return [self._incidents[incident_id] for incident_id in self._known.get(place, {})]

    def find(self, incident_id: IncidentId) -> Incident | None:
        return self._incidents.get(incident_id)

    def clock(self, place: str, shown: Instant) -> Instant:
        return max(self._clocks.get(place, shown), shown)

    def put(self, place: str, clock: Instant | None, incidents: Iterable[Incident]) -> None:
        before = self._known.get(place, {})
        days: dict[str, str] = {}
        for incident in incidents:
            self._incidents[incident.incident_id] = incident
            days[incident.incident_id] = day_of(incident)
        if any(before.get(incident_id) != day for incident_id, day in days.items()):
            forgotten, self._known[place] = in_order({**before, **days})
            for incident_id in forgotten:
                self._incidents.pop(incident_id, None)
        if clock is not None:
            self._clocks[place] = clock
