"""What benchmarks/load.py measures: a broker, the services (or what stands in for them) and endpoints, each a process
of its own; articles that are put on their topic at a steady pace, and what became of them."""

import asyncio
import contextlib
import statistics
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import TypeVar

import httpx
from starlette.applications import Starlette

from benchmarks import correlation_load, delivery, news
from benchmarks.correlation import written_changelogs
from benchmarks.growing_site import FEEDS, Entry, Site, entries
from benchmarks.polling import INGEST
from benchmarks.stages import (
    PARTITIONS,
    PATIENCE_S,
    WORKER,
    Pace,
    Stage,
    cpu_of_family_s,
    peak_megabytes,
    quantile,
)
from services.classify.adapters.data import load_rules
from services.classify.core.reading.pipeline import Reader
from services.console.adapters.reading import reading
from services.console.adapters.sampling import looking
from services.console.core.topics import Sample, Work
from services.contracts import ids
from services.contracts.alert import ChangeKind
from services.contracts.article import Article
from services.contracts.codec import decode
from services.contracts.model import Record
from services.contracts.topics import ALERTS, ARTICLES, REPORTS, TOPICS, Topic
from services.contracts.topics import FEEDS as FEEDS_TOPIC
from services.launch.broker import free_port
from services.runtime.kafka import Publisher
from services.runtime.serving import serving

T = TypeVar("T")

LOOK_EVERY_S = 0.5
WARMING_UP = (10, 2)
"""Articles a second and seconds of what is not measured."""
CHANGELOGS = tuple(Topic(f"classify-{table}-changelog", Record, "", None) for table in ("incidents", "places", "told"))
RESTING_S = 3
BROKER = "broker"


@dataclass(frozen=True)
class Way:
    """A way to do the chain's work: its processes, and what they acknowledge when it is done."""

    name: str
    processes: Mapping[str, Sequence[str]]
    work: tuple[Work, ...]
    changelogs: tuple[Topic, ...] = ()


IN_STEPS: tuple[Work, ...] = (("classify", ARTICLES), ("classify", REPORTS), ("notify", ALERTS))
CHANCERY = Way("Chancery", {"classify": WORKER, "notify": delivery.NOTIFIER}, IN_STEPS, CHANGELOGS)
WITHOUT_FAUST = Way(
    "its worker written without Faust",
    {"classify": ("-m", "benchmarks.by_hand", "classify"), "notify": delivery.NOTIFIER},
    IN_STEPS,
)
AT_ONCE = Way(
    "all of it by hand, in one process",
    {"everything": ("-m", "benchmarks.by_hand", "everything")},
    (("classify", ARTICLES),),
)


FROM_FEEDS = Way("Chancery from its feeds on", {"ingest": INGEST, **CHANCERY.processes}, IN_STEPS, CHANGELOGS)
POLLED = {
    "CHANCERY_INGEST__INTERVAL_S": "2",
    "CHANCERY_INGEST__MIN_INTERVAL_S": "1",
    "CHANCERY_INGEST__HOST_CONCURRENCY": str(FEEDS),
    "CHANCERY_INGEST__HOST_SPACING_S": "0",
}
"""So often that what comes out is fetched soon: how late a poll is, benchmarks/polling.py says."""


@dataclass(frozen=True)
class Size:
    """`incidents` are remembered when the first article comes."""

    subscriptions: int = len(news.STATES)
    incidents: int = 0
    partitions: int = PARTITIONS


@dataclass(frozen=True)
class Broker:
    address: str
    pid: int
    apache: bool


