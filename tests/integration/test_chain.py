"""A feed goes in over HTTP, a signed webhook comes out; and a kill -9 of any service loses and doubles nothing."""

import asyncio
import contextlib
import datetime as dt
import os
import sys
from collections import Counter
from pathlib import Path

import pytest

from deploy.demo import newsroom
from deploy.demo.newsroom import Alert, Item, Nothing, Publication, Trap
from services.contracts import ids
from services.contracts.alert import Alert as AlertRecord
from services.contracts.feed import SourceGrade
from services.contracts.model import Record
from services.contracts.report import Count, IncidentReport, IncidentType, Relation, Standing
from services.contracts.site import KnownSite
from services.contracts.topics import ALERTS, ARTICLES, DEAD_LETTERS, DELIVERIES, FEED_STATES, INCIDENTS, REPORTS, SITES
from services.launch.supervisor import Program, Supervisor
from services.runtime.kafka import Publisher
from services.runtime.settings import Settings, environment_of
from tests.contracts.examples import ARTICLE
from tests.integration.chain import SERVICES, Chain, everything_on
from tests.integration.conftest import on_embedded
from tests.integration.stuck_ingest import PUBLISHED
from tests.integration.workers import all_is_done

pytestmark = [pytest.mark.integration, pytest.mark.timeout(900)]

PLACES = [
    "Algiers",
    "Cairo",
    "Beirut",
    "Amman",
    "Tunis",
    "Kabul",
    "Islamabad",
    "Nairobi",
    "Khartoum",
    "Lima",
    "Athens",
    "Manila",
]
START = dt.datetime(2021, 3, 1, 9, tzinfo=dt.UTC)


def attacks(count: int) -> Publication:
    """`count` attacks in as many capitals, each followed by a diplomatic trifle."""
    items = []
    for number, city in enumerate(PLACES[:count]):
        at = START + dt.timedelta(hours=6 * number)
        items.append(
            Item.model_validate(
                {
                    "guid": f"attack-{number}",
                    "link": f"https://wire.example/{number}",
                    "title": f"Rockets hit the French embassy in {city}",
                    "text": f"Two rockets hit the French embassy in {city} on {at:%A}, police said. Nobody was hurt.",
                    "published": at,
                    "expect": Alert(
                        kind="alert",
                        site="embassy:FR:XX:x",
                        type=IncidentType.ROCKET_MORTAR_MISSILE,
                        date=at.date(),
                    ),
                }
            )
        )
        items.append(
            Item.model_validate(
                {
                    "guid": f"reception-{number}",
                    "link": f"https://wire.example/reception/{number}",
                    "title": f"French embassy in {city} opens a library",
                    "text": f"The French embassy in {city} opened a library for students, the ambassador said.",
                    "published": at + dt.timedelta(hours=1),
                    "expect": Nothing(kind="none", trap=Trap.DIPLOMACY),
                }
            )
        )
    return Publication.model_validate(
        {
            "feed": "wire",
            "title": "Wire",
            "site": "https://wire.example/",
            "language": "en",
            "country": "FR",
            "grade": SourceGrade.B,
            "format": "rss",
            "items": items,
        }
    )


async def test_attacks_arrive_signed_and_trifles_do_not(kafka: Settings, tmp_path: Path) -> None:
    async with contextlib.AsyncExitStack() as stack:
        chain = Chain(kafka, tmp_path)
        await chain.start([attacks(4)], 0.5, stack)
        await chain.until(webhooks=4)
        assert chain.refused == []
        assert [headline.split(" in ")[1].split(",")[0] for headline in chain.headlines()] == sorted(PLACES[:4])
        assert all("French" not in h and "embassy of France" in h for h in chain.headlines())


async def test_kill_9_of_each_service_loses_and_doubles_nothing(kafka: Settings, tmp_path: Path) -> None:
    """Twelve attacks, one every second; each service is killed in the middle. A webhook that comes twice has one id."""
    async with contextlib.AsyncExitStack() as stack:
        chain = Chain(kafka, tmp_path)
        await chain.start([attacks(12)], 0.5, stack)
        await chain.until(webhooks=2)
        for number, name in enumerate(SERVICES):
            await chain.kill(name)
            await chain.until(webhooks=5 + 2 * number)
        await chain.until(webhooks=12)
        assert len(chain.headlines()) == 12
        assert len(set(chain.headlines())) == 12
        assert chain.refused == []


