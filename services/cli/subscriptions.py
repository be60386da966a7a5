"""`chancery subscribe` and `chancery subscriptions`: who is told what, and where."""

import sys
from datetime import UTC, datetime
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import typer
from rich.markup import escape
from rich.table import Column, Table

from services.cli.context import EXIT_USAGE, SOURCE, fail, out, print_json, say, settings, with_broker
from services.cli.filters import (
    Exercises,
    MinCertainty,
    MinSeverity,
    NoUpdates,
    States,
    Types,
    filter_of,
    words,
)
from services.contracts import ids
from services.contracts.report import Certainty, Severity
from services.contracts.subscription import Channel, Filter, Subscription, SubscriptionState
from services.contracts.topics import SUBSCRIPTIONS
from services.notify.adapters.sender import Sender
from services.notify.core.channel import CHANNELS
from services.notify.core.retry import VERDICTS, Verdict
from services.notify.core.sample import sample_alert
from services.notify.core.signing import secret_key
from services.notify.core.status import Judgement
from services.runtime.kafka import Publisher
from services.runtime.log import without_token
from services.runtime.secrets import Vault, new_webhook_secret
from services.runtime.settings import Settings
from services.runtime.topic_table import snapshot

NEVER_SHOWN = {"endpoint", "secret"}


subscribe = typer.Typer(help="Send alerts to a Slack channel or a webhook.", no_args_is_help=True)
subscriptions = typer.Typer(help="Who is told: list, pause, resume, remove, test.", no_args_is_help=True)

