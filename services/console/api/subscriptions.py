"""/v1/subscriptions: who is told what, and where; and who would be told of an alert."""

from datetime import timedelta
from typing import Annotated, Literal

from fastapi import APIRouter, Header, HTTPException, Path, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from services.console.api.answers import answer, next_link, no_cursor
from services.console.api.given import Caller, Given, Here, Records
from services.console.api.guarded import GuardedRoute
from services.console.api.problems import problem
from services.console.core.etags import may_change
from services.console.core.incidents import marked
from services.console.core.paging import BadCursor, page
from services.contracts.alert import Alert
from services.contracts.model import Instant
from services.contracts.subscription import Channel, Filter, Subscription, SubscriptionState
from services.contracts.topics import SUBSCRIPTIONS
from services.notify.adapters.proof import Proof
from services.notify.core import asking, subscribing
from services.notify.core.channels import preview
from services.notify.core.matching import explained
from services.notify.core.sample import sample_alert
from services.notify.core.status import Outcome
from services.notify.core.subscribing import Asked
from services.runtime.log import without_token

LONGEST_OVERLAP_S = 30 * 86_400
NO_STORE = {"Cache-Control": "no-store"}
"""Of an answer with a secret that is told once."""

router = APIRouter(tags=["subscriptions"], route_class=GuardedRoute)


class SubscriptionFields(BaseModel):
    """What people change of a subscription."""

    filter: Filter = Field(Filter(), description="what it asks for; all of it must hold")
    or_filters: tuple[Filter, ...] = Field((), description="what may hold instead")
    state: SubscriptionState = SubscriptionState.ACTIVE


class SubscriptionChange(BaseModel):
    """A filter is given whole: what of it is left out asks nothing."""

    model_config = ConfigDict(extra="forbid")

    filter: Filter = Filter()
    or_filters: tuple[Filter, ...] = Field((), max_length=50)
    state: Literal[SubscriptionState.ACTIVE, SubscriptionState.PAUSED] = Field(
        SubscriptionState.ACTIVE,
        description="active also brings back one that was disabled; what comes while it is paused is not sent later",
    )


class NewSubscription(BaseModel):
    """`secret`: a token or key of the endpoint's owner, or a webhook's key that its receiver knows already; else one is
    made where the channel signs. No `name`: the endpoint's host."""

    model_config = ConfigDict(extra="forbid")

    channel: Channel
    endpoint: str = Field(max_length=2_000, description="its whole address, which is never shown again")
    name: str = Field("", max_length=100)
    filter: Filter = Filter()
    or_filters: tuple[Filter, ...] = Field((), max_length=50)
    secret: str | None = Field(None, min_length=1, max_length=2_000)
    asymmetric: bool = Field(False, description="sign a webhook with a key pair of ours (v1a)")
    test: bool = Field(True, description="send a message marked EXERCISE first; what does not take it is not stored")
    challenge: bool = Field(False, description="a webhook has to answer a challenge before that")


class SubscriptionTold(SubscriptionFields):
    """`endpoint` is a URL's scheme and host, for the rest may be a password, or a mailbox. `has_secret` and
    `previous_until`, until when the one before signs too, are all that is told of secrets."""

    subscription_id: str
    name: str
    channel: Channel
    endpoint: str
    words: str = Field(description="what it asks for, in words")
    state_reason: str
    has_secret: bool
    previous_until: Instant | None
    active_since: Instant | None
    created_at: Instant


class SubscriptionPage(BaseModel):
    """`total` counts what the filter lets through; `next_cursor` is null on the last page."""

    items: list[SubscriptionTold]
    total: int
    next_cursor: str | None


class Tested(BaseModel):
    """What the endpoint made of a message; `reason` is in words, with the beginning of its answer."""

    delivered: bool
    outcome: Outcome
    reason: str


class Subscribed(BaseModel):
    """The secret that was made for the receiver (of a key pair the public half), told only here. `test` is null where
    none was wanted."""

    subscription: SubscriptionTold
    secret: str | None = None
    public_key: str | None = None
    test: Tested | None = None


class Rotation(BaseModel):
    """`overlap_s`: how long the old secret signs too; 0 where it has got out. No `asymmetric`: the kind it had."""

    model_config = ConfigDict(extra="forbid")

    overlap_s: int = Field(86_400, ge=0, le=LONGEST_OVERLAP_S)
    asymmetric: bool | None = None


class PreviewAsked(BaseModel):
    """No `alert`: the sample that tests send."""

    model_config = ConfigDict(extra="forbid")

    channel: Channel
    alert: str | None = Field(None, pattern=r"^(alr|inc)_[a-z2-7]{26}$", description="its id, or its incident's")
    late: bool = Field(False, description="marked as late")


class Preview(BaseModel):
    """The message as it is written, before what only an attempt knows is added: signature, key, topic."""

    channel: Channel
    alert_id: str
    headline: str
    media_type: str
    body: str


