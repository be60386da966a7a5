"""An incident: what all reports of it together say."""

import datetime as dt
from enum import StrEnum
from typing import ClassVar

from pydantic import Field

from services.contracts.article import OfDrill, Source
from services.contracts.feed import SourceGrade
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
    `agencies` are the news agencies its text names. `denies`: it says that the incident did not happen. `withdrawn`: a
    later revision of its article no longer tells it. `inhibited_by`: the incident that had told the same already.
    `dates_event`: its day stands beside the event or its place; else it may be the day on which somebody spoke of it.
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
    denies: bool = False
    withdrawn: bool = False
    inhibited_by: IncidentId | None = None
    quote: str = ""
    says: tuple[str, ...] = ()
    agencies: tuple[str, ...] = ()
    standing: Standing
    type: IncidentType
    outcome: Outcome
    relation: Relation
    site: Site
    date: dt.date | None = None
    date_precision: DatePrecision = DatePrecision.UNKNOWN
    dates_event: bool = False
    killed: Count | None = None
    wounded: Count | None = None
    damage: str | None = None
    defence: str | None = None
    weapon: str | None = None
    claimed_by: str | None = None
    severity: Severity
    certainty: Certainty


class NoteKind(StrEnum):
    CLOSED = "closed"
    CONFIRMED = "confirmed"
    FALSE_ALARM = "false_alarm"


class Note(Value):
    """What happened to an incident beside its claims: it fell quiet, or an analyst judged it.

    `revision` is the one it made and `cause` the id of the record that brought it, so that a record that comes twice
    finds its note. `at` is event time: of a closure the newest claim's, of a verdict when it was given.
    """

    revision: int
    kind: NoteKind
    cause: str
    at: Instant
    by: str = ""
    why: str = ""


class IndependentSource(Value):
    """Outlets that count as one, and why; `grade` is the best among them."""

    names: tuple[str, ...]
    grade: SourceGrade
    reason: str


class Incident(Record):
    """What the claims and notes say together; a pure fold over them in the order they came (`fold.build`).

    `revision` is the number of claims and notes, so any earlier revision can be built again from the first of them.
    `independent_sources` counts texts, not outlets: agency copy counts once; `sources` shows the working. `credibility`
    runs from 1 (confirmed) to 6 (cannot be judged), the figures beside the grades A to F in the Admiralty system.
    `quiet_since` is when the newest claim was published. Of a `drill` nothing is happening.
    """

    KIND: ClassVar[str] = "incident"

    incident_id: IncidentId
    revision: int
    drill: OfDrill = None
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
    sources: tuple[IndependentSource, ...] = ()
    credibility: int = Field(default=6, ge=1, le=6)
    credibility_reason: str = ""
    quiet_since: Instant | None = None
    claims: tuple[SourceClaim, ...]
    notes: tuple[Note, ...] = ()
    ledger: TimeLedger

    @property
    def record_id(self) -> str:
        return f"{self.incident_id}-{self.revision}"

    @property
    def key(self) -> str:
        return self.incident_id
