"""Reports and verdicts to revisions of incidents. Pure: the agent reads and writes the table, this says what to write.

An incident is a fold over its claims and notes in the order they came. They are only ever appended to, and each knows
the record that caused it, so the incident as it stood at any revision can be built again: that is how a record that is
delivered a second time yields the very alerts it yielded the first time, whatever was lost in between.
"""

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from services.classify.core.correlation import fold
from services.classify.core.correlation.agencies import agencies_in
from services.classify.core.correlation.matching import MOVING, Windows, inhibitor, is_background, match, told_at
from services.classify.core.reading.guards import DENIAL
from services.contracts import ids
from services.contracts.codec import encode
from services.contracts.feedback import Feedback, Verdict
from services.contracts.incident import Incident, IncidentStatus, NoteKind, SourceClaim, TimeLedger
from services.contracts.model import Instant
from services.contracts.report import Finding, IncidentReport, Relation, Site

MANY_CLAIMS, MOST_CLAIMS, MOST_EDITS = 100, 300, 20
"""What the whole world writes about is told thousands of times, and an incident is written whole at every revision.
Past many claims one is kept only when it changes what the incident says; past most none is. Of one article no more
than so many edits count."""
MOST_BYTES = 900_000
"""A broker takes a record of a megabyte by default. What would make an incident larger is not taken up, but for the
word of somebody who takes his own back, for which the rest is left."""
_BARE_CLAIM, _WIDEST = 1_500, 6
"""Bytes of a claim without the texts of others in it, with room to spare (some 1,050 are usual), and of an escaped
character."""


@dataclass(frozen=True, slots=True)
class Revision:
    """One step of an incident; `before` is None when it opens. Of a record seen before, the step of then."""

    before: Incident | None
    after: Incident


@dataclass(frozen=True, slots=True)
class Correlation:
    """What to do with a record: the incidents to remember, the revisions it made, and why."""

    reason: str
    remember: tuple[Incident, ...] = ()
    revisions: tuple[Revision, ...] = ()


def correlate(
    candidates: Iterable[Incident], report: IncidentReport, clock: Instant, windows: Windows, now: Instant
) -> Correlation:
    """Fold a report into the incident it tells of, or open one, and close what has been quiet for long.

    `candidates` are the remembered incidents of the report's host state and `clock` the newest moment any report of
    that state told of, this one included. `now` goes into the time ledger and decides nothing.
    """
    remembered = {incident.incident_id: incident for incident in candidates}
    claim = claim_of(report, windows, now)
    if clock - told_at(claim) >= windows.quiet:
        # Old news of a feed that woke up late: it is remembered, and closed at once.
        claim = claim.model_copy(update={"tellable": False})
    reason, told = _with_report(list(remembered.values()), report, claim, windows)
    if told is not None:
        _keep_newest(remembered, told)
    closed = [
        step
        for incident in remembered.values()
        if (step := _quiet(incident, report.record_id, clock, windows)) is not None
    ]
    for step in closed:
        _keep_newest(remembered, step)
    revisions = (*([told] if told else []), *closed)
    return Correlation(
        reason, tuple(remembered[incident_id] for incident_id in dict.fromkeys(_ids(revisions))), revisions
    )


def _keep_newest(remembered: dict[ids.IncidentId, Incident], step: Revision) -> None:
    """A step of a record seen before may be older than what is remembered."""
    known = remembered.get(step.after.incident_id)
    if known is None or step.after.revision > known.revision:
        remembered[step.after.incident_id] = step.after


def _step(incident: Incident, revision: int) -> Revision:
    """The step that led to a revision the incident has had."""
    after = fold.at(incident, revision)
    assert after is not None
    return Revision(fold.at(incident, revision - 1), after)


def _ids(revisions: Sequence[Revision]) -> list[ids.IncidentId]:
    return [revision.after.incident_id for revision in revisions]


def clock_of(report: IncidentReport) -> Instant:
    """The event time a report shows: its feed's newest publication, but never later than the fetch."""
    return min(report.watermark_at or report.published_at or report.fetched_at, report.fetched_at)


