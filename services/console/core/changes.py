"""What changed, in the order in which this console read it, each with an id by which a viewer comes back to it."""

import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property

from services.console.core.incidents import Wanted, alert_line, line
from services.contracts.alert import Alert
from services.contracts.incident import Incident


@dataclass(frozen=True)
class Change:
    """An alert, or an incident with how it stood before (None: it is new). Its events are written once, whoever many
    they go to."""

    event_id: str
    alert: Alert | None = None
    incident: Incident | None = None
    before: Incident | None = None

    def event(self, wanted: Wanted) -> bytes | None:
        """The event for who asked for this: "alert", "incident", or "gone" for an incident that was wanted and is no
        more; None where it is nothing to them."""
        if self.alert is not None:
            return self._alert if wanted.has(self.alert.incident) else None
        assert self.incident is not None
        if wanted.has(self.incident):
            return self._incident
        return self._gone if self.before is not None and wanted.has(self.before) else None

    @cached_property
    def _alert(self) -> bytes:
        assert self.alert is not None
        return event("alert", self.event_id, alert_line(self.alert).model_dump_json())

    @cached_property
    def _incident(self) -> bytes:
        assert self.incident is not None
        return event("incident", self.event_id, line(self.incident).model_dump_json())

    @cached_property
    def _gone(self) -> bytes:
        assert self.incident is not None
        return event("gone", self.event_id, line(self.incident).model_dump_json())


def event(name: str, event_id: str, data: str) -> bytes:
    """A server-sent event (WHATWG HTML, 9.2.5) of one line of data: JSON as pydantic writes it has no break."""
    return f"event: {name}\nid: {event_id}\ndata: {data}\n\n".encode()


@dataclass
class Ring:
    """The last `size` changes. `epoch` names this run: ids of another say nothing about the order here."""

    epoch: str
    size: int
    _changes: deque[Change] = field(init=False)
    _count: int = 0

    def __post_init__(self) -> None:
        self._changes = deque(maxlen=self.size)

    @property
    def position(self) -> str:
        """The id of the newest change."""
        return f"{self.epoch}-{self._count}"

    def add(
        self, *, alert: Alert | None = None, incident: Incident | None = None, before: Incident | None = None
    ) -> Change:
        self._count += 1
        change = Change(self.position, alert, incident, before)
        self._changes.append(change)
        return change

    def after(self, event_id: str) -> Iterator[Change] | None:
        """What came after that event; None where it is not known any more, or never was."""
        found = re.fullmatch(rf"{re.escape(self.epoch)}-(\d{{1,18}})", event_id)
        missed = self._count - int(found[1]) if found else -1
        if not 0 <= missed <= len(self._changes):
            return None
        return iter(list(self._changes)[len(self._changes) - missed :])
