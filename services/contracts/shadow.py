"""A shadow: other rules that follow the live articles, and what they tell otherwise."""

from typing import ClassVar

from pydantic import Field

from services.contracts.difference import Difference
from services.contracts.ids import ShadowId
from services.contracts.model import Instant, Record, Value

SILENT_AFTER_S = 90.0
"""Time without a word after which a shadow that has not ended counts as killed."""


class Ruleset(Value):
    """Rules by what they are called and by their version; that of the live ones is empty until they told something."""

    name: str
    version: str = ""


class Noticed(Difference):
    """What differs between live (`a`) and shadow (`b`). `at` is when the article that caused it was fetched, or the
    verdict was given: the same on both sides."""

    at: Instant


class Shadow(Record):
    """A comparison that goes on, as it stood at `alive_at`. One without `ended_at` of which nothing is heard has died.

    Compared are the alerts of articles that were fetched from `since` on; `articles` counts these. An alert is `same`,
    `changed`, `lost` or `gained` once both sides have worked off what caused it, and `waiting` until then.
    `differences` are the last of them, the newest first. `until` is when it ends by itself; `end` says why it did.
    """

    KIND: ClassVar[str] = "shadow"

    shadow_id: ShadowId
    name: str
    live: Ruleset
    other: Ruleset
    begun_at: Instant
    since: Instant
    until: Instant | None = None
    alive_at: Instant
    ended_at: Instant | None = None
    end: str = ""
    articles: int = Field(0, ge=0)
    same: int = Field(0, ge=0)
    changed: int = Field(0, ge=0)
    lost: int = Field(0, ge=0)
    gained: int = Field(0, ge=0)
    waiting: int = Field(0, ge=0)
    differences: tuple[Noticed, ...] = ()

    @property
    def record_id(self) -> str:
        return self.shadow_id
