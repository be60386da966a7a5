"""/v1/incidents: what is known of each, as a list, for maps and for feed readers."""

from collections.abc import Iterator
from typing import Annotated

from fastapi import APIRouter, HTTPException, Path, Request, Response
from pydantic import BaseModel

from services.console.api.answers import answer, next_link, no_cursor
from services.console.api.asked import AskedForPage, AskedPage
from services.console.api.given import Here, Records
from services.console.api.guarded import GuardedRoute
from services.console.core import atom, geojson, standing
from services.console.core.incidents import (
    AlertLine,
    IncidentLine,
    Revision,
    alert_line,
    line,
    newest_first,
    revisions,
)
from services.console.core.paging import BadCursor, Page, page
from services.contracts.incident import Incident
from services.contracts.topics import INCIDENTS

CAP = "application/cap+xml"
AS_OF = "Chancery-As-Of"
"""The header of a list with the id of the newest event: who streams from there misses nothing."""

router = APIRouter(tags=["incidents"], route_class=GuardedRoute)


class IncidentPage(BaseModel):
    """`total` counts what the filter lets through; `next_cursor` is null on the last page."""

    items: list[IncidentLine]
    total: int
    next_cursor: str | None


class IncidentTold(BaseModel):
    """All that is known of an incident: the line that lists have, the whole record (claims with their quotes, sources
    with grades and how independent they are, the time ledger), what made each revision, and the alerts it gave of those
    that are still known here."""

    line: IncidentLine
    incident: Incident
    revisions: list[Revision]
    alerts: list[AlertLine]


IncidentKey = Annotated[str, Path(pattern=r"^inc_[a-z2-7]{26}$")]


@router.get(
    "/v1/incidents",
    response_model=IncidentPage,
    responses={200: {"content": {geojson.MEDIA_TYPE: {}}, "headers": {AS_OF: {"schema": {"type": "string"}}}}},
)
async def list_incidents(asked: AskedForPage, request: Request, here: Here) -> Response:
    """The incidents with the newest change first; as GeoJSON where that is what is accepted."""
    shown = _page(here.records, asked)
    headers = {**next_link(request, shown.next_cursor), AS_OF: here.live.position, "Vary": "Authorization, Accept"}
    if geojson.MEDIA_TYPE in request.headers.get("accept", ""):
        return answer(request, geojson.collection(shown.items), media_type=geojson.MEDIA_TYPE, headers=headers)
    told = IncidentPage(items=list(map(line, shown.items)), total=shown.total, next_cursor=shown.next_cursor)
    return answer(request, told, headers=headers)


@router.get("/v1/incidents.geojson", response_class=Response, responses={200: {"content": {geojson.MEDIA_TYPE: {}}}})
async def incidents_as_geojson(asked: AskedForPage, request: Request, here: Here) -> Response:
    """The same list as a FeatureCollection (RFC 7946)."""
    shown = _page(here.records, asked)
    headers = {**next_link(request, shown.next_cursor), AS_OF: here.live.position}
    return answer(request, geojson.collection(shown.items), media_type=geojson.MEDIA_TYPE, headers=headers)


@router.get("/v1/incidents.atom", response_class=Response, responses={200: {"content": {atom.MEDIA_TYPE: {}}}})
async def incidents_as_atom(asked: AskedForPage, request: Request, here: Here) -> Response:
    """The same list as an Atom feed (RFC 4287)."""
    shown = _page(here.records, asked)
    body = atom.feed(shown.items, str(request.url))
    return answer(request, body, media_type=atom.MEDIA_TYPE, headers=next_link(request, shown.next_cursor))


@router.get("/v1/incidents/{incident_id}", response_model=IncidentTold)
async def get_incident(incident_id: IncidentKey, request: Request, here: Here) -> Response:
    """One incident: claims, sources, times, what changed when and what was told of it."""
    incident = there(here.records, incident_id)
    told = IncidentTold(
        line=line(incident),
        incident=incident,
        revisions=revisions(incident),
        alerts=list(map(alert_line, here.live.alerts.of(incident_id))),
    )
    return answer(request, told)


@router.get("/v1/incidents/{incident_id}/cap", response_class=Response, responses={200: {"content": {CAP: {}}}})
async def incident_as_cap(incident_id: IncidentKey, request: Request, here: Here) -> Response:
    """The incident as it stands, as a CAP 1.2 message: an update or a cancellation refers to the first alert of it."""
    return answer(request, standing.as_cap(there(here.records, incident_id)), media_type=CAP)


def there(records: Records, incident_id: str) -> Incident:
    """Raises HTTPException 404."""
    incident = records.get(INCIDENTS, incident_id)
    if not isinstance(incident, Incident):
        raise HTTPException(404, f"no incident {incident_id} is known")
    return incident


def _page(records: Records, asked: AskedPage) -> Page[Incident]:
    try:
        return page(filter(asked.wanted.has, _incidents(records)), newest_first, asked.limit, asked.cursor)
    except BadCursor as error:
        raise no_cursor(error) from None


def _incidents(records: Records) -> Iterator[Incident]:
    return (record for record in records.values(INCIDENTS) if isinstance(record, Incident))
