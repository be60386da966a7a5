"""/v1/silences: alerts that someone does not want for a time."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, HTTPException, Path, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from services.console.api.answers import answer, next_link, no_cursor
from services.console.api.given import Caller, Given, Here, Records
from services.console.api.guarded import GuardedRoute
from services.console.core.paging import BadCursor, page
from services.contracts.model import Instant
from services.contracts.silence import Silence, silence
from services.contracts.subscription import Filter
from services.contracts.topics import SILENCES
from services.notify.core import asking, silencing

LONGEST_S = 366 * 86_400
_FOREVER = datetime(9999, 12, 31, tzinfo=UTC)

router = APIRouter(prefix="/v1/silences", tags=["silences"], route_class=GuardedRoute)


class NewSilence(BaseModel):
    """What matches is kept back from everybody, drills included."""

    model_config = ConfigDict(extra="forbid")

    matcher: Filter = Filter()
    reason: str = Field(min_length=1, max_length=500, description="shown with everything that is kept back")
    lasts_s: int = Field(ge=60, le=LONGEST_S, description="seconds from now")
    everything: bool = Field(False, description="silence all alerts: then the matcher need not name anything")


class SilenceTold(BaseModel):
    """`alerts` is how many it kept back, of those deliveries that the console remembers."""

    silence_id: str
    matcher: Filter
    words: str = Field(description="what it covers, in words")
    reason: str
    author: str
    created_at: Instant
    expires_at: Instant
    active: bool
    alerts: int


class SilencePage(BaseModel):
    """`total` counts what the filter lets through; `next_cursor` is null on the last page."""

    items: list[SilenceTold]
    total: int
    next_cursor: str | None


SilenceKey = Annotated[str, Path(pattern=r"^sil_[a-z2-7]{26}$")]


@router.get("", response_model=SilencePage)
async def list_silences(
    request: Request,
    here: Here,
    active: Annotated[bool | None, Query(description="false: only those that are over")] = None,
    limit: Annotated[int, Query(ge=1, le=1_000)] = 100,
    cursor: Annotated[str | None, Query(max_length=4_000, description="next_cursor of the page before")] = None,
) -> Response:
    """The silences, the newest first."""
    now = here.now()
    every = here.records.values(SILENCES)
    try:
        shown = page((each for each in every if active in (None, each.expires_at > now)), _place, limit, cursor)
    except BadCursor as error:
        raise no_cursor(error) from None
    kept_back = _kept_back(here)
    items = [_told(each, kept_back, now) for each in shown.items]
    told = SilencePage(items=items, total=shown.total, next_cursor=shown.next_cursor)
    return answer(request, told, headers=next_link(request, shown.next_cursor))


@router.post("", response_model=SilenceTold, status_code=201)
async def add_silence(new: NewSilence, request: Request, here: Here, caller: Caller) -> Response:
    """Keep matching alerts back until the time is over. Incidents are still followed and recorded."""
    matcher = silencing.matcher(asking.check(new.matcher, "matcher"), everything=new.everything)
    await here.desk.check_groups(matcher)
    now, lasts = here.now(), timedelta(seconds=new.lasts_s)
    made = silence(matcher, reason=new.reason, author=caller.name, now=now, lasts=lasts)
    async with here.records.changing:
        await here.records.change(caller, SILENCES, (None, made))
    headers = {"Location": f"{router.prefix}/{made.silence_id}"}
    return answer(request, _told(made, {}, now), status=201, headers=headers)


@router.get("/{silence_id}", response_model=SilenceTold)
async def get_silence(silence_id: SilenceKey, request: Request, here: Here) -> Response:
    """One silence."""
    return answer(request, _told(_there(here.records, silence_id), _kept_back(here), here.now()))


@router.post("/{silence_id}/end", response_model=SilenceTold)
async def end_silence(silence_id: SilenceKey, request: Request, here: Here, caller: Caller) -> Response:
    """Let alerts go out again from now on. What was kept back is not sent later."""
    async with here.records.changing:
        found = _there(here.records, silence_id)
        over = silencing.ended(found, here.now())
        await here.records.change(caller, SILENCES, (found, over))
    return answer(request, _told(over, _kept_back(here), here.now()))


def _kept_back(here: Given) -> Mapping[str, int]:
    return silencing.kept_back(here.desk.log.newest_first())


def _place(each: Silence) -> tuple[str, str]:
    made = int((_FOREVER - each.created_at).total_seconds() * 1_000_000)
    return f"{made:020d}", each.silence_id


def _there(records: Records, silence_id: str) -> Silence:
    record = records.get(SILENCES, silence_id)
    if record is None:
        raise HTTPException(404, f"no silence {silence_id}")
    return record


def _told(each: Silence, kept_back: Mapping[str, int], now: datetime) -> SilenceTold:
    return SilenceTold(
        **each.model_dump(include={"silence_id", "matcher", "reason", "author", "created_at", "expires_at"}),
        words=asking.words(each.matcher),
        active=each.expires_at > now,
        alerts=kept_back.get(each.silence_id, 0),
    )
