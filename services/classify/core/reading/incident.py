"""An incident as one article tells it, growing as it is read."""

from dataclasses import dataclass, field

from services.classify.core.reading.dates import When
from services.classify.core.reading.gist import Casualties, GuardHit, Mention, Spans
from services.classify.core.reading.numbers import Number
from services.classify.core.reading.places import Place
from services.classify.core.reading.site_mentions import SiteMention
from services.contracts.report import IncidentType, Outcome, Relation, Standing


@dataclass(slots=True)
class Incident:
    """One incident as it grows over the mentions of an article; internal to extraction."""

    mentions: list[Mention]
    type: IncidentType
    generic: bool
    site: SiteMention | None
    relation: Relation
    when: When | None
    casualties: Casualties
    rejected: bool
    background: bool
    place: Place | None
    area: Place | None = None
    spans: dict[str, Spans] = field(default_factory=dict)
    quantities: dict[str, Number] = field(default_factory=dict)
    guards: list[GuardHit] = field(default_factory=list)
    outcome: Outcome = Outcome.HIT
    weapon: tuple[str, int, int] | None = None
    last_sentence: int = 0
    standing: Standing = Standing.NEW
    conflicts: list[str] = field(default_factory=list)
    unspecific: str | None = None
    harm_added: bool = False
    """Whether a sentence of its own tells who was hurt."""
