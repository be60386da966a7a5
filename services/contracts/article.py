"""An article: one entry of one feed, with the text there is."""

from enum import StrEnum
from typing import Annotated, ClassVar

from pydantic import Field

from services.contracts.feed import SourceGrade
from services.contracts.ids import ArticleId, DrillId, FeedId
from services.contracts.model import Instant, Record, Value


class TextOrigin(StrEnum):
    """Where `Article.text` comes from; a summary is all some feeds give."""

    ENTRY = "entry"
    PAGE = "page"
    SUMMARY = "summary"


class PageProblem(StrEnum):
    """Why `Article.text` is not that of the article's page, although its feed allows to fetch pages."""

    NO_LINK = "no_link"
    DISALLOWED = "disallowed"
    """The host's robots.txt forbids it."""
    ROBOTS_UNREACHABLE = "robots_unreachable"
    """What robots.txt says is unknown, which forbids it (RFC 9309, 2.3.1.4)."""
    UNREACHABLE = "unreachable"
    TIMED_OUT = "timed_out"
    HTTP_ERROR = "http_error"
    REFUSED = "refused"
    """An address that is not to be fetched from."""
    TOO_LARGE = "too_large"
    WRONG_TYPE = "wrong_type"
    """Neither HTML nor plain text."""
    NO_TEXT = "no_text"
    SHORTER = "shorter"
    """The entry says more than its page."""
    UNLIKE = "unlike"
    """The page does not tell what the entry tells: a wall that asks for consent, money or proof of a human."""
    LATE = "late"
    """Not had in the time that the first word may wait."""


class Source(Value):
    """Who publishes, as the feed's operator graded it."""

    feed_id: FeedId
    name: str
    grade: SourceGrade = SourceGrade.F


OfDrill = Annotated[DrillId, Field(pattern=r"^drill_[a-z2-7]{26}$")] | None
"""The drill that a record is of: it is an exercise and is compared with nothing that is real. None: it is real."""


class Article(Record):
    """What ingest read of an entry. Plain text; markup is gone, nothing else is changed.

    `published_at` is None when the entry gives no date: unknown, never now. `watermark_at` is the newest
    publication time its feed had shown when this was fetched. `backlog` marks entries that a first poll of the
    feed found. `page_problem` is set where the page was wanted and the entry's text had to do. `revision` counts
    from 1; an edited entry is the next revision of the same article. `drill` is set by `chancery drill` alone.
    """

    KIND: ClassVar[str] = "article"

    article_id: ArticleId
    revision: int = 1
    source: Source
    url: str | None = None
    title: str = ""
    text: str = ""
    text_origin: TextOrigin = TextOrigin.SUMMARY
    page_problem: PageProblem | None = None
    language_hint: str | None = None
    country_hint: str | None = None
    published_at: Instant | None = None
    fetched_at: Instant
    watermark_at: Instant | None = None
    backlog: bool = False
    drill: OfDrill = None

    @property
    def record_id(self) -> str:
        return f"{self.article_id}-{self.revision}"

    @property
    def key(self) -> str:
        return self.article_id
