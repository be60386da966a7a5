"""What benchmarks/correlation.py feeds the workers: reports, articles and incidents. Equal arguments give equal ones.

Reports and incidents are those that the reading makes of the demo's articles, moved to other sites, days and outlets,
so that they have the size and the fields of real ones.
"""

import datetime as dt
import random
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from babel import Locale

from benchmarks.speed import WIRE
from deploy.demo import newsroom
from deploy.demo.newsroom import Item, Publication
from services.classify.core.chain import reports_of, text_of
from services.classify.core.correlation.correlate import claim_of
from services.classify.core.correlation.fold import build
from services.classify.core.correlation.matching import Windows
from services.classify.core.reading.guards import DENIAL
from services.classify.core.reading.pipeline import Reader
from services.contracts import ids
from services.contracts.article import Article, Source
from services.contracts.feed import SourceGrade
from services.contracts.incident import Incident
from services.contracts.report import Count, GuardVerdict, IncidentReport, PlacePrecision, Site, SiteKind

SEED = 20_201_220
BEGIN = dt.datetime(2021, 3, 1, 6, tzinfo=dt.UTC)
WINDOWS = Windows(merge=dt.timedelta(hours=36), alert=dt.timedelta(hours=72))
FEEDS = 200
STORY_SHARE = 0.3
"""Reports that open an incident; the others follow a recent one."""
RECENT = 80
FOLLOWED_BY = (("copy", 45), ("own", 40), ("edit", 6), ("denial", 5), ("withdrawal", 4))
MEAN_PAUSE = dt.timedelta(minutes=15)
TELLING_SHARE = 0.2
KINDS = (SiteKind.EMBASSY, SiteKind.CONSULATE, SiteKind.RESIDENCE, SiteKind.CULTURAL_OFFICE)


@dataclass
class _Story:
    """An incident as it goes round: where and when it was, its agency's text, and what was said of it."""

    template: IncidentReport
    site: Site
    day: dt.date
    wire: int
    said: list[IncidentReport] = field(default_factory=list)


def host_states() -> list[str]:
    codes: list[str] = list(Locale("en").territories)
    return sorted(code for code in codes if len(code) == 2 and code.isalpha() and code != "ZZ")


def templates(reader: Reader) -> list[IncidentReport]:
    """The reports of new incidents at diplomatic sites in the demo's articles."""
    found = []
    for publication in newsroom.read():
        for item in publication.items:
            article = article_of(publication, item, dt.timedelta(0), BEGIN)
            found += [r for r in reports_of(article, reader.read(text_of(article)), BEGIN) if r.finding.alertable]
    return found


def reports(number: int, models: Sequence[IncidentReport]) -> Iterator[IncidentReport]:
    """A crowded season: incidents in every state, a few of which have most; agency copies, other tellings, edits,
    denials and withdrawals, in the order of their publication. What stays quiet for three days is closed."""
    chance, states = random.Random(SEED), host_states()
    chance.shuffle(states)
    weights = [1 / (1 + rank) for rank in range(len(states))]
    stories: list[_Story] = []
    at = BEGIN
    for count in range(number):
        at += MEAN_PAUSE * chance.expovariate(1)
        if not stories or chance.random() < STORY_SHARE:
            story = _story(chance, chance.choice(models), chance.choices(states, weights)[0], at)
            stories = [*stories[1 - RECENT :], story]
            kind = "copy"
        else:
            story = chance.choice(stories)
            kind = chance.choices([name for name, _ in FOLLOWED_BY], [share for _, share in FOLLOWED_BY])[0]
        report = _told(chance, story, kind, count, at)
        story.said.append(report)
        yield report


def _story(chance: random.Random, template: IncidentReport, state: str, at: dt.datetime) -> _Story:
    sender = chance.choice(("US", "GB", "FR", "DE", "RU", "CN", "TR", "IN"))
    site = Site(
        kind=chance.choice(KINDS), sending_state=sender, host_state=state, city=f"Town {chance.randrange(5)}",
        lat=chance.uniform(-60, 60), lon=chance.uniform(-170, 170), precision=PlacePrecision.SITE,
    )  # fmt: skip
    return _Story(template, site, at.date(), chance.getrandbits(64))


