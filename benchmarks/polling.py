"""How fast feeds are polled, beside a bare httpx loop and beside `reader`; and how late, with thousands of them.

    python -m benchmarks.polling [--rounds 3] [--feeds 2000] [--passes 4] [--many 2000 10000] [--seconds 60] [--write]

The feeds are those of `feed_site.py`, a process of its own on loopback. Whose CPU is counted: the poller's and its
children's, neither the site's nor the broker's.
"""

import argparse
import json
import math
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http import HTTPStatus

import httpx
import uvloop

from benchmarks import feed_site
from benchmarks.pollers import Pass
from benchmarks.stages import (
    Stage,
    child,
    cpu_of_family_s,
    family_of,
    listens,
    peak_megabytes,
    quantile,
    running_broker,
)
from benchmarks.surroundings import show, surroundings, wanted_by_others
from services.cli.scoresheet import Sheet, as_markdown
from services.contracts import ids
from services.contracts.feed import Feed, FeedState, PollStatus, Seen
from services.contracts.topics import FEED_STATES, FEEDS
from services.ingest.core.recognition import SEEN_AT_LEAST
from services.launch import broker
from services.runtime.kafka import Publisher

INGEST = ("-m", "services.cli", "ingest")
CONCURRENCY = 64
PARSERS = 2
READERS_WORKERS = 8
INTERVAL_S = 300
# What was due while the service was loading its feeds would not tell how late it is by itself.
FIRST_DUE_S = 45
# What is due at the very end may still be on its way.
LONGEST_LAG_S = 10
ONE_CHANGED_IN = 20
SEED = 20_201_220


@dataclass(frozen=True)
class Contender:
    name: str
    poller: str
    workers: int = CONCURRENCY


