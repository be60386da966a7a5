"""What it would take at internet scale, on paper: from measured costs to replicas, brokers and money.

    python -m benchmarks.model [--feeds 1000000] [--articles-a-day 10000000] [--OPTION VALUE ...] [--json] [--write]

What was measured is read from the tables under results/. What nobody can measure here is an assumption: each is an
option, and prices are round figures of nobody's list, assumed in November 2026; give your own.
"""

import argparse
import json
import math
from collections.abc import Iterable
from dataclasses import dataclass, fields

from benchmarks.measured import Measured, given, measured
from benchmarks.surroundings import show
from services.classify.core.correlation.withdrawals import KEPT
from services.cli.scoresheet import Sheet, as_markdown
from services.contracts.topics import ALERTS, ARTICLES, REPORTS, TOPICS, Topic

DAY_S = 86_400
MONTH_H = 730
YEAR_D = 365
CHANGELOGS = 3
TIMES, DAYS = "times this scale", "days until its memory is full"


@dataclass(frozen=True)
class Asked:
    """How much there is to do, what the world is assumed to be like, and what things cost."""

    feeds: float = given(1_000_000, "feeds that are watched")
    articles_a_day: float = given(10_000_000, "new or edited articles a day, over all feeds")
    interval_s: float = given(300, "seconds between two polls of a feed (CHANCERY_INGEST__INTERVAL_S)")
    always_whole: float = given(0.2, "share of feeds that send the whole document each time, whatever they are asked")
    new_entries: float = given(2, "new entries in a document that has any")
    unchanged_kb: float = given(0.5, "kB of an answer that nothing has changed, with its request")
    document_kb: float = given(34, "kB of a document, as those of benchmarks/polling.py")
    telling: float = given(0.002, "share of the articles that tell of an incident at a mission")
    openings: float = given(0.02, "alerts for each article that tells of one: most repeat what others told")
    deliveries: float = given(200, "deliveries for each alert")
    hot: float = given(0.3, "share of all reports that is about one country, in its crisis")
    peak: float = given(3, "the busiest minutes over the mean")
    busy: float = given(0.6, "share of a core that is planned with")
    replica_gb: float = given(2, "GB of memory of an ingest or classify replica")
    console_gb: float = given(4, "GB of memory of the console")
    replication: float = given(3, "copies of each record")
    broker_cores: float = given(4, "cores of a broker")
    broker_gb: float = given(16, "GB of memory of a broker")
    broker_mb_s: float = given(50, "MB a second that a broker takes, copies included")
    broker_tb: float = given(4, "TB of disk of a broker")
    broker_partitions: float = given(4_000, "partitions of a broker, copies included")
    segment_gb: float = given(1, "GB of a compacted partition that is not compacted yet")
    core_hour: float = given(0.04, "price of a core for an hour (assumed)")
    gb_hour: float = given(0.005, "price of a GB of memory for an hour (assumed)")
    disk_gb_month: float = given(0.1, "price of a GB of disk for a month (assumed)")
    traffic_gb: float = given(0.01, "price of a GB that comes in or goes out (assumed)")


@dataclass(frozen=True)
class Line:
    """`how` is the formula in words."""

    name: str
    value: float
    unit: str
    how: str


@dataclass(frozen=True)
class Bend:
    """A limit: `at` is the multiple of this scale (or, where so named, the time) at which it is met."""

    what: str
    at: float
    unit: str
    why: str
    then: str


class Lines:
    """A spreadsheet's column: each line may use those above it, by name."""

    def __init__(self) -> None:
        self.lines: list[Line] = []

    def __getitem__(self, name: str) -> float:
        return next(line.value for line in self.lines if line.name == name)

    def add(self, name: str, value: float, unit: str, how: str) -> float:
        self.lines.append(Line(name, value, unit, how))
        return value


