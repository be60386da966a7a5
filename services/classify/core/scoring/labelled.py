"""Analysts' verdicts as rows of gold, so that what went wrong once is a case from then on."""

from collections.abc import Mapping, Sequence

from services.classify.core.correlation.fold import latest
from services.contracts.article import Article
from services.contracts.feedback import Feedback, Verdict
from services.contracts.ids import IncidentId
from services.contracts.incident import Incident, SourceClaim
from services.contracts.report import Standing


def gold_row(
    article: Article, incidents: Sequence[Incident], verdicts: Mapping[IncidentId, Feedback]
) -> Mapping[str, object] | None:
    """One line for `chancery evaluate`: the article, and what the verdicts say should be read of it.

    `incidents` are all that the article tells of, judged or not. How many alerts it should give is held where every
    report of it is known to be worth one or none; of a confirmed incident only its identity (type, site, day): the
    analyst judged that, not every figure. None where the verdicts say neither.
    """
    told = [
        (claim, verdicts.get(incident.incident_id))
        for incident in incidents
        for claim in latest(incident.claims)
        if claim.article_id == article.article_id
    ]
    alerts = [_alerts(claim, given) for claim, given in told]
    confirmed = [claim for (claim, _), count in zip(told, alerts, strict=True) if count]
    known = [count for count in alerts if count is not None]
    if not confirmed and len(known) < len(alerts):
        return None
    return {
        "id": f"{article.article_id}-{article.revision}",
        "lang": told[0][0].language if told else article.language_hint,
        "date": article.published_at.isoformat() if article.published_at else None,
        "title": article.title,
        "text": article.text,
        "expect": {
            "kind": "in_the_wild" if confirmed else "negative",
            **({"alerts": sum(known)} if len(known) == len(alerts) else {}),
            **({"report": [_identity(claim) for claim in confirmed]} if confirmed else {}),
        },
        "verdicts": [
            {"by": given.author, "verdict": given.verdict.value, "why": given.why, "incident_id": given.incident_id}
            for incident in incidents
            if (given := verdicts.get(incident.incident_id))
        ],
    }


def _alerts(claim: SourceClaim, given: Feedback | None) -> int | None:
    """How many alerts the claim's report should give its reader; None where nobody knows."""
    rejected = given is not None and given.verdict is Verdict.FALSE_ALARM
    if rejected or claim.denies or claim.withdrawn or claim.standing is Standing.BACKGROUND:
        return 0
    return 1 if given is not None and claim.tellable else None


def _identity(claim: SourceClaim) -> Mapping[str, object]:
    told = {
        "type": claim.type.value,
        "kind": claim.site.kind and claim.site.kind.value,
        "sending_state": claim.site.sending_state,
        "host_state": claim.site.host_state,
        "city": claim.site.city,
        "date": claim.date and claim.date.isoformat(),
    }
    return {"alertable": True} | {name: value for name, value in told.items() if value is not None}
