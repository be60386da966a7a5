"""The recording of the day that stands beside this module, and of the demo's articles: what rule changes are tried on.

`python -m tests.day.recording` makes it anew: after a change of the rules that is meant to change alerts, and after
`chancery diff tests/day/day.jsonl.zst --rules recorded` was read.
"""

import datetime as dt
import importlib.metadata
from collections.abc import Iterator

from deploy.demo import newsroom
from services.classify.adapters.data import load_rules, state_names, windows_of
from services.classify.core.reading.pipeline import Reader
from services.contracts import ids
from services.contracts.article import Article, Source, TextOrigin
from services.contracts.codec import encode
from services.contracts.model import Record
from services.contracts.topics import ALERTS, ARTICLES, Topic
from services.replay.adapters.archive import Archive
from services.replay.core.recording import Head, Recorded
from services.replay.core.rerun import Rerun
from services.runtime.settings import ClassifySettings
from tests.day import day

FILE = day.HERE / "day.jsonl.zst"
TOPICS = (ARTICLES, ALERTS)


def articles() -> list[Article]:
    """The demo's articles, as if its feeds had given them on the days they are of, and those of the day."""
    return sorted([*_demo(), *day.articles()], key=lambda article: article.fetched_at)


def _demo() -> Iterator[Article]:
    for publication in newsroom.read():
        feed = ids.feed_id(f"https://{publication.feed}.example/feed")
        for item in publication.items:
            yield Article(
                article_id=ids.article_id(feed, item.guid),
                source=Source(feed_id=feed, name=publication.title, grade=publication.grade),
                url=str(item.link),
                title=item.title,
                text="\n\n".join(item.paragraphs),
                text_origin=TextOrigin.ENTRY,
                language_hint=publication.language,
                country_hint=publication.country,
                published_at=item.published,
                fetched_at=item.published + day.FETCHED_AFTER,
                watermark_at=item.published,
            )


def main() -> None:
    reader = Reader(load_rules())
    rerun = Rerun(reader, windows_of(ClassifySettings()), state_names())
    head = Head(
        chancery=importlib.metadata.version("chancery-watch"),
        namespace="demo.",
        topics=tuple(topic.name for topic in TOPICS),
        rules_version=reader.rules.version,
        schema_versions={topic.name: topic.record_type.VERSION for topic in TOPICS},
    )
    FILE.unlink(missing_ok=True)
    archive = Archive(FILE, head)
    alerts = 0
    for number, article in enumerate(articles()):
        record = _recorded(ARTICLES, number, article, article.fetched_at)
        archive.add(record)
        for alert in rerun.take(record).alerts:
            archive.add(_recorded(ALERTS, alerts, alert, article.fetched_at))
            alerts += 1
    manifest = archive.seal()
    print(f"{manifest.seal.records} records, {alerts} of them alerts -> {FILE.name}")


def _recorded(topic: Topic, offset: int, record: Record, at: dt.datetime) -> Recorded:
    return Recorded(topic, 0, offset, at.astimezone(dt.UTC), record.key, encode(record))


if __name__ == "__main__":
    main()
