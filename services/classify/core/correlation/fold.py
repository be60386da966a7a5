"""An incident as the fold over its claims and notes, and as it stood at any revision."""

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Literal, TypeVar

from services.classify.core.correlation import corroborate
from services.classify.core.correlation.matching import is_background, judgement, told_at
from services.classify.core.taxonomy import TAXONOMY
from services.contracts import ids
from services.contracts.incident import Incident, IncidentStatus, Note, NoteKind, SourceClaim
from services.contracts.model import Instant
from services.contracts.report import Certainty, Count, DatePrecision, PlacePrecision, Relation, Severity, Site

T = TypeVar("T")
Casualties = Literal["killed", "wounded"]

_PRECISION_ORDER = tuple(PlacePrecision)
_SEVERITY_ORDER = tuple(Severity)
_CERTAINTY_ORDER = tuple(Certainty)


def build(
    incident_id: ids.IncidentId,
    claims: tuple[SourceClaim, ...],
    notes: tuple[Note, ...] = (),
    drill: ids.DrillId | None = None,
) -> Incident:
    """The incident that claims and notes make.

    The merged fields do not depend on the order of the claims; the id (the claim that opened it), the revision (how
    many there are), the ledger (the last one's) and what depends on event time passing (closures) do.
    """
    standing = sorted(latest(claims), key=_told_order)
    asserting = [claim for claim in standing if not (claim.denies or claim.withdrawn)]
    news = [claim for claim in asserting if not is_background(claim)]
    said = asserting or standing  # all taken back: what they had said still names the incident
    # Who tells of the city and of no mission may tell of more than this.
    at_site = [claim for claim in said if claim.relation is not Relation.NONE] or said
    certainty = min((claim.certainty for claim in said), key=_CERTAINTY_ORDER.index)
    evidence = corroborate.Evidence(
        told_by=corroborate.independent(news),
        denied_by=corroborate.independent([claim for claim in standing if _is_denial(claim, asserting)]),
        certainty=certainty,
    )
    sources = evidence.told_by
    credibility, credibility_reason = corroborate.credibility(evidence)
    if len(sources) > 1 and certainty is Certainty.POSSIBLE:
        certainty = Certainty.LIKELY
    verdict = judgement(notes)
    if verdict is not None and verdict.kind is NoteKind.CONFIRMED:
        credibility, credibility_reason = 1, f"confirmed by {verdict.by}: {verdict.why}"
        certainty = Certainty.OBSERVED
    quiet_since = max(map(told_at, news or said))
    date, precision = _date(said)
    return Incident(
        incident_id=incident_id,
        revision=len(claims) + len(notes),
        drill=drill,
        status=_status(bool(asserting), evidence, verdict, notes, quiet_since),
        type=max((claim.type for claim in said), key=lambda kind: (TAXONOMY[kind].rank, kind)),
        outcome=_most(claim.outcome for claim in said),
        relation=_most(claim.relation for claim in said),
        site=_site([claim.site for claim in said]),
        date=date,
        date_precision=precision,
        killed=_toll("killed", at_site, claims),
        wounded=_toll("wounded", at_site, claims),
        weapon=_first(claim.weapon for claim in said),
        damage=_first(claim.damage for claim in said),
        defence=_first(claim.defence for claim in said),
        claimed_by=tuple(dict.fromkeys(claim.claimed_by for claim in said if claim.claimed_by)),
        severity=min((claim.severity for claim in at_site), key=_SEVERITY_ORDER.index),
        certainty=certainty,
        independent_sources=max(1, len(sources)),
        sources=sources,
        credibility=credibility,
        credibility_reason=credibility_reason,
        quiet_since=quiet_since,
        claims=claims,
        notes=notes,
        ledger=claims[-1].ledger,
    )


def _status(
    asserted: bool,
    evidence: corroborate.Evidence,
    verdict: Note | None,
    notes: Sequence[Note],
    quiet_since: Instant,
) -> IncidentStatus:
    """An analyst's word first, then what the sources say; closed until a claim newer than the closure comes."""
    if verdict is not None and verdict.kind is NoteKind.FALSE_ALARM:
        return IncidentStatus.RETRACTED
    if verdict is None and (not asserted or evidence.outweighed):
        return IncidentStatus.RETRACTED
    if any(note.kind is NoteKind.CLOSED and note.at >= quiet_since for note in notes):
        return IncidentStatus.CLOSED
    return IncidentStatus.OPEN