class Recipient(BaseModel):
    """One subscription, as it is now, against an alert. `reasons` against are one a filter; `delivery` is how that
    stands, empty where there is none."""

    subscription_id: str
    name: str
    told: bool
    reasons: tuple[str, ...]
    delivery: str


class Recipients(BaseModel):
    alert_id: str
    incident_id: str
    headline: str
    recipients: list[Recipient]


SubscriptionKey = Annotated[str, Path(pattern=r"^sub_[a-z2-7]{26}$")]
AlertOrIncident = Annotated[str, Path(pattern=r"^(alr|inc)_[a-z2-7]{26}$")]
IfMatch = Annotated[str | None, Header(description="the ETag that the subscription must still have")]


@router.get("/v1/subscriptions", response_model=SubscriptionPage)
async def list_subscriptions(
    request: Request,
    here: Here,
    channel: Channel | None = None,
    state: SubscriptionState | None = None,
    limit: Annotated[int, Query(ge=1, le=1_000)] = 100,
    cursor: Annotated[str | None, Query(max_length=4_000, description="next_cursor of the page before")] = None,
) -> Response:
    """Every subscription by name."""
    every = here.records.values(SUBSCRIPTIONS)
    found = (each for each in every if channel in (None, each.channel) and state in (None, each.state))
    try:
        shown = page(found, lambda each: (each.name.casefold(), each.subscription_id), limit, cursor)
    except BadCursor as error:
        raise no_cursor(error) from None
    told = SubscriptionPage(items=list(map(_told, shown.items)), total=shown.total, next_cursor=shown.next_cursor)
    return answer(request, told, headers=next_link(request, shown.next_cursor))


@router.post("/v1/subscriptions", response_model=Subscribed, status_code=201, responses={200: {"model": Subscribed}})
async def subscribe(new: NewSubscription, request: Request, here: Here, caller: Caller) -> Response:
    """Send alerts to an endpoint, once it has taken a message. The same endpoint and name again: changes it, answers
    200, and its secret stays, unless one is given."""
    asked = Asked(
        channel=new.channel,
        endpoint=new.endpoint.strip(),
        hint=without_token(new.endpoint.strip()),
        name=new.name.strip(),
        filters=_checked(new.filter, new.or_filters),
        secret=new.secret,
        asymmetric=new.asymmetric,
    )
    here.desk.check(asked, challenge=new.challenge)
    await here.desk.check_groups(*asked.filters)
    before = here.records.get(SUBSCRIPTIONS, subscribing.subscription_id(asked))
    made, secret = here.desk.subscribed(asked, before)
    proof = await here.desk.prove(made, challenge=new.challenge) if new.test or new.challenge else None
    if proof is not None and not proof.taken:
        return problem(422, f"not subscribed: the test message was {proof.words()}{_advice(proof, secret)}")
    async with here.records.changing:
        if here.records.get(SUBSCRIPTIONS, made.subscription_id) != before:
            raise HTTPException(409, "the subscription was changed while its endpoint was tested; try again")
        await here.records.change(caller, SUBSCRIPTIONS, (before, made))
    told = Subscribed(
        subscription=_told(made),
        test=_tested(proof) if proof else None,
        **(subscribing.told_once(secret) if secret else {}),
    )
    headers = {"Location": f"/v1/subscriptions/{made.subscription_id}", **NO_STORE}
    return answer(request, told, changed=_fields(made), status=200 if before else 201, headers=headers)


@router.post("/v1/subscriptions/preview", response_model=Preview)
async def preview_message(asked: PreviewAsked, request: Request, here: Here) -> Response:
    """What a channel would be sent of a past alert, or of the sample. Nothing is sent."""
    alert = await _alert(here, asked.alert) if asked.alert else sample_alert(here.now())
    media_type, body = preview(asked.channel, alert, late=asked.late)
    told = Preview(
        channel=asked.channel,
        alert_id=alert.alert_id,
        headline=alert.headline,
        media_type=media_type,
        body=body.decode(),
    )
    return answer(request, told)


@router.get("/v1/subscriptions/{subscription_id}", response_model=SubscriptionTold)
async def get_subscription(subscription_id: SubscriptionKey, request: Request, here: Here) -> Response:
    """One subscription."""
    return _one(request, _there(here.records, subscription_id))


@router.patch("/v1/subscriptions/{subscription_id}", response_model=SubscriptionTold)
async def change_subscription(
    subscription_id: SubscriptionKey,
    change: SubscriptionChange,
    request: Request,
    here: Here,
    caller: Caller,
    if_match: IfMatch = None,
) -> Response:
    """Change its filters, pause it (`state` paused) or resume it (active)."""
    await here.desk.check_groups(*_checked(change.filter, change.or_filters))
    async with here.records.changing:
        found = _unchanged(here.records, subscription_id, if_match)
        filters = change.model_fields_set & {"filter", "or_filters"}
        changed = found.model_copy(update={name: getattr(change, name) for name in filters})
        if "state" in change.model_fields_set and change.state is not found.state:
            changed = subscribing.in_state(changed, change.state, here.now())
        await here.records.change(caller, SUBSCRIPTIONS, (found, changed))
    return _one(request, changed)


