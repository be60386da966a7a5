"""What happens while people look: each alert and each change of an incident, to every viewer that asked for it."""

import asyncio
import secrets
from collections.abc import Callable
from datetime import datetime

from services.console.core.alert_log import AlertLog
from services.console.core.changes import Change, Ring, event
from services.console.core.incidents import Wanted
from services.console.core.listing import Listing
from services.contracts.alert import Alert
from services.contracts.incident import Incident
from services.contracts.model import Record
from services.contracts.topics import INCIDENTS, Topic
from services.runtime import metrics
from services.runtime.settings import ConsoleSettings

QUEUE = 500
"""Events that may wait for one viewer; who is further behind is cut off and comes back by the last event's id."""
RING = 2_000
"""Changes that a viewer who comes back can be told."""


class TooManyViewers(Exception):
    """All places, or all that one may have, are taken; one may be free soon."""


class Viewer:
    """One who looks. `next` is what to send, in turn."""

    def __init__(self, wanted: Wanted, holder: str) -> None:
        self.holder = holder
        self._wanted = wanted
        self._waiting: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._cut = False

    def offer(self, change: Change) -> None:
        """Queue the change if it was asked for."""
        if self._cut or (told := change.event(self._wanted)) is None:
            return
        if self._waiting.qsize() < QUEUE:
            self._waiting.put_nowait(told)
        else:
            self.end()

    def put(self, told: bytes) -> None:
        self._waiting.put_nowait(told)

    def end(self) -> None:
        """Nothing more is sent than what is on its way: what waits is had again by who comes back."""
        self._cut = True
        while not self._waiting.empty():
            self._waiting.get_nowait()
        self._waiting.put_nowait(None)

    async def next(self, within_s: float) -> bytes | None:
        """The next event; None at the end. Raises TimeoutError when there is none for so long."""
        async with asyncio.timeout(within_s):
            return await self._waiting.get()


class Live:
    """The incidents, the alerts of the last days, and who is told of what changes. `take` hears of every record that
    is read."""

    def __init__(self, settings: ConsoleSettings, now: Callable[[], datetime]) -> None:
        self._now = now
        self.alerts = AlertLog(days=settings.alerts_d, most=settings.alerts_most)
        self._ring = Ring(secrets.token_hex(6), RING)
        self.incidents = Listing()
        self._viewers: set[Viewer] = set()
        self._most = settings.viewers
        self._closed = False

    @property
    def position(self) -> str:
        """The id of the newest event: who streams from there misses nothing that came after."""
        return self._ring.position

    def take(self, topic: Topic, key: str, record: Record | None) -> None:
        """A record was read, or (None) its key was removed. One that says what is known is no change."""
        if isinstance(record, Alert):
            if self.alerts.add(record, self._now()):
                self._tell(self._ring.add(alert=record))
        elif isinstance(record, Incident):
            before = self.incidents.put(record)
            if record != before:
                self._tell(self._ring.add(incident=record, before=before))
        elif topic == INCIDENTS:
            self.incidents.remove(key)

    def _tell(self, change: Change) -> None:
        for viewer in self._viewers:
            viewer.offer(change)

    def enter(self, wanted: Wanted, last_event_id: str | None, holder: str) -> Viewer:
        """A viewer, until it leaves. The first event is "ready", or "reset" where what came since `last_event_id` is
        not known any more: then the lists have to be read again. One `holder` of a token leaves half of the places to
        others. Raises TooManyViewers."""
        if len(self._viewers) >= self._most:
            raise TooManyViewers(f"{self._most} viewers are looking already")
        if sum(viewer.holder == holder for viewer in self._viewers) >= max(1, self._most // 2):
            raise TooManyViewers(f"{self._most // 2} viewers with this token are looking already")
        viewer = Viewer(wanted, holder)
        missed = self._ring.after(last_event_id) if last_event_id else iter(())
        if missed is None:
            viewer.put(event("reset", self.position, '{"reason":"what came since is not known any more; read anew"}'))
        else:
            viewer.put(event("ready", last_event_id or self.position, "{}"))
            for told in filter(None, (change.event(wanted) for change in missed)):
                viewer.put(told)
        if self._closed:
            viewer.end()
        self._viewers.add(viewer)
        metrics.CONSOLE_VIEWERS.set(len(self._viewers))
        return viewer

    def leave(self, viewer: Viewer) -> None:
        """Nothing more is kept for it."""
        self._viewers.discard(viewer)
        metrics.CONSOLE_VIEWERS.set(len(self._viewers))

    def close(self) -> None:
        """Every stream ends, and each that begins from now on."""
        self._closed = True
        for viewer in self._viewers:
            viewer.end()
