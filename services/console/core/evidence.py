"""An article's text with the words that a report rests on."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise

from pydantic import BaseModel

from services.contracts.article import Article
from services.contracts.incident import SourceClaim
from services.contracts.report import IncidentReport, Span


class Evidence(BaseModel):
    """A span of the text and the fields that were read from it; `start` and `end` count code points."""

    fields: list[str]
    quote: str
    start: int
    end: int


class Piece(BaseModel):
    """A run of the text; `fields` were read from it, none where it is only what stands between."""

    text: str
    fields: list[str]


def full_text(article: Article) -> str:
    """What spans count in: the title, a line break and the text, or the text alone."""
    return f"{article.title}\n{article.text}" if article.title else article.text


def evidence(text: str, claim: SourceClaim, report: IncidentReport | None) -> list[Evidence]:
    """The spans in order, those of a report that is kept; else the claim's quote where the text has it. A span whose
    words do not stand there is left out: it was read from another text."""
    spans: Mapping[str, Sequence[Span]] = report.finding.evidence if report else {}
    found: dict[tuple[int, int], list[str]] = {}
    for name, each in sorted(spans.items()):
        for span in each:
            if text[span.start : span.end] == span.quote:
                found.setdefault((span.start, span.end), []).append(name)
    if not found and claim.quote and (start := text.find(claim.quote)) >= 0:
        found[start, start + len(claim.quote)] = ["quote"]
    return [
        Evidence(fields=fields, quote=text[start:end], start=start, end=end)
        for (start, end), fields in sorted(found.items())
    ]


def pieces(text: str, spans: Iterable[Evidence]) -> list[Piece]:
    """The whole text in runs that begin and end where a span does, so that nobody has to count code points; spans may
    overlap."""
    spans = list(spans)
    cuts = sorted({0, len(text), *(span.start for span in spans), *(span.end for span in spans)})
    return [
        Piece(
            text=text[start:end],
            fields=sorted({name for span in spans if span.start <= start and end <= span.end for name in span.fields}),
        )
        for start, end in pairwise(cuts)
        if start < end
    ]
