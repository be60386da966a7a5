"""How fast the console shows incidents and tells its viewers, beside a bare endpoint that sends the same bytes.

    python -m benchmarks.console [--incidents 10000] [--viewers 200] [--events 30] [--pages 30] [--write]
    python -m benchmarks.console bare PORT        the endpoint that it is compared with

The console is a process of its own, on an embedded broker; the viewers are another. An event's time is from the moment
its record is given to the producer (for the bare endpoint: posted to it) to the moment the last viewer has it.
"""

import argparse
import asyncio
import statistics
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import httpx
import uvicorn
import uvloop
from sse_starlette.sse import EventSourceResponse
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from benchmarks.stages import Stage, child, cpu_seconds, listens, peak_megabytes, quantile, running_broker
from benchmarks.surroundings import show, surroundings, wanted_by_others
from services.cli.scoresheet import Sheet, as_markdown
from services.console.core.incidents import line
from services.contracts import ids
from services.contracts.article import Source
from services.contracts.feed import SourceGrade
from services.contracts.ids import ReportId
from services.contracts.incident import Incident, SourceClaim, TimeLedger
from services.contracts.report import (
    Certainty,
    DatePrecision,
    IncidentType,
    Outcome,
    PlacePrecision,
    Relation,
    Severity,
    Site,
    SiteKind,
    Standing,
)
from services.contracts.token import Role, issued
from services.contracts.topics import INCIDENTS, TOKENS
from services.launch import broker
from services.runtime.kafka import Publisher

SECRET = "chancery_benchmark"
BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
CLAIMS = 3
PAGES = (
    ("the newest hundred", "/v1/incidents"),
    ("of one state, severe, open", "/v1/incidents?host_state=IQ&severity=severe&status=open"),
    ("words, found nowhere", "/v1/incidents?q=nothing+like+it"),
    ("a thousand as GeoJSON", "/v1/incidents.geojson?limit=1000"),
    ("a hundred as Atom", "/v1/incidents.atom"),
    ("coverage", "/v1/coverage"),
    ("the page of the newest hundred", "/incidents"),
    ("the page of one state, severe, open", "/incidents?host_state=IQ&severity=severe&status=open"),
    ("the page of words, found nowhere", "/incidents?q=nothing+like+it"),
)
STATES = ("IQ", "LB", "TR", "FR", "KE", "AF", "PK", "GR")


def main() -> None:
    if sys.argv[1:2] == ["bare"]:
        return uvicorn.run(_bare(), host="127.0.0.1", port=int(sys.argv[2]), log_level="error")
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--incidents", type=int, default=10_000)
    parser.add_argument("--viewers", type=int, default=200)
    parser.add_argument("--events", type=int, default=30)
    parser.add_argument("--pages", type=int, default=30, help="times that each page is asked for")
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    busy = wanted_by_others()
    with running_broker(False) as address:
        sheets = uvloop.run(_measured(address, options))
    intro = (
        f"{surroundings(busy)}; broker, console and viewers on the same machine. {options.incidents:,} incidents of "
        f"{CLAIMS} claims each."
    )
    show("console", "How fast incidents are shown", intro, map(as_markdown, sheets), write=options.write)
    return None


async def _measured(address: str, options: argparse.Namespace) -> list[Sheet]:
    stage, port = Stage(address, False), broker.free_port()
    await stage.prepare()
    environment = {**stage.environment, "CHANCERY_CONSOLE__PORT": str(port), "CHANCERY_LOG__LEVEL": "ERROR"}
    serve = [sys.executable, "-m", "services.cli", "console"]
    async with Publisher(stage.settings, "/chancery/benchmark") as publisher:
        await publisher.publish(TOKENS, issued(SECRET, name="benchmark", role=Role.ADMIN, now=BEGAN))
        with child(serve, environment) as pid:
            await asyncio.to_thread(listens, port)
            empty = peak_megabytes(pid)
        for begin in range(0, options.incidents, 500):
            await publisher.publish(INCIDENTS, *map(_incident, range(begin, min(begin + 500, options.incidents))))
        started = time.monotonic()
        with child(serve, environment) as pid:
            await asyncio.to_thread(listens, port)
            loading_s, loaded = time.monotonic() - started, peak_megabytes(pid)

            async def tell(number: int) -> None:
                await publisher.publish(INCIDENTS, _incident(number, told_again=True))

            quiet = await _pages(port, options.pages, pid)
            async with _viewers(port, "/v1/alerts/stream", options.viewers) as arrivals:
                told = await _events(arrivals, tell, options, pid)
                busy = await _pages(port, options.pages, pid)
            after = peak_megabytes(pid)
    bare, bare_peak = await _beside(options)
    return [
        _page_sheet(quiet, busy, options),
        _event_sheet((told, after), (bare, bare_peak), options),
        Sheet(
            "Memory",
            ("", "MB at the peak"),
            (
                ("nothing known", f"{empty:.0f}"),
                (f"{options.incidents:,} incidents read, which took {loading_s:.1f} s", f"{loaded:.0f}"),
                (f"after all of this, with {options.viewers} viewers", f"{after:.0f}"),
            ),
            f"{1000 * (loaded - empty) / options.incidents:.1f} kB an incident of {CLAIMS} claims.",
        ),
    ]