@dataclass(frozen=True)
class Run:
    """`waited_s` are of the messages about attacks that nobody told of before, in the order in which their articles
    were fetched. `cpu_s` is what each process used until all was done, after `seconds`; `idle` are the cores that each
    takes when nothing comes."""

    rate: float
    articles: int
    seconds: float
    late_s: float
    waited_s: Sequence[float]
    cpu_s: Mapping[str, float]
    idle: Mapping[str, float]

    def quantile(self, share: float) -> float:
        return quantile(self.waited_s, share)

    def cpu_ms(self, process: str) -> float:
        """For an article, beyond what the service takes anyhow. What a broker does when nothing comes is to clear up
        after what came."""
        anyhow = 0.0 if process == BROKER else self.idle[process] * self.seconds
        return max(0.0, 1000 * (self.cpu_s[process] - anyhow) / self.articles)

    @property
    def falls_behind(self) -> bool:
        """Whether the last messages waited longer than the first, as they would the longer the longer it goes on."""
        quarter = max(1, len(self.waited_s) // 4)
        return statistics.median(self.waited_s[-quarter:]) > statistics.median(self.waited_s[:quarter]) + 1


@contextlib.asynccontextmanager
async def deployed(broker: Broker, way: Way = CHANCERY, size: Size = Size()) -> AsyncIterator["Deployment"]:
    """Up, warm and idle."""
    told = {"CHANCERY_TOPICS__PARTITIONS": str(size.partitions), "CHANCERY_NOTIFY__GROUP_S": "0", **POLLED}
    stage = delivery.delivering(broker.address, broker.apache, **told)
    async with contextlib.AsyncExitStack() as stack:
        port = stack.enter_context(delivery.serving())
        states = news.STATES
        await delivery.prepare(
            stage, [delivery.subscription(port, n, state=states[n % len(states)]) for n in range(size.subscriptions)]
        )
        if size.incidents:
            await written_changelogs(stage, correlation_load.templates(Reader(load_rules())), size.incidents)
        pids, ports = {BROKER: broker.pid}, []
        for name, arguments in way.processes.items():
            ports.append(free_port())
            pids[name] = stack.enter_context(stage.running(arguments, ports[-1]))
        for each in ports:
            await stage.ready(each)
        publisher = await stack.enter_async_context(Publisher(stage.settings, "/chancery/benchmark"))
        deployment = Deployment(stage, way, size, port, pids, publisher)
        await deployment.ran(*WARMING_UP)
        await deployment.rests()
        yield deployment


class Deployment:
    def __init__(
        self, stage: Stage, way: Way, size: Size, port: int, pids: Mapping[str, int], publisher: Publisher
    ) -> None:
        self._stage, self._way, self._size, self._port = stage, way, size, port
        self._pids, self._publisher = pids, publisher
        self._news = news.all_news()
        self._idle = dict.fromkeys(pids, 0.0)
        self.articles = 0

    @cached_property
    def _subscribers(self) -> Mapping[str, Sequence[ids.SubscriptionId]]:
        """By the state that they want."""
        found: dict[str, list[ids.SubscriptionId]] = {}
        for number in range(self._size.subscriptions):
            state = news.STATES[number % len(news.STATES)]
            found.setdefault(state, []).append(delivery.subscription(self._port, number).subscription_id)
        return found

    async def rests(self) -> None:
        """Finds out what each process takes when nothing comes; a broker that was just started takes more."""
        used = self._cpu()
        await asyncio.sleep(RESTING_S)
        self._idle = {name: (now - used[name]) / RESTING_S for name, now in self._cpu().items()}

    async def ran(self, rate: float, seconds: float, least: int = 0) -> Run:
        """Articles at a rate for some seconds, of which `least` at least are the first to tell of an attack, until all
        that they caused is done. Raises TimeoutError."""
        articles = news.some(self._news, max(1, round(rate * seconds)), least)
        return await self._measured(rate, articles, self._publish)

    async def polled(self, rate: float, seconds: float) -> Run:
        """The same of entries that come out in feeds which ingest polls (benchmarks/growing_site.py); of these one in
        three tells of an attack."""
        coming = entries(news.SEED, FEEDS + round(rate * seconds))
        site = Site(coming)
        async with serving(Starlette(routes=[site.route]), "127.0.0.1", 0, "a port of the benchmark's") as port:
            await self._publisher.publish(FEEDS_TOPIC, *site.feeds(f"http://127.0.0.1:{port}"))
            async with asyncio.timeout(PATIENCE_S):
                while not site.watched:  # noqa: ASYNC110 - the site is asked by another process
                    await asyncio.sleep(LOOK_EVERY_S)
            self.articles += FEEDS

            async def release(out: Sequence[Entry], a_second: float) -> float:
                pace = Pace(a_second)
                async for _ in pace.over(out):
                    site.release()
                return pace.late_s

            return await self._measured(rate, coming[FEEDS:], release)

    async def _measured(
        self, rate: float, things: Sequence[T], send: Callable[[Sequence[T], float], Awaitable[float]]
    ) -> Run:
        await delivery.forget_arrivals(self._port)
        used, begun = self._cpu(), datetime.now(UTC)
        late_s = await send(things, rate)
        self.articles += len(things)
        await self._settled()
        lasted = (datetime.now(UTC) - begun).total_seconds()
        cpu = {name: now - used[name] for name, now in self._cpu().items()}
        return Run(rate, len(things), lasted, late_s, await self._waited(begun), cpu, self._idle)

    def peak_mb(self, process: str) -> float:
        return peak_megabytes(self._pids[process])

    async def weighed(self) -> dict[str, tuple[int, int]]:
        """Records and bytes by topic: keys, values and headers, as they were written."""
        topics, found = (*TOPICS, *self._way.changelogs), {}
        async with reading(self._stage.settings, topics) as reader:
            for topic in topics:
                sizes = [
                    len(each.key or b"") + len(each.value or b"") + sum(len(n) + len(v) for n, v in each.headers)
                    async for each in reader.everything(topic)
                ]
                found[topic.name] = len(sizes), sum(sizes)
        return found

    def _cpu(self) -> dict[str, float]:
        return {name: cpu_of_family_s(pid) for name, pid in self._pids.items()}

    async def _publish(self, articles: Sequence[Article], rate: float) -> float:
        """Returns how late the latest was, in seconds."""
        pace, sends = Pace(rate), []
        async for article in pace.over(articles):
            fetched = article.model_copy(update={"fetched_at": datetime.now(UTC)})
            sends.append(asyncio.create_task(self._publisher.publish(ARTICLES, fetched)))
        await asyncio.gather(*sends)
        return pace.late_s

    async def _settled(self) -> None:
        """Nothing waits for a worker, twice in a row: what one has just worked off another may have to go on with."""
        before: Sample | None = None
        async with asyncio.timeout(PATIENCE_S), looking(self._stage.settings) as looker:
            while True:
                sample = await looker.sample(before)
                if before is not None and self._done(sample) and sample.partitions == before.partitions:
                    return
                before = sample
                await asyncio.sleep(LOOK_EVERY_S)

    def _done(self, sample: Sample) -> bool:
        all_here = sample.written(ARTICLES) >= self.articles
        return all_here and not any(sum(sample.lag(work)) for work in self._way.work)

    async def _waited(self, since: datetime) -> list[float]:
        """Seconds from the fetch to the request at the endpoint."""
        wanted: dict[str, float] = {}
        async with reading(self._stage.settings, [ALERTS]) as reader:
            async for message in reader.everything(ALERTS):
                alert = decode(message.value, ALERTS.record_type)
                at = alert.incident.ledger.fetched_at
                if alert.change is ChangeKind.OPENED and at >= since:
                    for subscriber in self._subscribers.get(alert.incident.site.host_state or "", ()):
                        wanted[ids.delivery_id(alert.alert_id, subscriber)] = at.timestamp()
        deadline = time.monotonic() + PATIENCE_S
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{self._port}") as client:
            while True:
                came = {of: at for at, _, of in (await client.get("/arrivals", timeout=30)).json()}
                if wanted.keys() <= came.keys():
                    return [came[of] - at for of, at in sorted(wanted.items(), key=lambda each: each[1])]
                if time.monotonic() > deadline:
                    raise TimeoutError(f"{len(wanted.keys() - came.keys())} of {len(wanted)} messages did not come")
                await asyncio.sleep(LOOK_EVERY_S)
