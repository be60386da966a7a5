"""The demo's articles: reads `articles/*.toml`, one file a feed, and holds what each article should lead to.

Every text was written by the project: the attacks from the facts of real ones, the publishers and some of the
drills, films and denials made up. `expect` is for the tests; it never reaches a feed.
"""

import datetime as dt
import tomllib
from enum import StrEnum
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, HttpUrl, ValidationError, model_validator

from services.contracts.feed import SourceGrade
from services.contracts.report import IncidentType

ARTICLES = Path(__file__).parent / "articles"


class Trap(StrEnum):
    """Why an article that names a mission or an attack is no alert."""

    ADVICE = "advice"
    ANNIVERSARY = "anniversary"
    CONDEMNATION = "condemnation"
    DENIAL = "denial"
    DIPLOMACY = "diplomacy"
    DRILL = "drill"
    ELSEWHERE = "elsewhere"
    FICTION = "fiction"
    METAPHOR = "metaphor"
    NAMESAKE = "namesake"
    TRIAL = "trial"


class _Read(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Alert(_Read):
    """The article tells a new incident. `site` is `kind:sender:host:city` (`Site.site_key`); articles with
    equal site and date tell the same incident; `or_type` is a type that would be as right as `type`; `copy_of` is
    the guid of the text that this one reprints."""

    kind: Literal["alert"]
    site: str = Field(pattern=r"^[a-z_]+:([A-Z]{2}|-):[A-Z]{2}:[\w-]+$")
    type: IncidentType
    or_type: IncidentType | None = None
    date: dt.date
    killed: int | None = None
    copy_of: str | None = None


class Nothing(_Read):
    """The article must open no incident and send no alert."""

    kind: Literal["none"]
    trap: Trap


class Item(_Read):
    """One article as its publisher gives it. Paragraphs of `text` are divided by an empty line."""

    guid: str
    link: HttpUrl
    title: str
    text: str
    published: AwareDatetime
    expect: Annotated[Alert | Nothing, Field(discriminator="kind")]

    @property
    def paragraphs(self) -> tuple[str, ...]:
        return tuple(" ".join(part.split()) for part in self.text.strip().split("\n\n"))


class Publication(_Read):
    """A feed of the demo. `items` stand in the order of their publication."""

    feed: str = Field(pattern=r"^[a-z-]+$")
    title: str
    site: HttpUrl
    language: str
    country: str = Field(pattern=r"^[A-Z]{2}$")
    grade: SourceGrade
    format: Literal["rss", "atom"]
    full_text: bool = False
    items: tuple[Item, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        for earlier, later in pairwise(self.items):
            if later.published <= earlier.published:
                raise ValueError(f"{later.guid} stands after {earlier.guid} but was not published after it")
        return self


class BadArticles(ValueError):
    """A file of articles that cannot be used; says which file and what is wrong."""


def read(folder: Path = ARTICLES) -> tuple[Publication, ...]:
    """Every publication of `folder`, by file name. Raises BadArticles."""
    publications = []
    for path in sorted(folder.glob("*.toml")):
        try:
            publications.append(Publication.model_validate(tomllib.loads(path.read_text(encoding="utf-8"))))
        except (tomllib.TOMLDecodeError, ValidationError) as error:
            raise BadArticles(f"{path.name}: {error}") from error
    if not publications:
        raise BadArticles(f"no articles in {folder}")
    return tuple(publications)
