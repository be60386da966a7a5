"""`chancery subscribe`: one command a channel, all with the same options."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from services.cli import filters
from services.cli.context import EXIT_USAGE, SOURCE, AsJson, fail, print_json, say, with_broker
from services.cli.subscriptions import say_once, shown
from services.console.adapters.audited import myself, write_audited
from services.contracts.report import Certainty, Severity
from services.contracts.subscription import Channel, Corroboration, Subscription
from services.contracts.topics import SUBSCRIPTIONS
from services.notify.adapters.desk import Desk
from services.notify.adapters.proof import Proof
from services.notify.core.asking import all_words
from services.notify.core.channels import CHANNELS
from services.notify.core.channels.rules import Secret
from services.notify.core.refused import Refused
from services.notify.core.status import Outcome
from services.notify.core.subscribing import Asked, subscription_id, told_once
from services.runtime.kafka import Publisher
from services.runtime.log import without_token
from services.runtime.settings import Settings
from services.runtime.topic_table import snapshot

subscribe = typer.Typer(help="Send alerts to an endpoint: one command a channel.", no_args_is_help=True)

Url = Annotated[str, typer.Argument(metavar="ENDPOINT|-", help="A URL is a password: - reads it from standard input.")]
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

_OPTIONS = {
    "secret": "--secret-file: ",
    "asymmetric": "--asymmetric: ",
    "challenge": "--challenge: ",
    "groups": "--group: ",
}
"""Where the core names a field."""


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
        first = filters.filter_of(
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
        endpoint = (sys.stdin.readline() if url == "-" else url).strip()
        asked = Asked(
            channel=channel,
            endpoint=endpoint,
            hint=without_token(endpoint),
            name=name,
            filters=(first, *filters.or_filters(alternatives)),
            secret=_secret(secret_file),
            asymmetric=asymmetric,
        )
        _subscribe(asked, test or challenge, challenge, as_json)

    return command


def _subscribe(asked: Asked, test: bool, challenge: bool, as_json: bool) -> None:
    async def run(chosen: Settings) -> tuple[Subscription, str | None, Proof | None]:
        desk = Desk(chosen)
        try:
            desk.check(asked, challenge=challenge)
            await desk.check_groups(*asked.filters)
        except Refused as error:
            fail(f"{_OPTIONS.get(error.at, '')}{error}", EXIT_USAGE)
        async with Publisher(chosen, SOURCE) as publisher:
            before = (await snapshot(chosen, [SUBSCRIPTIONS])).get(SUBSCRIPTIONS, subscription_id(asked))
            try:
                made, new_secret = desk.subscribed(asked, before)
            except Refused as error:
                fail(f"{_OPTIONS.get(error.at, '')}{error} (`chancery subscriptions rotate`)", EXIT_USAGE)
            proof = await desk.prove(made, challenge=challenge) if test else None
            if proof is None or proof.taken:
                await write_audited(publisher, myself(), SUBSCRIPTIONS, [(before, made)])
        return made, new_secret, proof

    made, secret, proof = with_broker(run)
    if proof is not None and not proof.taken:
        fail(f"not subscribed: the test message was {proof.words()}{_advice(proof, secret, challenge)}")
    if as_json:
        shown_once = told_once(secret) if secret else {}
        tested = proof.for_machines() if proof else None
        print_json({"subscription": shown(made), "secret": None, "test": tested} | shown_once)
        return
    if proof is not None:
        say(f"test message {proof.words()}")
    say(f"subscribed {made.name} ({made.subscription_id}) to {all_words(made)}")
    if secret:
        say_once(secret)


def _advice(proof: Proof, secret: str | None, challenge: bool) -> str:
    if proof.judgement.outcome is Outcome.NOT_ALLOWED:
        return ""  # each alert would be refused alike
    if secret is not None and proof.refused_access:
        return (
            ". If it verifies signatures it has to know the secret first: `chancery secrets new-webhook-secret > FILE`,"
            " give it to the receiver, then --secret-file FILE"
        )
    if challenge:
        return ". --challenge wants the text of data.challenge for an answer (docs/channels.md)"
    return ". --no-test subscribes it all the same"


def _secret(path: Path | None) -> str | None:
    """The secret in the file. Ends the command where it cannot be read."""
    try:
        return path.read_text().strip() if path else None
    except (OSError, ValueError) as error:
        fail(f"--secret-file {path}: {error}", EXIT_USAGE)
