"""Incidents and alerts as lists show them: which are wanted, in which order, and what a line says of each."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

from babel import Locale
from pydantic import BaseModel

from services.classify.core.correlation.headline import TYPE_WORDS, headline
from services.contracts.alert import Alert, ChangeKind, Urgency
from services.contracts.article import Source
from services.contracts.ids import ArticleId, ReportId
from services.contracts.incident import Incident, IncidentStatus
from services.contracts.model import Instant, Value
from services.contracts.report import Certainty, Count, IncidentType, Outcome, Relation, Severity, Site
from services.contracts.subscription import Circle
from services.notify.core.filter import reaches
from services.notify.core.writing import words

STATES: Mapping[str, str] = dict(Locale.parse("en").territories)
"""English names of states by their ISO 3166-1 code (CLDR)."""

_END_OF_TIME = datetime(9999, 1, 1, tzinfo=UTC)


class Wanted(Value):
    """What a list or a stream is asked for. An empty tuple asks nothing; all that is asked must hold. `since` (with it)
    and `until` (without) are about the newest change; `text` is looked for in what `words_of` yields, in any case."""

    host_states: tuple[str, ...] = ()
    sending_states: tuple[str, ...] = ()
    types: tuple[IncidentType, ...] = ()
    severities: tuple[Severity, ...] = ()
    certainties: tuple[Certainty, ...] = ()
    statuses: tuple[IncidentStatus, ...] = ()
    near: tuple[Circle, ...] = ()
    since: datetime | None = None
    until: datetime | None = None
    text: str = ""

    def has(self, incident: Incident) -> bool:
        """Does all that is asked hold of it?"""
        return self.fits(incident) and (not self.text or self.text.casefold() in said_of(incident))

    def fits(self, incident: Incident) -> bool:
        """Does all hold but the text?"""
        site = incident.site
        return (
            (not self.statuses or incident.status in self.statuses)
            and (not self.severities or incident.severity in self.severities)
            and (not self.certainties or incident.certainty in self.certainties)
            and (not self.types or incident.type in self.types)
            and (not self.host_states or (site.host_state or "ZZ") in self.host_states)
            and (not self.sending_states or (site.sending_state or "ZZ") in self.sending_states)
            and (not self.near or any(reaches(circle, site) for circle in self.near))
            and (self.since is None or changed_at(incident) >= self.since)
            and (self.until is None or changed_at(incident) < self.until)
        )


def said_of(incident: Incident) -> str:
    """What a search looks into, in no case, a thing a line."""
    return "\n".join(words_of(incident)).casefold()


def words_of(incident: Incident) -> Iterator[str]:
    """What a search looks into: the type, the site, the titles, quotes, sources and addresses, the ids. Not the whole
    headline: to write ten thousand for one search takes longer than a page may."""
    site = incident.site
    yield incident.incident_id
    yield TYPE_WORDS[incident.type]
    yield (site.kind or "").replace("_", " ")
    yield from (STATES.get(site.sending_state or "", ""), STATES.get(site.host_state or "", ""))
    yield from (site.city or "", site.area or "")
    for claim in incident.claims:
        yield from (claim.title, claim.quote, claim.source.name, claim.url or "", claim.article_id)


def changed_at(incident: Incident) -> datetime:
    """When the newest claim was folded in or an analyst judged it last; a closure counts from the newest claim."""
    return max([incident.ledger.correlated_at, *(note.at for note in incident.notes)])


def newest_first(incident: Incident) -> tuple[str, str]:
    """Its place in a list that begins with the newest change."""
    return _place(changed_at(incident)), incident.incident_id


def alerts_newest_first(alert: Alert) -> tuple[str, str]:
    return _place(changed_at(alert.incident)), alert.alert_id


def _place(at: datetime) -> str:
    """Smaller for later; as text, for a cursor holds text."""
    return f"{(_END_OF_TIME - at).total_seconds():018.6f}"


def title(incident: Incident) -> str:
    """The headline, as it is shown beside those of others: nobody may take an exercise for news."""
    return marked(headline(incident, STATES), incident.drill is not None)


def marked(told: str, exercise: bool) -> str:
    return f"{words.EXERCISE}: {told}" if exercise else told


class IncidentLine(BaseModel):
    """One incident in a list. `headline`, `where` and `when` are English sentences of the fields beside them.
    `exercise`: nothing of it is happening, and the headline says so too."""

    incident_id: str
    revision: int
    exercise: bool
    status: IncidentStatus
    changed_at: Instant
    headline: str
    where: str
    when: str
    type: IncidentType
    outcome: Outcome
    relation: Relation
    severity: Severity
    certainty: Certainty
    credibility: int
    site: Site
    killed: Count | None
    wounded: Count | None
    independent_sources: int
    claims: int
    languages: list[str]
    published_at: Instant | None
    fetched_at: Instant


def line(incident: Incident) -> IncidentLine:
    """What a list says of an incident."""
    return IncidentLine(
        incident_id=incident.incident_id,
        revision=incident.revision,
        exercise=incident.drill is not None,
        status=incident.status,
        changed_at=changed_at(incident),
        headline=title(incident),
        where=words.where(incident.site),
        when=words.when(incident),
        type=incident.type,
        outcome=incident.outcome,
        relation=incident.relation,
        severity=incident.severity,
        certainty=incident.certainty,
        credibility=incident.credibility,
        site=incident.site,
        killed=incident.killed,
        wounded=incident.wounded,
        independent_sources=incident.independent_sources,
        claims=len(incident.claims),
        languages=sorted({claim.language for claim in incident.claims}),
        published_at=incident.ledger.published_at,
        fetched_at=incident.ledger.fetched_at,
    )


class AlertLine(BaseModel):
    """One alert in a list: what changed and why it is told, and the incident as it then stood. `exercise`: nothing of
    it is happening, and the headline says so too."""

    alert_id: str
    change: ChangeKind
    reason: str
    headline: str
    urgency: Urgency
    exercise: bool
    incident: IncidentLine


def alert_line(alert: Alert) -> AlertLine:
    """What a list says of an alert."""
    return AlertLine(
        alert_id=alert.alert_id,
        change=alert.change,
        reason=alert.reason,
        headline=marked(alert.headline, alert.exercise),
        urgency=alert.urgency,
        exercise=alert.exercise,
        incident=line(alert.incident),
    )


class Revision(BaseModel):
    """What made a revision: a claim (`kind` "claim") with the article it stands in, or a note, with who and why."""

    revision: int
    kind: str
    at: Instant
    by: str
    why: str
    article_id: ArticleId | None = None
    report_id: ReportId | None = None


def revisions(incident: Incident) -> list[Revision]:
    """Every revision in order; a claim's `at` is when it was folded in, its `why` the words it rests on."""
    made = {note.revision: note for note in incident.notes}
    claims, told = iter(incident.claims), []
    for number in range(1, incident.revision + 1):
        if note := made.get(number):
            told.append(Revision(revision=number, kind=note.kind, at=note.at, by=note.by, why=note.why))
            continue
        claim = next(claims)
        told.append(
            Revision(
                revision=number,
                kind="withdrawn" if claim.withdrawn else "denial" if claim.denies else "claim",
                at=claim.ledger.correlated_at,
                by=_by(claim.source),
                why=claim.quote,
                article_id=claim.article_id,
                report_id=claim.report_id,
            )
        )
    return told


def _by(source: Source) -> str:
    return f"{source.name} ({source.grade})"
