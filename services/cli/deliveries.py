"""`chancery deliveries`: what was sent to whom and what came back; sent again where someone asks for it."""

from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Column, Table

from services.cli.context import EXIT_USAGE, SOURCE, AsJson, fail, out, print_json, say, with_broker
from services.cli.lengths import moment_of
from services.cli.subscriptions import all_subscriptions, one_named
from services.console.adapters.audited import myself, write_audited
from services.contracts.delivery import Delivery, DeliveryState
from services.contracts.topics import DELIVERIES
from services.notify.adapters.desk import Desk
from services.notify.core import redelivery
from services.notify.core.redelivery import Plan
from services.notify.core.refused import Refused
from services.notify.core.writing.text import one_line
from services.runtime.kafka import Publisher
from services.runtime.settings import Settings

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

        return await Desk(chosen).deliveries(wanted), {each.subscription_id: each.name for each in asked}

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
        found = await Desk(chosen).delivery(delivery_id)
        if found is None:
            fail(f"no delivery {delivery_id}; `chancery deliveries list` shows what there is")
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

    async def plan(chosen: Settings) -> Plan:
        asked, desk = await all_subscriptions(chosen), Desk(chosen)
        try:
            if delivery_id is not None:
                return await desk.plan_one(delivery_id, asked)
            return await desk.plan_range(one_named(asked, subscription or ""), begin, end, states)
        except Refused as error:
            fail(str(error))

    async def carry_out(chosen: Settings) -> None:
        async with Publisher(chosen, SOURCE) as publisher:
            who = myself()
            await write_audited(publisher, who, DELIVERIES, planned.changes(datetime.now(UTC), who.name))

    planned = with_broker(plan)
    if not as_json:
        say(planned.words())
    if planned.deliveries and not yes:
        if as_json:
            fail("--json asks nothing: give --yes", EXIT_USAGE)
        typer.confirm("Send?", abort=True)
    with_broker(carry_out)
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


def _shown(delivery: Delivery) -> dict[str, object]:
    return delivery.model_dump(mode="json", exclude={"alert"})


def _last(delivery: Delivery) -> str:
    if not delivery.attempts:
        return ""
    attempt = delivery.attempts[-1]
    status = f"{attempt.http_status} " if attempt.http_status else ""
    return f"{status}{attempt.outcome}, {attempt.took_s:.2f} s"
