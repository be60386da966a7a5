"""An article: one entry of one feed, with the text there is."""

from enum import StrEnum
from typing import ClassVar

from services.contracts.feed import SourceGrade
from services.contracts.ids import ArticleId, FeedId
from services.contracts.model import Instant, Record, Value


class TextOrigin(StrEnum):
    """Where `Article.text` comes from; a summary is all some feeds give."""

    ENTRY = "entry"
    PAGE = "page"
    SUMMARY = "summary"


class Source(Value):
    """Who publishes, as the feed's operator graded it."""

    feed_id: FeedId
    name: str
    grade: SourceGrade = SourceGrade.F


class Article(Record):
    """What ingest read of an entry. Plain text; markup is gone, nothing else is changed.

    `published_at` is None when the entry gives no date: unknown, never now. `watermark_at` is the newest
    publication time its feed had shown when this was fetched. `backlog` marks entries that a first poll of the
    feed found. `revision` counts from 1; an edited entry is the next revision of the same article.
    """

    KIND: ClassVar[str] = "article"

    article_id: ArticleId
    revision: int = 1
    source: Source
    url: str | None = None
    title: str = ""
    text: str = ""
    text_origin: TextOrigin = TextOrigin.SUMMARY
    language_hint: str | None = None
    country_hint: str | None = None
    published_at: Instant | None = None
    fetched_at: Instant
    watermark_at: Instant | None = None
    backlog: bool = False

    @property
    def record_id(self) -> str:
        return f"{self.article_id}-{self.revision}"

    @property
    def key(self) -> str:
        return self.article_id
