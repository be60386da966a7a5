"""What benchmarks/model.py reckons with: costs of one unit of work, from the tables under results/."""

from dataclasses import dataclass, field
from typing import Any

from benchmarks import polling
from benchmarks.surroundings import result
from services.contracts.codec import encode

POLLED = ("Nothing has changed", "First pass, everything is new")


def given(default: float, says: str) -> Any:
    return field(default=default, metadata={"says": says})


@dataclass(frozen=True)
class Measured:
    """Costs of one unit of work."""

    poll_ms: float = given(0, "CPU ms of a poll that is answered 304: polling")
    document_ms: float = given(0, "CPU ms of a document of twenty new entries, parsers included: polling")
    feed_kb: float = given(0, "kB of memory a feed in the process that polls it: polling")
    state_kb: float = given(0, "kB of a feed's state, written at each poll: polling")
    classify_ms: float = given(0, "CPU ms of the classify worker an article: load")
    classify_mb: float = given(0, "MB of the classify worker without incidents: load")
    article_kb: float = given(0, "kB of an article on its topic: load")
    report_kb: float = given(0, "kB of a report: load")
    incident_kb: float = given(0, "kB of an incident: load")
    alert_kb: float = given(0, "kB of an alert: load")
    delivery_kb: float = given(0, "kB of a delivery, of which each has two records or more: load")
    told_kb: float = given(0, "kB that the worker remembers of an article that told of something: load")
    delivery_ms: float = given(0, "CPU ms of the notifier a delivery: delivery --apache")
    reports_a_second: float = given(0, "reports a second through one classify worker: correlation")
    shown_kb: float = given(0, "kB of memory of the console an incident: console")


def measured() -> Measured:
    """From the committed tables. Raises LookupError for one that is missing, which says how to make it."""
    quiet, whole = (_cell("polling", title, "chancery ingest", "CPU seconds for 1,000 polls") for title in POLLED)
    many = "Thousands of feeds in one process"
    (few_feeds, few_mb), (most_feeds, most_mb) = (
        (_number(row[0]), _cell("polling", many, row[0], "MB of ingest at its peak"))
        for row in (result("polling", many).rows[0], result("polling", many).rows[-1])
    )
    (feed,) = polling._feeds(1, 1)
    memory = [_number(row[1]) for row in result("console", "Memory").rows]
    shown = _number(result("console", "Memory").rows[1][0].split(" ")[0])

    def each(topic: str) -> float:
        return _cell("load", "Bytes on topics for a million articles", topic, "kB each")

    return Measured(
        poll_ms=quiet,
        document_ms=whole,
        feed_kb=1000 * (most_mb - few_mb) / (most_feeds - few_feeds),
        state_kb=len(encode(polling._state(feed, 1, 0))) / 1000,
        classify_ms=_cell("load", "What a million articles cost", "classify", "CPU ms an article"),
        classify_mb=_cell("load", "What a million articles cost", "classify", "MB at its peak"),
        article_kb=each("articles"),
        report_kb=each("reports"),
        incident_kb=each("incidents"),
        alert_kb=each("alerts"),
        delivery_kb=each("deliveries"),
        told_kb=each("classify-told-changelog"),
        delivery_ms=_cell(
            "delivery-apache", "Deliveries a second through one process", "the notifier", "ms of its CPU each"
        ),
        reports_a_second=_cell(
            "correlation", "Reports a second through one process", "a classify worker", "reports a second, median"
        ),
        shown_kb=1000 * (memory[1] - memory[0]) / shown,
    )


def _cell(page: str, title: str, row: str, column: str) -> float:
    sheet = result(page, title)
    found = [each for each in sheet.rows if each[0] == row]
    if not found or column not in sheet.columns:
        raise LookupError(f"results/{page}.md, {title!r}: no {column!r} of {row!r}; write it anew")
    return _number(found[0][sheet.columns.index(column)])


def _number(text: str) -> float:
    return float(text.replace(",", ""))
