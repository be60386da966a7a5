"""`chancery subscribe`: one command a channel, all with the same options."""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import typer

from services.cli import filters
from services.cli.context import EXIT_USAGE, SOURCE, AsJson, fail, print_json, say, settings, with_broker
from services.cli.proof import Proof, proved
from services.cli.subscriptions import say_once, shown, told_once, words
from services.console.adapters.audited import myself, write_audited
from services.contracts import ids
from services.contracts.report import Certainty, Severity
from services.contracts.subscription import Channel, Corroboration, Filter, Subscription
from services.contracts.topics import SUBSCRIPTIONS
from services.notify.core.channels import CHANNELS
from services.notify.core.channels.rules import Secret
from services.notify.core.channels.webhook.signing import secret_key
from services.runtime.kafka import Publisher
from services.runtime.log import without_token
from services.runtime.secrets import Vault, new_signing_key, new_webhook_secret
from services.runtime.settings import Settings
from services.runtime.topic_table import snapshot

subscribe = typer.Typer(help="Send alerts to an endpoint: one command a channel.", no_args_is_help=True)

Url = Annotated[
    str, typer.Argument(metavar="URL|-", help="The endpoint. It is a password: - reads it from standard input.")
]
Name = Annotated[str, typer.Option(help="What people call it; by default the endpoint's host.")]
SecretFile = Annotated[
    Path | None,
    typer.Option(help="File with the secret: a token, or a webhook's key (whsec_…; else made and shown once)."),
]

Asymmetric = Annotated[
    bool,
    typer.Option("--asymmetric", help="Sign a webhook with a key of ours (ed25519); the public key is shown once."),
]
Test = Annotated[
    bool,
    typer.Option("--test/--no-test", help="Send a message marked EXERCISE first; what does not take it is not stored."),
]
Challenge = Annotated[
    bool, typer.Option("--challenge", help="A webhook has to answer a challenge first: see docs/channels.md.")
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
        "Again with the same endpoint and name changes it; its secret stays."
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
        group: filters.Groups = None,
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
        asymmetric: Asymmetric = False,
        test: Test = True,
        challenge: Challenge = False,
        as_json: AsJson = False,
    ) -> None:
        asked = filters.filter_of(
            host_states=host_state,
            sending_states=sending_state,
            sites=site,
            near=near,
            groups=group,
            types=types,
            outcomes=outcome,
            languages=language,
            min_severity=min_severity,
            min_certainty=min_certainty,
            sources=sources,
            updates=not no_updates,
            exercises=exercises,
        )
        filters_asked = (asked, *filters.or_filters(alternatives))
        signing = _Signing(_given_secret(channel, secret_file), asymmetric)
        if CHANNELS[channel].secret is not Secret.MADE and (asymmetric or challenge):
            fail(f"{channel} is not signed: --asymmetric and --challenge are for webhooks", EXIT_USAGE)
        _subscribe(channel, url, name, filters_asked, signing, _Proving(test or challenge, challenge), as_json)

    return command


@dataclass(frozen=True, slots=True)
class _Signing:
    """The secret that was given, or else the kind to make."""

    given: str | None
    asymmetric: bool

    def made(self, channel: Channel) -> str | None:
        if CHANNELS[channel].secret is not Secret.MADE:
            return None
        return new_signing_key() if self.asymmetric else new_webhook_secret()


@dataclass(frozen=True, slots=True)
class _Proving:
    test: bool
    challenge: bool


def _subscribe(
    channel: Channel,
    url: str,
    name: str,
    asked: tuple[Filter, ...],
    signing: _Signing,
    proving: _Proving,
    as_json: bool,
) -> None:
    chosen = settings()
    endpoint = _endpoint(sys.stdin.readline() if url == "-" else url, chosen)

    async def run(chosen: Settings) -> tuple[Subscription, str | None, Proof | None]:
        vault = Vault([key.get_secret_value() for key in chosen.secrets.keys])
        made = Subscription(
            subscription_id=ids.subscription_id(channel, endpoint, name),
            name=name or urlsplit(endpoint).netloc.rpartition("@")[2],
            channel=channel,
            endpoint=vault.encrypt(endpoint),
            endpoint_hint=without_token(endpoint),
            filter=asked[0],
            or_filters=asked[1:],
            created_at=datetime.now(UTC),
        )
        async with Publisher(chosen, SOURCE) as publisher:
            before = (await snapshot(chosen, [SUBSCRIPTIONS])).get(SUBSCRIPTIONS, made.key)
            assert before is None or isinstance(before, Subscription)
            made, new_secret = _with_secret(made, before, signing, vault)
            proof = await proved(chosen, made, challenge=proving.challenge) if proving.test else None
            if proof is None or proof.taken:
                await write_audited(publisher, myself(), SUBSCRIPTIONS, [(before, made)])
        return made, new_secret, proof

    made, secret, proof = with_broker(run)
    if proof is not None and not proof.taken:
        fail(f"not subscribed: the test message was {proof.words()}. {_advice(proof, secret)}")
    if as_json:
        shown_once = told_once(secret) if secret else {}
        tested = proof.for_machines() if proof else None
        print_json({"subscription": shown(made), "secret": None, "test": tested} | shown_once)
        return
    if proof is not None:
        say(f"test message {proof.words()}")
    say(f"subscribed {made.name} ({made.subscription_id}) to {words(made)}")
    if secret:
        say_once(secret)


def _with_secret(
    made: Subscription, before: Subscription | None, signing: _Signing, vault: Vault
) -> tuple[Subscription, str | None]:
    """The subscription with its secret, and the secret where it is a new one that we made. One that is changed keeps
    the one it has: its receiver knows no other."""
    if before is None:
        new = None if signing.given else signing.made(made.channel)
        secret = signing.given or new
        return made.model_copy(update={"secret": vault.encrypt(secret) if secret else None}), new
    if signing.asymmetric:
        fail(f"it has a secret already: `chancery subscriptions rotate {made.key} --asymmetric`", EXIT_USAGE)
    kept = {name: getattr(before, name) for name in ("secret", "previous_secret", "previous_until", "created_at")}
    if signing.given:
        kept |= {"secret": vault.encrypt(signing.given), "previous_secret": None, "previous_until": None}
    return made.model_copy(update=kept), None


def _advice(proof: Proof, secret: str | None) -> str:
    if secret is not None and proof.answer.http_status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        return (
            "If it verifies signatures it has to know the secret first: `chancery secrets new-webhook-secret > FILE`, "
            "give it to the receiver, then --secret-file FILE"
        )
    return "--no-test subscribes it all the same"


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
