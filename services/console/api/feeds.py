"""/v1/feeds: the feeds that are watched, and how they are."""

import asyncio
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Header, HTTPException, Path, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field

from services.console.api.answers import answer, next_link, no_cursor
from services.console.api.given import Caller, Given, Here, Records
from services.console.api.guarded import GuardedRoute
from services.console.core.etags import may_change
from services.console.core.paging import BadCursor, page
from services.contracts.feed import LONGEST_BOUND_S, Feed, FeedState, PollStatus, SourceGrade
from services.contracts.ids import FeedId
from services.contracts.model import Instant
from services.contracts.topics import FEED_STATES, FEEDS
from services.ingest.core import opml, watchlist
from services.ingest.core.address import BadAddress, feed_url, without_password
from services.ingest.core.health import HealthKind, health, kind_of
from services.ingest.core.history import entries_per_day

IMPORT_MAX_BYTES = 5_000_000
OPML = "text/x-opml"

router = APIRouter(prefix="/v1/feeds", tags=["feeds"], route_class=GuardedRoute)


class FeedFields(BaseModel):
    """What people set of a feed, as it may stand on the topic."""

    title: str = Field("", description="name of the source; empty: what the feed calls itself")
    language: str | None = Field(None, description="a hint, BCP 47")
    country: str | None = Field(None, pattern=r"^[A-Z]{2}$", description="a hint, ISO 3166-1 alpha-2")
    grade: SourceGrade = Field(SourceGrade.F, description="reliability, A (complete) to E (none), F (cannot be judged)")
    full_text: bool = Field(False, description="may its pages be fetched for the full text?")
    enabled: bool = Field(True, description="false: paused, not polled")
    min_interval_s: int | None = Field(
        None, ge=1, le=LONGEST_BOUND_S, description="seconds between two polls at least; null: as the settings say"
    )
    max_interval_s: int | None = Field(
        None, ge=1, le=LONGEST_BOUND_S, description="seconds after which a quiet feed is asked again"
    )


class FeedChange(FeedFields):
    model_config = ConfigDict(extra="forbid")

    title: str = Field("", max_length=300)
    language: str | None = Field(None, max_length=35, pattern=r"^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$")


class NewFeed(FeedChange):
    url: str = Field(max_length=2_000, description="address of the RSS, Atom, RDF or JSON document")


class Poll(BaseModel):
    """How the last poll ended and when the next is due. `watermark_at` is the newest publication time it showed;
    `entries_per_day` counts the new ones of the last days, the latest most; null where nothing is known of them."""

    model_config = ConfigDict(from_attributes=True)

    status: PollStatus
    reason: str
    http_status: int | None
    last_poll_at: Instant | None
    last_success_at: Instant | None
    next_poll_at: Instant | None
    failures: int
    entries: int
    entries_per_day: float | None = None
    watermark_at: Instant | None


class FeedHealth(BaseModel):
    """How a feed is: in one word, in words that say what to do, and what else is odd about it."""

    model_config = ConfigDict(from_attributes=True)

    kind: HealthKind
    since: Instant | None
    words: str
    notes: tuple[str, ...]


class WatchedFeed(FeedFields):
    """A feed; `url` without its user and password. `poll` is null until it was polled once."""

    feed_id: str
    url: str
    health: FeedHealth
    poll: Poll | None


class FeedPage(BaseModel):
    """`total` counts what the filter lets through; `next_cursor` is null on the last page."""

    items: list[WatchedFeed]
    total: int
    next_cursor: str | None


class Imported(BaseModel):
    """Ids of what an import did; `problems` tells in words what of the document could not be taken."""

    added: list[str]
    changed: list[str]
    unchanged: list[str]
    problems: list[str]


class Address(BaseModel):
    model_config = ConfigDict(extra="forbid")

    url: str = Field(max_length=2_000, description="of a feed, or of a page that may offer one")


