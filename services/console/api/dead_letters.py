"""/v1/dead-letters: what nobody could use, and putting it back once it can be used, the effect shown first."""

from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, HTTPException, Path, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field

from services.console.api.answers import answer
from services.console.api.given import Caller, Given, Here
from services.console.api.guarded import GuardedRoute
from services.console.api.topics import ShownRecord
from services.console.core.browsing import original
from services.console.core.letters import Effect, Fate, Known, Selection
from services.console.core.paging import BadCursor, page
from services.contracts.dead_letter import DeadLetterClass
from services.contracts.model import Instant

MOST_REDRIVEN = 10_000
"""In one request; the command has no such bound."""

ID = r"^dead_[a-z2-7]{26}$"

router = APIRouter(prefix="/v1/dead-letters", tags=["dead letters"], route_class=GuardedRoute)


class ListedLetter(BaseModel):
    """A dead letter. `fate` is what would become of it if it were put back now, as far as decoding tells."""

    dead_letter_id: str
    error_class: DeadLetterClass
    reason: str
    service: str
    topic: str
    partition: int
    offset: int
    first_failed_at: Instant
    tries: int
    size: int
    redriven_at: Instant | None
    redriven_by: str
    fate: Fate
    fate_reason: str


class LetterPage(BaseModel):
    """The newest failure first. `total` counts what the filter lets through, `by_class` those of each class."""

    items: list[ListedLetter]
    total: int
    by_class: dict[DeadLetterClass, int]
    next_cursor: str | None


class WholeLetter(ListedLetter):
    """With what was on the topic, what is secret in it left out."""

    original: ShownRecord


class RedriveWanted(BaseModel):
    """Which letters: `ids`, or all for which the rest holds. `effect` is that of the dry run: nothing happens if it
    would be another one now."""

    model_config = ConfigDict(extra="forbid")

    ids: list[Annotated[str, Field(pattern=ID)]] | None = Field(None, min_length=1, max_length=1_000)
    error_class: DeadLetterClass | None = None
    topic: str | None = Field(None, max_length=100, description="without the namespace, as `articles`")
    service: str | None = Field(None, max_length=100)
    since: Instant | None = Field(None, description="first failed then or later")
    until: Instant | None = Field(None, description="first failed before")
    again: bool = Field(False, description="those too that were redriven before")
    dry_run: bool = Field(True, description="only say what it would do")
    effect: str | None = Field(None, max_length=100, description="as the dry run says it; needed to do it")


class Redrive(BaseModel):
    """What a redrive does. `put_back` counts what goes to its topic, by topic in `topics`; `left` what stays, by fate
    and reason; `redriven_before` what is left out for that; `redriven` is 0 for a dry run."""

    effect: str
    words: str
    put_back: int
    topics: dict[str, int]
    failed_before: int = Field(description="of them, readable when they failed: the step that used them raised")
    left: dict[Fate, dict[str, int]]
    redriven_before: int
    dry_run: bool
    redriven: int


LetterKey = Annotated[str, Path(pattern=ID)]


@router.get("", response_model=LetterPage)
async def list_dead_letters(
    request: Request,
    here: Here,
    error_class: Annotated[DeadLetterClass | None, Query(description="how they failed")] = None,
    topic: Annotated[str | None, Query(max_length=100, description="without the namespace, as `articles`")] = None,
    service: Annotated[str | None, Query(max_length=100, description="who could not use them")] = None,
    since: Annotated[datetime | None, Query(description="first failed then or later (RFC 3339)")] = None,
    until: Annotated[datetime | None, Query(description="first failed before (RFC 3339)")] = None,
    redriven: Annotated[bool | None, Query(description="whether they were put back")] = None,
    limit: Annotated[int, Query(ge=1, le=1_000)] = 100,
    cursor: Annotated[str | None, Query(max_length=4_000, description="next_cursor of the page before")] = None,
) -> Response:
    """Dead letters without what they hold."""
    selection = Selection(None, error_class, topic, service, _aware(since), _aware(until), redriven)
    found = await here.brokers.letters.select(selection)
    try:
        shown = page(found, _place, limit, cursor)
    except BadCursor as error:
        raise HTTPException(400, f"cursor: {error}; leave it out for the first page") from None
    headers = {}
    if shown.next_cursor:
        following = urlencode({**request.query_params, "cursor": shown.next_cursor})
        headers["Link"] = f'<{request.url.path}?{following}>; rel="next"'
    told = LetterPage(
        items=[ListedLetter.model_validate(_fields(each)) for each in shown.items],
        total=shown.total,
        by_class=Counter(each.letter.error_class for each in found),
        next_cursor=shown.next_cursor,
    )
    return answer(request, told, headers=headers)


