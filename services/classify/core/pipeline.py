"""The pipeline from an article's text to its classification: pure, deterministic, total, linear.

What is read is bounded: the first `MAX_CHARACTERS` of title and text. Words after that are not looked at.
"""

import datetime as dt
import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from services.classify.core.extract import Gist, GuardHit, Mention, Spans
from services.classify.core.geoparse import (
    Focus,
    Place,
    SiteMention,
    SiteReader,
    article_focus,
    find_places,
    without_stray_cities,
)
from services.classify.core.guards import GUARDS, Effect
from services.classify.core.incidents import Incident, group, is_rejected_elsewhere, set_standings
from services.classify.core.language import UNKNOWN, Profile, identify, script_of
from services.classify.core.lexicon import Lexicon
from services.classify.core.mentions import Supplement, read_mentions
from services.classify.core.rules import Rules
from services.classify.core.scan import Hits, RawMatch, collect, find, has_trigger
from services.classify.core.score import certainty_of, severity_of
from services.classify.core.siting import site_of
from services.classify.core.specificity import Specificity, specificity, tone_of
from services.classify.core.text import Folded, Sentence, fold, split_sentences
from services.contracts.report import (
    Certainty,
    Classification,
    DatePrecision,
    Finding,
    GuardVerdict,
    Quantity,
    Relation,
    Severity,
    Span,
    Standing,
)

MAX_CHARACTERS = 60_000


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
    hits: Hits = field(default_factory=lambda: Hits({}))
    sentences: list[Sentence] = field(default_factory=list)
    dateline_end: int = 0
    published: dt.date | None = None
    places: list[Place] = field(default_factory=list)
    focus: Focus = field(default_factory=Focus)
    sites: dict[int, list[SiteMention]] = field(default_factory=dict)
    main_site: SiteMention | None = None
    gist: Gist | None = None
    told: list[Mention | Supplement] = field(default_factory=list)
    incidents: list[Incident] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    rejections: list[Rejection] = field(default_factory=list)
    stopped_at: str | None = None


Stage = Callable[["Reader", Work], bool]
"""Does its part and says whether there is reason to go on."""


def _fold(reader: "Reader", work: Work) -> bool:
    work.folded = fold(work.article.full_text[:MAX_CHARACTERS])
    return True


def _identify(reader: "Reader", work: Work) -> bool:
    work.language = identify(work.folded.norm, work.folded.clean, reader.profiles, work.article.language_hint)
    work.lexicon = work.rules.lexicons.get(work.language)
    return work.lexicon is not None


def _scan(reader: "Reader", work: Work) -> bool:
    assert work.lexicon is not None
    work.matches = find(work.lexicon.matcher, work.folded)
    return has_trigger(work.lexicon.matcher, work.matches)


def _collect(reader: "Reader", work: Work) -> bool:
    assert work.lexicon is not None
    work.hits = collect(work.lexicon.matcher, work.folded, work.matches)
    return bool(work.hits.all("events") or work.hits.all("weak_events"))


_DATELINE = re.compile(
    r"^[^\n.]{2,60}?(?:\([^)]{2,30}\)|\d{1,2} \w{3,9}\.? \d{2,4})?\s*(?:--|[–—]| - |: )"
    r"|^[^\n.]{2,60}?(?:\.[^\n.]{0,12})?\.\s?[-–—]+\s"  # "Lima, 18 dic. (EFE).- "
)


def _sentences(reader: "Reader", work: Work) -> bool:
    assert work.lexicon is not None
    title = len(work.article.title) if work.article.title else 0
    if work.folded.offsets is not None and title:
        title = next((i for i, offset in enumerate(work.folded.offsets) if offset >= title), 0)
    work.sentences = split_sentences(work.folded.clean, title, work.lexicon.abbreviations, work.lexicon.months)
    body = title + 1 if title else 0
    match = _DATELINE.match(work.folded.clean[body : body + 120])
    end = body + match.end() if match else 0
    # "Bomb alert at the embassy in Rome: ..." begins like a dateline but tells something.
    told = work.hits.within("events", body, end) or work.hits.within("weak_events", body, end)
    work.dateline_end = 0 if told else end
    published = work.article.published_at
    work.published = published.date() if published else None
    return True


def _places(reader: "Reader", work: Work) -> bool:
    assert work.lexicon is not None
    gazetteer = work.rules.gazetteer
    matcher = gazetteer.part(reader.profiles[work.lexicon.code].script).matcher
    named = collect(matcher, work.folded, find(matcher, work.folded))
    found = find_places(work.folded, work.hits, named, work.lexicon, gazetteer)
    work.places = without_stray_cities(work.folded, found, work.lexicon, work.article.country_hint, work.dateline_end)
    work.focus = article_focus(work.folded, work.places, work.sentences, work.article.country_hint, work.dateline_end)
    return True


def _sites(reader: "Reader", work: Work) -> bool:
    assert work.lexicon is not None
    site_reader = SiteReader(work.folded, work.hits, work.places, work.lexicon, work.focus, work.rules.gazetteer)
    for sentence in work.sentences:
        found = site_reader.read(sentence)
        if found:
            work.sites[sentence.index] = found
    return True


