"""/v1/topics: what goes through our topics, who is behind, and what lies on them. Nothing here writes."""

import json
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Depends, HTTPException, Path, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict
from sse_starlette import EventSourceResponse

from services.console.api.answers import answer
from services.console.api.given import Here
from services.console.api.guarded import GuardedRoute
from services.console.core.browsing import From, Positions, Seen, Wanted, cursor_of, positions_of
from services.console.core.paging import BadCursor
from services.console.core.topics import WORK, Flow, Sample
from services.contracts.model import Instant
from services.contracts.topics import TOPICS, Topic

MOST_FILTERS, LONGEST_FIELD = 5, 500
EARLIEST, LATEST = datetime(1970, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)
_BY_NAME = {topic.name: topic for topic in TOPICS}

router = APIRouter(prefix="/v1/topics", tags=["topics"], route_class=GuardedRoute)


class PartitionLag(BaseModel):
    """`lag` counts records that wait in a partition."""

    partition: int
    lag: int


class Worker(BaseModel):
    """A group that works a topic off; rates over the last minutes, null until there are two samples."""

    group: str
    lag: int
    out_per_s: float | None
    partitions: list[PartitionLag]


class TopicSpan(BaseModel):
    """What a partition holds: from `begin` up to, without, `end`."""

    partition: int
    begin: int
    end: int


class WatchedTopic(BaseModel):
    """`records` counts offsets, and so may be more than there are after compaction; `kept` is null where the last
    record of each key is kept. `workers` is empty where the topic is read as a table, which has no lag."""

    name: str
    topic: str
    records: int
    in_per_s: float | None
    newest_at: Instant | None
    newest_age_s: float | None
    kept_days: int | None
    partitions: list[TopicSpan]
    workers: list[Worker]


class TopicList(BaseModel):
    """The topics as they were at `sampled_at`."""

    sampled_at: Instant
    topics: list[WatchedTopic]


class FlowPoint(BaseModel):
    """Records a second since the point before, in and, by group, out; by group the lag at `at`."""

    model_config = ConfigDict(from_attributes=True)

    at: Instant
    in_per_s: float
    out_per_s: dict[str, float]
    lag: dict[str, int]


class TopicHistory(BaseModel):
    name: str
    points: list[FlowPoint]


class TopicHistories(BaseModel):
    """Since the console started, at most so many hours as CHANCERY_CONSOLE__HISTORY_H says."""

    topics: list[TopicHistory]


class ShownRecord(BaseModel):
    """`value` is the record, what is secret in it replaced by "hidden"; where it could not be decoded `problem` says
    why and `text` is its beginning. All three are null for a tombstone. `size` is in bytes."""

    model_config = ConfigDict(from_attributes=True)

    partition: int
    offset: int
    at: Instant
    key: str | None
    headers: dict[str, str]
    size: int
    value: dict[str, Any] | None
    text: str | None
    problem: str | None


class RecordPage(BaseModel):
    """Records by time. `stopped` says why there are no more: `end` of the topic, `full` (enough were found or looked
    at), or `time`. `next_cursor` goes on behind the last that was looked at; at the end it asks for what came since."""

    records: list[ShownRecord]
    scanned: int
    stopped: str
    next_cursor: str


TopicName = Annotated[str, Path(max_length=100, description="without the namespace, as `articles`")]


@dataclass(frozen=True, slots=True)
class AskedRecords:
    """Where to begin, and which records are wanted."""

    begin: From
    wanted: Wanted


def _asked(
    partition: Annotated[int | None, Query(ge=0, le=2**31 - 1, description="only this one")] = None,
    offset: Annotated[int | None, Query(ge=0, le=2**62, description="where to begin; with partition")] = None,
    since: Annotated[datetime | None, Query(description="where to begin: a time (RFC 3339)")] = None,
    cursor: Annotated[str | None, Query(max_length=40_000, description="next_cursor of the page before")] = None,
    key: Annotated[str | None, Query(max_length=1_000, description="only records with this key")] = None,
    field: Annotated[
        list[str] | None,
        Query(
            max_length=MOST_FILTERS, description="`path=text`, as `finding.type=attack`: only where the field is that"
        ),
    ] = None,
) -> AskedRecords:
    begin = _from(partition, offset, since, cursor)
    return AskedRecords(begin, _wanted(key, field, begin))


Asked = Annotated[AskedRecords, Depends(_asked)]


@router.get("", response_model=TopicList)
async def list_topics(request: Request, here: Here) -> Response:
    """Every topic: what it holds, how fast it grows, who is behind."""
    sample = here.brokers.history.last
    if sample is None:
        raise HTTPException(503, "the topics have not been looked at yet", {"Retry-After": "5"})
    topics = [
        _told(topic, sample, here.brokers.history.now(topic), here.now(), here.brokers.namespace) for topic in TOPICS
    ]
    return answer(request, TopicList(sampled_at=sample.at, topics=topics))