FeedKey = Annotated[str, Path(pattern=r"^feed_[a-z2-7]{26}$")]
IfMatch = Annotated[str | None, Header(description="the ETag that the feed must still have")]


@router.get("", response_model=FeedPage)
async def list_feeds(
    request: Request,
    here: Here,
    status: Annotated[PollStatus | None, Query(description="how the last poll ended")] = None,
    health: Annotated[HealthKind | None, Query(description="how it is, in one word")] = None,
    enabled: Annotated[bool | None, Query(description="false: only what is paused")] = None,
    language: Annotated[str | None, Query(max_length=35, description="pt also finds pt-BR")] = None,
    limit: Annotated[int, Query(ge=1, le=1_000)] = 100,
    cursor: Annotated[str | None, Query(max_length=4_000, description="next_cursor of the page before")] = None,
) -> Response:
    """Every feed by title, then address."""
    now = here.now()

    def wanted(feed: Feed) -> bool:
        state = here.records.get(FEED_STATES, feed.feed_id)
        return (
            (status is None or status == (state.status if state else PollStatus.NEVER))
            and (health is None or health is kind_of(feed, state, now))
            and (enabled is None or enabled == feed.enabled)
            and (language is None or _speaks(feed, language))
        )

    def place(feed: Feed) -> tuple[str, str, str]:
        return feed.title.casefold(), feed.url, feed.feed_id

    try:
        shown = page(filter(wanted, here.records.values(FEEDS)), place, limit, cursor)
    except BadCursor as error:
        raise no_cursor(error) from None
    doubled = watchlist.doubles(here.records.values(FEEDS))
    items = [_told(feed, here.records.get(FEED_STATES, feed.feed_id), now, doubled) for feed in shown.items]
    told = FeedPage(items=items, total=shown.total, next_cursor=shown.next_cursor)
    return answer(request, told, headers=next_link(request, shown.next_cursor))


@router.post("", response_model=WatchedFeed, status_code=201, responses={200: {"model": WatchedFeed}})
async def add_feed(new: NewFeed, request: Request, here: Here, caller: Caller) -> Response:
    """Watch a feed. Adding one that is watched changes only what is given here, and answers 200."""
    try:
        wanted = watchlist.wanted(new.url, new.model_dump(exclude_unset=True, exclude={"url"}))
    except BadAddress as error:
        raise _no_address(error) from None
    async with here.records.changing:
        ((known, feed),) = watchlist.changes(here.records.values(FEEDS), [wanted])
        await here.records.change(caller, FEEDS, (known, feed))
    location = {"Location": f"{router.prefix}/{feed.feed_id}"}
    return _one(request, here, feed, status=200 if known else 201, headers=location)


@router.post("/check", response_model=None)
async def check_feed(asked: Address, here: Here) -> dict[str, Any]:
    """What a poll of an address would do, without doing it: answer, redirects, format, entries, problems, next poll.
    The same code, limits and guards as a poll; a fetch that fails is an answer, not an error."""
    try:
        address = feed_url(asked.url)
    except BadAddress as error:
        raise _no_address(error) from None
    return (await here.check(address)).as_json()


@router.post(
    "/import",
    response_model=Imported,
    max_body_size=IMPORT_MAX_BYTES,
    openapi_extra={"requestBody": {"required": True, "content": {OPML: {"schema": {"type": "string"}}}}},
)
async def import_feeds(request: Request, here: Here, caller: Caller) -> Response:
    """Watch every feed of an OPML document. One that is watched already keeps what the document does not give, and
    stays paused if it is."""
    try:
        listing = await asyncio.to_thread(opml.read, await request.body())
    except opml.OpmlError as error:
        raise HTTPException(422, str(error)) from None
    if not listing.feeds and not listing.problems:
        raise HTTPException(422, "the document lists no feed: OPML outlines with an xmlUrl are expected")
    async with here.records.changing:
        changes = watchlist.changes(here.records.values(FEEDS), listing.feeds)
        await here.records.change(caller, FEEDS, *changes)
    told = Imported(
        added=[feed.feed_id for known, feed in changes if known is None],
        changed=[feed.feed_id for known, feed in changes if known is not None and known != feed],
        unchanged=[feed.feed_id for known, feed in changes if known == feed],
        problems=list(listing.problems),
    )
    return answer(request, told)


