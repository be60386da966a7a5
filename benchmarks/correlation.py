"""How fast correlation is: reports a second beside other loops, article to alert, and recovery of the tables.

    python -m benchmarks.correlation [--apache] [--only rate|latency|recovery] [--rounds 3] [--reports 6000]
                                     [--seconds 60] [--incidents 100000] [--write]

- Reports a second: a classify worker, a Faust agent that passes records on, and a bare aiokafka loop around the same
  pure core, each a process of its own, in turns over the same `reports` topic, written beforehand.
- Latency: articles at 50 a second, one in five from the demo's newsroom, the others quiet; from `fetched_at`, which is
  the moment of publishing here, to the moment a reader has the alert. One worker.
- Recovery: from the start of a fresh worker until a report that lay waiting has joined the incident it belongs to, with
  few incidents and with many in the changelogs, which are written as a worker writes them and compaction leaves them.

Brokers run on loopback and are ended with all they kept: the embedded one, or with `--apache` Apache Kafka (needs Java
and, the first time, Maven).
"""

import argparse
import asyncio
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import uvloop
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.partitioner import DefaultPartitioner

from benchmarks import correlation_load as load
from benchmarks.stages import (
    BARE,
    PARTITIONS,
    PASS_THROUGH,
    PATIENCE_S,
    WORKER,
    Pace,
    Stage,
    caused_by,
    cpu_seconds,
    peak_megabytes,
    quantile,
    running_broker,
)
from benchmarks.surroundings import show, surroundings
from services.classify.adapters.data import load_rules, state_names
from services.classify.adapters.incidents import known_row
from services.classify.core.correlation.memory import Memory
from services.classify.core.reading.pipeline import Reader
from services.cli.scoresheet import Sheet, as_markdown
from services.contracts.alert import Alert, ChangeKind
from services.contracts.codec import decode, encode
from services.contracts.incident import Incident
from services.contracts.report import IncidentReport
from services.contracts.topics import ALERTS, ARTICLES, COMPACTED, INCIDENTS, REPORTS
from services.runtime.kafka import Publisher, connection, ensure_named
from services.runtime.work import group_name

ARTICLES_A_SECOND = 50
FEW = 1
QUIET_S = 3


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--apache", action="store_true", help="Apache Kafka instead of the embedded broker")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--reports", type=int, default=6_000)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--incidents", type=int, default=100_000)
    parser.add_argument("--only", choices=["rate", "latency", "recovery"])
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    reader = Reader(load_rules())
    sheets = uvloop.run(_measured(options, load.templates(reader)))
    kind = "Apache Kafka" if options.apache else "the embedded broker"
    intro = f"{surroundings()}; {kind} on the same machine, {PARTITIONS} partitions."
    show("correlation", "How fast correlation is", intro, map(as_markdown, sheets), write=options.write)


async def _measured(options: argparse.Namespace, models: Sequence[IncidentReport]) -> list[Sheet]:
    wanted = [options.only] if options.only else ["rate", "latency", "recovery"]
    sheets: list[Sheet] = []

    def add(sheet: Sheet) -> None:
        print(as_markdown(sheet), file=sys.stderr, flush=True)  # a later part may fail
        sheets.append(sheet)

    with running_broker(options.apache) as address:

        def stage() -> Stage:
            return Stage(address, options.apache)

        if "rate" in wanted:
            add(await _rate(stage, list(load.reports(options.reports, models)), options.rounds))
        if "latency" in wanted:
            add(await _latency(stage(), options.seconds))
        if "recovery" in wanted:
            add(await _recovery(stage, models, options.incidents))
    return sheets


@dataclass(frozen=True)
class Contender:
    name: str
    arguments: Sequence[str]
    role: str
    writes: int
    """Records that it will have written when it is done."""


@dataclass(frozen=True)
class _Run:
    rate: float
    """Reports a second."""
    cpu_ms: float
    """Of the process, for a report."""