def _with_report(
    candidates: Sequence[Incident], report: IncidentReport, claim: SourceClaim, windows: Windows
) -> tuple[str, Revision | None]:
    report_id = report.report_id
    for incident in candidates:
        told = [position for position, known in enumerate(incident.claims) if known.report_id == report_id]
        for position in told:
            if incident.claims[position].article_revision == report.article_revision:
                return "seen before", _step(incident, fold.revision_of_claim(incident, position))
        if told and claim.withdrawn and incident.claims[told[-1]].withdrawn:
            return "taken back before", None
        if len(told) > MOST_EDITS and not claim.withdrawn:
            return "edited too often", None
        if told:
            # Another revision of what this article said: it stays where it was, whatever the edit made of it.
            anew = fold.with_claim(incident, claim)
            if not claim.withdrawn and _is_too_large(anew):
                return "more was said than can be kept", None
            return "says it anew", Revision(incident, anew)
    if claim.withdrawn:
        return "takes back what was never taken up", None
    if said := inhibitor(candidates, claim, windows):
        claim = claim.model_copy(update={"inhibited_by": said.incident_id})
    joined = match([each for each in candidates if _may_join(each, claim)], claim, windows)
    if joined is not None:
        grown = fold.with_claim(joined, claim)
        if len(joined.claims) >= MANY_CLAIMS and (len(joined.claims) >= MOST_CLAIMS or _adds_nothing(joined, grown)):
            return "says what many said", None
        if _is_too_large(grown):
            return "more was said than can be kept", None
        return "denies" if claim.denies else "joins", Revision(joined, grown)
    if is_background(claim) or claim.denies:
        return "background opens no incident", None
    if claim.relation is Relation.NONE:
        return "not at a diplomatic site", None
    if _lies_ahead(report):
        return "has not happened yet", None
    return "opens", Revision(None, fold.build(ids.incident_id(report.report_id), (claim,), drill=report.drill))


def _may_join(incident: Incident, claim: SourceClaim) -> bool:
    """Background and denials open nothing. One that was fetched before the incident was opened found none when it came
    first, and joins none when it comes again after a crash."""
    opens = not (is_background(claim) or claim.denies)
    return opens or incident.claims[0].ledger.fetched_at <= claim.ledger.fetched_at


def _is_too_large(incident: Incident) -> bool:
    """Encoded only where its texts could make it so: encoding takes as long as folding."""
    texts = sum(
        len(text)
        for claim in incident.claims
        for text in (
            claim.title,
            claim.url,
            claim.quote,
            claim.source.name,
            claim.damage,
            claim.claimed_by,
            *claim.says,
        )
        if text
    )
    could_be = _BARE_CLAIM * len(incident.claims) + _WIDEST * texts
    return could_be > MOST_BYTES and len(encode(incident)) > MOST_BYTES


_WORDING = {"revision", "claims", "notes", "ledger", "sources", "independent_sources", "quiet_since"}


def _adds_nothing(before: Incident, after: Incident) -> bool:
    """Whether the newest claim only says again what was said, within the hour that was said last."""
    same = before.model_dump(exclude=_WORDING) == after.model_dump(exclude=_WORDING)
    since, now = before.quiet_since, after.quiet_since
    return same and since is not None and now is not None and now - since < dt.timedelta(hours=1)


def _quiet(incident: Incident, cause: str, clock: Instant, windows: Windows) -> Revision | None:
    """The closing of an incident that nobody has told of for long, by event time; or the closing that `cause` made."""
    for note in incident.notes:
        if note.kind is NoteKind.CLOSED and note.cause == cause:
            return _step(incident, note.revision)
    since = incident.quiet_since
    if incident.status is not IncidentStatus.OPEN or since is None or clock - since < windows.quiet:
        return None
    why = f"nothing new for {windows.quiet.total_seconds() / 3600:g} hours"
    return Revision(incident, fold.with_note(incident, NoteKind.CLOSED, cause, since, why=why))


