"""What goes into a reading, what comes out, and the work between."""

import datetime as dt
from dataclasses import dataclass, field

from services.classify.core.reading.gist import Gist, Mention
from services.classify.core.reading.incident import Incident
from services.classify.core.reading.language import UNKNOWN
from services.classify.core.reading.lexicon import Lexicon
from services.classify.core.reading.mentions import Supplement
from services.classify.core.reading.places import Focus, Place
from services.classify.core.reading.rules import Rules
from services.classify.core.reading.scan import Hits, RawMatch, Resolver
from services.classify.core.reading.site_mentions import SiteMention
from services.classify.core.reading.text import Folded, Sentence
from services.contracts.report import Classification, Finding, GuardVerdict

MAX_CHARACTERS = 50_000


@dataclass(frozen=True)
class ArticleText:
    """What there is to read. `published_at` is aware, or None when unknown; it is never taken from a clock."""

    id: str
    text: str
    title: str = ""
    language_hint: str | None = None
    country_hint: str | None = None
    published_at: dt.datetime | None = None

    @property
    def full_text(self) -> str:
        """What spans index: the title, a line break and the text, or the text alone."""
        return f"{self.title}\n{self.text}" if self.title else self.text


@dataclass(frozen=True)
class Rejection:
    """A candidate that became no report, or no alert, and every gate that spoke, with its words."""

    quote: str
    start: int
    end: int
    gates: tuple[GuardVerdict, ...]


@dataclass(frozen=True)
class Explanation:
    """A classification and what did not make it there."""

    classification: Classification
    rejected: tuple[Rejection, ...]
    stopped_at: str | None = None
    """The stage that ended the reading early: it saw nothing to go on with."""


@dataclass
class Work:
    """One article on its way through the stages; each stage fills its part."""

    article: ArticleText
    rules: Rules
    folded: Folded = field(init=False)
    language: str = UNKNOWN
    lexicon: Lexicon | None = None
    matches: list[RawMatch] = field(default_factory=list)
    resolver: Resolver | None = None
    hits: Hits = field(default_factory=lambda: Hits({}))
    named: Hits = field(default_factory=lambda: Hits({}))
    sentences: list[Sentence] = field(default_factory=list)
    starts: list[int] = field(default_factory=list)
    """Where the sentences begin."""
    dateline_end: int = 0
    published: dt.date | None = None
    places: list[Place] = field(default_factory=list)
    focus: Focus = field(default_factory=Focus)
    sites: dict[int, list[SiteMention]] = field(default_factory=dict)
    gist: Gist | None = None
    told: list[Mention | Supplement] = field(default_factory=list)
    incidents: list[Incident] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    rejections: list[Rejection] = field(default_factory=list)
    stopped_at: str | None = None
