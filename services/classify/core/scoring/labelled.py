"""An analyst's verdict as a row of gold, so that what went wrong once is a case from then on."""

from collections.abc import Mapping

from services.contracts.article import Article
from services.contracts.feedback import Feedback, Verdict
from services.contracts.incident import Incident, SourceClaim


def gold_row(feedback: Feedback, incident: Incident, article: Article) -> Mapping[str, object]:
    """One line for `chancery evaluate`: the article, and what the verdict says should be read of it.

    Of a confirmed incident only its identity is held (type, site, day): the analyst judged that, not every figure.
    """
    claim = next((each for each in reversed(incident.claims) if each.article_id == article.article_id), None)
    confirmed = feedback.verdict is Verdict.CONFIRMED and claim is not None and claim.tellable
    return {
        "id": f"{article.article_id}-{article.revision}",
        "lang": claim.language if claim else article.language_hint,
        "date": article.published_at.isoformat() if article.published_at else None,
        "title": article.title,
        "text": article.text,
        "expect": {
            "kind": "in_the_wild" if confirmed else "negative",
            "alerts": 1 if confirmed else 0,
            **({"report": [_identity(claim)]} if confirmed and claim else {}),
        },
        "verdict": {"by": feedback.author, "why": feedback.why, "incident_id": feedback.incident_id},
    }


def _identity(claim: SourceClaim) -> Mapping[str, object]:
    told = {
        "type": claim.type.value,
        "kind": claim.site.kind and claim.site.kind.value,
        "sending_state": claim.site.sending_state,
        "host_state": claim.site.host_state,
        "city": claim.site.city,
        "date": claim.date and claim.date.isoformat(),
    }
    return {name: value for name, value in told.items() if value is not None}