@on_embedded
async def test_a_kill_between_publish_and_state_doubles_nothing(kafka: Settings, tmp_path: Path) -> None:
    """The articles are there and the state is not: who comes next publishes them again, with the same ids."""
    async with contextlib.AsyncExitStack() as stack:
        chain = Chain(kafka, tmp_path)
        await chain.prepare([attacks(3)], 0, stack)
        with (tmp_path / "stuck.log").open("wb") as log:
            stuck = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "tests.integration.stuck_ingest",
                env=os.environ | chain.environment, stdout=asyncio.subprocess.PIPE, stderr=log,
            )  # fmt: skip
        assert stuck.stdout is not None
        async with asyncio.timeout(60):
            assert (await stuck.stdout.readline()).decode().strip() == PUBLISHED, (tmp_path / "stuck.log").read_text()
        stuck.kill()
        await stuck.wait()
        first = await everything_on(kafka, ARTICLES, FEED_STATES)
        assert (len(first[ARTICLES]), first[FEED_STATES]) == (6, [])

        await chain.run()
        await chain.until(webhooks=3)
        async with asyncio.timeout(60):
            while not (await everything_on(kafka, FEED_STATES))[FEED_STATES]:
                pass  # until the second poll is over too
        await all_is_done(kafka)
        await all_is_done(kafka, "notify", [ALERTS])
        found = await everything_on(kafka, ARTICLES, REPORTS, INCIDENTS, ALERTS, DELIVERIES, DEAD_LETTERS)
        assert Counter(record.record_id for record in found[ARTICLES]) == {
            record.record_id: 2 for record in first[ARTICLES]
        }
        for topic in (REPORTS, ALERTS, DELIVERIES):
            assert len({record.record_id for record in found[topic]}) == 3, topic.name
        assert len({record.key for record in found[INCIDENTS]}) == 3
        assert list(chain.webhooks.values()) == [1, 1, 1]
        assert chain.refused == []
        assert found[DEAD_LETTERS] == []


@on_embedded
async def test_the_founding_case_is_one_alert_and_its_background_is_silent(kafka: Settings, tmp_path: Path) -> None:
    """A French report of the rockets of 20 December 2020, with older attacks told as background, as an RSS entry."""
    (french,) = (p for p in newsroom.read() if p.feed == "fil-du-monde")
    story = next(item for item in french.items if item.guid == "fdm-2020-bagdad-roquettes")
    sentinel = attacks(1)  # of 2021: when it is told, the story has passed every stage
    async with contextlib.AsyncExitStack() as stack:
        chain = Chain(kafka, tmp_path)
        await chain.start([french.model_copy(update={"items": (story,)}), sentinel], 0, stack)
        await chain.until(webhooks=2)
        found = await everything_on(kafka, ALERTS, REPORTS, DEAD_LETTERS)
    about_it = [a for a in found[ALERTS] if isinstance(a, AlertRecord) and a.incident.site.host_state == "IQ"]
    (alert,) = about_it
    incident = alert.incident
    assert (incident.site.kind, incident.site.sending_state, incident.site.city) == ("embassy", "US", "Baghdad")
    assert (incident.site.area, incident.date) == ("Green Zone", dt.date(2020, 12, 20))
    assert (incident.type, incident.damage) == (IncidentType.ROCKET_MORTAR_MISSILE, "material")
    assert incident.killed == incident.wounded == Count(low=0, high=0)
    assert incident.defence
    findings = [r.finding for r in found[REPORTS] if isinstance(r, IncidentReport) and r.language == "fr"]
    background = [finding for finding in findings if finding.standing is Standing.BACKGROUND]
    assert len([finding for finding in findings if finding.alertable]) == 1
    assert {(f.type, f.date) for f in background} >= {
        (IncidentType.ROCKET_MORTAR_MISSILE, dt.date(2020, 11, 17)),
        (IncidentType.BOMBING_IED, dt.date(2020, 12, 10)),
    }
    text = f"{story.title}\n" + "\n\n".join(story.paragraphs)
    for finding in findings:
        for spans in finding.evidence.values():
            assert all(span.quote in text for span in spans)
    assert found[DEAD_LETTERS] == []


@on_embedded
async def test_the_sites_are_known_before_the_first_article(kafka: Settings, tmp_path: Path) -> None:
    """A watch point at the end of thousands of sites; the article lies waiting when the worker starts."""
    office = KnownSite(
        site_id=ids.known_site_id("own", "office"), name="Our office", lat=12.64, lon=-8.0, watch_radius_m=5_000,
        origin="own",
    )  # fmt: skip
    others = [office.model_copy(update={"site_id": f"{office.site_id}-{n}", "lat": -50.0}) for n in range(3_000)]
    text = "A bomb exploded at a market in Bamako on Monday morning, killing three people, police said."
    article = ARTICLE.model_copy(update={"title": "", "text": text, "language_hint": "en"})
    async with Publisher(kafka, "/chancery/test") as publisher:
        await publisher.publish(SITES, *others)
        await publisher.publish(SITES, office)
        await publisher.publish(ARTICLES, article)
    worker = Supervisor(tmp_path, lambda *_: None)
    await worker.start(
        Program("classify", [sys.executable, "-m", "services.cli", "classify-worker"], environment_of(kafka))
    )
    try:
        async with asyncio.timeout(120):
            reports: list[Record] = []
            while not reports:
                reports = (await everything_on(kafka, REPORTS))[REPORTS]
    finally:
        await worker.end()
    (report,) = reports
    assert isinstance(report, IncidentReport)
    assert (report.finding.relation, report.finding.alertable) == (Relation.VICINITY, True)
    assert "from the watch point Our office" in report.finding.severity_reasons[-1]
