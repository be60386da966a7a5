"""`chancery subscriptions`: who is told what, and where."""

from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Column, Table

from services.cli.context import EXIT_USAGE, SOURCE, AsJson, fail, out, print_json, say, with_broker
from services.cli.lengths import length_of
from services.console.adapters.audited import myself, write_audited
from services.console.core.auditing import HIDDEN
from services.console.core.incidents import marked
from services.contracts.alert import Alert
from services.contracts.subscription import Subscription, SubscriptionState
from services.contracts.topics import SUBSCRIPTIONS
from services.notify.adapters.desk import Desk
from services.notify.adapters.proof import Proof
from services.notify.core.asking import all_words
from services.notify.core.matching import Explained, explained
from services.notify.core.refused import Refused
from services.notify.core.subscribing import in_state, told_once
from services.runtime.kafka import Publisher
from services.runtime.settings import Settings
from services.runtime.topic_table import snapshot

subscriptions = typer.Typer(help="Who is told: list, pause, resume, remove, test, rotate.", no_args_is_help=True)

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
        cells = (each.subscription_id, each.name, each.channel, each.endpoint_hint, state, all_words(each))
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
    """Forget it, its endpoint and its secrets."""

    async def run(chosen: Settings) -> Subscription:
        async with Publisher(chosen, SOURCE) as publisher:
            found = one_named(await all_subscriptions(chosen), which)
            await write_audited(publisher, myself(), SUBSCRIPTIONS, [(found, None)])
        return found

    removed = with_broker(run)
    say(f"removed {removed.name} ({removed.subscription_id})")


@subscriptions.command()
def explain(
    alert: Annotated[str, typer.Argument(metavar="ALERT", help="Its id, or an incident's: then its last.")],
    as_json: AsJson = False,
) -> None:
    """Who gets an alert and why, and who does not: each subscription as it is now, and what came of the delivery.

    Example: chancery subscriptions explain inc_…
    """
    found, rows = with_broker(lambda chosen: _explained(chosen, alert))
    if as_json:
        print_json({"alert_id": found.alert_id, "subscriptions": [row._asdict() for row in rows]})
        return
    say(f"{found.alert_id}: {marked(found.headline, found.exercise)}")
    table = Table("subscription", "told", "why", "delivery")
    for row in rows:
        why = "\nor ".join(row.reasons)
        table.add_row(*map(escape, (row.name, "yes" if row.told else "no", why, row.delivery)))
    out.print(table if rows else "no subscriptions; make one with `chancery subscribe CHANNEL URL`")


@subscriptions.command("test")
def send_test(which: Which, as_json: AsJson = False) -> None:
    """Send an alert marked EXERCISE to the endpoint now, from this machine. Exits 1 if it is not taken."""

    async def run(chosen: Settings) -> Proof:
        return await Desk(chosen).prove(one_named(await all_subscriptions(chosen), which))

    proof = with_broker(run)
    if as_json:
        print_json(proof.for_machines())
    else:
        say(proof.words())
    if not proof.taken:
        raise typer.Exit(1)


@subscriptions.command()
def rotate(
    which: Which,
    overlap: Annotated[
        str, typer.Option(metavar="24h", help="How long the old secret signs too; 0 when it has got out.")
    ] = "24h",
    asymmetric: Annotated[
        bool | None, typer.Option("--asymmetric/--symmetric", help="The new kind; by default the old one's.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Give a webhook a new signing secret, shown only now. Until the overlap ends both sign: a receiver takes either.

    Example: chancery subscriptions rotate desk --overlap 2d
    """
    lasts = timedelta(0) if overlap.strip() == "0" else length_of(overlap, "--overlap")

    async def run(chosen: Settings) -> tuple[Subscription, str]:
        async with Publisher(chosen, SOURCE) as publisher:
            found = one_named(await all_subscriptions(chosen), which)
            try:
                rotated, secret = Desk(chosen).rotated(found, lasts, asymmetric)
            except Refused as error:
                fail(str(error))
            await write_audited(publisher, myself(), SUBSCRIPTIONS, [(found, rotated)])
        return rotated, secret

    rotated, secret = with_broker(run)
    if as_json:
        print_json({"subscription": shown(rotated), **told_once(secret)})
        return
    until = rotated.previous_until
    old = f"the old one signs too until {until:%F %T} UTC" if until else "the old one signs nothing more"
    say(f"rotated the secret of {rotated.name} ({rotated.subscription_id}); {old}")
    say_once(secret)


def say_once(secret: str) -> None:
    for what, value in told_once(secret).items():
        say(f"{'public key' if what == 'public_key' else 'signing secret'}, shown only now: {value}")


def shown(subscription: Subscription) -> dict[str, object]:
    """What people and machines may see of it."""
    return subscription.model_dump(mode="json", exclude=set(HIDDEN[Subscription.KIND]))


async def _explained(chosen: Settings, which: str) -> tuple[Alert, list[Explained]]:
    desk = Desk(chosen)
    named = await desk.alerts({which})
    if not named:
        fail(f"no alert {which!r} is kept; its incident's id (inc_…) stands in every message")
    alert = max(named, key=lambda each: each.incident.revision)
    logged = {each.delivery_id: each for each in await desk.deliveries(lambda each: each.alert_id == alert.alert_id)}
    return alert, explained(alert, await all_subscriptions(chosen), logged.get)


async def _changed(chosen: Settings, which: str, state: SubscriptionState) -> Subscription:
    async with Publisher(chosen, SOURCE) as publisher:
        found = one_named(await all_subscriptions(chosen), which)
        changed = in_state(found, state, datetime.now(UTC))
        await write_audited(publisher, myself(), SUBSCRIPTIONS, [(found, changed)])
    return changed


def one_named(found: list[Subscription], which: str) -> Subscription:
    named = [each for each in found if which in (each.subscription_id, each.name)]
    if not named:
        fail(f"no subscription {which}; `chancery subscriptions list` shows what there is")
    if len(named) > 1:
        fail(f"{len(named)} subscriptions are named {which}; give the id of one", EXIT_USAGE)
    return named[0]


async def all_subscriptions(chosen: Settings) -> list[Subscription]:
    return list((await snapshot(chosen, [SUBSCRIPTIONS])).values(SUBSCRIPTIONS))