async def _beside(options: argparse.Namespace) -> tuple["Told", float]:
    """The same bytes through the bare endpoint, and its memory at the peak."""
    port = broker.free_port()
    with child([sys.executable, "-m", "benchmarks.console", "bare", str(port)], {}) as pid:
        await asyncio.to_thread(listens, port)
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:

            async def post(number: int) -> None:
                await client.post("/", content=line(_incident(number, told_again=True)).model_dump_json())

            async with _viewers(port, "/", options.viewers) as arrivals:
                return await _events(arrivals, post, options, pid), peak_megabytes(pid)


def _bare() -> Starlette:
    """What is posted goes to everyone: a queue a viewer and nothing else."""
    queues: set[asyncio.Queue[bytes]] = set()

    async def look(request: Request) -> Response:
        queue: asyncio.Queue[bytes] = asyncio.Queue()
        queues.add(queue)

        async def events() -> AsyncIterator[dict[str, str]]:
            yield {"event": "ready", "data": "{}"}
            while True:
                yield {"event": "incident", "data": (await queue.get()).decode()}

        return EventSourceResponse(events())

    async def post(request: Request) -> Response:
        body = await request.body()
        for queue in queues:
            queue.put_nowait(body)
        return Response(status_code=204)

    return Starlette(routes=[Route("/", look), Route("/", post, methods=["POST"])])


@dataclass
class Arrivals:
    """Counts the viewers that an event has come to."""

    viewers: int
    here: int = 0
    all_here: asyncio.Event = field(default_factory=asyncio.Event)

    def one(self) -> None:
        self.here += 1
        if self.here % self.viewers == 0:
            self.all_here.set()


@dataclass(frozen=True)
class Told:
    """Seconds of each (of an event, from giving it to the last viewer having it), and CPU seconds for all of them."""

    seconds: list[float]
    cpu_s: float


@asynccontextmanager
async def _viewers(port: int, path: str, number: int) -> AsyncIterator[Arrivals]:
    """So many, each of whom has had its first event."""
    arrivals, ready = Arrivals(number), Arrivals(number)
    looking = [asyncio.create_task(_look(port, path, ready, arrivals)) for _ in range(number)]
    try:
        async with asyncio.timeout(60):
            await ready.all_here.wait()
        yield arrivals
    finally:
        for each in looking:
            each.cancel()
        await asyncio.gather(*looking, return_exceptions=True)


async def _look(port: int, path: str, ready: Arrivals, arrivals: Arrivals) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    asked = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {SECRET}\r\n\r\n"
    writer.write(asked.encode())
    try:
        while got := await reader.readline():
            if got.startswith(b"event: ready"):
                ready.one()
            elif got.startswith(b"event: incident"):
                arrivals.one()
    finally:
        writer.close()


async def _events(
    arrivals: Arrivals, tell: Callable[[int], Awaitable[None]], options: argparse.Namespace, pid: int
) -> Told:
    used, seconds = cpu_seconds(pid), []
    for number in range(options.events):
        arrivals.all_here.clear()
        started = time.monotonic()
        await tell(number)
        async with asyncio.timeout(30):
            await arrivals.all_here.wait()
        seconds.append(time.monotonic() - started)
    return Told(seconds, cpu_seconds(pid) - used)


async def _pages(port: int, times: int, pid: int) -> list[Told]:
    """Seconds of each request and the console's CPU seconds for all, by page."""
    headers = {"authorization": f"Bearer {SECRET}"}
    found: list[Told] = []
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=30) as client:
        for _, path in PAGES:
            used, taken = cpu_seconds(pid), []
            for _ in range(times):
                started = time.monotonic()
                answer = await client.get(path)
                taken.append(time.monotonic() - started)
                answer.raise_for_status()
            found.append(Told(taken, cpu_seconds(pid) - used))
    return found