async def _rate(new_stage: Callable[[], Stage], reports: Sequence[IncidentReport], rounds: int) -> Sheet:
    """Each round has a fresh namespace; the contenders read the same topic one after another."""
    memory, states = Memory(), state_names()
    caused = [record for report in reports for record in caused_by(report, memory, states)]
    alerts = sum(topic is ALERTS for topic, _ in caused)
    contenders = (
        Contender("a classify worker", WORKER, "classify", len(caused)),
        Contender("a Faust agent that passes on", PASS_THROUGH, "pass-through", len(reports)),
        Contender("a bare aiokafka loop, same core", BARE, "bare", len(caused)),
    )
    runs: dict[str, list[_Run]] = {contender.name: [] for contender in contenders}
    for _ in range(rounds):
        stage = new_stage()
        await stage.prepare()
        async with Publisher(stage.settings, "/chancery/benchmark") as publisher:
            await publisher.publish(REPORTS, *reports)
        async with stage.reading(INCIDENTS, ALERTS) as consumer:
            for contender in contenders:
                with stage.running(contender.arguments) as pid:
                    runs[contender.name].append(await _run(consumer, pid, len(reports), contender.writes))
    worker, *_ = runs.values()
    rows = []
    for name, own in runs.items():
        rates = [run.rate for run in own]
        rows.append(
            (
                name,
                f"{statistics.median(rates):,.0f}",
                f"{min(rates):,.0f} to {max(rates):,.0f}",
                f"{statistics.median(mine.rate / other.rate for mine, other in zip(worker, own, strict=True)):.2f}",
                f"{statistics.median(run.cpu_ms for run in own):.2f}",
            )
        )
    size = statistics.mean(len(encode(report)) for report in reports)
    note = (
        f"{len(reports):,} reports of {size / 1000:.1f} kB in {len({r.key for r in reports})} host states make "
        f"{len({record.key for _, record in caused}):,} incidents, {len(caused) - alerts:,} revisions of them and "
        f"{alerts:,} alerts; the worker writes its tables' changelogs besides."
    )
    columns = ("", "reports a second, median", "rounds", "the worker over it", "ms of its CPU a report")
    return Sheet("Reports a second through one process", columns, tuple(rows), note)


async def _run(consumer: AIOKafkaConsumer, pid: int, reports: int, writes: int) -> _Run:
    """From the first records seen until the last of `writes` is there."""
    first: tuple[int, float, float] | None = None
    done, deadline = 0, time.perf_counter() + PATIENCE_S
    while done < writes:
        batches = await consumer.getmany(timeout_ms=100)
        done, now = done + sum(map(len, batches.values())), time.perf_counter()
        if done and first is None:
            first = done, now, cpu_seconds(pid)
        if now > deadline:
            raise TimeoutError(f"{done} of {writes} records in {PATIENCE_S} s")
    assert first is not None
    before, begun, used = first
    assert before < done == writes, f"{done} records, the first {before} at once, instead of {writes}"
    share = reports * (writes - before) / writes
    return _Run(share / (time.perf_counter() - begun), 1000 * (cpu_seconds(pid) - used) / share)