def _coreference(reader: "Reader", work: Work) -> bool:
    """ "The mission", "the embassy": the named site told nearest before, else the first named after."""
    last: SiteMention | None = None
    pending: list[tuple[int, int]] = []
    for index in sorted(work.sites):
        for position, site in enumerate(work.sites[index]):
            if site.sender is not None or (site.named and site.kind is not None):
                filled = _filled(site, last) if last and _same_place(site, last) else site
                work.sites[index][position] = filled
                last = filled
                for early_index, early_position in pending:
                    early = work.sites[early_index][early_position]
                    work.sites[early_index][early_position] = _filled(early, filled)
                pending.clear()
            elif last is not None:
                work.sites[index][position] = _filled(site, last)
            else:
                pending.append((index, position))
    return True


def _same_place(site: SiteMention, last: SiteMention) -> bool:
    if site.sender and last.sender and site.sender != last.sender:
        return False
    return not (site.host and last.host and site.host != last.host)


def _filled(site: SiteMention, known: SiteMention) -> SiteMention:
    """A site with what it leaves out taken from the one it refers back to."""
    host = site.host or known.host
    if host is not None and host == (site.sender or known.sender):
        return site
    city = site.city or (known.city if known.city and known.city.state == host else None)
    return replace(
        site,
        kind=site.kind or known.kind,
        sender=site.sender or known.sender,
        senders=site.senders or known.senders,
        host=host,
        city=city,
        area=site.area or known.area,
        spans={**known.spans, **site.spans},
        referring=not site.named,
    )


def _read(reader: "Reader", work: Work) -> bool:
    lexicon = work.lexicon
    assert lexicon is not None
    work.gist = Gist(
        work.folded, lexicon, work.hits, work.sentences, work.places, work.focus, work.rules.dates[lexicon.code],
        work.rules.numbers[lexicon.code], work.published, work.dateline_end,
    )  # fmt: skip
    work.told = list(read_mentions(work.gist, work.sites))
    return bool(work.told)


def _group(reader: "Reader", work: Work) -> bool:
    assert work.gist is not None
    work.incidents = group(work.gist, work.told, None)
    set_standings(work.gist, work.incidents)
    return True


def _weigh(reader: "Reader", work: Work) -> bool:
    """Keep what concerns no diplomatic site only where it is told as a concrete incident."""
    assert work.gist is not None
    if not work.hits.all("actors"):
        return True
    tone = tone_of(work.gist, sum(isinstance(item, Mention) for item in work.told))
    for incident in work.incidents:
        if incident.relation is Relation.NONE:
            best = max((specificity(work.gist, mention, tone) for mention in incident.mentions), key=_points)
            incident.rejected = is_rejected_elsewhere(incident) or not best.enough
            incident.unspecific = None if best.enough else best.reason
    return True


def _points(measured: Specificity) -> float:
    return measured.points


def _conclude(reader: "Reader", work: Work) -> bool:
    for incident in work.incidents:
        if incident.rejected:
            work.rejections.append(_rejection(work, incident))
        else:
            work.findings.append(_finding(work, incident))
    return True


STAGES: tuple[tuple[str, Stage], ...] = (
    ("fold", _fold),
    ("identify", _identify),  # before the scan: each language has its own automaton
    ("scan", _scan),  # most of the world's news ends here, without a word that could begin an incident
    ("collect", _collect),
    ("sentences", _sentences),
    ("places", _places),
    ("sites", _sites),  # after places: a site is composed of a noun and the places around it
    ("coreference", _coreference),
    ("read", _read),
    ("group", _group),
    ("weigh", _weigh),  # after group: the most concrete telling speaks for its incident
    ("conclude", _conclude),  # last: standing depends on all incidents of the article
)


class Reader:
    """Reads articles by one set of rules. Build once; `read` never raises and keeps no state."""

    def __init__(self, rules: Rules) -> None:
        self.rules = rules

        self.profiles = {
            code: Profile(lexicon.words, lexicon.letters, script_of(" ".join(sorted(lexicon.words))))
            for code, lexicon in rules.lexicons.items()
        }

    def prepare(self) -> None:
        """Build now what the first article of each language would have to wait for. Changes no reading."""
        for code, lexicon in self.rules.lexicons.items():
            for matcher in (lexicon.matcher, self.rules.gazetteer.part(self.profiles[code].script).matcher):
                _ = matcher.automaton, matcher.triggers

    def read(self, article: ArticleText) -> Classification:
        """What the article says happened."""
        return self._classification(self._work(article))

    def explain(self, article: ArticleText) -> Explanation:
        """The classification, and every candidate that was rejected with the gates that spoke."""
        work = self._work(article)
        return Explanation(self._classification(work), tuple(work.rejections), work.stopped_at)

    def _work(self, article: ArticleText) -> Work:
        work = Work(article, self.rules)
        for name, stage in STAGES:
            if not stage(self, work):
                work.stopped_at = name
                break
        return work

    def _classification(self, work: Work) -> Classification:
        return Classification(
            id=work.article.id,
            language=work.language,
            ruleset_version=self.rules.version,
            reports=tuple(work.findings),
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


def _rejection(work: Work, incident: Incident) -> Rejection:
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


def _finding(work: Work, incident: Incident) -> Finding:
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


__all__ = [
    "MAX_CHARACTERS",
    "STAGES",
    "ArticleText",
    "Certainty",
    "Effect",
    "Explanation",
    "Reader",
    "Rejection",
    "Severity",
]