Url = Annotated[
    str, typer.Argument(metavar="URL|-", help="The endpoint. It is a password: - reads it from standard input.")
]
Which = Annotated[str, typer.Argument(metavar="ID|NAME", help="As `chancery subscriptions list` prints it.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]
Name = Annotated[str, typer.Option(help="What people call it; by default the endpoint's host.")]


def register(app: typer.Typer) -> None:
    app.add_typer(subscribe, name="subscribe")
    app.add_typer(subscriptions, name="subscriptions")


@subscribe.command()
def slack(
    url: Url,
    name: Name = "",
    host_state: States = None,
    sending_state: States = None,
    types: Types = None,
    min_severity: MinSeverity = Severity.MINOR,
    min_certainty: MinCertainty = Certainty.UNLIKELY,
    no_updates: NoUpdates = False,
    exercises: Exercises = False,
    as_json: AsJson = False,
) -> None:
    """Send alerts to a Slack channel, by an incoming webhook's URL. Again with the same URL and name changes it.

    Example: chancery subscribe slack - --host-state IQ --min-severity severe < slack-url.txt
    """
    asked = filter_of(host_state, sending_state, types, min_severity, min_certainty, no_updates, exercises)
    _subscribe(Channel.SLACK, url, name, asked, None, as_json)


@subscribe.command()
def webhook(
    url: Url,
    name: Name = "",
    host_state: States = None,
    sending_state: States = None,
    types: Types = None,
    min_severity: MinSeverity = Severity.MINOR,
    min_certainty: MinCertainty = Certainty.UNLIKELY,
    no_updates: NoUpdates = False,
    exercises: Exercises = False,
    secret_file: Annotated[
        Path | None, typer.Option(help="File with the signing secret (whsec_…); by default one is made and shown once.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Send alerts to a webhook, signed (Standard Webhooks 1.0.0). Again with the same URL and name changes it.

    Example: chancery subscribe webhook https://desk.example/hook --type bombing_ied
    """
    asked = filter_of(host_state, sending_state, types, min_severity, min_certainty, no_updates, exercises)
    _subscribe(Channel.WEBHOOK, url, name, asked, secret_file, as_json)


@subscriptions.command("list")
def list_subscriptions(as_json: AsJson = False) -> None:
    """Every subscription, without its endpoint's password and its secret."""
    found = sorted(with_broker(_all), key=lambda subscription: subscription.name.casefold())
    if as_json:
        print_json([_shown(subscription) for subscription in found])
        return
    table = Table(Column("id", no_wrap=True, overflow="fold"), "name", "channel", "endpoint", "state", "asks for")
    for each in found:
        state = f"{each.state}: {each.state_reason}" if each.state_reason else each.state
        cells = (each.subscription_id, each.name, each.channel, each.endpoint_hint, state, words(each.filter))
        table.add_row(*map(escape, cells))
    out.print(table if found else "no subscriptions; make one with `chancery subscribe slack|webhook URL`")


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
            found = _one(await _read(chosen, publisher), which)
            await publisher.delete(SUBSCRIPTIONS, found.key)
        return found

    removed = with_broker(run)
    say(f"removed {removed.name} ({removed.subscription_id})")


@subscriptions.command("test")
def send_test(which: Which, as_json: AsJson = False) -> None:
    """Send an alert marked EXERCISE to the endpoint now, from this machine. Exits 1 if it is not taken."""

    async def run(chosen: Settings) -> Judgement:
        found = _one(await _all(chosen), which)
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


def _subscribe(channel: Channel, url: str, name: str, asked: Filter, secret_file: Path | None, as_json: bool) -> None:
    chosen = settings()
    endpoint = _endpoint(sys.stdin.readline() if url == "-" else url, chosen)
    given = _secret(secret_file) if secret_file else None
    secret = given or (new_webhook_secret() if CHANNELS[channel].signed else None)

    async def run(chosen: Settings) -> Subscription:
        vault = Vault([key.get_secret_value() for key in chosen.secrets.keys])
        made = Subscription(
            subscription_id=ids.subscription_id(channel, endpoint, name),
            name=name or urlsplit(endpoint).netloc.rpartition("@")[2],
            channel=channel,
            endpoint=vault.encrypt(endpoint),
            endpoint_hint=without_token(endpoint),
            secret=vault.encrypt(secret) if secret else None,
            filter=asked,
            created_at=datetime.now(UTC),
        )
        async with Publisher(chosen, SOURCE) as publisher:
            await publisher.publish(SUBSCRIPTIONS, made)
        return made

    made = with_broker(run)
    shown_once = None if given else secret
    if as_json:
        print_json({"subscription": _shown(made), "secret": shown_once})
        return
    say(f"subscribed {made.name} ({made.subscription_id}) to {words(asked)}")
    if shown_once:
        say(f"signing secret, shown only now: {shown_once}")


def _endpoint(url: str, chosen: Settings) -> str:
    """The URL if alerts may be sent there. Ends the command without repeating it, since it is a password."""
    url = url.strip()
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        parts.port  # noqa: B018 - raises for a port that is none
    except ValueError:
        host = ""
    if not host or any(character.isspace() for character in url):
        fail("that is no URL; give the whole address, as https://host/path", EXIT_USAGE)
    open_to_all = parts.scheme != "https"
    if open_to_all and (parts.scheme != "http" or chosen.notify.require_https or not _is_loopback(host)):
        fail(f"the endpoint must be https, not {parts.scheme or 'without scheme'}: alerts are not for all", EXIT_USAGE)
    return url


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _secret(path: Path) -> str:
    try:
        secret = path.read_text().strip()
        secret_key(secret)
    except (OSError, ValueError) as error:
        fail(f"--secret-file {path}: {error}", EXIT_USAGE)
    return secret


def _shown(subscription: Subscription) -> dict[str, object]:
    return subscription.model_dump(mode="json", exclude=NEVER_SHOWN)


async def _changed(chosen: Settings, which: str, state: SubscriptionState) -> Subscription:
    async with Publisher(chosen, SOURCE) as publisher:
        found = _one(await _read(chosen, publisher), which)
        changed = found.model_copy(update={"state": state, "state_reason": ""})
        await publisher.publish(SUBSCRIPTIONS, changed)
    return changed


def _one(found: list[Subscription], which: str) -> Subscription:
    named = [each for each in found if which in (each.subscription_id, each.name)]
    if not named:
        fail(f"no subscription {which}; `chancery subscriptions list` shows what there is")
    if len(named) > 1:
        fail(f"{len(named)} subscriptions are named {which}; give the id of one", EXIT_USAGE)
    return named[0]


async def _all(chosen: Settings) -> list[Subscription]:
    async with Publisher(chosen, SOURCE) as publisher:
        return await _read(chosen, publisher)


async def _read(chosen: Settings, publisher: Publisher) -> list[Subscription]:
    table = await snapshot(chosen, [SUBSCRIPTIONS])
    return [record for record in table.values(SUBSCRIPTIONS) if isinstance(record, Subscription)]
