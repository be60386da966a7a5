"""What benchmarks/polling.py runs as processes of their own: four ways to poll the same feeds, pass after pass.

python -m benchmarks.pollers chancery|bare|kept|reader PORT FEEDS CONCURRENCY PASSES     one JSON line, a list of `Pass`

The first pass meets every feed for the first time, in all others nothing has changed.
"""

import asyncio
import importlib
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import httpx
import uvloop

from benchmarks import feed_site
from benchmarks.stages import cpu_of_family_s, family_of, peak_megabytes
from services.contracts.feed import PollStatus
from services.ingest.app import SERVICE, ingest
from services.runtime import log, metrics
from services.runtime.egress import AddressGuard, GuardedTransport
from services.runtime.health import Health
from services.runtime.settings import load_settings

LOOK_EVERY_S = 0.02


@dataclass(frozen=True)
class Pass:
    """`cpu_s` and `peak_mb` count the process and its children."""

    seconds: float
    cpu_s: float
    peak_mb: float


@dataclass(frozen=True)
class Task:
    port: int
    feeds: int
    concurrency: int
    passes: int

    @property
    def urls(self) -> list[str]:
        return [feed_site.url(self.port, number) for number in range(self.feeds)]


class Watch:
    """Divides time and CPU into passes."""

    def __init__(self) -> None:
        self._begun, self._used = _now()

    def lap(self) -> Pass:
        begun, used = self._begun, self._used
        self._begun, self._used = _now()
        return Pass(self._begun - begun, self._used - used, sum(map(peak_megabytes, family_of(os.getpid()))))


def _now() -> tuple[float, float]:
    return time.perf_counter(), cpu_of_family_s(os.getpid())


def chancery(task: Task) -> list[Pass]:
    """The ingest service as it runs, told by the environment; its feeds are on their topic already."""

    async def run() -> list[Pass]:
        settings, health, stop = load_settings(), Health("broker", "feeds_loaded"), asyncio.Event()
        log.configure(settings.log, SERVICE)
        service = asyncio.create_task(ingest(settings, health, stop))

        async def until(holds: Callable[[], bool]) -> None:
            while not holds():
                await asyncio.wait([service], timeout=LOOK_EVERY_S)
                if service.done():
                    raise RuntimeError("ingest ended by itself") from service.exception()

        await until(lambda: health.ready)
        watch = Watch()
        await until(partial(polled, PollStatus.OK, task.feeds))
        passes, unchanged = [watch.lap()], polls(PollStatus.NOT_MODIFIED)
        for number in range(1, task.passes):
            await until(partial(polled, PollStatus.NOT_MODIFIED, unchanged + number * task.feeds))
            passes.append(watch.lap())
        stop.set()
        await service
        return passes

    return uvloop.run(run())


def polled(status: PollStatus, times: float) -> bool:
    return polls(status) >= times


def polls(status: PollStatus) -> float:
    """How many ended so, by the service's own count."""
    samples = (sample for metric in metrics.FEED_POLLS.collect() for sample in metric.samples)
    return sum(one.value for one in samples if one.name.endswith("_total") and one.labels["status"] == status)


def bare(task: Task) -> list[Pass]:
    """httpx alone: the same requests, as many at a time; of what comes only the validators are kept."""
    limits = httpx.Limits(max_connections=task.concurrency, max_keepalive_connections=task.concurrency)
    return uvloop.run(_looped(task, httpx.AsyncHTTPTransport(limits=limits)))


def kept(task: Task) -> list[Pass]:
    """The same loop over the connections that the service uses."""
    return uvloop.run(_looped(task, GuardedTransport(AddressGuard(["127.0.0.1"]), max_connections=task.concurrency)))


async def _looped(task: Task, transport: httpx.AsyncHTTPTransport) -> list[Pass]:
    validators: dict[str, dict[str, str]] = {}

    async def poll(client: httpx.AsyncClient, urls: Iterator[str]) -> None:
        for url in urls:
            headers = (await client.get(url, headers=validators.get(url))).headers
            validators[url] = {"if-none-match": headers["etag"], "if-modified-since": headers["last-modified"]}

    async with httpx.AsyncClient(transport=transport, timeout=30) as client:
        watch, passes = Watch(), []
        for _ in range(task.passes):
            urls = iter(task.urls)
            await asyncio.gather(*(poll(client, urls) for _ in range(task.concurrency)))
            passes.append(watch.lap())
    return passes


def reader(task: Task) -> list[Pass]:
    """`reader` on SQLite in a file, its feeds added before. Raises ImportError where it is not installed."""
    library = importlib.import_module("reader")
    # Its copy of feedparser imports the module of this name, which feedparser itself brings under another by now.
    sys.modules.setdefault("sgmllib", importlib.import_module("feedparser_sgmllib"))
    with tempfile.TemporaryDirectory() as directory:
        kept = library.make_reader(str(Path(directory) / "reader.sqlite"))
        for url in task.urls:
            kept.add_feed(url)
        watch, passes = Watch(), []
        for _ in range(task.passes):
            kept.update_feeds(workers=task.concurrency, scheduled=False)
            passes.append(watch.lap())
        kept.close()
    return passes


POLLERS = {"chancery": chancery, "bare": bare, "kept": kept, "reader": reader}


if __name__ == "__main__":
    named, *numbers = sys.argv[1:]
    print(json.dumps([asdict(one) for one in POLLERS[named](Task(*map(int, numbers)))]))
