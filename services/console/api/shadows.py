"""/v1/shadows: other rules beside the live ones, and what they tell otherwise (`chancery shadow`)."""

from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Annotated

from fastapi import APIRouter, HTTPException, Path, Query, Request, Response
from pydantic import BaseModel, Field

from services.console.api.answers import answer, next_link, no_cursor
from services.console.api.given import Here
from services.console.api.guarded import GuardedRoute
from services.console.core.paging import BadCursor, page
from services.contracts.model import Instant
from services.contracts.shadow import SILENT_AFTER_S, Noticed, Ruleset, Shadow
from services.contracts.topics import SHADOWS

_FOREVER = datetime(9999, 12, 31, tzinfo=UTC)

router = APIRouter(prefix="/v1/shadows", tags=["shadows"], route_class=GuardedRoute)


class ShadowState(StrEnum):
    """Silent: it said neither that it goes on nor that it ended, so it was killed."""

    RUNNING = "running"
    SILENT = "silent"
    ENDED = "ended"


class ShadowLine(BaseModel):
    """Counts are of alerts: `same`, `changed`, `lost` and `gained` beside live, `waiting` for one of the two."""

    shadow_id: str
    name: str
    state: ShadowState
    live: Ruleset
    other: Ruleset
    begun_at: Instant
    since: Instant = Field(description="alerts of articles fetched from then on are compared")
    until: Instant | None
    alive_at: Instant
    ended_at: Instant | None
    end: str = Field(description="why it ended")
    articles: int
    same: int
    changed: int
    lost: int
    gained: int
    waiting: int


class ShadowTold(ShadowLine):
    """`differences` are the last ones, the newest first: what live told (`a`) and what the shadow told (`b`)."""

    differences: tuple[Noticed, ...]


class ShadowPage(BaseModel):
    """`total` counts all; `next_cursor` is null on the last page."""

    items: list[ShadowLine]
    total: int
    next_cursor: str | None


ShadowKey = Annotated[str, Path(pattern=r"^shd_[a-z2-7]{26}$")]


@router.get("", response_model=ShadowPage)
async def list_shadows(
    request: Request,
    here: Here,
    limit: Annotated[int, Query(ge=1, le=1_000)] = 100,
    cursor: Annotated[str | None, Query(max_length=4_000, description="next_cursor of the page before")] = None,
) -> Response:
    """The shadows that run or ran, the newest first; of a name the last."""
    try:
        shown = page(here.records.values(SHADOWS), _place, limit, cursor)
    except BadCursor as error:
        raise no_cursor(error) from None
    items = [ShadowLine(**_line(each, here.now())) for each in shown.items]
    told = ShadowPage(items=items, total=shown.total, next_cursor=shown.next_cursor)
    return answer(request, told, headers=next_link(request, shown.next_cursor))


@router.get("/{shadow_id}", response_model=ShadowTold)
async def get_shadow(shadow_id: ShadowKey, request: Request, here: Here) -> Response:
    """One shadow, with the last differences."""
    found = here.records.get(SHADOWS, shadow_id)
    if found is None:
        raise HTTPException(404, f"no shadow {shadow_id}")
    return answer(request, ShadowTold(**_line(found, here.now()), differences=found.differences))


def _line(each: Shadow, now: datetime) -> dict[str, object]:
    told = {name: getattr(each, name) for name in ShadowLine.model_fields if name != "state"}
    return told | {"state": _state(each, now)}


def _state(each: Shadow, now: datetime) -> ShadowState:
    if each.ended_at is not None:
        return ShadowState.ENDED
    silent = now - each.alive_at > timedelta(seconds=SILENT_AFTER_S)
    return ShadowState.SILENT if silent else ShadowState.RUNNING


def _place(each: Shadow) -> tuple[str, str]:
    begun = int((_FOREVER - each.begun_at).total_seconds() * 1_000_000)
    return f"{begun:020d}", each.shadow_id
