"""A past attack as articles in the order of their publication: what a scenario file says, and the articles of a drill.

Texts, dates and publishers' order are those of then, so that they are read as they would have been
(docs/adr/0003); ids are the drill's own, so that nobody takes a second playing for a repeat of the first.
"""

from datetime import timedelta
from itertools import pairwise
from typing import Annotated, Self

from pydantic import AwareDatetime, Field, ValidationError, model_validator

from services.contracts import ids
from services.contracts.alert import ChangeKind
from services.contracts.article import Article, Source, TextOrigin
from services.contracts.feed import SourceGrade
from services.contracts.ids import DrillId
from services.contracts.model import Instant, Value

MOST_ARTICLES, MOST_TEXT = 100, 50_000
LONGEST = timedelta(days=30)

Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")]
Words = Annotated[str, Field(min_length=1, max_length=300, pattern=r"^[^\x00-\x1f]*$")]


class BadScenario(ValueError):
    """A scenario that cannot be played; the message names the file, the place in it and what is wrong."""


class Publisher(Value):
    """Who publishes: made up, for nobody shall be quoted with what he never wrote."""

    id: Name
    name: Words
    language: str = Field(pattern=r"^[a-z]{2}(-[A-Za-z]+)?$")
    country: str = Field(pattern=r"^[A-Z]{2}$")
    grade: SourceGrade = SourceGrade.F


class Story(Value):
    """One article. An `id` that its publisher used before is an edit of that article. `tells` are the alerts it should
    lead to, in order: what the tests hold the file to."""

    id: Name
    by: Name
    published: AwareDatetime
    title: Words
    text: str = Field(min_length=1, max_length=MOST_TEXT)
    tells: tuple[ChangeKind, ...] = ()


class Scenario(Value):
    """A scenario file. `site` is the key of the diplomatic target, `kind:sender:host:city`."""

    title: Words
    about: Words
    site: str = Field(pattern=r"^[a-z_]+:([A-Z]{2}|-):([A-Z]{2}|-):[\w-]+$")
    publisher: tuple[Publisher, ...] = Field(min_length=1)
    article: tuple[Story, ...] = Field(min_length=1, max_length=MOST_ARTICLES)

    @model_validator(mode="after")
    def _can_be_played(self) -> Self:
        known = [each.id for each in self.publisher]
        if twice := next((name for name in known if known.count(name) > 1), None):
            raise ValueError(f"publisher: two are called {twice!r}")
        for number, each in enumerate(self.article):
            if each.by not in known:
                raise ValueError(f"article.{number}.by: there is no publisher {each.by!r}: {', '.join(known)}")
        for number, (earlier, later) in enumerate(pairwise(self.article), 1):
            if later.published < earlier.published:
                raise ValueError(f"article.{number}.published: is before the article above it: put them in order")
        if self.lasts > LONGEST:
            raise ValueError(f"article: the last is published more than {LONGEST.days} days after the first")
        return self

    @property
    def lasts(self) -> timedelta:
        """From the first article to the last, in the time of then."""
        return self.article[-1].published - self.article[0].published

    def articles(self, name: str, drill: DrillId, fetched_at: Instant) -> list[Article]:
        """The articles as ingest would have written them, each as if it was fetched at that moment."""
        publishers = {each.id: each for each in self.publisher}
        revisions: dict[tuple[str, str], int] = {}
        made = []
        for each in self.article:
            publisher, feed = publishers[each.by], ids.feed_id(f"drill:{name}/{each.by}")
            revision = revisions[each.by, each.id] = revisions.get((each.by, each.id), 0) + 1
            made.append(
                Article(
                    article_id=ids.article_id(feed, f"{drill}/{each.id}"),
                    revision=revision,
                    source=Source(feed_id=feed, name=publisher.name, grade=publisher.grade),
                    title=each.title,
                    text=each.text.strip(),
                    text_origin=TextOrigin.ENTRY,
                    language_hint=publisher.language,
                    country_hint=publisher.country,
                    published_at=each.published,
                    fetched_at=fetched_at,
                    watermark_at=each.published,  # in order, so the newest of its feed
                    drill=drill,
                )
            )
        return made


def scenario_of(file: str, said: object) -> Scenario:
    """What a scenario file says. Raises BadScenario, with the first thing that is wrong."""
    try:
        return Scenario.model_validate(said)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(map(str, first["loc"]))
        why = first["msg"].removeprefix("Value error, ")
        raise BadScenario(f"{file}: {f'{place}: ' if place else ''}{why}") from None
