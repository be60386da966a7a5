"""An alert as the JSON of a generic webhook: Standard Webhooks' `type`, `timestamp` and `data`.

The body stays under 20 kB whatever the alert. What had to be shortened is named in `data.shortened`: texts are cut at
their budget and end in "…", URLs that are too long are left out, and of many sources the newest are kept.
"""

import datetime as dt
from collections.abc import Sequence
from typing import Any

from services.contracts.alert import Alert, ChangeKind, Urgency
from services.contracts.feed import SourceGrade
from services.contracts.ids import AlertId, IncidentId
from services.contracts.incident import Incident, IncidentStatus, SourceClaim, TimeLedger
from services.contracts.model import Instant, Value
from services.contracts.report import Certainty, Count, DatePrecision, IncidentType, Outcome, Relation, Severity, Site
from services.notify.core.writing import words
from services.notify.core.writing.text import LONGEST_URL, clip

MAX_BYTES = 19_999
"""Standard Webhooks 1.0.0 asks for less than 20 kB."""

LONGEST_CHARACTER = 6
"""Bytes of JSON a character takes at most: a control character as an escape."""
MAX_SOURCES = 20
MAX_CLAIMANTS = 5
MAX_GROUPS = 5
BUDGETS = {"headline": 900, "reason": 900, "name": 300, "title": 900, "quote": 2_400, "place": 300, "particular": 300}
"""Bytes of JSON a text may take. Together with one source they stay under MAX_BYTES (proved in the tests)."""


class WebhookSource(Value):
    """What one source says, in its own words and language."""

    name: str
    grade: SourceGrade
    url: str | None
    title: str
    language: str
    published_at: Instant | None
    quote: str


class WebhookData(Value):
    """The alert. `sources` has the newest first: the article that caused this revision. `credibility` is the Admiralty
    figure, 1 (confirmed) to 6 (cannot be judged). When it was sent is the `webhook-timestamp` of the attempt."""

    alert_id: AlertId
    incident_id: IncidentId
    revision: int
    status: IncidentStatus
    change: ChangeKind
    reason: str
    headline: str
    urgency: Urgency
    exercise: bool
    late: bool
    type: IncidentType
    outcome: Outcome
    relation: Relation
    severity: Severity
    certainty: Certainty
    site: Site
    date: dt.date | None
    date_precision: DatePrecision
    killed: Count | None
    wounded: Count | None
    weapon: str | None
    damage: str | None
    defence: str | None
    claimed_by: tuple[str, ...]
    credibility: int
    credibility_reason: str
    independent_sources: int
    sources: tuple[WebhookSource, ...]
    times: TimeLedger
    shortened: tuple[str, ...]


class WebhookPayload(Value):
    """The whole body. `type` is `alert.` and what changed; `timestamp` is when the alert came to be."""

    type: str
    timestamp: Instant
    data: WebhookData


def schema() -> dict[str, Any]:
    """JSON Schema (2020-12) of the body: what `chancery schema` prints as `webhook`."""
    return WebhookPayload.model_json_schema(mode="serialization")


class _Shortener:
    """Cuts texts to their budgets and remembers which."""

    def __init__(self) -> None:
        self.cut: dict[str, None] = {}

    def text(self, what: str, value: str) -> str:
        short = clip(value, BUDGETS[what], _json_bytes)
        if short != value:
            self.cut[what] = None
        return short

    def optional(self, what: str, value: str | None) -> str | None:
        return None if value is None else self.text(what, value)

    def url(self, value: str | None) -> str | None:
        if value is not None and LONGEST_CHARACTER * len(value) > LONGEST_URL < sum(map(_json_bytes, value)):
            self.cut["url"] = None
            return None
        return value

    def source(self, claim: SourceClaim) -> WebhookSource:
        return WebhookSource(
            name=self.text("name", claim.source.name),
            grade=claim.source.grade,
            url=self.url(claim.url),
            title=self.text("title", claim.title),
            language=self.text("name", claim.language),
            published_at=claim.ledger.published_at,
            quote=self.text("quote", claim.quote),
        )

    def site(self, site: Site) -> Site:
        texts = {name: self.optional("place", getattr(site, name)) for name in _SITE_TEXTS}
        return site.model_copy(update=texts | {"groups": self.first("groups", site.groups, MAX_GROUPS)})

    def first(self, what: str, items: Sequence[str], most: int) -> tuple[str, ...]:
        if len(items) > most:
            self.cut[what] = None
        return tuple(self.text("name", item) for item in items[:most])


_SITE_TEXTS = ("sending_state", "host_state", "city", "area")


def render(alert: Alert, *, late: bool = False) -> bytes:
    """UTF-8 JSON of a WebhookPayload, at most MAX_BYTES. Equal arguments give equal bytes. Raises ValueError for
    numbers of thousands of digits, which no budget has room for."""
    sources = words.sources(alert.incident)
    number = min(len(sources), MAX_SOURCES)
    while True:
        body = _payload(alert, late, sources, number).model_dump_json().encode()
        if len(body) <= MAX_BYTES:
            return body
        if number <= 1:
            raise ValueError(f"{len(body):,} bytes, however much is left out: {MAX_BYTES:,} are allowed")
        number = max(1, min(number - 1, number * MAX_BYTES // len(body)))


def _payload(alert: Alert, late: bool, sources: Sequence[SourceClaim], number: int) -> WebhookPayload:
    short = _Shortener()
    incident = alert.incident
    shown = tuple(short.source(claim) for claim in sources[:number])
    if number < len(sources):
        short.cut["sources"] = None
    data = WebhookData(
        alert_id=alert.alert_id,
        incident_id=incident.incident_id,
        revision=incident.revision,
        status=incident.status,
        change=alert.change,
        reason=short.text("reason", alert.reason),
        headline=short.text("headline", alert.headline),
        urgency=alert.urgency,
        exercise=alert.exercise,
        late=late,
        **_facts(incident, short),
        sources=shown,
        times=incident.ledger,
        shortened=(),
    )
    return WebhookPayload(
        type=f"alert.{alert.change}",
        timestamp=incident.ledger.correlated_at,
        data=data.model_copy(update={"shortened": tuple(short.cut)}),
    )


def _facts(incident: Incident, short: _Shortener) -> dict[str, object]:
    return {
        "type": incident.type,
        "outcome": incident.outcome,
        "relation": incident.relation,
        "severity": incident.severity,
        "certainty": incident.certainty,
        "site": short.site(incident.site),
        "date": incident.date,
        "date_precision": incident.date_precision,
        "killed": incident.killed,
        "wounded": incident.wounded,
        "weapon": short.optional("particular", incident.weapon),
        "damage": short.optional("particular", incident.damage),
        "defence": short.optional("particular", incident.defence),
        "claimed_by": short.first("claimed_by", incident.claimed_by, MAX_CLAIMANTS),
        "credibility": incident.credibility,
        "credibility_reason": short.text("particular", incident.credibility_reason),
        "independent_sources": incident.independent_sources,
    }


def _json_bytes(character: str) -> int:
    """Bytes a character takes in a JSON string, at most."""
    if character < " ":
        return LONGEST_CHARACTER
    return 2 if character in '"\\' else len(character.encode("utf-8", "surrogatepass"))