def _is_denial(claim: SourceClaim, asserting: Sequence[SourceClaim]) -> bool:
    """An article that tells it and quotes a denial too is no denial."""
    return claim.denies and not claim.withdrawn and all(claim.article_id != other.article_id for other in asserting)


def at(incident: Incident, revision: int) -> Incident | None:
    """The incident as it stood at a revision; None before its first."""
    notes = tuple(note for note in incident.notes if note.revision <= revision)
    claims = incident.claims[: revision - len(notes)]
    return build(incident.incident_id, claims, notes, incident.drill) if claims else None


def with_claim(incident: Incident, claim: SourceClaim) -> Incident:
    return build(incident.incident_id, (*incident.claims, claim), incident.notes, incident.drill)


def with_note(incident: Incident, kind: NoteKind, cause: str, when: Instant, by: str = "", why: str = "") -> Incident:
    note = Note(revision=incident.revision + 1, kind=kind, cause=cause, at=when, by=by, why=why)
    return build(incident.incident_id, incident.claims, (*incident.notes, note), incident.drill)


def revision_of_claim(incident: Incident, position: int) -> int:
    """The revision that a claim made: its place among the claims, and the notes that came before it."""
    revision = position + 1
    for note in incident.notes:
        if note.revision <= revision:
            revision += 1
    return revision


def latest(claims: Iterable[SourceClaim]) -> list[SourceClaim]:
    """The claims that stand: of a report told in several revisions of its article, the last revision's."""
    newest: dict[ids.ReportId, SourceClaim] = {}
    for claim in claims:
        known = newest.get(claim.report_id)
        if known is None or claim.article_revision >= known.article_revision:
            newest[claim.report_id] = claim
    return list(newest.values())


def _told_order(claim: SourceClaim) -> tuple[Instant, str]:
    return (told_at(claim), claim.report_id)


def _site(sites: Sequence[Site]) -> Site:
    """The one that says most; of these the kind that is told most."""
    kinds = Counter(site.kind for site in sites)

    def vagueness(site: Site) -> tuple[int, int, int, str]:
        unsaid = [site.kind, site.sending_state, site.host_state, site.city, site.area].count(None)
        return (unsaid, -kinds[site.kind], _PRECISION_ORDER.index(site.precision), site.model_dump_json())

    distinct = {tuple(site.__dict__.values()): site for site in sites}  # hundreds of claims name a few
    return min(distinct.values(), key=vagueness)


def _date(claims: Sequence[SourceClaim]) -> tuple[dt.date | None, DatePrecision]:
    days = Counter(claim.date for claim in claims if claim.date_precision is DatePrecision.DAY)
    if days:
        return max(days, key=lambda day: (days[day], -(day or dt.date.min).toordinal())), DatePrecision.DAY
    vague = next((claim for claim in claims if claim.date), None)
    return (vague.date, vague.date_precision) if vague else (None, DatePrecision.UNKNOWN)


def _toll(what: Casualties, said: Sequence[SourceClaim], claims: Sequence[SourceClaim]) -> Count | None:
    """Tolls rise through the night and are corrected: the last word told stands."""
    telling = [claim for claim in said if getattr(claim, what) is not None]
    last = max(telling, key=lambda claim: counted_at(what, claim, claims), default=None)
    if last is None:
        return None
    return last.killed if what == "killed" else last.wounded


def counted_at(what: Casualties, claim: SourceClaim, claims: Sequence[SourceClaim]) -> tuple[Instant, str]:
    """When the claim's count was told, for comparison: with its article, or with the edit that brought it.

    What an edit changed is as new as the edit: as its fetch, since an edited article keeps its publication time, but
    where its publisher dated it anew. What it left as it was is no newer than before, or a corrected comma would bring
    back the toll of the morning.
    """
    while claim.article_revision > 1:
        earlier = [
            other
            for other in claims
            if other.article_id == claim.article_id and other.article_revision < claim.article_revision
        ]
        kept = [other for other in earlier if getattr(other, what) == getattr(claim, what)]
        if not kept:
            dated_anew = earlier and all(told_at(other) < told_at(claim) for other in earlier)
            return (told_at(claim) if dated_anew else claim.ledger.fetched_at, claim.report_id)
        claim = max(kept, key=lambda other: (other.article_revision, other.report_id))
    return (told_at(claim), claim.report_id)


def _first(values: Iterable[T | None]) -> T | None:
    return next((value for value in values if value is not None), None)


def _most(values: Iterable[T]) -> T:
    counted = Counter(values)
    return max(counted, key=lambda value: (counted[value], str(value)))
