"""`chancery subscriptions`: who is told what, and where."""

from datetime import UTC, datetime
from typing import Annotated, NamedTuple

import typer
from rich.markup import escape
from rich.table import Column, Table

from services.cli import filters
from services.cli.context import EXIT_USAGE, SOURCE, AsJson, fail, out, print_json, say, with_broker
from services.contracts import ids
from services.contracts.alert import Alert
from services.contracts.delivery import Delivery
from services.contracts.model import Record
from services.contracts.subscription import Subscription, SubscriptionState
from services.contracts.topics import ALERTS, DELIVERIES, SUBSCRIPTIONS
from services.notify.adapters.sender import Sender
from services.notify.core.channels import CHANNELS
from services.notify.core.filter import should_notify
from services.notify.core.retry import VERDICTS, Verdict
from services.notify.core.sample import sample_alert
from services.notify.core.status import Judgement
from services.runtime.kafka import Publisher
from services.runtime.settings import Settings
from services.runtime.topic_table import snapshot

NEVER_SHOWN = {"endpoint", "secret"}

subscriptions = typer.Typer(help="Who is told: list, pause, resume, remove, test.", no_args_is_help=True)

Which = Annotated[str, typer.Argument(metavar="ID|NAME", help="As `chancery subscriptions list` prints it.")]


def register(app: typer.Typer) -> None:
    app.add_typer(subscriptions, name="subscriptions")


@subscriptions.command("list")
def list_subscriptions(as_json: AsJson = False) -> None:
    """Every subscription, without its endpoint's password and its secret."""
    found = sorted(with_broker(all_subscriptions), key=lambda subscription: subscription.name.casefold())
    if as_json:
        print_json([shown(subscription) for subscription in found])
        return
    table = Table(Column("id", no_wrap=True, overflow="fold"), "name", "channel", "endpoint", "state", "asks for")
    for each in found:
        state = f"{each.state}: {each.state_reason}" if each.state_reason else each.state
        cells = (each.subscription_id, each.name, each.channel, each.endpoint_hint, state, words(each))
        table.add_row(*map(escape, cells))
    out.print(table if found else "no subscriptions; make one with `chancery subscribe CHANNEL URL`")


@subscriptions.command()
def pause(which: Which) -> None:
    """Send nothing until it is resumed. What comes in between is not sent later."""
    changed = with_broker(lambda chosen: _changed(chosen, which, SubscriptionState.PAUSED))
    say(f"paused {changed.name} ({changed.subscription_id})")


@subscriptions.command()
def resume(which: Which) -> None:
    """Send again what comes from now on; also brings back one that was disabled."""
    changed = with_broker(lambda chosen: _changed(chosen, which, SubscriptionState.ACTIVE))
    say(f"resumed {changed.name} ({changed.subscription_id})")


@subscriptions.command()
def remove(which: Which) -> None:
    """Forget it, its endpoint and its secret."""

    async def run(chosen: Settings) -> Subscription:
        async with Publisher(chosen, SOURCE) as publisher:
            found = one_named(await _read(chosen, publisher), which)
            await publisher.delete(SUBSCRIPTIONS, found.key)
        return found

    removed = with_broker(run)
    say(f"removed {removed.name} ({removed.subscription_id})")


@subscriptions.command()
def explain(
    alert: Annotated[str, typer.Argument(metavar="ALERT", help="Its id, or an incident's: then its last.")],
    as_json: AsJson = False,
) -> None:
    """Who gets an alert and why, and who does not: each subscription as it is now, and what came of the delivery.

    Example: chancery subscriptions explain inc_…-3
    """
    found, rows = with_broker(lambda chosen: _explained(chosen, alert))
    if as_json:
        print_json({"alert_id": found.alert_id, "subscriptions": [row._asdict() for row in rows]})
        return
    say(f"{found.alert_id}: {found.headline}")
    table = Table("subscription", "told", "why", "delivery")
    for row in rows:
        why = "\nor ".join(row.reasons)
        table.add_row(*map(escape, (row.name, "yes" if row.told else "no", why, row.delivery)))
    out.print(table if rows else "no subscriptions; make one with `chancery subscribe CHANNEL URL`")