def model(asked: Asked, costs: Measured) -> Lines:
    """What it takes. Rates are means unless they are said to be peaks."""
    lines = Lines()
    _polling(lines, asked, costs)
    _articles(lines, asked, costs)
    _topics(lines, asked, costs)
    _brokers(lines, asked)
    _money(lines, asked, costs)
    return lines


def _polling(lines: Lines, asked: Asked, costs: Measured) -> None:
    polls = lines.add("polls", asked.feeds / asked.interval_s, "a second", "feeds / interval")
    news = lines.add(
        "documents with news", asked.articles_a_day / DAY_S / asked.new_entries, "a second",
        "articles a second / new entries in a document",
    )  # fmt: skip
    again = lines.add(
        "documents without", polls * asked.always_whole, "a second", "polls × share of feeds that send all each time"
    )
    unchanged = max(0.0, polls - news - again)
    lines.add(
        "bandwidth in", 8 * (unchanged * asked.unchanged_kb + (news + again) * asked.document_kb) / 1000, "Mbit/s",
        "the other polls × their answer, and documents × their size",
    )  # fmt: skip
    memory = lines.add("memory of feeds", asked.feeds * costs.feed_kb / 1e6, "GB", "feeds × memory of one")
    cores = lines.add("cores that poll", polls * costs.poll_ms / 1000, "cores", "polls × CPU of one")
    lines.add(
        "cores that parse", (asked.peak * news + again) * costs.document_ms / 1000 / asked.busy, "cores",
        "documents, those with news × peak, × CPU of one / share of a core; each a parser process",
    )  # fmt: skip
    lines.add(
        "ingest replicas", _whole(max(cores / asked.busy, memory / asked.replica_gb)), "processes",
        "the more of: cores that poll / share of a core, memory of feeds / memory of a replica",
    )  # fmt: skip


def _articles(lines: Lines, asked: Asked, costs: Measured) -> None:
    articles = lines.add("articles", asked.articles_a_day / DAY_S, "a second", "articles a day / 86,400")
    lines.add("reports", articles * asked.telling, "a second", "articles × share that tells")
    alerts = lines.add("alerts", lines["reports"] * asked.openings, "a second", "reports × alerts for one")
    sent = lines.add("deliveries", alerts * asked.deliveries, "a second", "alerts × deliveries for one")
    told = lines.add(
        "memory of what was told", KEPT.total_seconds() * lines["reports"] * costs.told_kb / 1e6, "GB",
        f"reports of {KEPT.days} days × size of one",
    )  # fmt: skip
    cores, spare_gb = asked.peak * articles * costs.classify_ms / 1000, asked.replica_gb - costs.classify_mb / 1000
    lines.add(
        "classify workers", _whole(max(cores / asked.busy, told / spare_gb)), "processes",
        "the more of: articles × CPU of one × peak / share of a core, what was told / spare memory of a replica",
    )  # fmt: skip
    lines.add(
        "notifiers", max(2, _whole(asked.peak * sent * costs.delivery_ms / 1000 / asked.busy)), "processes",
        "deliveries × CPU of one × peak / share of a core; two at least, for one may die",
    )  # fmt: skip
    most = max(lines[name] for name in ("ingest replicas", "classify workers", "notifiers"))
    lines.add(
        "partitions", 2 ** math.ceil(math.log2(max(8, 2 * most))), "a topic",
        "two for each replica of the service that has most, up to a power of two",
    )  # fmt: skip