def _told(chance: random.Random, story: _Story, kind: str, count: int, at: dt.datetime) -> IncidentReport:
    """One more report of a story; `count` tells its article from all others."""
    if kind in ("edit", "withdrawal"):
        before = chance.choice(story.said)
        finding = before.finding.model_copy(update={"killed": Count(low=chance.randrange(9))})
        update = {"finding": finding} if kind == "edit" else {"withdrawn": True}
        revision = 1 + max(each.article_revision for each in story.said if each.report_id == before.report_id)
        return before.model_copy(update=update | _times(at) | {"article_revision": revision})
    outlet = chance.randrange(FEEDS)
    feed = ids.feed_id(f"https://outlet-{outlet}.example/rss")
    article = ids.article_id(feed, str(count))
    small_edit = 1 << chance.randrange(64) | 1 << chance.randrange(64)
    text = story.wire ^ small_edit if kind == "copy" else chance.getrandbits(64)
    denies = kind == "denial"
    finding = story.template.finding.model_copy(
        update={
            "site": story.site,
            "date": story.day,
            "killed": Count(low=chance.randrange(4)) if chance.random() < 0.3 else None,
            "sources": ("Reuters",) if kind == "copy" else (),
            "guards": (GuardVerdict(name=DENIAL, reason="says that it did not happen"),) if denies else (),
            "alertable": not denies,
        }
    )
    return story.template.model_copy(
        update={
            "report_id": ids.report_id(article, story.site.site_key, finding.type, str(story.day)),
            "article_id": article,
            "source": Source(feed_id=feed, name=f"Outlet {outlet}", grade=chance.choice(list(SourceGrade))),
            "text_fingerprint": f"{text:016x}",
            "finding": finding,
        }
        | _times(at)
    )


def _times(at: dt.datetime) -> dict[str, dt.datetime]:
    fetched = at + dt.timedelta(minutes=1)
    return {"published_at": at, "watermark_at": at, "fetched_at": fetched, "reported_at": fetched}


def incidents(number: int, models: Sequence[IncidentReport]) -> Iterator[tuple[str, Incident]]:
    """Incidents with their host states, each state having as many: three claims each, one of them agency copy."""
    chance, states = random.Random(SEED), host_states()
    at, count = BEGIN, 0
    built: list[Incident] = []
    for _ in range(200):
        story = _story(chance, chance.choice(models), "ZZ", at)
        for kind in ("copy", "copy", "own"):
            story.said.append(_told(chance, story, kind, count, at))
            count += 1
        claims = tuple(claim_of(report, WINDOWS, at) for report in story.said)
        built.append(build(ids.incident_id(story.said[0].report_id), claims))
    for index in range(number):
        state, model = states[index % len(states)], built[index // len(states) % len(built)]
        name = ids.incident_id(ids.ReportId(str(index)))
        day = at.date() - dt.timedelta(days=4 * (index // len(states)))
        site = model.site.model_copy(update={"host_state": state})
        claims = tuple(c.model_copy(update={"site": site, "date": day}) for c in model.claims)
        yield state, model.model_copy(update={"incident_id": name, "site": site, "date": day, "claims": claims})


def told_again(incident: Incident, template: IncidentReport) -> IncidentReport:
    """A report of another outlet that joins the incident."""
    assert incident.date is not None
    story = _Story(template, incident.site, incident.date, 0)
    report = _told(random.Random(SEED), story, "own", 1_000_000, BEGIN + dt.timedelta(hours=1))
    return report.model_copy(update={"finding": report.finding.model_copy(update={"type": incident.type})})


def article_of(publication: Publication, item: Item, later: dt.timedelta, fetched_at: dt.datetime) -> Article:
    """An article of the demo as ingest would write it, moved in time."""
    feed = ids.feed_id(str(publication.site))
    return Article(
        article_id=ids.article_id(feed, f"{item.guid} {later}"),
        source=Source(feed_id=feed, name=publication.title, grade=publication.grade),
        url=str(item.link),
        title=item.title,
        text="\n\n".join(item.paragraphs),
        language_hint=publication.language,
        country_hint=publication.country,
        published_at=item.published + later,
        watermark_at=item.published + later,
        fetched_at=fetched_at,
    )


def articles(number: int) -> Iterator[Article]:
    """The demo's articles, one in five, among quiet ones in their languages. Each time round they are moved on by whole
    weeks past the last, so that what they tell is new again and on the same day of the week."""
    chance = random.Random(SEED)
    wire = tomllib.loads(WIRE.read_text(encoding="utf-8"))
    demo = sorted(
        ((publication, item) for publication in newsroom.read() for item in publication.items),
        key=lambda entry: entry[1].published,
    )
    round_of = dt.timedelta(weeks=1 + (demo[-1][1].published - demo[0][1].published).days // 7)
    told = 0
    for index in range(number):
        publication, item = demo[told % len(demo)]
        later = round_of * (told // len(demo))
        if index % round(1 / TELLING_SHARE) == 0:
            told += 1
        else:
            paragraphs = chance.sample(wire[publication.language]["ordinary"], 4)
            changed = {"guid": f"quiet {index}", "title": paragraphs[0][:60], "text": "\n\n".join(paragraphs)}
            item = item.model_copy(update=changed)
        yield article_of(publication, item, later, BEGIN)