@subscriptions.command("test")
def send_test(which: Which, as_json: AsJson = False) -> None:
    """Send an alert marked EXERCISE to the endpoint now, from this machine. Exits 1 if it is not taken."""

    async def run(chosen: Settings) -> Judgement:
        found = one_named(await all_subscriptions(chosen), which)
        rules = CHANNELS[found.channel]
        now = datetime.now(UTC)
        alert = sample_alert(now)
        async with Sender(chosen) as sender:
            delivery_id = ids.delivery_id(alert.alert_id, found.subscription_id)
            return rules.judge(await sender.send(found, delivery_id, rules.render(alert), now))

    judged = with_broker(run)
    delivered = VERDICTS[judged.outcome] is Verdict.DELIVERED
    if as_json:
        print_json({"delivered": delivered, "outcome": judged.outcome, "reason": judged.reason})
    else:
        say(f"{'delivered' if delivered else 'not delivered'}: {judged.reason}")
    if not delivered:
        raise typer.Exit(1)


def shown(subscription: Subscription) -> dict[str, object]:
    """What people and machines may see of it."""
    return subscription.model_dump(mode="json", exclude=NEVER_SHOWN)


class Explained(NamedTuple):
    """One subscription against one alert. `delivery` is its state and reason in the log, empty where there is none."""

    subscription_id: str
    name: str
    told: bool
    reasons: tuple[str, ...]
    delivery: str


async def _explained(chosen: Settings, which: str) -> tuple[Alert, list[Explained]]:
    named: list[Alert] = []

    def keep(record: Record) -> None:
        if isinstance(record, Alert) and which in (record.alert_id, record.incident.incident_id):
            named.append(record)

    await snapshot(chosen, [ALERTS], row=keep)
    if not named:
        fail(f"no alert {which!r} is kept; its id stands in every message")
    alert = max(named, key=lambda each: each.incident.revision)
    asked = sorted(await all_subscriptions(chosen), key=lambda each: each.name.casefold())
    ids_of = {ids.delivery_id(alert.alert_id, each.subscription_id): each.subscription_id for each in asked}
    logged = await snapshot(chosen, [DELIVERIES], row=lambda record: record if record.key in ids_of else None)
    states = {
        ids_of[each.delivery_id]: f"{each.state}{f': {each.reason}' if each.reason else ''}"
        for each in logged.values(DELIVERIES)
        if isinstance(each, Delivery)
    }
    return alert, [
        Explained(each.subscription_id, each.name, *should_notify(each, alert), states.get(each.subscription_id, ""))
        for each in asked
    ]


def words(subscription: Subscription) -> str:
    """What a subscription asks for, in words."""
    return "; or ".join(filters.words(each) for each in subscription.filters)


async def _changed(chosen: Settings, which: str, state: SubscriptionState) -> Subscription:
    async with Publisher(chosen, SOURCE) as publisher:
        found = one_named(await _read(chosen, publisher), which)
        changed = found.model_copy(update={"state": state, "state_reason": ""})
        await publisher.publish(SUBSCRIPTIONS, changed)
    return changed


def one_named(found: list[Subscription], which: str) -> Subscription:
    named = [each for each in found if which in (each.subscription_id, each.name)]
    if not named:
        fail(f"no subscription {which}; `chancery subscriptions list` shows what there is")
    if len(named) > 1:
        fail(f"{len(named)} subscriptions are named {which}; give the id of one", EXIT_USAGE)
    return named[0]


async def all_subscriptions(chosen: Settings) -> list[Subscription]:
    async with Publisher(chosen, SOURCE) as publisher:
        return await _read(chosen, publisher)


async def _read(chosen: Settings, publisher: Publisher) -> list[Subscription]:
    table = await snapshot(chosen, [SUBSCRIPTIONS])
    return [record for record in table.values(SUBSCRIPTIONS) if isinstance(record, Subscription)]
