"""Records through reader and correlation once more, in the order they come: what would be told of them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from services.classify.core.chain import Chain, Reads, text_of, with_sites
from services.classify.core.correlation.matching import Windows
from services.classify.core.sites.known_sites import KnownSites
from services.contracts.alert import Alert
from services.contracts.article import Article
from services.contracts.codec import Undecodable, decode
from services.contracts.feedback import Feedback
from services.contracts.incident import Incident
from services.contracts.model import Record
from services.contracts.report import Classification, IncidentReport
from services.contracts.site import KnownSite
from services.contracts.topics import ARTICLES, FEEDBACK, SITES
from services.replay.core.recording import Recorded

R = TypeVar("R", bound=Record)

TAKEN = (ARTICLES, FEEDBACK, SITES)
"""What everything else follows from."""


@dataclass(frozen=True, slots=True)
class Told:
    """What one record made the service write."""

    reports: tuple[IncidentReport, ...] = ()
    incidents: tuple[Incident, ...] = ()
    alerts: tuple[Alert, ...] = ()


@dataclass
class Counts:
    """How much was taken and told. `unreadable` records are dead letters to the service."""

    articles: int = 0
    reports: int = 0
    incidents: int = 0
    alerts: int = 0
    unreadable: int = 0


def record_in(record: Recorded, record_type: type[R]) -> R | None:
    """The record, where it can be read."""
    try:
        return decode(record.value, record_type)
    except Undecodable:
        return None


def site_into(known: KnownSites, record: Recorded) -> None:
    """Follow a change of the known sites; records of other topics change nothing. Raises Undecodable."""
    if record.topic is SITES and record.value is None:
        known.remove(record.key)
    elif record.topic is SITES:
        known.put(decode(record.value, KnownSite))


@dataclass
class Rerun:
    """The service without a broker, over the records of a recording. Deterministic: the same records and rules give the
    same bytes, for the clocks of its ledgers are the fetches."""

    reader: Reads
    windows: Windows
    states: Mapping[str, str]
    known: KnownSites = field(default_factory=KnownSites)
    counts: Counts = field(default_factory=Counts)

    def __post_init__(self) -> None:
        self._chain = Chain(self.windows, self.states)

    def take(self, record: Recorded, said: Classification | None = None) -> Told:
        """What the record makes of what came before; nothing for a topic that follows from others. `said` is what an
        article says, where it was read before."""
        try:
            if record.topic is ARTICLES:
                return self._article(decode(record.value, Article), said)
            if record.topic is FEEDBACK:
                correlation, alerts = self._chain.take_verdict(decode(record.value, Feedback))
                return self._counted(Told((), correlation.remember, tuple(alerts)))
            site_into(self.known, record)
        except Undecodable:
            self.counts.unreadable += 1
        return Told()

    def _article(self, article: Article, said: Classification | None) -> Told:
        self.counts.articles += 1
        said = with_sites(said or self.reader.read(text_of(article)), self.known)
        reports = tuple(self._chain.take_article(article, said))
        incidents: list[Incident] = []
        alerts: list[Alert] = []
        for report in reports:
            correlation, told = self._chain.take_report(report)
            incidents += correlation.remember
            alerts += told
        return self._counted(Told(reports, tuple(incidents), tuple(alerts)))

    def _counted(self, told: Told) -> Told:
        self.counts.reports += len(told.reports)
        self.counts.incidents += sum(incident.revision == 1 for incident in told.incidents)
        self.counts.alerts += len(told.alerts)
        return told
