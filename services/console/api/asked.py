"""What lists and streams of incidents are asked for, as an address says it."""

from typing import Annotated

from fastapi import Query
from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field

from services.console.core.incidents import Wanted
from services.contracts.incident import IncidentStatus
from services.contracts.report import Certainty, IncidentType, Severity
from services.contracts.subscription import Circle


def _upper(value: object) -> object:
    return value.upper() if isinstance(value, str) else value


def _circle(text: str) -> str:
    circle_of(text)
    return text


def circle_of(text: str) -> Circle:
    """Raises ValueError for what is no circle."""
    parts = text.split(",")
    if len(parts) != 3:
        raise ValueError("give latitude, longitude and kilometres, as 33.30,44.39,5")
    lat, lon, radius_km = map(float, parts)
    return Circle(lat=lat, lon=lon, radius_km=radius_km)


State = Annotated[str, BeforeValidator(_upper), Field(pattern=r"^[A-Z]{2}$")]
Near = Annotated[str, Field(max_length=100), AfterValidator(_circle)]


class Asked(BaseModel):
    """Each may be given several times: one of the values must hold, and all that is asked. A name that is none of these
    is refused, for a typing error must not show everything."""

    model_config = ConfigDict(extra="forbid")

    host_state: list[State] = Field([], max_length=300, description="where: ISO 3166-1, EU, UN; ZZ: not known")
    sending_state: list[State] = Field([], max_length=300, description="whose mission; ZZ: not known")
    type: list[IncidentType] = []
    severity: list[Severity] = []
    certainty: list[Certainty] = []
    status: list[IncidentStatus] = []
    near: list[Near] = Field([], max_length=50, description="latitude, longitude, kilometres: 33.30,44.39,5")
    since: AwareDatetime | None = Field(None, description="changed then or later (RFC 3339)")
    until: AwareDatetime | None = Field(None, description="changed before")
    q: str = Field("", max_length=200, description="in the type, the place, a title, a quote, a source, an id")

    @property
    def wanted(self) -> Wanted:
        """The filter that is meant."""
        return Wanted(
            host_states=tuple(self.host_state),
            sending_states=tuple(self.sending_state),
            types=tuple(self.type),
            severities=tuple(self.severity),
            certainties=tuple(self.certainty),
            statuses=tuple(self.status),
            near=tuple(map(circle_of, self.near)),
            since=self.since,
            until=self.until,
            text=self.q.strip(),
        )


class AskedPage(Asked):
    """A page of a list."""

    limit: int = Field(100, ge=1, le=1_000)
    cursor: str | None = Field(None, max_length=4_000, description="next_cursor of the page before")


class AskedStream(Asked):
    """A stream; `last_event_id` where no header can be set, as by a page that begins where its list ended."""

    last_event_id: str | None = Field(None, max_length=100, description="as the header, which goes before")


AskedForStream = Annotated[AskedStream, Query()]
AskedForPage = Annotated[AskedPage, Query()]
