"""`chancery subscribe`: one command a channel, all with the same options."""

import sys
from collections.abc import Callable
from datetime import UTC, datetime
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import typer

from services.cli import filters
from services.cli.context import EXIT_USAGE, SOURCE, AsJson, fail, print_json, say, settings, with_broker
from services.cli.subscriptions import shown, words
from services.contracts import ids
from services.contracts.report import Certainty, Severity
from services.contracts.subscription import Channel, Corroboration, Filter, Subscription
from services.contracts.topics import SUBSCRIPTIONS
from services.notify.core.channels import CHANNELS
from services.notify.core.channels.rules import Secret
from services.notify.core.channels.webhook.signing import secret_key
from services.runtime.kafka import Publisher
from services.runtime.log import without_token
from services.runtime.secrets import Vault, new_webhook_secret
from services.runtime.settings import Settings

subscribe = typer.Typer(help="Send alerts to an endpoint: one command a channel.", no_args_is_help=True)

Url = Annotated[
    str, typer.Argument(metavar="URL|-", help="The endpoint. It is a password: - reads it from standard input.")
]
Name = Annotated[str, typer.Option(help="What people call it; by default the endpoint's host.")]
SecretFile = Annotated[
    Path | None,
    typer.Option(help="File with the secret: a token, or a webhook's key (whsec_…; else made and shown once)."),
]


def register(app: typer.Typer) -> None:
    for channel in CHANNELS:
        subscribe.command(str(channel), help=_help(channel))(_command(channel))
    app.add_typer(subscribe, name="subscribe")


def _help(channel: Channel) -> str:
    rules = CHANNELS[channel]
    given = " --secret-file token.txt" if rules.secret is Secret.GIVEN else ""
    return (
        f"Send alerts to {rules.about}; the endpoint is {rules.endpoint}. "
        "Again with the same endpoint and name changes it."
        f"\n\nExample: chancery subscribe {channel} -{given} --host-state IQ --min-severity severe < url.txt"
    )


def _command(channel: Channel) -> Callable[..., None]:
    def command(
        url: Url,
        name: Name = "",
        host_state: filters.States = None,
        sending_state: filters.States = None,
        site: filters.Sites = None,
        near: filters.Near = None,
        types: filters.Types = None,
        outcome: filters.Outcomes = None,
        language: filters.Languages = None,
        min_severity: filters.MinSeverity = Severity.MINOR,
        min_certainty: filters.MinCertainty = Certainty.UNLIKELY,
        sources: filters.Sources = Corroboration.ANY,
        no_updates: filters.NoUpdates = False,
        exercises: filters.Exercises = False,
        alternatives: filters.Or = None,
        secret_file: SecretFile = None,
        as_json: AsJson = False,
    ) -> None:
        asked = filters.filter_of(
            host_states=host_state,
            sending_states=sending_state,
            sites=site,
            near=near,
            types=types,
            outcomes=outcome,
            languages=language,
            min_severity=min_severity,
            min_certainty=min_certainty,
            sources=sources,
            updates=not no_updates,
            exercises=exercises,
        )
        _subscribe(channel, url, name, (asked, *filters.or_filters(alternatives)), secret_file, as_json)

    return command


def _subscribe(
    channel: Channel, url: str, name: str, asked: tuple[Filter, ...], secret_file: Path | None, as_json: bool
) -> None:
    chosen = settings()
    endpoint = _endpoint(sys.stdin.readline() if url == "-" else url, chosen)
    given = _given_secret(channel, secret_file)
    secret = given or (new_webhook_secret() if CHANNELS[channel].secret is Secret.MADE else None)

    async def run(chosen: Settings) -> Subscription:
        vault = Vault([key.get_secret_value() for key in chosen.secrets.keys])
        made = Subscription(
            subscription_id=ids.subscription_id(channel, endpoint, name),
            name=name or urlsplit(endpoint).netloc.rpartition("@")[2],
            channel=channel,
            endpoint=vault.encrypt(endpoint),
            endpoint_hint=without_token(endpoint),
            secret=vault.encrypt(secret) if secret else None,
            filter=asked[0],
            or_filters=asked[1:],
            created_at=datetime.now(UTC),
        )
        async with Publisher(chosen, SOURCE) as publisher:
            await publisher.publish(SUBSCRIPTIONS, made)
        return made

    made = with_broker(run)
    shown_once = None if given else secret
    if as_json:
        print_json({"subscription": shown(made), "secret": shown_once})
        return
    say(f"subscribed {made.name} ({made.subscription_id}) to {words(made)}")
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


def _given_secret(channel: Channel, path: Path | None) -> str | None:
    """The secret in the file. Ends the command where one is missing, not wanted or of the wrong form."""
    wanted = CHANNELS[channel].secret
    if path is None:
        if wanted is Secret.GIVEN:
            fail(f"{channel} needs --secret-file: a file with the endpoint's token or key", EXIT_USAGE)
        return None
    if wanted is Secret.NONE:
        fail(f"{channel} takes no secret: its address is the password", EXIT_USAGE)
    try:
        secret = path.read_text().strip()
        if wanted is Secret.MADE:
            secret_key(secret)
        elif not secret or not secret.isascii() or not secret.isprintable():
            raise ValueError("a token or key of printable ASCII characters is expected")
    except (OSError, ValueError) as error:
        fail(f"--secret-file {path}: {error}", EXIT_USAGE)
    return secret
