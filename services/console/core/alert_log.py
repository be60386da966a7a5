"""The alerts of the last days, at most so many: the newest stay."""

import heapq
from collections.abc import Iterator
from datetime import datetime, timedelta

from services.console.core.incidents import changed_at
from services.contracts.alert import Alert


class AlertLog:
    """Alerts by id, none older than `days` and never more than `most`, in whatever order they come."""

    def __init__(self, *, days: float, most: int) -> None:
        self._for = timedelta(days=days)
        self._most = most
        self._alerts: dict[str, Alert] = {}
        self._oldest: list[tuple[datetime, str]] = []

    def add(self, alert: Alert, now: datetime) -> bool:
        """Is it new here? One that comes again is the same alert."""
        known = alert.alert_id in self._alerts
        if not known:
            heapq.heappush(self._oldest, (changed_at(alert.incident), alert.alert_id))
        self._alerts[alert.alert_id] = alert
        self._forget(now)
        return not known

    def get(self, alert_id: str) -> Alert | None:
        return self._alerts.get(alert_id)

    def values(self) -> Iterator[Alert]:
        return iter(list(self._alerts.values()))

    def of(self, incident_id: str) -> list[Alert]:
        """Those of one incident, in the order of its revisions."""
        told = (alert for alert in self._alerts.values() if alert.incident.incident_id == incident_id)
        return sorted(told, key=lambda alert: alert.incident.revision)

    def _forget(self, now: datetime) -> None:
        while self._oldest and (len(self._alerts) > self._most or self._oldest[0][0] < now - self._for):
            del self._alerts[heapq.heappop(self._oldest)[1]]
