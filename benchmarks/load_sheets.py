"""The tables and charts of benchmarks/load.py."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from benchmarks.load_deployment import BROKER, Deployment, Run, Size, Way
from benchmarks.surroundings import plot
from services.cli.scoresheet import Sheet, as_markdown

BEARABLE_S = 5
MILLION = 1_000_000


@dataclass(frozen=True)
class Held:
    """A way, a run of it, and whether it held the rates that were tried."""

    way: Way
    run: Run
    tried: Mapping[float, Run]

    @property
    def most(self) -> float:
        return max((rate for rate, run in self.tried.items() if held(run)), default=0)


def held(run: Run) -> bool:
    return run.quantile(0.99) <= BEARABLE_S and not run.falls_behind


def _times(title: str, runs: Sequence[Run], note: str) -> str:
    rows = tuple(
        (
            f"{run.rate:,g}",
            f"{run.articles:,}",
            str(len(run.waited_s)),
            *(f"{run.quantile(share):.3f}" for share in (0.5, 0.95, 0.99, 1)),
            *(f"{used / run.seconds:.2f}" for used in run.cpu_s.values()),
            f"{run.late_s:.3f}",
        )
        for run in runs
    )
    columns = (
        "articles a second", "articles", "messages", "p50, seconds", "p95", "p99", "longest",
        *(f"cores used by {name}" for name in runs[0].cpu_s), "publisher late by",
    )  # fmt: skip
    return as_markdown(Sheet(title, columns, rows, note))


def rates(runs: Sequence[Run]) -> tuple[str, str]:
    note = (
        "From the fetch of an article to the request at the endpoint, of first words, which wait for nothing. Where "
        "few articles come, more of them tell of an attack, so that there are messages to speak of."
    )
    chart = plot(
        "From fetched to sent", "articles a second", [run.rate for run in runs], "seconds",
        {name: [run.quantile(share) for run in runs] for name, share in (("p50", 0.5), ("p95", 0.95), ("p99", 0.99))},
    )  # fmt: skip
    return _times("From fetched to sent", runs, note), chart


def from_feeds(run: Run) -> str:
    note = (
        "Ingest polls feeds in which the entries come out (benchmarks/growing_site.py), short ones of which a third "
        "tell of an attack. From its fetch on: parsed, recognised, published, and then as above."
    )
    return _times("From fetched to sent, with ingest", [run], note)


def steps(known: Held) -> str:
    rows = tuple(
        (
            f"{rate:,.0f}",
            f"{run.articles:,}",
            *(f"{run.quantile(share):.3f}" for share in (0.5, 0.99)),
            "yes" if held(run) else "it falls behind" if run.falls_behind else "too late",
        )
        for rate, run in sorted(known.tried.items())
    )
    note = (
        f"The most that is held is **{known.most:,.0f} a second**: p99 within {BEARABLE_S} seconds, and the last "
        "quarter of the messages at most a second later than the first. One worker and one notifier share the cores "
        "with all else."
    )
    columns = ("articles a second", "articles", "p50, seconds", "p99", "held")
    return as_markdown(Sheet("How many articles a second", columns, rows, note))


def costs(run: Run, deployment: Deployment, weighed: Mapping[str, tuple[int, int]]) -> tuple[str, str]:
    used = {name: run.cpu_ms(name) for name in run.cpu_s}
    cpu = Sheet(
        "What a million articles cost",
        ("process", "CPU ms an article", "CPU seconds a million", "cores when idle", "MB at its peak"),
        tuple(
            (
                name,
                f"{ms:.2f}",
                f"{ms * MILLION / 1000:,.0f}",
                f"{run.idle[name]:.3f}",
                f"{deployment.peak_mb(name):,.0f}",
            )
            for name, ms in used.items()
        ),
        f"At {run.rate:g} articles a second. What a service takes when nothing comes is not in its cost.",
    )
    count, total = deployment.articles, sum(size for _, size in weighed.values())
    topics = Sheet(
        "Bytes on topics for a million articles",
        ("topic", "records", "kB each", "GB"),
        tuple(
            (name, f"{number * MILLION / count:,.0f}", f"{size / number / 1e3:.1f}", f"{size / count / 1e3:.2f}")
            for name, (number, size) in sorted(weighed.items(), key=lambda each: -each[1][1])
            if number
        ),
        f"Keys, values and headers before compaction, of {count:,} articles: {total / count / 1000:.1f} kB an article "
        "in all. What Faust writes to recover its tables is `classify-*-changelog`.",
    )
    return as_markdown(cpu), as_markdown(topics)


def side_by_side(known: Sequence[Held]) -> str:
    def total(run: Run) -> float:
        return sum(run.cpu_ms(name) for name in run.cpu_s if name != BROKER)

    rows = tuple(
        (
            each.way.name,
            *(f"{each.run.quantile(share):.3f}" for share in (0.5, 0.99)),
            f"{total(each.run):.2f}",
            f"{total(known[0].run) / total(each.run):.2f}",
            ", ".join(f"{name} {each.run.cpu_ms(name):.2f}" for name in each.run.cpu_s),
            ", ".join(f"{name} {each.run.idle[name]:.3f}" for name in each.run.cpu_s),
            f"{each.most:,.0f}",
            f"{known[0].most / each.most:.2f}" if known[0].most and each.most else "-",
        )
        for each in known
    )
    columns = (
        "", "p50, seconds", "p99", "CPU ms an article", "Chancery over it", "of which", "cores when idle",
        "articles a second at most", "Chancery over it",
    )  # fmt: skip
    note = (
        f"Times and CPU at {known[0].run.rate:g} articles a second; the broker's CPU is not in the sum. Written by "
        "hand (benchmarks/by_hand.py) are plain aiokafka loops around the same core, with dicts for tables. The second "
        "differs from Chancery by Faust, its changelogs and the worker's log alone. The third keeps no deliveries: "
        "what it held is lost with it, nobody shares its work, and an endpoint that is down is not asked again. What "
        "was done about Faust: records stay bytes until our own codec reads them; what an event caused is confirmed "
        "beside the agents, not in them (ADR 4); a table has a row an incident, and what was decoded is kept; the long "
        "poll is ours."
    )
    return as_markdown(Sheet("Side by side with the same chain written by hand", columns, rows, note))


@dataclass(frozen=True)
class Grown:
    size: Size
    run: Run
    mb: Mapping[str, float]
    kb: float
    """On topics, an article."""


NOTES = {
    "subscriptions": "Each wants one of 28 host states, so an alert goes to a twenty-eighth of them.",
    "incidents": "Remembered incidents of three claims, evenly over host states; the kB are without the changelogs.",
    "partitions": "Of every topic; one worker and one notifier have them all.",
}


def growth(name: str, grown: Sequence[Grown], rate: float) -> tuple[str, str]:
    def of(each: Grown) -> int:
        value: int = getattr(each.size, name)
        return value

    grown = sorted(grown, key=of)
    rows = tuple(
        (
            f"{of(each):,}",
            f"{len(each.run.waited_s):,}",
            *(f"{each.run.quantile(share):.3f}" for share in (0.5, 0.99)),
            *(f"{each.run.cpu_ms(process):.2f}" for process in each.run.cpu_s),
            *(f"{each.run.idle[process]:.3f}" for process in each.run.cpu_s),
            *(f"{each.mb[process]:,.0f}" for process in each.run.cpu_s),
            f"{each.kb:.1f}",
        )
        for each in grown
    )
    processes = list(grown[0].run.cpu_s)
    columns = (
        name, "messages", "p50, seconds", "p99", *(f"CPU ms an article: {each}" for each in processes),
        *(f"cores when idle: {each}" for each in processes), *(f"MB at the peak: {each}" for each in processes),
        "kB on topics an article",
    )  # fmt: skip
    sheet = Sheet(f"With the number of {name}", columns, rows, f"At {rate:g} articles a second. {NOTES[name]}")
    return as_markdown(sheet), plot(
        "CPU ms an article", name, [of(each) for each in grown], "ms",
        {process: [each.run.cpu_ms(process) for each in grown] for process in processes},
    )  # fmt: skip


def feeds(polled: Sheet) -> tuple[str, str]:
    def column(name: str) -> list[float]:
        at = polled.columns.index(name)
        return [float(row[at].replace(",", "")) for row in polled.rows]

    note = "Of one ingest process, each feed polled every 300 seconds: as [polling.md](polling.md) has it."
    sheet = Sheet("With the number of feeds", polled.columns, polled.rows, note)
    memory = "MB of ingest at its peak"
    return as_markdown(sheet), plot(memory, "feeds", column("feeds"), "MB", {memory: column(memory)})
