"""What an alert tells, in so few words that two runs can be compared by it."""

from services.contracts.alert import Alert
from services.contracts.difference import Quote, Telling
from services.contracts.incident import Incident, Note, NoteKind, SourceClaim
from services.contracts.model import Instant
from services.contracts.report import Count

_MOST_QUOTES = 5


def telling_of(alert: Alert) -> Telling:
    incident = alert.incident
    newest_first = tuple(reversed(incident.claims))
    return Telling(
        alert_id=alert.alert_id,
        incident_id=incident.incident_id,
        cause=_cause(incident),
        change=alert.change,
        headline=alert.headline,
        reason=alert.reason,
        urgency=alert.urgency,
        facts=_facts(incident),
        quotes=tuple(_quote(claim) for claim in newest_first[:_MOST_QUOTES]),
        articles=tuple(dict.fromkeys(_article(claim) for claim in newest_first)),
    )


def moment_of(alert: Alert) -> Instant:
    """When the article that caused an alert was fetched; of a verdict when it was given, of a closure when the
    newest claim was published. It does not hang on how the article was read."""
    note = _note(alert.incident)
    return alert.incident.ledger.fetched_at if note is None else note.at


def _note(incident: Incident) -> Note | None:
    """The note that made this revision."""
    return incident.notes[-1] if incident.notes and incident.notes[-1].revision == incident.revision else None


def _cause(incident: Incident) -> str:
    """The article whose claim made this revision; or a note, with the article that opened the incident."""
    note = _note(incident)
    if note is None:
        return _article(incident.claims[-1])
    by = f" by {note.by}" if note.kind is not NoteKind.CLOSED else ""
    return f"{note.kind}{by}: {_article(incident.claims[0])}"


def _article(claim: SourceClaim) -> str:
    return f"{claim.article_id}-{claim.article_revision}"


def _quote(claim: SourceClaim) -> Quote:
    return Quote(
        article=_article(claim),
        source=claim.source.name,
        language=claim.language,
        title=claim.title,
        url=claim.url,
        quote=claim.quote,
    )


def _facts(incident: Incident) -> dict[str, str]:
    told = {
        "type": incident.type,
        "outcome": incident.outcome,
        "relation": incident.relation,
        "site": incident.site.site_key,
        "area": incident.site.area,
        "date": incident.date,
        "killed": _range(incident.killed),
        "wounded": _range(incident.wounded),
        "weapon": incident.weapon,
        "damage": incident.damage,
        "claimed by": ", ".join(incident.claimed_by),
        "severity": incident.severity,
        "certainty": incident.certainty,
        "credibility": incident.credibility,
        "independent sources": incident.independent_sources,
        "status": incident.status,
    }
    return {name: str(value) for name, value in told.items() if value not in (None, "")}


def _range(count: Count | None) -> str | None:
    if count is None:
        return None
    return (
        str(count.low) if count.high == count.low else f"{count.low} to {'more' if count.high is None else count.high}"
    )