def _topics(lines: Lines, asked: Asked, costs: Measured) -> None:
    states = lines.add(
        "feed states written", lines["polls"] * costs.state_kb / 1000, "MB/s", "polls × a feed's state: one a poll"
    )
    written = {
        ARTICLES: lines["articles"] * costs.article_kb,
        REPORTS: lines["reports"] * costs.report_kb,
        ALERTS: lines["alerts"] * costs.alert_kb,
    }
    lines.add("articles written", written[ARTICLES] / 1000, "MB/s", "articles × size of one")
    follow = 2 * lines["reports"] * costs.incident_kb + lines["reports"] * costs.told_kb
    rest = written[REPORTS] + written[ALERTS] + follow + 2 * lines["deliveries"] * costs.delivery_kb
    lines.add(
        "all else written", rest / 1000, "MB/s",
        "reports, incidents and the worker's copy of them, alerts, what was told, two records a delivery: × size",
    )  # fmt: skip
    passing = sum(kb * DAY_S * _kept_d(topic) for topic, kb in written.items()) / 1e9
    lines.add("what passes through, kept", passing, "TB", "articles and reports for 30 days, alerts for 90, once")
    live = asked.feeds * costs.state_kb + YEAR_D * DAY_S * lines["alerts"] * costs.incident_kb
    lines.add(
        "what is known, after a year", (live / 1e6 + 6 * lines["partitions"] * asked.segment_gb) / 1000, "TB",
        "states of feeds and a year's incidents, and of six busy compacted topics a segment a partition",
    )  # fmt: skip
    lines.add(
        "written at the peak, with copies",
        asked.replication * (states + asked.peak * (written[ARTICLES] + rest) / 1000), "MB/s",
        "states, and peak × articles and all else, × copies: polls have no peak",
    )  # fmt: skip
    lines.add(
        "disk", asked.replication * (passing + lines["what is known, after a year"]), "TB", "both of the above × copies"
    )


def _brokers(lines: Lines, asked: Asked) -> None:
    copies = lines.add(
        "partitions of all topics", asked.replication * (len(TOPICS) + CHANGELOGS) * lines["partitions"], "with copies",
        "topics and changelogs × partitions × copies",
    )  # fmt: skip
    lines.add(
        "brokers",
        max(
            asked.replication,
            _whole(lines["written at the peak, with copies"] / asked.broker_mb_s),
            _whole(lines["disk"] / asked.broker_tb),
            _whole(copies / asked.broker_partitions),
        ),
        "machines",
        "the most of: written, disk, partitions, each over what a broker takes; one a copy at least",
    )  # fmt: skip


def _money(lines: Lines, asked: Asked, costs: Measured) -> None:
    services = ("ingest replicas", "classify workers", "notifiers")
    cores = lines.add(
        "cores in all",
        sum(lines[name] for name in services) + lines["cores that parse"] + lines["brokers"] * asked.broker_cores + 1,
        "cores", "a core for each process, the parsers, the brokers' and the console's",
    )  # fmt: skip
    memory = lines.add(
        "memory in all",
        (lines["ingest replicas"] + lines["classify workers"]) * asked.replica_gb
        + lines["notifiers"] * costs.classify_mb / 1000
        + lines["brokers"] * asked.broker_gb
        + asked.console_gb,
        "GB", "replicas, brokers and console, each as planned; a notifier no more than a worker has",
    )  # fmt: skip
    traffic = lines["bandwidth in"] / 8 * DAY_S * MONTH_H / 24 / 1000
    lines.add("traffic in a month", traffic, "GB", "bandwidth × seconds of a month")
    parts = {
        "cores": cores * MONTH_H * asked.core_hour,
        "memory": memory * MONTH_H * asked.gb_hour,
        "disk": lines["disk"] * 1000 * asked.disk_gb_month,
        "traffic": traffic * asked.traffic_gb,
    }
    for name, price in parts.items():
        lines.add(f"money for {name}", price, "a month", f"{name} in all × assumed price")
    lines.add("money", sum(parts.values()), "a month", "the four above")
    lines.add(
        "money for a million articles", sum(parts.values()) / asked.articles_a_day / (MONTH_H / 24) * 1e6, "each",
        "money / articles of a month",
    )  # fmt: skip


