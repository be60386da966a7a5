"""A place that is known beforehand: a mission with its coordinates, or a point an operator watches."""

from typing import ClassVar

from pydantic import Field

from services.contracts.ids import KnownSiteId
from services.contracts.model import Record
from services.contracts.report import GroupName, SiteKind


class KnownSite(Record):
    """Coordinates are WGS 84 degrees. With `watch_radius_m` it is a watch point: an incident within that many
    metres counts as in its vicinity, whether or not the news names it. `groups` are the operator's, for filters: "gulf
    offices". `origin` says where the entry is from."""

    KIND: ClassVar[str] = "site"

    site_id: KnownSiteId
    name: str
    kind: SiteKind | None = None
    sending_state: str | None = Field(default=None, pattern=r"^[A-Z]{2}$")
    host_state: str | None = Field(default=None, pattern=r"^[A-Z]{2}$")
    city: str | None = None
    lat: float = Field(ge=-90, le=90)
    lon: float = Field(ge=-180, le=180)
    watch_radius_m: float | None = Field(default=None, gt=0, le=200_000)
    groups: tuple[GroupName, ...] = Field(default=(), max_length=20)
    origin: str

    @property
    def record_id(self) -> str:
        return self.site_id