def _page_sheet(quiet: list[Told], busy: list[Told], options: argparse.Namespace) -> Sheet:
    rows = tuple(
        (
            name,
            *(f"{1000 * quantile(told.seconds, share):.0f}" for told in both for share in (0.5, 0.95)),
            f"{1000 * both[0].cpu_s / options.pages:.0f}",
        )
        for (name, _), *both in zip(PAGES, quiet, busy, strict=True)
    )
    columns = ("page", "nobody looks: p50, ms", "p95", f"{options.viewers} viewers: p50, ms", "p95", "CPU ms a page")
    note = f"{options.pages} requests of each, one after the other, over HTTP on loopback. The CPU is the console's."
    return Sheet("Pages", columns, rows, note)


def _event_sheet(ours: tuple[Told, float], bare: tuple[Told, float], options: argparse.Namespace) -> Sheet:
    rows = []
    for name, (told, peak) in (("chancery console, from the broker on", ours), ("a bare endpoint, posted to", bare)):
        middle = statistics.median(told.seconds)
        rows.append(
            (
                name,
                f"{1000 * middle:.0f}",
                f"{1000 * quantile(told.seconds, 0.95):.0f}",
                f"{1000 * max(told.seconds):.0f}",
                f"{middle / statistics.median(bare[0].seconds):.2f}",
                f"{1000 * told.cpu_s / options.events:.0f}",
                f"{peak:.0f}",
            )
        )
    columns = (
        "",
        "to the last viewer: p50, ms",
        "p95",
        "longest",
        "over the bare",
        "CPU ms an event",
        "MB at the peak",
    )
    note = (
        f"{options.events} changes of incidents, one after the other, to {options.viewers} viewers each. The console "
        "reads each from Kafka, compares it with what it knew, asks every viewer's filter and token; the bare endpoint "
        "has none of that, and keeps whatever a slow viewer does not take."
    )
    return Sheet("Events", columns, tuple(rows), note)


def _incident(number: int, *, told_again: bool = False) -> Incident:
    """One of many, of three claims, told again with another figure."""
    state = STATES[number % len(STATES)]
    at = BEGAN + timedelta(minutes=number, days=100 * told_again)
    site = Site(
        kind=SiteKind.EMBASSY, sending_state="US", host_state=state, city=f"City {number % 97}",
        lat=number % 90, lon=number % 180, precision=PlacePrecision.CITY,
    )  # fmt: skip
    claims = tuple(_claim(number, each, at, site) for each in range(CLAIMS + told_again))
    return Incident(
        incident_id=ids.incident_id(ReportId(f"rep_{number}")),
        revision=len(claims),
        type=claims[0].type,
        outcome=claims[0].outcome,
        relation=claims[0].relation,
        site=site,
        date=at.date(),
        date_precision=DatePrecision.DAY,
        severity=claims[0].severity,
        certainty=claims[0].certainty,
        independent_sources=len(claims),
        claims=claims,
        ledger=claims[-1].ledger,
    )


def _claim(number: int, outlet: int, at: datetime, site: Site) -> SourceClaim:
    feed = ids.feed_id(f"https://news{outlet}.example/feed")
    article = ids.article_id(feed, f"{number}")
    return SourceClaim(
        report_id=ids.report_id(article, site.site_key, "rocket", f"{number}"),
        article_id=article,
        article_revision=1,
        source=Source(feed_id=feed, name=f"News {outlet}", grade=SourceGrade.B),
        url=f"https://news{outlet}.example/story/{number}/rockets-near-the-embassy-of-the-united-states",
        title=f"Rockets fall near the embassy in City {number % 97}, {number}",
        language="en",
        text_fingerprint=f"{number:016x}",
        ledger=TimeLedger(event_date=at.date(), published_at=at, fetched_at=at, reported_at=at, correlated_at=at),
        tellable=True,
        quote=f"Three rockets fell near the embassy of the United States on Monday evening, witness {number} said.",
        standing=Standing.NEW,
        type=IncidentType.ROCKET_MORTAR_MISSILE,
        outcome=Outcome.HIT,
        relation=Relation.PERIMETER,
        site=site,
        date=at.date(),
        date_precision=DatePrecision.DAY,
        severity=Severity.SEVERE if number % 2 else Severity.MODERATE,
        certainty=Certainty.LIKELY,
    )


if __name__ == "__main__":
    main()
