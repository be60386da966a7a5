"""The alerts of a run: what notify delivered paired with what the receiver verified, and each as one line."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from rich.text import Text

from services.contracts.delivery import Delivery
from services.contracts.model import Record
from services.contracts.report import Severity
from services.contracts.topics import Topic
from services.notify.core.writing.words import EXERCISE, SHAPES

_COLOURS = {Severity.EXTREME: "bold red", Severity.SEVERE: "red", Severity.MODERATE: "yellow", Severity.MINOR: "cyan"}


@dataclass
class Alerts:
    """Pairs what notify wrote with what the receiver verified."""

    show: Callable[[Delivery, float], None]
    wanted: int | None = None
    deliveries: dict[str, Delivery] = field(default_factory=dict)
    received: dict[str, datetime] = field(default_factory=dict)
    shown: set[str] = field(default_factory=set)
    enough: asyncio.Event = field(default_factory=asyncio.Event)

    def on_delivery(self, _: Topic, __: str, record: Record | None) -> None:
        if isinstance(record, Delivery) and record.alert is not None:
            self.deliveries[record.delivery_id] = record
            self._pair(record.delivery_id)

    def on_received(self, line: dict[str, object]) -> None:
        if line.get("event") == "webhook.verified":
            webhook_id = str(line["webhook_id"])
            self.received.setdefault(webhook_id, datetime.fromisoformat(str(line["received_at"])))
            self._pair(webhook_id)

    def _pair(self, delivery_id: str) -> None:
        delivery, at = self.deliveries.get(delivery_id), self.received.get(delivery_id)
        if delivery is None or delivery.alert is None or at is None or delivery_id in self.shown:
            return
        self.shown.add(delivery_id)
        self.show(delivery, (at - delivery.alert.incident.ledger.fetched_at).total_seconds())
        if self.wanted is not None and len(self.shown) >= self.wanted:
            self.enough.set()


def line(delivery: Delivery, took_s: float, now: datetime) -> Text:
    """Time, severity, what and where, change, sources, seconds from fetch to verified delivery. Needs the alert."""
    assert delivery.alert is not None
    alert = delivery.alert
    incident = alert.incident
    names = list(dict.fromkeys(claim.source.name for claim in incident.claims))
    return Text.assemble(
        (f"{now:%H:%M:%S} ", "dim"),
        (f"{SHAPES[incident.severity]:>2} {incident.severity:<8} ", _COLOURS[incident.severity]),
        (f"{EXERCISE}: {alert.headline}" if alert.exercise else alert.headline, "bold"),
        f" · {alert.change.replace('_', ' ')} · {', '.join(names[:4])}{' …' if len(names) > 4 else ''} · ",
        (f"fetched to delivered {took_s:.2f} s", "dim"),
    )
