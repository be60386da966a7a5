"""Every incident in the order that lists have, with what they ask of it again and again."""

from bisect import bisect_left, insort
from collections.abc import Iterator
from functools import cached_property
from operator import attrgetter

from services.console.core.incidents import Wanted, line, newest_first, said_of, title
from services.console.core.paging import Page, Place, cut
from services.contracts.incident import Incident

_place = attrgetter("place")


class Listed:
    """An incident, as JSON (`line`) and as what searches look into (`said`): each is made when it is first asked for,
    about 1 kB and 0.5 kB a claim, and goes with the revision."""

    def __init__(self, incident: Incident) -> None:
        self.incident = incident
        self.place: Place = newest_first(incident)

    @cached_property
    def line(self) -> bytes:
        return line(self.incident).model_dump_json().encode()

    @cached_property
    def headline(self) -> str:
        return title(self.incident)

    @cached_property
    def said(self) -> str:
        return said_of(self.incident)


class Listing:
    """The incidents by their id, the newest change first."""

    def __init__(self) -> None:
        self._by_id: dict[str, Listed] = {}
        self._ordered: list[Listed] = []

    def get(self, incident_id: str) -> Listed | None:
        return self._by_id.get(incident_id)

    def put(self, incident: Incident) -> Incident | None:
        """Returns what stood there before."""
        before = self.remove(incident.incident_id)
        self._by_id[incident.incident_id] = listed = Listed(incident)
        insort(self._ordered, listed, key=_place)
        return before

    def remove(self, incident_id: str) -> Incident | None:
        """Returns what stood there, if anything did."""
        if (before := self._by_id.pop(incident_id, None)) is None:
            return None
        del self._ordered[bisect_left(self._ordered, before.place, key=_place)]
        return before.incident

    def page(self, wanted: Wanted, limit: int, cursor: str | None) -> Page[Listed]:
        """Raises BadCursor."""
        found = self._ordered if wanted == Wanted() else list(self._found(wanted))
        return cut(found, _place, limit, cursor)

    def _found(self, wanted: Wanted) -> Iterator[Listed]:
        text = wanted.text.casefold()
        for each in self._ordered:
            if wanted.fits(each.incident) and (not text or text in each.said):
                yield each
