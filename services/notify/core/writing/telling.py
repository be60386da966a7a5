"""An alert as a reader is told it, piece by piece: what every channel for people says, before it is cut and escaped.

Nothing in it is an address that a reader's program makes a link of, whatever an article says, but for the sources' own.
"""

from typing import NamedTuple

from services.contracts.alert import Alert
from services.contracts.incident import Incident, SourceClaim
from services.notify.core.writing import words
from services.notify.core.writing.text import link, unlinked


class SourceLine(NamedTuple):
    """A source with its grade; `url` can be put behind a link and `host` says where it leads, both empty where there is
    none that can be shown honestly."""

    name: str
    url: str
    host: str


class Telling(NamedTuple):
    """Foreign text in it is one line and makes no link, but for `quote`, which `quotation` makes so. `title` begins
    with the marks of exercise and lateness."""

    title: str
    warnings: tuple[str, ...]
    facts: tuple[tuple[str, str], ...]
    why: str
    quote: SourceClaim | None
    sources: tuple[SourceLine, ...]
    footer: str

    @property
    def url(self) -> str:
        """Where the newest source with an address can be read, empty where there is none."""
        return next((source.url for source in self.sources if source.url), "")


def tell(alert: Alert, *, late: bool) -> Telling:
    incident = alert.incident
    fetched = words.moment(incident.ledger.fetched_at)
    return Telling(
        title=_title(alert, late),
        warnings=(*[words.NOT_REAL] * alert.exercise, *[words.IS_LATE] * late),
        facts=_facts(incident),
        why=unlinked(f"Told because: {alert.reason}"),
        quote=words.quoted(incident),
        sources=tuple(_source(claim) for claim in words.sources(incident)),
        footer=f"Fetched {fetched} · {incident.incident_id} revision {incident.revision}",
    )


def quotation(claim: SourceClaim) -> tuple[str, str]:
    """The words, and whose they are."""
    return unlinked(claim.quote), unlinked(f"{claim.source.name}, {words.language(claim.language)}")


def _title(alert: Alert, late: bool) -> str:
    severity = alert.incident.severity
    marks = "".join(f"{mark} · " for mark in words.marks(alert, late))
    return f"{marks}{words.SHAPES[severity]} {severity.upper()} · {unlinked(alert.headline)}"


def _facts(incident: Incident) -> tuple[tuple[str, str], ...]:
    facts = (
        ("What", words.what(incident)),
        ("Where", words.where(incident.site)),
        ("When", words.when(incident)),
        ("How sure", words.how_sure(incident)),
        ("Toll", words.toll(incident)),
        ("Particulars", words.particulars(incident)),
    )
    return tuple((label, unlinked(value)) for label, value in facts if value)


def _source(claim: SourceClaim) -> SourceLine:
    url, host = link(claim.url) or ("", "")
    return SourceLine(unlinked(f"{claim.source.name} ({claim.source.grade})"), url, host)
