"""What an alert tells, in so few words that two runs can be compared by it."""

from services.contracts.alert import Alert
from services.contracts.incident import Incident, NoteKind, SourceClaim
from services.contracts.model import Value
from services.contracts.report import Count

_MOST_QUOTES = 5


class Quote(Value):
    """The words of an article. `article` is its id with its revision, as the record's id has it."""

    article: str
    source: str
    language: str
    title: str
    url: str | None
    quote: str


class Telling(Value):
    """An alert for comparison. `cause` names what brought it in a way that does not hang on how it was read; `facts`
    are what the incident said then, by field. The quotes begin with the article that caused it; `articles` are all that
    the incident was made of."""

    alert_id: str
    incident_id: str
    cause: str
    change: str
    headline: str
    reason: str
    urgency: str
    facts: dict[str, str]
    quotes: tuple[Quote, ...]
    articles: tuple[str, ...]


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


def _cause(incident: Incident) -> str:
    """The article whose claim made this revision; or a note, with the article that opened the incident."""
    note = incident.notes[-1] if incident.notes and incident.notes[-1].revision == incident.revision else None
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