def bends(asked: Asked, costs: Measured, lines: Lines) -> list[Bend]:
    """The limits: those met at a multiple of this scale, the nearest first; then those of another kind."""
    written = lines["written at the peak, with copies"]
    states = asked.replication * lines["feed states written"] / written
    shown = DAY_S * lines["alerts"] * costs.shown_kb / 1e6
    hot = asked.peak * lines["reports"] * asked.hot
    found = [
        Bend(
            "a state for each poll", asked.replication * asked.broker_mb_s / written, TIMES,
            f"{states:.0%} of what is written are states of feeds, which change little from poll to poll; beyond, a "
            "broker for each copy is not enough",
            "write what was seen apart from when it was polled",
        ),
        Bend(
            "partitions of the brokers",
            lines["brokers"] * asked.broker_partitions / lines["partitions of all topics"], TIMES,
            "every topic has as many partitions as the busiest needs", "give topics numbers of their own",
        ),
        Bend(
            "one country on one partition", costs.reports_a_second / hot, TIMES,
            f"reports are keyed by host state, and {asked.hot:.0%} of {asked.peak:g} times the mean are of one",
            "its worker falls behind and no other; key by state and city",
        ),
        Bend(
            "documents that bring nothing", 1 + lines["documents without"] / lines["documents with news"],
            "documents are parsed for one with news",
            "a feed that sends all each time is parsed each time, though its bytes may be the same",
            "remember a hash of the document",
        ),
        Bend(
            "the console holds every incident", asked.console_gb / shown, DAYS,
            "incidents are compacted and never forgotten, and it knows all", "forget what was closed long ago",
        ),
    ]  # fmt: skip
    return sorted(found, key=lambda bend: (bend.unit != TIMES, bend.unit, bend.at))


def _kept_d(topic: Topic) -> float:
    assert topic.kept is not None
    return topic.kept.total_seconds() / DAY_S


def _whole(number: float) -> int:
    return max(1, math.ceil(number - 1e-9))


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    for option in fields(Asked):
        says = f"{option.metadata['says']}; default: {option.default:g}".replace("%", "%%")
        parser.add_argument(f"--{option.name.replace('_', '-')}", type=_positive, default=option.default, help=says)
    parser.add_argument("--json", action="store_true", help="one JSON document instead of tables")
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    asked = Asked(**{option.name: getattr(options, option.name) for option in fields(Asked)})
    try:
        costs = measured()
    except LookupError as error:
        parser.error(str(error))
    lines = model(asked, costs)
    found = bends(asked, costs, lines)
    if options.json:
        parts = {"asked": asked, "measured": costs, "takes": lines.lines, "bends": found}
        print(json.dumps(parts, default=vars, indent=2))
        return
    intro = "Means unless it says peak. Assumptions are options, of which `--help` tells; prices are nobody's list."
    sheets = (
        _named("What is asked and assumed", asked),
        _named("What was measured", costs),
        _takes(lines),
        _bends(found),
    )
    show("model", "At internet scale, on paper", intro, map(as_markdown, sheets), write=options.write)


def _positive(text: str) -> float:
    value = float(text)
    if not value > 0 or math.isinf(value):
        raise argparse.ArgumentTypeError(f"{text} is no number above 0")
    return value


def _named(title: str, of: Asked | Measured) -> Sheet:
    rows = tuple(
        (each.name.replace("_", "-"), _figure(getattr(of, each.name)), each.metadata["says"]) for each in fields(of)
    )
    return Sheet(title, ("", "", "what it is"), rows)


def _takes(lines: Lines) -> Sheet:
    rows = tuple((line.name, _figure(line.value), line.unit, line.how) for line in lines.lines)
    return Sheet("What it takes", ("", "", "", "how it is reckoned"), rows)


def _bends(found: Iterable[Bend]) -> Sheet:
    rows = tuple((each.what, f"{_figure(each.at)} {each.unit}", each.why, each.then) for each in found)
    return Sheet("Where it bends", ("", "is met at", "why", "what then"), rows)


def _figure(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 or value == int(value) else f"{value:,.3g}"


if __name__ == "__main__":
    main()
