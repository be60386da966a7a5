"""/v1/deliveries: what was sent to whom and what came back; sent again where someone asks for it."""

from typing import Annotated, Self

from fastapi import APIRouter, HTTPException, Path, Query, Request, Response
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from services.console.api.answers import answer, next_link, no_cursor
from services.console.api.given import Caller, Given, Here, Records
from services.console.api.guarded import GuardedRoute
from services.console.core.delivery_log import Line
from services.console.core.paging import BadCursor, page
from services.contracts.delivery import Attempt, DeliveryState
from services.contracts.model import Instant
from services.contracts.topics import DELIVERIES, SUBSCRIPTIONS
from services.notify.core import redelivery
from services.notify.core.redelivery import Plan

router = APIRouter(prefix="/v1/deliveries", tags=["deliveries"], route_class=GuardedRoute)

SubscriptionId = Annotated[str, Field(pattern=r"^sub_[a-z2-7]{26}$")]
DeliveryId = Annotated[str, Field(pattern=r"^dlv_[a-z2-7]{26}$")]


class DeliveryLine(BaseModel):
    """One alert for one subscription and how it stands. `subscription` is the name, null where it was removed;
    `headline` is that of the incident as it is known now, null where it no longer is;
    `last_…` tell of the last of so many `attempts`."""

    model_config = ConfigDict(from_attributes=True)

    delivery_id: str
    subscription_id: str
    subscription: str | None = None
    alert_id: str
    incident_id: str
    headline: str | None = None
    revision: int
    state: DeliveryState
    reason: str
    late: bool
    created_at: Instant
    next_attempt_at: Instant | None
    attempts: int
    last_attempt_at: Instant | None
    last_outcome: str | None
    last_http_status: int | None


class DeliveryPage(BaseModel):
    """`total` counts what the filter lets through of what the console remembers: everything, or what was made after
    `complete_since`. `next_cursor` is null on the last page."""

    items: list[DeliveryLine]
    total: int
    next_cursor: str | None
    complete_since: Instant | None


class DeliveryTold(BaseModel):
    """A delivery with every attempt: its time, how long it took, what the endpoint said, secrets removed. Before the
    attempts numbered in `redelivered_after` someone had it sent again; `also` are the reasons of the revisions that
    went with it, and `receipt` is what the endpoint calls the message."""

    delivery_id: str
    subscription_id: str
    subscription: str | None
    alert_id: str
    incident_id: str
    revision: int
    state: DeliveryState
    reason: str
    late: bool
    created_at: Instant
    next_attempt_at: Instant | None
    attempts: tuple[Attempt, ...]
    redelivered_after: tuple[int, ...]
    receipt: str | None
    also: tuple[str, ...]


class RedeliveryAsked(BaseModel):
    """One delivery, or those that were made for a subscription in a time range and ended in one of `states`."""

    model_config = ConfigDict(extra="forbid")

    delivery_id: DeliveryId | None = None
    subscription_id: SubscriptionId | None = None
    since: AwareDatetime | None = None
    until: AwareDatetime | None = Field(None, description="made before; now, where it is left out")
    states: frozenset[DeliveryState] = redelivery.SENT_AGAIN
    dry_run: bool = Field(False, description="only tell what it would do")

    @model_validator(mode="after")
    def _one_or_range(self) -> Self:
        if self.delivery_id is not None:
            if self.model_fields_set - {"delivery_id", "dry_run"}:
                raise ValueError("subscription_id, since, until and states go with a range, not with a delivery_id")
        elif self.subscription_id is None or self.since is None:
            raise ValueError("give a delivery_id, or a subscription_id and since")
        return self


class Redelivery(BaseModel):
    """What is sent again, or would be (`dry_run`): the ids, how many stood in each state, and how many are left out
    because a newer revision was told since (`superseded`) or the alert is no longer kept (`without_alert`)."""

    dry_run: bool
    subscription_id: str
    deliveries: list[str]
    states: dict[DeliveryState, int]
    superseded: int
    without_alert: int
    words: str


