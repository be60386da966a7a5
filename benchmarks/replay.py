"""How fast a recording is replayed at full speed, beside a bare read of it and beside the classifier alone.

    python -m benchmarks.replay [--articles 100000] [--write]

Articles of `benchmarks/speed.py`'s day of feeds (2.5 kB, one in ten tells an attack, every language in turn), each with
an id and an hour of its own, in one recording. Of the same file, in one run:

- a bare read: decompressed, checked to its seal, every record cut out;
- the replay: `chancery replay --dry-run`'s steps on every core, from the file to the alerts;
- the classifier alone: one process that reads the first tenth of the articles, decoded beforehand, and nothing else.
"""

import argparse
import datetime as dt
import os
import resource
import tempfile
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from benchmarks import speed
from benchmarks.surroundings import show, surroundings
from services.classify.adapters.data import load_rules, state_names, windows_of
from services.classify.core.chain import text_of
from services.classify.core.reading.pipeline import Reader
from services.cli.classify import read_line
from services.cli.scoresheet import Sheet, as_markdown
from services.contracts import ids
from services.contracts.article import Article, Source
from services.contracts.codec import decode, encode
from services.contracts.feed import SourceGrade
from services.contracts.topics import ARTICLES
from services.replay.adapters.archive import Archive, manifest_of, recording
from services.replay.core.recording import Head, Recorded
from services.replay.core.rerun import Rerun
from services.replay.parallel import readings
from services.runtime.settings import ClassifySettings

DISTINCT = 1_200
BEGIN = dt.datetime(2020, 12, 21, tzinfo=dt.UTC)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--articles", type=int, default=100_000)
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    reader = Reader(load_rules())
    reader.prepare()
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "day.jsonl.zst"
        _record(path, options.articles, reader)
        sheet = _measured(path, options.articles, reader)
    show("replay", "How fast a recording is replayed", f"{surroundings()}.", [as_markdown(sheet)], write=options.write)


def articles(number: int, reader: Reader) -> Iterator[Article]:
    """So many articles, a second apart, from twenty feeds in turn."""
    lines = speed._lines(speed.MIXES["a day of feeds"], DISTINCT, sorted(reader.rules.lexicons))
    texts = [read_line(line.encode(), index) for index, line in enumerate(lines)]
    for index in range(number):
        text, at = texts[index % len(texts)], BEGIN + dt.timedelta(seconds=index)
        feed = ids.feed_id(f"https://{index % 20}.example/rss")
        yield Article(
            article_id=ids.article_id(feed, str(index)),
            source=Source(feed_id=feed, name=f"outlet {index % 20}", grade=SourceGrade.C),
            title=text.title,
            text=text.text,
            language_hint=text.language_hint,
            published_at=at,
            fetched_at=at,
            watermark_at=at,
        )


def _record(path: Path, number: int, reader: Reader) -> None:
    head = Head(
        chancery="benchmark",
        namespace="benchmark.",
        topics=(ARTICLES.name,),
        rules_version=reader.rules.version,
        schema_versions={ARTICLES.name: Article.VERSION},
    )
    archive = Archive(path, head)
    for offset, article in enumerate(articles(number, reader)):
        archive.add(Recorded(ARTICLES, 0, offset, article.fetched_at, article.key, encode(article)))
    archive.seal()


def _measured(path: Path, number: int, reader: Reader) -> Sheet:
    begun = time.perf_counter()
    manifest_of(path)
    bare = number / (time.perf_counter() - begun)
    cores = os.cpu_count() or 1
    rerun = Rerun(reader, windows_of(ClassifySettings()), state_names())
    begun, tenth = time.perf_counter(), 0
    with readings(recording(path), reader, cores) as read:
        for count, (record, said) in enumerate(read, 1):
            rerun.take(record, said)
            if count == number // 10:
                tenth = _megabytes()
    replayed, whole = number / (time.perf_counter() - begun), _megabytes()
    assert rerun.counts.articles == number
    alone = _alone(path, number // 10, reader)
    rows = (
        ("a bare read of the file", f"{bare:,.0f}", f"{bare / alone:.2f}", ""),
        ("the classifier alone, one core", f"{alone:,.0f}", "1.00", ""),
        (
            f"the replay, {cores} cores",
            f"{replayed:,.0f}",
            f"{replayed / alone:.2f} ({replayed / alone / cores:.2f} a core)",
            f"{tenth} after a tenth, {whole} at the end",
        ),
    )
    note = (
        f"{number:,} articles, {path.stat().st_size / 1e6:.0f} MB; {rerun.counts.reports:,} reports, "
        f"{rerun.counts.incidents:,} incidents, {rerun.counts.alerts:,} alerts. The largest of the processes that read "
        f"had {_megabytes(resource.RUSAGE_CHILDREN)} MB."
    )
    columns = ("", "articles a second", "over the classifier alone", "MB at its peak, the process that correlates")
    return Sheet("Articles a second at full speed", columns, rows, note)


def _alone(path: Path, number: int, reader: Reader) -> float:
    """Articles a second that one process reads, decoded beforehand. Last, for they lie in memory together."""
    texts = [text_of(decode(each.value, Article)) for each in islice(recording(path), number)]
    begun = time.perf_counter()
    for text in texts:
        reader.read(text)
    return len(texts) / (time.perf_counter() - begun)


def _megabytes(who: int = resource.RUSAGE_SELF) -> int:
    """The most memory that this process has had, or the largest of those it began and saw end."""
    return resource.getrusage(who).ru_maxrss // 1024


if __name__ == "__main__":
    main()
