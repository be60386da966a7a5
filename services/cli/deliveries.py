"""`chancery deliveries`: what was sent to whom and what came back; sent again where someone asks for it."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Column, Table

from services.cli.context import EXIT_USAGE, SOURCE, AsJson, fail, out, print_json, say, with_broker
from services.cli.lengths import moment_of
from services.cli.subscriptions import all_subscriptions, one_named
from services.console.adapters.audited import myself
from services.contracts.alert import Alert
from services.contracts.delivery import Delivery, DeliveryState
from services.contracts.ids import AlertId
from services.contracts.model import Record
from services.contracts.subscription import Subscription, SubscriptionState
from services.contracts.topics import ALERTS, DELIVERIES
from services.notify.adapters.store import Store
from services.notify.core import redelivery, retry
from services.notify.core.writing.text import one_line
from services.runtime.kafka import Publisher
from services.runtime.settings import Settings
from services.runtime.topic_table import snapshot

app = typer.Typer(help="What was sent to whom: list, show, send again.", no_args_is_help=True)

To = Annotated[str | None, typer.Option(metavar="ID|NAME", help="A subscription, as `subscriptions list` prints it.")]
States = Annotated[list[DeliveryState] | None, typer.Option("--state", help="Only these. Give it again for more.")]
Since = Annotated[
    str | None, typer.Option(metavar="2h|TIME", help="Made since: so long ago (30m, 8h, 2d), or a time (ISO 8601).")
]


@app.command("list")
def list_deliveries(
    subscription: To = None,
    incident: Annotated[str | None, typer.Option(help="An incident's id, or its beginning.")] = None,
    state: States = None,
    since: Since = None,
    limit: Annotated[int, typer.Option(min=1, help="The newest, so many at most.")] = 50,
    as_json: AsJson = False,
) -> None:
    """The newest deliveries: how each stands and what its endpoint said last.

    Example: chancery deliveries list --subscription desk --state expired --since 1d
    """
    begin = moment_of(since, "--since", datetime.now(UTC)) if since else None

    async def run(chosen: Settings) -> tuple[list[Delivery], dict[str, str]]:
        asked = await all_subscriptions(chosen)
        to = one_named(asked, subscription).subscription_id if subscription else None

        def wanted(each: Delivery) -> bool:
            return (
                (to is None or each.subscription_id == to)
                and (incident is None or each.incident_id.startswith(incident))
                and (not state or each.state in state)
                and (begin is None or each.created_at >= begin)
            )

        return await _log(chosen, wanted), {each.subscription_id: each.name for each in asked}

    found, names = with_broker(run)
    found = sorted(found, key=lambda each: (each.created_at, each.delivery_id), reverse=True)
    kept = found[:limit]
    if as_json:
        print_json([_shown(each) for each in kept])
        return
    table = Table(
        "made (UTC)", Column("id", no_wrap=True, overflow="fold"), "to", "revision", "state", "attempts", "last", "why"
    )
    for each in kept:
        cells = (
            f"{each.created_at.astimezone(UTC):%F %T}", each.delivery_id,
            names.get(each.subscription_id, each.subscription_id), str(each.revision), each.state,
            str(len(each.attempts)), _last(each), one_line(each.reason),
        )  # fmt: skip
        table.add_row(*map(escape, cells))
    out.print(table if kept else "no such deliveries")
    if len(found) > len(kept):
        say(f"{len(found) - len(kept)} older ones are not shown; see --limit")


@app.command()
def show(
    delivery_id: Annotated[str, typer.Argument(metavar="ID", help="As `chancery deliveries list` prints it.")],
    as_json: AsJson = False,
) -> None:
    """One delivery: every attempt, how long it took, and the beginning of each answer, secrets removed."""

    async def run(chosen: Settings) -> tuple[Delivery, str]:
        found = await _one(chosen, delivery_id)
        names = {each.subscription_id: each.name for each in await all_subscriptions(chosen)}
        return found, names.get(found.subscription_id, "a subscription that was removed")

    found, name = with_broker(run)
    if as_json:
        print_json(_shown(found))
        return
    say(f"{found.delivery_id} to {name} ({found.subscription_id})")
    say(f"alert {found.alert_id}, revision {found.revision} of {found.incident_id}")
    late = ", marked late" if found.late else ""
    say(f"{found.state}{late}{f': {one_line(found.reason)}' if found.reason else ''}")
    if found.next_attempt_at:
        say(f"next attempt {found.next_attempt_at.astimezone(UTC):%F %T} UTC")
    for number, attempt in enumerate(found.attempts, 1):
        if number - 1 in found.redelivered_after:
            say("sent again:")
        status = f"HTTP {attempt.http_status}, " if attempt.http_status else ""
        say(f"{number}. {attempt.at.astimezone(UTC):%F %T} UTC, {attempt.took_s:.3f} s, {status}{attempt.outcome}")
        if attempt.answer:
            say(f"   {one_line(attempt.answer)}")


@app.command()
def redeliver(
    delivery_id: Annotated[str | None, typer.Argument(metavar="[ID]", help="One delivery; else a time range.")] = None,
    subscription: To = None,
    since: Since = None,
    until: Annotated[str | None, typer.Option(metavar="1h|TIME", help="Made before; by default now.")] = None,
    state: States = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do it without being asked.")] = False,
    as_json: AsJson = False,
) -> None:
    """Send again what has ended, with the same webhook-id: one delivery, or those of a subscription in a time range.

    Of each incident the last word is sent, which says all that was said before. A range takes what was delivered,
    rejected, expired or dropped, unless --state says otherwise. Says what it would do before it does it.

    Example: chancery deliveries redeliver --subscription desk --since 8h --state expired
    """
    now = datetime.now(UTC)
    if (delivery_id is None) == (subscription is None) or (subscription is not None and since is None):
        fail("give the ID of a delivery, or --subscription and --since", EXIT_USAGE)
    if delivery_id is not None and (since or until or state):
        fail("--since, --until and --state go with --subscription, not with an ID", EXIT_USAGE)
    begin = moment_of(since, "--since", now) if since else now
    end = moment_of(until, "--until", now) if until else now
    states = frozenset(state or redelivery.SENT_AGAIN)
    if DeliveryState.PENDING in states:
        fail("--state pending: what is pending goes by itself", EXIT_USAGE)

    async def plan(chosen: Settings) -> _Plan:
        if delivery_id is not None:
            return await _plan_one(chosen, delivery_id)
        to = one_named(await all_subscriptions(chosen), subscription or "")
        theirs = await _log(chosen, lambda each: each.subscription_id == to.subscription_id)
        return await _planned(chosen, to, redelivery.chosen(theirs, begin, end, states))

    planned = with_broker(plan)
    if not as_json:
        say(planned.words())
    if planned.deliveries and not yes:
        if as_json:
            fail("--json asks nothing: give --yes", EXIT_USAGE)
        typer.confirm("Send?", abort=True)
    with_broker(planned.carry_out)
    if as_json:
        print_json(
            {
                "subscription_id": planned.to.subscription_id,
                "sent_again": [each.delivery_id for each, _ in planned.deliveries],
                "superseded": planned.superseded,
                "without_alert": planned.without_alert,
            }
        )
    elif planned.deliveries:
        say(f"{len(planned.deliveries)} are pending again; see `chancery deliveries list`")


@dataclass(frozen=True, slots=True)
class _Plan:
    """What would be sent again, and how much of what was asked for would not: for a newer revision was told since, or
    for its alert is older than the alerts topic keeps."""

    to: Subscription
    deliveries: Sequence[tuple[Delivery, Alert]]
    superseded: int
    without_alert: int

    def words(self) -> str:
        states = Counter(each.state for each, _ in self.deliveries)
        counted = ", ".join(f"{count} {state}" for state, count in sorted(states.items()))
        told = [f"{len(self.deliveries)} to send again to {self.to.name}" + (f" ({counted})" if counted else "")]
        if self.superseded:
            told.append(f"{self.superseded} left out, for a newer revision of the incident has its own delivery")
        if self.without_alert:
            told.append(f"{self.without_alert} left out, for the alert is no longer kept ({_kept_days()} days)")
        return "; ".join(told)

    async def carry_out(self, chosen: Settings) -> None:
        """Returns once all are acknowledged. Of two commands at a time one has its way: both write the same."""
        now = datetime.now(UTC)
        why = f"{myself().name} has it sent again"
        renewed = [
            redelivery.again(each, alert, now, why, place) for place, (each, alert) in enumerate(self.deliveries)
        ]
        async with Publisher(chosen, SOURCE) as publisher:
            await Store(publisher).put(*renewed)


async def _plan_one(chosen: Settings, delivery_id: str) -> _Plan:
    """The plan for one delivery. Ends the command where it cannot be sent again."""
    found = await _one(chosen, delivery_id)
    if not retry.is_final(found):
        fail(f"{delivery_id} is pending: it goes by itself")
    story = await _log(chosen, lambda each: each.incident_id == found.incident_id)
    last = redelivery.last_words(story)[found.subscription_id, found.incident_id]
    if last.revision > found.revision:
        fail(
            f"revision {last.revision} of its incident came after it and says what it said: "
            f"`chancery deliveries show {last.delivery_id}`"
        )
    to = [each for each in await all_subscriptions(chosen) if each.subscription_id == found.subscription_id]
    if not to:
        fail(f"its subscription {found.subscription_id} was removed")
    return await _planned(chosen, to[0], redelivery.Choice((found,), 0))


async def _planned(chosen: Settings, to: Subscription, choice: redelivery.Choice) -> _Plan:
    if to.state is not SubscriptionState.ACTIVE:
        fail(f"{to.name} is {to.state}: `chancery subscriptions resume {to.subscription_id}` first")
    alerts = await _alerts(chosen, {each.alert_id for each in choice.deliveries})
    found = [(each, alerts[each.alert_id]) for each in choice.deliveries if each.alert_id in alerts]
    return _Plan(to, found, choice.superseded, len(choice.deliveries) - len(found))


async def _one(chosen: Settings, delivery_id: str) -> Delivery:
    found = await _log(chosen, lambda each: each.delivery_id == delivery_id)
    if not found:
        fail(f"no delivery {delivery_id}; `chancery deliveries list` shows what there is")
    return found[0]


async def _log(chosen: Settings, wanted: Callable[[Delivery], bool]) -> list[Delivery]:
    """The deliveries without their alerts, of which there may be very many."""

    def row(record: Record) -> Record | None:
        return record.model_copy(update={"alert": None}) if isinstance(record, Delivery) and wanted(record) else None

    table = await snapshot(chosen, [DELIVERIES], row=row)
    return [record for record in table.values(DELIVERIES) if isinstance(record, Delivery)]


async def _alerts(chosen: Settings, wanted: set[AlertId]) -> dict[AlertId, Alert]:
    """Those of the alerts that are still kept. The topic's key is the incident: its table has only the last of each."""
    found: dict[AlertId, Alert] = {}

    def keep(record: Record) -> None:
        if isinstance(record, Alert) and record.alert_id in wanted:
            found[record.alert_id] = record

    if wanted:
        await snapshot(chosen, [ALERTS], row=keep)
    return found


def _shown(delivery: Delivery) -> dict[str, object]:
    return delivery.model_dump(mode="json", exclude={"alert"})


def _last(delivery: Delivery) -> str:
    if not delivery.attempts:
        return ""
    attempt = delivery.attempts[-1]
    status = f"{attempt.http_status} " if attempt.http_status else ""
    return f"{status}{attempt.outcome}, {attempt.took_s:.2f} s"


def _kept_days() -> int:
    assert ALERTS.kept is not None
    return ALERTS.kept.days
