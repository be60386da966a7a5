"""/v1/incidents: what is known of each, as a list, for maps and for feed readers."""

from typing import Annotated

from fastapi import APIRouter, HTTPException, Path, Request, Response
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from services.console.adapters.live import Live
from services.console.api.answers import answer, next_link, no_cursor
from services.console.api.asked import AskedForPage, AskedPage
from services.console.api.given import Caller, Here, Records
from services.console.api.guarded import GuardedRoute
from services.console.core import atom, geojson, standing
from services.console.core.evidence import Evidence, Piece, evidence, full_text, pieces
from services.console.core.incidents import (
    AlertLine,
    IncidentLine,
    Revision,
    alert_line,
    line,
    revisions,
)
from services.console.core.listing import Listed
from services.console.core.paging import BadCursor, Page
from services.contracts.article import Article, Source
from services.contracts.feedback import Feedback, Verdict, verdict_on
from services.contracts.incident import Incident
from services.contracts.model import Instant
from services.contracts.report import IncidentReport
from services.contracts.topics import ARTICLES, FEEDBACK, INCIDENTS, REPORTS

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


class SourceText(BaseModel):
    """What an article says, whole: the texts of `pieces` one after the other. `spans` are the words that the incident's
    fields were read from (their `start` and `end` count code points); where the report of it is no longer kept, the
    claim's quote only."""

    article_id: str
    revision: int
    report_kept: bool
    source: Source
    url: str | None
    title: str
    language: str
    published_at: Instant | None
    fetched_at: Instant
    spans: list[Evidence]
    pieces: list[Piece]


class Judging(BaseModel):
    """What an analyst says of an incident as it stands."""

    model_config = ConfigDict(extra="forbid")

    verdict: Verdict
    why: Annotated[str, StringConstraints(strip_whitespace=True)] = Field(
        min_length=1, max_length=2_000, description="what you know; it is told with the change"
    )


ArticleKey = Annotated[str, Path(pattern=r"^art_[a-z2-7]{26}$")]
IncidentKey = Annotated[str, Path(pattern=r"^inc_[a-z2-7]{26}$")]


@router.get(
    "/v1/incidents",
    response_model=IncidentPage,
    responses={200: {"content": {geojson.MEDIA_TYPE: {}}, "headers": {AS_OF: {"schema": {"type": "string"}}}}},
)
async def list_incidents(asked: AskedForPage, request: Request, here: Here) -> Response:
    """The incidents with the newest change first; as GeoJSON where that is what is accepted."""
    shown = _page(here.live, asked)
    headers = {
        **next_link(request, shown.next_cursor),
        AS_OF: here.live.position,
        "Vary": "Authorization, Cookie, Accept",
    }
    if geojson.MEDIA_TYPE in request.headers.get("accept", ""):
        return answer(request, geojson.collection(shown.items), media_type=geojson.MEDIA_TYPE, headers=headers)
    return answer(request, _as_json(shown), headers=headers)


@router.get("/v1/incidents.geojson", response_class=Response, responses={200: {"content": {geojson.MEDIA_TYPE: {}}}})
async def incidents_as_geojson(asked: AskedForPage, request: Request, here: Here) -> Response:
    """The same list as a FeatureCollection (RFC 7946)."""
    shown = _page(here.live, asked)
    headers = {**next_link(request, shown.next_cursor), AS_OF: here.live.position}
    return answer(request, geojson.collection(shown.items), media_type=geojson.MEDIA_TYPE, headers=headers)


@router.get("/v1/incidents.atom", response_class=Response, responses={200: {"content": {atom.MEDIA_TYPE: {}}}})
async def incidents_as_atom(asked: AskedForPage, request: Request, here: Here) -> Response:
    """The same list as an Atom feed (RFC 4287)."""
    shown = _page(here.live, asked)
    body = atom.feed((each.incident for each in shown.items), str(request.url))
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
    return answer(request, told, headers={AS_OF: here.live.position})


@router.get("/v1/incidents/{incident_id}/cap", response_class=Response, responses={200: {"content": {CAP: {}}}})
async def incident_as_cap(incident_id: IncidentKey, request: Request, here: Here) -> Response:
    """The incident as it stands, as a CAP 1.2 message: an update or a cancellation refers to the first alert of it."""
    return answer(request, standing.as_cap(there(here.records, incident_id)), media_type=CAP)


@router.get("/v1/incidents/{incident_id}/sources/{article_id}", response_model=SourceText)
async def get_source(incident_id: IncidentKey, article_id: ArticleKey, request: Request, here: Here) -> Response:
    """The text of an article that tells of the incident, with the words that say so. Articles are kept for 30 days."""
    incident = there(here.records, incident_id)
    claim = next((each for each in reversed(incident.claims) if each.article_id == article_id), None)
    if claim is None:
        raise HTTPException(404, f"no article {article_id} tells of {incident_id}")
    named, ledger = f"{article_id}-{claim.article_revision}", claim.ledger
    article = await here.finder.find(ARTICLES, Article, article_id, named, ledger.fetched_at)
    if article is None:
        raise HTTPException(404, f"the text of {article_id} is no longer kept; its quote stands in the claim")
    placed, reported = claim.site.host_state or "ZZ", f"{claim.report_id}-{claim.article_revision}"
    report = await here.finder.find(REPORTS, IncidentReport, placed, reported, ledger.reported_at)
    text = full_text(article)
    spans = evidence(text, claim, report)
    told = SourceText(
        article_id=article_id,
        revision=article.revision,
        report_kept=report is not None,
        source=article.source,
        url=article.url,
        title=article.title,
        language=claim.language,
        published_at=article.published_at,
        fetched_at=article.fetched_at,
        spans=spans,
        pieces=pieces(text, spans),
    )
    return answer(request, told)


@router.post("/v1/incidents/{incident_id}/verdict", status_code=201, response_model=Feedback)
async def judge_incident(incident_id: IncidentKey, judging: Judging, here: Here, caller: Caller) -> Feedback:
    """Say that it happened or that it is a false alarm, and why. The incident changes when the verdict is folded in, as
    the stream will tell; whoever was told of a false alarm is told that it is taken back."""
    async with here.records.changing:
        incident = there(here.records, incident_id)
        given = verdict_on(incident, judging.verdict, why=judging.why, author=caller.name, now=here.now())
        await here.records.change(caller, FEEDBACK, (None, given))
    return given


def there(records: Records, incident_id: str) -> Incident:
    """Raises HTTPException 404."""
    incident = records.get(INCIDENTS, incident_id)
    if incident is None:
        raise HTTPException(404, f"no incident {incident_id} is known")
    return incident


def _page(live: Live, asked: AskedPage) -> Page[Listed]:
    try:
        return live.incidents.page(asked.wanted, asked.limit, asked.cursor)
    except BadCursor as error:
        raise no_cursor(error) from None


def _as_json(shown: Page[Listed]) -> bytes:
    """An `IncidentPage`, of lines that are JSON already."""
    rest = IncidentPage(items=[], total=shown.total, next_cursor=shown.next_cursor).model_dump_json(exclude={"items"})
    return b'{"items":[%b],%b' % (b",".join(each.line for each in shown.items), rest.encode()[1:])
