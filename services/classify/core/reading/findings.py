"""From incidents to the findings of a report, with the evidence of every field."""

import re

from services.classify.core.reading.article import Rejection, Work
from services.classify.core.reading.gist import GuardHit, Spans
from services.classify.core.reading.guards import GUARDS
from services.classify.core.reading.incident import Incident
from services.classify.core.reading.score import certainty_of, severity_of
from services.classify.core.reading.siting import site_of
from services.contracts.report import (
    DatePrecision,
    Finding,
    GuardVerdict,
    Quantity,
    Relation,
    Span,
    Standing,
)


def _span(work: Work, start: int, end: int) -> Span:
    first, last = work.folded.span(start, end)
    return Span(quote=work.folded.original[first:last], start=first, end=last)


def _spans(work: Work, spans: Spans) -> tuple[Span, ...]:
    return tuple(_span(work, start, end) for start, end in dict.fromkeys(spans) if end > start)


def _verdicts(work: Work, guards: list[GuardHit]) -> tuple[GuardVerdict, ...]:
    verdicts: dict[str, GuardVerdict] = {}
    for guard in guards:
        if guard.name not in verdicts:
            quote = _span(work, guard.start, guard.end).quote
            verdicts[guard.name] = GuardVerdict(name=guard.name, reason=GUARDS[guard.name].reason, quote=quote)
    return tuple(verdicts.values())


def rejection_of(work: Work, incident: Incident) -> Rejection:
    start, end = incident.mentions[0].trigger
    span = _span(work, start, end)
    gates = _verdicts(work, incident.guards)
    if incident.unspecific:
        gates = (*gates, GuardVerdict(name="unspecific", reason=incident.unspecific, quote=span.quote))
    return Rejection(span.quote, span.start, span.end, gates)


def _evidence(work: Work, incident: Incident) -> dict[str, tuple[Span, ...]]:
    evidence: dict[str, tuple[Span, ...]] = {}
    for name, spans in incident.spans.items():
        evidence[name] = _spans(work, spans)
    if incident.site is not None:
        for name, span in incident.site.spans.items():
            evidence[name] = _spans(work, (span,))
    elif incident.place is not None:
        evidence["place"] = _spans(work, ((incident.place.start, incident.place.end),))
    if incident.area is not None:
        evidence["area"] = _spans(work, ((incident.area.start, incident.area.end),))
    for name, span in incident.casualties.spans.items():
        evidence[name] = _spans(work, (span,))
    if incident.weapon:
        evidence["weapon"] = _spans(work, (incident.weapon[1:],))
    for name, number in incident.quantities.items():
        evidence[name] = _spans(work, ((number.start, number.end),))
    return {name: evidence[name] for name in sorted(evidence) if evidence[name]}


def finding_of(work: Work, incident: Incident) -> Finding:
    evidence = _evidence(work, incident)
    casualties = incident.casualties
    severity, severity_reasons = severity_of(
        incident.type, incident.relation, incident.outcome, casualties.killed, casualties.wounded
    )
    hedges = tuple(span.quote for name in ("reported", "unconfirmed") for span in evidence.get(name, ()))
    certainty, certainty_reasons = certainty_of(
        _source_kinds(work, incident), hedges, "denied" in evidence, "claimed" in evidence
    )
    guards = _verdicts(work, incident.guards)
    when = incident.when
    site = site_of(incident, work.focus, work.rules.gazetteer, work.published)
    alertable = (
        incident.standing is not Standing.BACKGROUND
        and incident.relation is not Relation.NONE
        and site is not None
        and site.kind is not None
        and not guards
    )
    return Finding(
        standing=incident.standing,
        type=incident.type,
        outcome=incident.outcome,
        relation=incident.relation,
        date=when.date if when else None,
        date_precision=when.precision if when else DatePrecision.UNKNOWN,
        day_part=when.part if when else None,
        site=site,
        killed=casualties.killed,
        wounded=casualties.wounded,
        missing=casualties.missing,
        staff_casualties=casualties.staff,
        counts=tuple(Quantity(what=what, count=number.count) for what, number in incident.quantities.items()),
        weapon=incident.weapon[0] if incident.weapon else None,
        damage=_damage(evidence),
        defence=evidence["defence"][0].quote if "defence" in evidence else None,
        claimed_by=_claimed_by(work, incident),
        sources=tuple(dict.fromkeys(span.quote for span in evidence.get("sources", ()))),
        hedges=tuple(dict.fromkeys(hedges)),
        conflicts=(*((when.conflict,) if when and when.conflict else ()), *incident.conflicts),
        severity=severity,
        severity_reasons=severity_reasons,
        certainty=certainty,
        certainty_reasons=certainty_reasons,
        guards=guards,
        alertable=alertable,
        evidence=evidence,
    )


def _source_kinds(work: Work, incident: Incident) -> list[str]:
    return [
        hit.value for start, end in incident.spans.get("sources", ()) for hit in work.hits.within("sources", start, end)
    ]


def _damage(evidence: dict[str, tuple[Span, ...]]) -> str | None:
    if "damage" in evidence:
        return "material"
    return "none" if "no_damage" in evidence else None


_MAX_CLAIMANT = 90


def _claimed_by(work: Work, incident: Incident) -> str | None:
    """Who claims it: the words before the claim in its sentence, or after "by"."""
    spans = incident.spans.get("claimed", ())
    if not spans:
        return None
    start, end = spans[0]
    sentence = next((s for s in work.sentences if s.start <= start < s.end), None)
    if sentence is None:
        return None
    agent = work.hits.values("roles", end, min(sentence.end, end + 30), "agent")
    if agent and not work.folded.norm[end : agent[0].start].strip():
        words = _span(work, agent[0].end, min(sentence.end, agent[0].end + _MAX_CLAIMANT)).quote
        return re.split(r"[,.;:\n]", words)[0].strip() or None
    words = _span(work, max(sentence.start, start - _MAX_CLAIMANT), start).quote
    return words.strip(" ,;:") or None