def judge(incident: Incident | None, feedback: Feedback) -> Correlation:
    """An analyst's verdict becomes a note of the incident; the same verdict again finds the note it left."""
    if incident is None:
        return Correlation("the incident is not remembered")
    cause = feedback.record_id
    for note in incident.notes:
        if note.cause == cause:
            return Correlation("seen before", (incident,), (_step(incident, note.revision),))
    kind = NoteKind.CONFIRMED if feedback.verdict is Verdict.CONFIRMED else NoteKind.FALSE_ALARM
    judged = fold.with_note(incident, kind, cause, feedback.given_at, feedback.author, feedback.why)
    return Correlation(f"{kind.value} by {feedback.author}", (judged,), (Revision(incident, judged),))


def claim_of(report: IncidentReport, windows: Windows, now: Instant) -> SourceClaim:
    """What the report contributes."""
    finding = report.finding
    first = next((spans[0].quote for field in ("type", "site") if (spans := finding.evidence.get(field))), "")
    return SourceClaim(
        report_id=report.report_id,
        article_id=report.article_id,
        article_revision=report.article_revision,
        source=report.source,
        url=report.url,
        title=report.title,
        language=report.language,
        text_fingerprint=report.text_fingerprint,
        ledger=TimeLedger(
            event_date=finding.date,
            published_at=report.published_at,
            fetched_at=report.fetched_at,
            reported_at=report.reported_at,
            correlated_at=now,
        ),
        tellable=finding.alertable
        and not report.withdrawn
        and is_recent(report, windows.alert)
        and _has_a_place(finding.site or Site()),
        denies=any(guard.name == DENIAL for guard in finding.guards),
        withdrawn=report.withdrawn,
        quote=first,
        says=finding.sources,
        agencies=agencies_in(finding.sources),
        standing=finding.standing,
        type=finding.type,
        outcome=finding.outcome,
        relation=finding.relation,
        site=finding.site or Site(),
        date=finding.date,
        date_precision=finding.date_precision,
        dates_event=_dates_the_event(finding),
        killed=finding.killed,
        wounded=finding.wounded,
        damage=finding.damage,
        defence=finding.defence,
        weapon=finding.weapon,
        claimed_by=finding.claimed_by,
        severity=finding.severity,
        certainty=finding.certainty,
    )


def _has_a_place(site: Site) -> bool:
    """A building whose country is not told is told of when it is: until then nobody can act on it, and the reports that
    name the country never meet this one (docs/adr/0001). People are told of wherever they are."""
    return site.host_state is not None or site.kind in MOVING


_BESIDE = 4
"""Characters between two words that stand together: " on " is none too many, and a full stop with "On" is one."""


def _dates_the_event(finding: Finding) -> bool:
    """Whether the day stands beside what happened or right behind the place, and not with who speaks of it: "in Baghdad
    on Tuesday", "on Tuesday rockets hit", but not "the army said on Tuesday"."""
    places = [span for field in ("site", "city", "area") for span in finding.evidence.get(field, ())]
    return any(
        any(0 <= day.start - place.end <= _BESIDE for place in places)
        or any(0 <= word.start - day.end <= _BESIDE for word in (*finding.evidence.get("type", ()), *places))
        for day in finding.evidence.get("date", ())
    )


_ACROSS_THE_WORLD = dt.timedelta(days=1)
"""The date line: it can be tomorrow where the event was."""


def _happened(report: IncidentReport) -> dt.date | None:
    return report.finding.date or (report.published_at.date() if report.published_at else None)


def _lies_ahead(report: IncidentReport) -> bool:
    """Nobody can have told of it yet."""
    happened = _happened(report)
    return happened is not None and happened > report.fetched_at.date() + _ACROSS_THE_WORLD


def is_recent(report: IncidentReport, window: dt.timedelta) -> bool:
    """Is the event recent on its feed's own clock (the newest publication time the feed had shown)?

    A dateless report from a first poll could be of any age, so it is not; one that appeared while we watched is.
    """
    happened = _happened(report)
    if happened is None:
        return not report.backlog
    if _lies_ahead(report):
        return False
    clock = report.watermark_at or report.published_at
    return clock is None or clock.date() - happened <= window