@router.get("/{dead_letter_id}", response_model=WholeLetter)
async def get_dead_letter(dead_letter_id: LetterKey, request: Request, here: Here) -> Response:
    """One dead letter with what it holds."""
    chosen = await here.brokers.letters.select(Selection(ids=frozenset({dead_letter_id})))
    whole = await here.brokers.letters.whole(*chosen)
    if not whole:
        raise HTTPException(404, f"no dead letter {dead_letter_id} is kept")
    shown = ShownRecord.model_validate(original(whole[0], here.brokers.namespace))
    return answer(request, WholeLetter.model_validate({**_fields(chosen[0]), "original": shown}))


@router.post("/redrive", response_model=Redrive)
async def redrive_dead_letters(wanted: RedriveWanted, request: Request, here: Here, caller: Caller) -> Response:
    """Put letters back on their topics as they were: the same bytes, key and headers. What could not be read now, or
    would undo a newer record, stays."""
    selection = _selection(wanted)
    planned = await _planned(here, selection, again=wanted.again)
    count = 0
    if not wanted.dry_run:
        if wanted.effect is None:
            raise _refused("effect", "do a dry run first, and give the effect that it says")
        if wanted.effect != planned.tag:
            raise HTTPException(409, "it would have another effect now; do the dry run again")
        if len(planned.put_back) > MOST_REDRIVEN:
            raise _refused("since", f"{MOST_REDRIVEN:,} letters at most at a time: give a shorter time")
        count = await here.brokers.redrive(caller, planned)
    return answer(request, _told(planned, dry_run=wanted.dry_run, redriven=count))


async def _planned(here: Given, selection: Selection, *, again: bool) -> Effect:
    chosen = await here.brokers.letters.select(selection)
    missing = (selection.ids or frozenset()) - {each.letter.dead_letter_id for each in chosen}
    if missing:
        raise HTTPException(404, f"no dead letter {min(missing)[:100]} is kept")
    return await here.brokers.letters.effect(chosen, again=again)


def _selection(wanted: RedriveWanted) -> Selection:
    chosen = (wanted.error_class, wanted.topic, wanted.service, wanted.since, wanted.until)
    if (wanted.ids is not None) == any(each is not None for each in chosen):
        raise _refused("ids", "give ids, or error_class, topic, service, since or until")
    ids = frozenset(wanted.ids) if wanted.ids is not None else None
    return Selection(ids, *chosen)


def _refused(field: str, why: str) -> RequestValidationError:
    return RequestValidationError([{"loc": ("body", field), "msg": why}])


def _told(planned: Effect, *, dry_run: bool, redriven: int) -> Redrive:
    left: Mapping[Fate, Mapping[str, int]] = {fate: planned.reasons(fate) for fate in Fate}
    return Redrive(
        effect=planned.tag,
        words=planned.words(),
        put_back=len(planned.put_back),
        topics=dict(planned.topics),
        failed_before=planned.failed_before,
        left={fate: dict(reasons) for fate, reasons in left.items() if reasons},
        redriven_before=len(planned.done),
        dry_run=dry_run,
        redriven=redriven,
    )


def _place(each: Known) -> tuple[str, str]:
    """The newest first: what is smaller comes first."""
    return f"{2**63 - int(each.letter.first_failed_at.timestamp() * 1_000_000):020d}", each.letter.dead_letter_id


def _fields(each: Known) -> dict[str, object]:
    names = ListedLetter.model_fields.keys() & type(each.letter).model_fields.keys()
    return {
        **{name: getattr(each.letter, name) for name in names},
        "size": each.size,
        "fate": each.verdict.fate,
        "fate_reason": each.verdict.reason,
    }


def _aware(moment: datetime | None) -> datetime | None:
    return moment.replace(tzinfo=UTC) if moment and moment.tzinfo is None else moment