async def _latency(stage: Stage, seconds: int) -> Sheet:
    """Closures are left out: quiet causes them, not an article."""
    number = ARTICLES_A_SECOND * seconds
    articles = list(load.articles(number))
    await stage.prepare()
    waited: list[float] = []

    async def listen(consumer: AIOKafkaConsumer) -> None:
        async for message in consumer:
            alert = decode(message.value, Alert)
            if alert.change is not ChangeKind.CLOSED:
                waited.append((datetime.now(UTC) - alert.incident.ledger.fetched_at).total_seconds())

    pace = Pace(ARTICLES_A_SECOND)
    with stage.running(WORKER):
        await stage.ready()
        async with stage.reading(ALERTS) as consumer, Publisher(stage.settings, "/chancery/benchmark") as publisher:
            listening = asyncio.create_task(listen(consumer))
            begun = time.perf_counter()
            sends = set()
            async for article in pace.over(articles):
                fetched = article.model_copy(update={"fetched_at": datetime.now(UTC)})
                sends.add(asyncio.create_task(publisher.publish(ARTICLES, fetched)))
            await asyncio.gather(*sends)
            lasted = time.perf_counter() - begun
            known = -1
            while known < (known := len(waited)):  # noqa: ASYNC110 - until nothing more comes
                await asyncio.sleep(QUIET_S)
            listening.cancel()
    p50, p99 = (quantile(waited, share) for share in (0.5, 0.99))
    row = (
        f"{number:,}",
        f"{number / lasted:.0f}",
        f"{len(waited):,}",
        f"{p50:.3f}",
        f"{p99:.3f}",
        f"{max(waited):.3f}",
    )
    columns = ("articles", "a second", "alerts", "p50, seconds", "p99, seconds", "longest, seconds")
    note = f"One article in five from the demo's newsroom. The publisher was at most {pace.late_s:.3f} seconds late."
    return Sheet("From article to alert", columns, (row,), note)


async def _recovery(new_stage: Callable[[], Stage], models: Sequence[IncidentReport], number: int) -> Sheet:
    rows = []
    for count in (FEW, number):
        stage = new_stage()
        await stage.prepare()
        waiting, written = await written_changelogs(stage, models, count)
        async with Publisher(stage.settings, "/chancery/benchmark") as publisher:
            await publisher.publish(REPORTS, waiting)
        begun = time.perf_counter()
        with stage.running(WORKER) as pid:
            async with asyncio.timeout(PATIENCE_S), stage.reading(INCIDENTS) as consumer:
                joined = decode((await consumer.getone()).value, Incident)
            seconds = time.perf_counter() - begun
            memory = peak_megabytes(pid)
        rows.append((f"{count:,}", f"{written / 1e6:,.1f}", f"{seconds:.1f}", f"{memory:,.0f}"))
        assert joined.revision == 4, f"the report made revision {joined.revision} of an incident of three claims"
    columns = ("incidents", "MB of changelogs", "seconds to the first report correlated", "MB at its peak")
    note = "From the start of the process, rules and group join included; the changelogs were written directly."
    return Sheet("Recovery of a fresh worker", columns, tuple(rows), note)


async def written_changelogs(stage: Stage, models: Sequence[IncidentReport], number: int) -> tuple[IncidentReport, int]:
    """Fill the changelogs of the two tables; returns a report that belongs to an incident in them, and the bytes."""
    app = group_name(stage.settings, "classify")
    await ensure_named(stage.settings, {f"{app}-{table}-changelog": COMPACTED for table in ("incidents", "places")})
    place, partitions = DefaultPartitioner(), list(stage.partitions)
    known: dict[str, list[tuple[str, str]]] = {}
    written, sent = 0, []
    report = None
    async with AIOKafkaProducer(**connection(stage.settings.kafka), acks="all", linger_ms=20) as producer:

        async def write(table: str, state: str, key: bytes, value: bytes) -> None:
            nonlocal written
            written += len(value)
            partition = place(state.encode(), partitions, partitions)
            sent.append(await producer.send(f"{app}-{table}-changelog", value, key, partition))

        for state, incident in load.incidents(number, models):
            await write("incidents", state, incident.incident_id.encode(), encode(incident))
            known.setdefault(state, []).append((incident.incident_id, str(incident.date)))
            if report is None:
                report = load.told_again(incident, models[0])
        for state, entries in known.items():
            in_order = dict(sorted(entries, key=lambda entry: (entry[1], entry[0])))
            await write("places", state, state.encode(), known_row(in_order))
        await asyncio.gather(*sent)
    assert report is not None
    return report, written


if __name__ == "__main__":
    main()
