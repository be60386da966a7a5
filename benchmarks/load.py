"""How soon and at what cost articles become messages: the whole chain after the fetch, at one rate and another.

    python -m benchmarks.load [--embedded] [--quick] [--only PART ...] [--write]

An article is put on its topic as ingest would put it, fetched at that moment; a classify worker, a notifier and the
endpoints are processes of their own, and the time runs to the request at the endpoint. What ingest takes is measured by
benchmarks/polling.py, and is in one run here. The news are those of benchmarks/news.py.

- `rates`: times and cores at 1, 10 and 100 articles a second, what a million articles cost, and how many a second there
  may be before the slowest hundredth of the messages takes longer than five seconds.
- `ingest`: the times where ingest polls the feeds.
- `by-hand`: the same with the worker written without Faust, and with all of it in one small process.
- `subscriptions`, `incidents`, `partitions`: how times and costs grow with each.
- `feeds`: the table of benchmarks/polling.py, as it was last written.

Apache Kafka, or with `--embedded` the embedded broker, runs on loopback and is ended with all it kept (the former needs
Java and, the first time, Maven). The whole takes under ten minutes on two idle cores, `--quick` under two.
"""

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import uvloop

from benchmarks.load_deployment import (
    AT_ONCE,
    CHANCERY,
    FROM_FEEDS,
    WITHOUT_FAUST,
    Broker,
    Deployment,
    Run,
    Size,
    deployed,
)
from benchmarks.load_sheets import Grown, Held, costs, feeds, from_feeds, growth, held, rates, side_by_side, steps
from benchmarks.stages import broker_process
from benchmarks.surroundings import result, show, surroundings, wanted_by_others
from services.runtime import log
from services.runtime.settings import LogSettings

CLOSEST = 1.15
"""Between a rate that is held and one that is not: then the search ends."""
PARTS = ("rates", "ingest", "by-hand", "subscriptions", "incidents", "partitions", "feeds")


@dataclass(frozen=True)
class Plan:
    """How much of it: `seconds` of each run, at 1 article a second `slow_s`, and so many first words at least."""

    seconds: float = 15
    slow_s: float = 40
    step_s: float = 8
    steps: int = 5
    grown_s: float = 8
    least: int = 20
    subscriptions: tuple[int, ...] = (280, 2_800)
    incidents: tuple[int, ...] = (5_000, 20_000)
    partitions: tuple[int, ...] = (2, 64)

    def seconds_at(self, rate: float) -> float:
        return self.slow_s if rate == 1 else self.seconds


QUICK = Plan(seconds=5, slow_s=8, step_s=5, steps=2, least=5, subscriptions=(), incidents=(), partitions=())
RATES = (1, 10, 100)
POLLED_AT = 10
GROWN_AT = 20
"""Articles a second where something else grows."""


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--embedded", action="store_true", help="the embedded broker instead of Apache Kafka")
    parser.add_argument("--quick", action="store_true", help="less of everything, and nothing that grows")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS, metavar="PART", help=", ".join(PARTS))
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    log.configure(LogSettings(), "load", quiet=True)  # a client of topics that were made a moment ago says so for long
    busy = wanted_by_others()
    parts = uvloop.run(_measured(options.embedded, options.only, QUICK if options.quick else Plan()))
    kind = "the embedded broker" if options.embedded else "Apache Kafka, one broker"
    intro = (
        f"{surroundings(busy)}; {kind}, endpoints and who publishes the articles on the same machine. Of a hundred "
        "articles of 2.5 kB four are the first to tell of an attack (benchmarks/news.py), which one endpoint wants."
    )
    title, variant = "How soon and at what cost articles become messages", "-embedded" if options.embedded else ""
    show("load", title, intro, parts, write=options.write, variant=variant)


async def _measured(embedded: bool, wanted: Sequence[str], plan: Plan) -> list[str]:
    parts: list[str] = []

    def add(*more: str) -> None:
        print(*more, sep="\n", file=sys.stderr, flush=True)  # a later part may fail
        parts.extend(more)

    with broker_process(not embedded) as (address, pid):
        broker = Broker(address, pid, not embedded)
        known: list[Held] = []
        if "rates" in wanted:
            async with deployed(broker) as deployment:
                runs = []
                for rate in RATES:
                    await deployment.rests()
                    runs.append(await deployment.ran(rate, plan.seconds_at(rate), plan.least))
                known.append(Held(CHANCERY, runs[-1], await _most(deployment, plan)))
                add(*rates(runs), steps(known[0]), *costs(runs[-1], deployment, await deployment.weighed()))
        if "ingest" in wanted:
            async with deployed(broker, FROM_FEEDS) as deployment:
                add(from_feeds(await deployment.polled(POLLED_AT, plan.seconds)))
        if "by-hand" in wanted:
            for way in (WITHOUT_FAUST, AT_ONCE) if known else (CHANCERY, WITHOUT_FAUST, AT_ONCE):
                async with deployed(broker, way) as deployment:
                    run = await deployment.ran(RATES[-1], plan.seconds, plan.least)
                    known.append(Held(way, run, await _most(deployment, plan)))
            add(side_by_side(known))
        base = None
        for name, sizes in _growths(plan).items():
            if name in wanted and sizes:
                base = base or await _grown(broker, Size(), plan)
                add(*growth(name, [base, *[await _grown(broker, size, plan) for size in sizes]], GROWN_AT))
    if "feeds" in wanted:
        add(*feeds(result("polling", "Thousands of feeds in one process")))
    return parts


def next_rate(tried: Mapping[float, bool], first: float) -> float | None:
    """Twice as much until a rate is not held, then between; None where what is known is close enough."""
    good = max((rate for rate, kept in tried.items() if kept), default=0.0)
    bad = min((rate for rate, kept in tried.items() if not kept), default=None)
    if bad is None:
        return 2 * good or first
    if good and bad / good <= CLOSEST:
        return None
    return (good + bad) / 2


async def _most(deployment: Deployment, plan: Plan) -> dict[float, Run]:
    """The rates that were tried."""
    tried: dict[float, Run] = {}
    while len(tried) < plan.steps:
        rate = next_rate({rate: held(run) for rate, run in tried.items()}, 2 * RATES[-1])
        if rate is None:
            break
        tried[rate] = await deployment.ran(rate, plan.step_s)
    return tried


async def _grown(broker: Broker, size: Size, plan: Plan) -> Grown:
    async with deployed(broker, CHANCERY, size) as deployment:
        run = await deployment.ran(GROWN_AT, plan.grown_s, plan.least)
        weighed = await deployment.weighed()
        before = ("subscriptions", *(each.name for each in CHANCERY.changelogs if size.incidents))
        written = sum(weight for name, (_, weight) in weighed.items() if name not in before)
        mb = {name: deployment.peak_mb(name) for name in run.cpu_s}
        return Grown(size, run, mb, written / deployment.articles / 1000)


def _growths(plan: Plan) -> dict[str, list[Size]]:
    return {
        "subscriptions": [replace(Size(), subscriptions=each) for each in plan.subscriptions],
        "incidents": [replace(Size(), incidents=each) for each in plan.incidents],
        "partitions": [replace(Size(), partitions=each) for each in plan.partitions],
    }


if __name__ == "__main__":
    main()
