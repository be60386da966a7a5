"""An incident: what all reports of it together say."""

import datetime as dt
from enum import StrEnum
from typing import ClassVar

from services.contracts.article import Source
from services.contracts.ids import ArticleId, IncidentId, ReportId
from services.contracts.model import Instant, Record, Value
from services.contracts.report import (
    Certainty,
    Count,
    DatePrecision,
    IncidentType,
    Outcome,
    Relation,
    Severity,
    Site,
    Standing,
)


class IncidentStatus(StrEnum):
    OPEN = "open"
    CLOSED = "closed"
    RETRACTED = "retracted"


class TimeLedger(Value):
    """When each step happened, so that anyone can see where the seconds went.

    `event_date` is a day because news gives days. `published_at` and `fetched_at` belong to the article that
    caused the revision; `reported_at` and `correlated_at` are clocks of the machines that worked, differ from
    run to run, and never decide anything.
    """

    event_date: dt.date | None = None
    published_at: Instant | None = None
    fetched_at: Instant
    reported_at: Instant
    correlated_at: Instant


class SourceClaim(Value):
    """What one report contributes to an incident: enough to build the incident again without the report.

    `tellable` says that the report was news, at a diplomatic site, past every guard and recent on its feed's clock.
    """

    report_id: ReportId
    article_id: ArticleId
    article_revision: int
    source: Source
    url: str | None = None
    title: str = ""
    language: str
    text_fingerprint: str
    ledger: TimeLedger
    tellable: bool
    quote: str = ""
    says: tuple[str, ...] = ()
    standing: Standing
    type: IncidentType
    outcome: Outcome
    relation: Relation
    site: Site
    date: dt.date | None = None
    date_precision: DatePrecision = DatePrecision.UNKNOWN
    killed: Count | None = None
    wounded: Count | None = None
    damage: str | None = None
    defence: str | None = None
    weapon: str | None = None
    claimed_by: str | None = None
    severity: Severity
    certainty: Certainty


class Incident(Record):
    """What the claims say together; a pure fold over them in the order they came (`correlate.build`).

    `revision` is the number of claims, so any earlier revision can be built again from the first claims.
    `independent_sources` counts texts, not outlets: agency copy counts once.
    """

    KIND: ClassVar[str] = "incident"

    incident_id: IncidentId
    revision: int
    status: IncidentStatus = IncidentStatus.OPEN
    type: IncidentType
    outcome: Outcome
    relation: Relation
    site: Site
    date: dt.date | None = None
    date_precision: DatePrecision = DatePrecision.UNKNOWN
    killed: Count | None = None
    wounded: Count | None = None
    weapon: str | None = None
    damage: str | None = None
    defence: str | None = None
    claimed_by: tuple[str, ...] = ()
    severity: Severity
    certainty: Certainty
    independent_sources: int
    claims: tuple[SourceClaim, ...]
    ledger: TimeLedger

    @property
    def record_id(self) -> str:
        return f"{self.incident_id}-{self.revision}"

    @property
    def key(self) -> str:
        return self.incident_id