@router.delete("/v1/subscriptions/{subscription_id}", status_code=204)
async def remove_subscription(
    subscription_id: SubscriptionKey, here: Here, caller: Caller, if_match: IfMatch = None
) -> None:
    """Forget it, its endpoint and its secrets. Its deliveries stay in the log; what was pending is dropped."""
    async with here.records.changing:
        found = _unchanged(here.records, subscription_id, if_match)
        await here.records.change(caller, SUBSCRIPTIONS, (found, None))


@router.post("/v1/subscriptions/{subscription_id}/test", response_model=Tested)
async def test_subscription(subscription_id: SubscriptionKey, request: Request, here: Here) -> Response:
    """Send a message marked EXERCISE to its endpoint now. One that is not taken is an answer, not an error."""
    return answer(request, _tested(await here.desk.prove(_there(here.records, subscription_id))))


@router.post("/v1/subscriptions/{subscription_id}/rotate", response_model=Subscribed)
async def rotate_secret(
    subscription_id: SubscriptionKey, asked: Rotation, request: Request, here: Here, caller: Caller
) -> Response:
    """Give a webhook a new signing secret, told only in this answer. Until the overlap ends both sign."""
    async with here.records.changing:
        found = _there(here.records, subscription_id)
        rotated, secret = here.desk.rotated(found, timedelta(seconds=asked.overlap_s), asked.asymmetric)
        await here.records.change(caller, SUBSCRIPTIONS, (found, rotated))
    told = Subscribed(subscription=_told(rotated), **subscribing.told_once(secret))
    return answer(request, told, changed=_fields(rotated), headers=NO_STORE)


@router.get("/v1/alerts/{alert_id}/recipients", response_model=Recipients)
async def recipients_of(alert_id: AlertOrIncident, request: Request, here: Here) -> Response:
    """Who gets an alert and why, who does not and why not, and what came of each delivery. By an incident's id: its
    last alert."""
    alert = await _alert(here, alert_id)
    rows = explained(alert, here.records.values(SUBSCRIPTIONS), here.desk.log.get)
    told = Recipients(
        alert_id=alert.alert_id,
        incident_id=alert.incident.incident_id,
        headline=marked(alert.headline, alert.exercise),
        recipients=[Recipient(**row._asdict()) for row in rows],
    )
    return answer(request, told)


async def _alert(here: Given, which: str) -> Alert:
    recent = here.live.alerts.get(which)
    found = [recent] if recent else here.live.alerts.of(which) or await here.desk.alerts({which})
    if not found:
        raise HTTPException(404, f"no alert {which} is kept")
    return max(found, key=lambda each: each.incident.revision)


def _checked(first: Filter, others: tuple[Filter, ...]) -> tuple[Filter, ...]:
    return asking.check(first), *(asking.check(each, f"or_filters/{n}") for n, each in enumerate(others))


def _there(records: Records, subscription_id: str) -> Subscription:
    found = records.get(SUBSCRIPTIONS, subscription_id)
    if found is None:
        raise HTTPException(404, f"no subscription {subscription_id}")
    return found


def _unchanged(records: Records, subscription_id: str, if_match: str | None) -> Subscription:
    """The subscription, if it is the one that the caller saw."""
    found = _there(records, subscription_id)
    if not may_change(if_match, _fields(found)):
        raise HTTPException(412, "the subscription was changed since; get it again")
    return found


def _advice(proof: Proof, secret: str | None) -> str:
    if secret is None or not proof.refused_access:
        return ""
    return ". If it verifies signatures it has to know the secret first: make one, tell it, and give it as `secret`"


def _one(request: Request, found: Subscription) -> Response:
    return answer(request, _told(found), changed=_fields(found))


def _fields(found: Subscription) -> SubscriptionFields:
    return SubscriptionFields.model_validate(found, from_attributes=True)


def _tested(proof: Proof) -> Tested:
    return Tested(delivered=proof.taken, outcome=proof.judgement.outcome, reason=proof.words())


def _told(found: Subscription) -> SubscriptionTold:
    return SubscriptionTold(
        subscription_id=found.subscription_id,
        name=found.name,
        channel=found.channel,
        endpoint=found.endpoint_hint,
        words=asking.all_words(found),
        filter=found.filter,
        or_filters=found.or_filters,
        state=found.state,
        state_reason=found.state_reason,
        has_secret=found.secret is not None,
        previous_until=found.previous_until,
        active_since=found.active_since,
        created_at=found.created_at,
    )