@router.get("", response_model=DeliveryPage)
async def list_deliveries(
    request: Request,
    here: Here,
    subscription: Annotated[str | None, Query(max_length=40, description="its id")] = None,
    incident: Annotated[str | None, Query(max_length=40, description="its id")] = None,
    state: Annotated[list[DeliveryState] | None, Query(description="again for more")] = None,
    since: Annotated[AwareDatetime | None, Query(description="made then or later")] = None,
    until: Annotated[AwareDatetime | None, Query(description="made before")] = None,
    limit: Annotated[int, Query(ge=1, le=1_000)] = 100,
    cursor: Annotated[str | None, Query(max_length=4_000, description="next_cursor of the page before")] = None,
) -> Response:
    """The deliveries, the newest first."""

    def wanted(each: Line) -> bool:
        return (
            (subscription is None or each.subscription_id == subscription)
            and (incident is None or each.incident_id == incident)
            and (not state or each.state in state)
            and (since is None or each.created_at >= since)
            and (until is None or each.created_at < until)
        )

    log = here.desk.log
    try:
        shown = page(filter(wanted, log.newest_first()), lambda each: each.place, limit, cursor)
    except BadCursor as error:
        raise no_cursor(error) from None
    told = DeliveryPage(
        items=[_line(here, each) for each in shown.items],
        total=shown.total,
        next_cursor=shown.next_cursor,
        complete_since=log.complete_since,
    )
    return answer(request, told, headers=next_link(request, shown.next_cursor))


@router.post("/redeliver", response_model=Redelivery)
async def redeliver(asked: RedeliveryAsked, request: Request, here: Here, caller: Caller) -> Response:
    """Send again what has ended, with the same webhook-id; of each incident only the last word, which says all that was
    said before. `dry_run` first tells the effect."""
    plan = await _plan(asked, here)
    if not asked.dry_run:
        async with here.records.changing:
            await here.records.change(caller, DELIVERIES, *plan.changes(here.now(), caller.name))
    told = Redelivery(
        dry_run=asked.dry_run,
        subscription_id=plan.to.subscription_id,
        deliveries=[each.delivery_id for each, _ in plan.deliveries],
        states=plan.states,
        superseded=plan.superseded,
        without_alert=plan.without_alert,
        words=plan.words(),
    )
    return answer(request, told)


@router.get("/{delivery_id}", response_model=DeliveryTold)
async def get_delivery(
    delivery_id: Annotated[str, Path(pattern=r"^dlv_[a-z2-7]{26}$")], request: Request, here: Here
) -> Response:
    """One delivery with its attempts, as it lies on its topic."""
    found = await here.desk.delivery(delivery_id)
    if found is None:
        raise HTTPException(404, f"no delivery {delivery_id} is in the log")
    fields = found.model_dump(include=set(DeliveryTold.model_fields))
    return answer(request, DeliveryTold(**fields, subscription=_name(here.records, found.subscription_id)))


async def _plan(asked: RedeliveryAsked, here: Given) -> Plan:
    subscriptions = list(here.records.values(SUBSCRIPTIONS))
    if asked.delivery_id is not None:
        return await here.desk.plan_one(asked.delivery_id, subscriptions)
    to = next((each for each in subscriptions if each.subscription_id == asked.subscription_id), None)
    if to is None:
        raise HTTPException(404, f"no subscription {asked.subscription_id}")
    assert asked.since is not None
    return await here.desk.plan_range(to, asked.since, asked.until or here.now(), asked.states)


def _line(here: Given, each: Line) -> DeliveryLine:
    told, about = DeliveryLine.model_validate(each), here.live.incidents.get(each.incident_id)
    names = {"subscription": _name(here.records, each.subscription_id), "headline": about.headline if about else None}
    return told.model_copy(update=names)


def _name(records: Records, subscription_id: str) -> str | None:
    found = records.get(SUBSCRIPTIONS, subscription_id)
    return found.name if found else None