CONTENDERS = (
    Contender("chancery ingest", "chancery"),
    Contender("a bare httpx loop", "bare"),
    Contender("the same loop on our connections", "kept"),
    Contender("`reader` on SQLite", "reader", READERS_WORKERS),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--feeds", type=int, default=2_000)
    parser.add_argument("--passes", type=int, default=4, help="the first, and some in which nothing has changed")
    parser.add_argument("--many", type=int, nargs="+", default=[2_000, 10_000])
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--only", choices=["passes", "steady"])
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    sheets: list[Sheet] = []
    busy = wanted_by_others()
    with running_broker(False) as address:
        if options.only != "steady":
            sheets += _passes(address, options.feeds, options.passes, options.rounds)
        if options.only != "passes":
            sheets.append(_steady_sheet([_steady(Stage(address, False), n, options.seconds) for n in options.many]))
    intro = (
        f"{surroundings(busy)}; the embedded broker and the site on the same machine. Feeds of twenty entries in "
        "twelve languages, 34 kB each."
    )
    show("polling", "How fast feeds are polled", intro, map(as_markdown, sheets), write=options.write)


@contextmanager
def _site(rendered: int, *more: str) -> Iterator[int]:
    port = broker.free_port()
    with child([sys.executable, "-m", "benchmarks.feed_site", str(port), str(rendered), *more], {}):
        listens(port)
        yield port


def _environment(stage: Stage, interval_s: int) -> Mapping[str, str]:
    """All feeds are on one host, which has nothing against it; none is asked less often because it is quiet."""
    ingest = {
        "INTERVAL_S": interval_s,
        "MIN_INTERVAL_S": interval_s,
        "MAX_INTERVAL_S": interval_s,
        "CONCURRENCY": CONCURRENCY,
        "HOST_CONCURRENCY": 1_000,
        "HOST_SPACING_S": 0,
        "PARSER_PROCESSES": PARSERS,
    }
    told = {f"CHANCERY_INGEST__{name}": str(value) for name, value in ingest.items()}
    return stage.environment | told | {"CHANCERY_EGRESS__ALLOW_PRIVATE": "127.0.0.1"}


def _feeds(port: int, number: int) -> list[Feed]:
    urls = [feed_site.url(port, index) for index in range(number)]
    return [Feed(feed_id=ids.feed_id(url), url=url, title=f"Feed {index}") for index, url in enumerate(urls)]


async def _prepared(stage: Stage, feeds: Sequence[Feed], states: Sequence[FeedState] = ()) -> None:
    await stage.prepare()
    async with Publisher(stage.settings, "/chancery/benchmark") as publisher:
        await publisher.publish(FEEDS, *feeds)
        await publisher.publish(FEED_STATES, *states)


def _passes(address: str, feeds: int, passes: int, rounds: int) -> list[Sheet]:
    """Rounds take turns, so that a slow minute of the machine slows all; ratios are of one round, then their median."""
    runs: dict[Contender, list[list[Pass]]] = {contender: [] for contender in CONTENDERS}
    with _site(feeds) as port:
        for _ in range(rounds):
            for contender in CONTENDERS:
                stage = Stage(address, False)
                if contender.poller == "chancery":
                    uvloop.run(_prepared(stage, _feeds(port, feeds)))
                numbers = map(str, (port, feeds, contender.workers, passes))
                arguments = [sys.executable, "-m", "benchmarks.pollers", contender.poller, *numbers]
                runs[contender].append(_ran(arguments, _environment(stage, interval_s=1)))
    first = {contender: [one[0] for one in own] for contender, own in runs.items()}
    later = {contender: [_sum(one[1:]) for one in own] for contender, own in runs.items()}
    note = (
        f"{feeds:,} feeds on one host, spacing 0, at most {CONCURRENCY} polls at a time, {READERS_WORKERS} threads of "
        f"`reader`. Chancery has {PARSERS} parser processes, and every article and state is with the broker before a "
        "poll counts; `reader` parses and writes SQLite in one process; the loops read nothing of what comes."
    )
    unchanged = f"The {passes - 1} passes after it, all answered 304. Chancery's state is acknowledged for each poll."
    return [
        _pass_sheet("First pass, everything is new", first, feeds, note),
        _pass_sheet("Nothing has changed", later, feeds * (passes - 1), unchanged),
    ]


def _ran(arguments: Sequence[str], environment: Mapping[str, str]) -> list[Pass]:
    with tempfile.TemporaryFile() as said:
        done = subprocess.run(arguments, env=os.environ | environment, stdout=subprocess.PIPE, stderr=said, check=False)
        if done.returncode:
            said.seek(0)
            sys.stderr.write(said.read()[-4_000:].decode(errors="replace"))
            done.check_returncode()
    return [Pass(**one) for one in json.loads(done.stdout)]


def _sum(passes: Sequence[Pass]) -> Pass:
    return Pass(
        sum(one.seconds for one in passes), sum(one.cpu_s for one in passes), max(one.peak_mb for one in passes)
    )


def _pass_sheet(title: str, runs: Mapping[Contender, Sequence[Pass]], polls: int, note: str) -> Sheet:
    ours, *_ = runs.values()
    rows = []
    for contender, own in runs.items():

        def over(measure: Callable[[Pass], float], own: Sequence[Pass] = own) -> str:
            return f"{statistics.median(measure(a) / measure(b) for a, b in zip(ours, own, strict=True)):.2f}"

        rates = [polls / one.seconds for one in own]
        rows.append(
            (
                contender.name,
                f"{statistics.median(rates):,.0f}",
                f"{min(rates):,.0f} to {max(rates):,.0f}",
                over(lambda one: 1 / one.seconds),
                f"{statistics.median(one.cpu_s for one in own) * 1_000 / polls:.2f}",
                over(lambda one: one.cpu_s),
                f"{max(one.peak_mb for one in own):,.0f}",
            )
        )
    columns = (
        "",
        "feeds a second, median",
        "rounds",
        "chancery over it",
        "CPU seconds for 1,000 polls",
        "chancery over it",
        "MB at the peak",
    )
    return Sheet(title, columns, tuple(rows), note)


@dataclass(frozen=True)
class Steady:
    """`lags` are seconds from the time that a feed's state names to the request at the site. `megabytes` are the
    peaks of ingest and of each of its parsers."""

    feeds: int
    polls: int
    changed: int
    seconds: float
    lags: Sequence[float]
    cpu_s: float
    megabytes: Sequence[float]


def _steady(stage: Stage, number: int, seconds: int) -> Steady:
    """A replica that is started when all its feeds were polled in the last interval, evenly."""
    chance = random.Random(SEED)
    with _site(0, "--close") as port:
        feeds = _feeds(port, number)
        begun_s = time.time() + FIRST_DUE_S
        due_s = [begun_s + chance.random() * INTERVAL_S for _ in feeds]
        uvloop.run(_prepared(stage, feeds, [_state(*one) for one in zip(feeds, range(number), due_s, strict=True)]))
        with child([sys.executable, *INGEST], _environment(stage, INTERVAL_S)) as pid:
            uvloop.run(stage.ready())
            assert time.time() < begun_s, f"not loaded in {FIRST_DUE_S} s"
            time.sleep(begun_s - time.time())
            used = cpu_of_family_s(pid)
            time.sleep(seconds)
            used, end_s = cpu_of_family_s(pid) - used, time.time()
            megabytes = [peak_megabytes(one) for one in family_of(pid)]
        arrivals = httpx.get(f"http://127.0.0.1:{port}/arrivals").json()
    came = {index: at for at, index, _ in reversed(arrivals)}
    lags = [came.get(index, math.inf) - at for index, at in enumerate(due_s) if at < end_s - LONGEST_LAG_S]
    assert min(lags) >= 0, f"a feed was polled {-min(lags):.3f} s early"
    assert len(megabytes) == 1 + PARSERS, "nothing was parsed"
    changed = sum(status == HTTPStatus.OK for *_, status in arrivals)
    return Steady(number, len(arrivals), changed, end_s - begun_s, lags, used, megabytes)


def _steady_sheet(runs: Sequence[Steady]) -> Sheet:
    rows = (
        (
            f"{run.feeds:,}",
            f"{run.polls:,}",
            f"{run.changed:,}",
            *(f"{quantile(run.lags, share):.3f}" for share in (0.5, 0.99, 1)),
            f"{run.cpu_s / run.seconds:.2f}",
            f"{run.megabytes[0]:,.0f}",
            f"{sum(run.megabytes):,.0f}",
        )
        for run in runs
    )
    columns = (
        "feeds",
        "polls",
        "of them with news",
        "lag p50, seconds",
        "p99",
        "longest",
        "cores used",
        "MB of ingest at its peak",
        "with its parsers",
    )
    note = (
        f"One process, each feed polled every {INTERVAL_S} seconds, {runs[0].seconds:.0f} seconds of it. Each "
        f"answer ends its connection. One feed in {ONE_CHANGED_IN} brings {feed_site.ENTRIES} new entries, the others "
        "answer 304. The lag is from the time that a feed's state names to the request at the site; none came early. "
        f"Each state remembers {SEEN_AT_LEAST} entries."
    )
    return Sheet("Thousands of feeds in one process", columns, tuple(rows), note)


def _state(feed: Feed, number: int, due_s: float) -> FeedState:
    due = datetime.fromtimestamp(due_s, UTC)
    polled = due - timedelta(seconds=INTERVAL_S)
    return FeedState(
        feed_id=feed.feed_id,
        url=feed.url,
        etag=feed_site.etag(number) if number % ONE_CHANGED_IN else '"before"',
        last_modified=feed_site.last_modified(number),
        status=PollStatus.OK,
        http_status=200,
        last_poll_at=polled,
        last_success_at=polled,
        next_poll_at=due,
        entries=feed_site.ENTRIES,
        watermark_at=feed_site.MODIFIED,
        seen=tuple(
            Seen(identity=ids.article_id(feed.feed_id, str(entry)), content_hash=ids.derive("c", feed.url, str(entry)))
            for entry in range(SEEN_AT_LEAST)
        ),
    )


if __name__ == "__main__":
    main()