@router.get("/export", response_class=Response, responses={200: {"content": {OPML: {}}}})
async def export_feeds(request: Request, here: Here) -> Response:
    """Every feed as OPML, with whatever its address holds."""
    saved = {"Content-Disposition": 'attachment; filename="feeds.opml"'}
    return answer(
        request, await asyncio.to_thread(opml.write, list(here.records.values(FEEDS))), media_type=OPML, headers=saved
    )


@router.get("/{feed_id}", response_model=WatchedFeed)
async def get_feed(feed_id: FeedKey, request: Request, here: Here) -> Response:
    """One feed with how it is polled."""
    return _one(request, here, _there(here.records, feed_id))


@router.patch("/{feed_id}", response_model=WatchedFeed)
async def change_feed(
    feed_id: FeedKey, change: FeedChange, request: Request, here: Here, caller: Caller, if_match: IfMatch = None
) -> Response:
    """Change the fields that are given (JSON Merge Patch, RFC 7396: null takes a hint away). `enabled` false pauses."""
    async with here.records.changing:
        known = _unchanged(here.records, feed_id, if_match)
        feed = known.model_copy(update=change.model_dump(exclude_unset=True))
        await here.records.change(caller, FEEDS, (known, feed))
    return _one(request, here, feed)


@router.delete("/{feed_id}", status_code=204)
async def remove_feed(feed_id: FeedKey, here: Here, caller: Caller, if_match: IfMatch = None) -> None:
    """Stop watching a feed and forget what was known of it. Its articles stay."""
    async with here.records.changing:
        await here.records.change(caller, FEEDS, (_unchanged(here.records, feed_id, if_match), None))


def _there(records: Records, feed_id: str) -> Feed:
    feed = records.get(FEEDS, feed_id)
    if feed is None:
        raise HTTPException(404, f"no feed {feed_id} is watched")
    return feed


def _unchanged(records: Records, feed_id: str, if_match: str | None) -> Feed:
    """The feed, if it is the one that the caller saw."""
    feed = _there(records, feed_id)
    if not may_change(if_match, _fields(feed)):
        raise HTTPException(412, "the feed was changed since; get it again")
    return feed


def _speaks(feed: Feed, language: str) -> bool:
    return f"{feed.language or ''}-".lower().startswith(f"{language}-".lower())


def _one(
    request: Request, here: Given, feed: Feed, status: int = 200, headers: dict[str, str] | None = None
) -> Response:
    doubled = watchlist.doubles(here.records.values(FEEDS))
    told = _told(feed, here.records.get(FEED_STATES, feed.feed_id), here.now(), doubled)
    return answer(request, told, changed=_fields(feed), status=status, headers=headers)


def _fields(feed: Feed) -> FeedFields:
    return FeedFields.model_validate(feed, from_attributes=True)


def _told(feed: Feed, state: FeedState | None, now: datetime, doubled: Mapping[FeedId, Feed]) -> WatchedFeed:
    poll = Poll.model_validate(state) if state else None
    if poll and state and (daily := entries_per_day(state.history, now)) is not None:
        poll = poll.model_copy(update={"entries_per_day": round(daily, 1)})
    url = without_password(feed.url)
    how = FeedHealth.model_validate(health(feed, state, now, doubled.get(feed.feed_id)))
    return WatchedFeed(**_fields(feed).model_dump(), feed_id=feed.feed_id, url=url, health=how, poll=poll)


def _no_address(error: BadAddress) -> RequestValidationError:
    return RequestValidationError([{"loc": ("body", "url"), "msg": str(error)}])