@router.get("/history", response_model=TopicHistories)
async def topic_history(
    request: Request,
    here: Here,
    name: Annotated[str | None, Query(max_length=100, description="only this topic")] = None,
    hours: Annotated[float, Query(gt=0, le=168)] = 6,
    points: Annotated[int, Query(ge=1, le=1_000, description="at most so many")] = 120,
) -> Response:
    """Rates and lag over the last hours."""
    since = here.now() - timedelta(hours=hours)
    chosen = TOPICS if name is None else (_there(name),)
    topics = [
        TopicHistory(
            name=topic.name,
            points=[FlowPoint.model_validate(flow) for flow in here.brokers.history.flows(topic, since, points)],
        )
        for topic in chosen
    ]
    return answer(request, TopicHistories(topics=topics))


@router.get("/{name}/records", response_model=RecordPage)
async def list_records(
    name: TopicName,
    request: Request,
    here: Here,
    asked: Asked,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
) -> Response:
    """Records from an offset, a time or a cursor on; from nowhere in particular, the newest. Looks at no more than
    10,000 records and for no longer than ten seconds, and says where to go on."""
    found = await here.brokers.browser.read(_there(name), asked.begin, asked.wanted, limit)
    records = [ShownRecord.model_validate(each) for each in found.records]
    told = RecordPage(
        records=records, scanned=found.scanned, stopped=found.stopped, next_cursor=cursor_of(found.positions)
    )
    return answer(request, told)


@router.get("/{name}/records/follow", response_class=Response, responses={200: {"content": {"text/event-stream": {}}}})
async def follow_records(name: TopicName, here: Here, asked: Asked) -> Response:
    """Records as they come, as server-sent events: `record` for each; `end` after five minutes or many records, with
    the cursor from which to follow on."""
    following = here.brokers.browser.follow(_there(name), asked.begin, asked.wanted)
    begun = await anext(following)  # refuses here where it refuses: an answer that has begun cannot
    return EventSourceResponse(_events(begun, following), ping=15)


async def _events(begun: Seen | Positions, following: AsyncIterator[Seen | Positions]) -> AsyncIterator[dict[str, str]]:
    yield _event(begun, "begun")
    try:
        async for each in following:
            yield _event(each, "end")
    finally:
        if isinstance(following, AsyncGenerator):
            await following.aclose()


def _event(each: Seen | Positions, name: str) -> dict[str, str]:
    if isinstance(each, Seen):
        return {"event": "record", "data": ShownRecord.model_validate(each).model_dump_json()}
    return {"event": name, "data": json.dumps({"next_cursor": cursor_of(each)})}


def _there(name: str) -> Topic:
    if name not in _BY_NAME:
        raise HTTPException(404, f"there is no topic {name[:100]!r}; there are {', '.join(_BY_NAME)}")
    return _BY_NAME[name]


def _from(partition: int | None, offset: int | None, since: datetime | None, cursor: str | None) -> From:
    if sum(each is not None for each in (offset, since, cursor)) > 1:
        raise _refused("offset", "give one of offset, since and cursor")
    if offset is not None:
        if partition is None:
            raise _refused("partition", "an offset is one of a partition: give both")
        return From(partition, positions={partition: offset})
    if since is not None and not EARLIEST <= since.replace(tzinfo=since.tzinfo or UTC) <= LATEST:
        raise _refused("since", "a time from 1970 to 2100")
    try:
        positions = positions_of(cursor) if cursor is not None else None
    except BadCursor as error:
        raise HTTPException(400, f"cursor: {error}; leave it out to begin anew") from None
    return From(partition, since and since.replace(tzinfo=since.tzinfo or UTC), positions)


def _wanted(key: str | None, fields: list[str] | None, begin: From) -> Wanted:
    pairs = []
    for each in fields or ():
        path, equals, text = each.partition("=")
        if not equals or not path or len(each) > LONGEST_FIELD:
            raise _refused("field", f"write path=text, as finding.type=attack, in {LONGEST_FIELD} characters")
        pairs.append((path, text))
    return Wanted(key, tuple(pairs), begin.at)


def _refused(parameter: str, why: str) -> RequestValidationError:
    return RequestValidationError([{"loc": ("query", parameter), "msg": why}])


def _told(topic: Topic, sample: Sample, flow: Flow | None, now: datetime, namespace: str) -> WatchedTopic:
    newest = sample.newest_at.get(topic)
    workers = []
    for work in WORK:
        role, theirs = work
        if theirs is topic:
            lag = sample.lag(work)
            each = [PartitionLag(partition=number, lag=count) for number, count in enumerate(lag)]
            out = flow.out_per_s[role] if flow else None
            workers.append(Worker(group=role, lag=sum(lag), out_per_s=out, partitions=each))
    return WatchedTopic(
        name=topic.name,
        topic=topic.in_namespace(namespace),
        records=sample.records(topic),
        in_per_s=flow.in_per_s if flow else None,
        newest_at=newest,
        newest_age_s=max(0.0, (now - newest).total_seconds()) if newest else None,
        kept_days=topic.kept.days if topic.kept else None,
        partitions=[
            TopicSpan(partition=number, begin=held.begin, end=held.end)
            for number, held in enumerate(sample.partitions[topic])
        ],
        workers=workers,
    )
