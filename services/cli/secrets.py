"""`chancery secrets`: the keys that encrypt what is stored."""

import typer

from services.cli.context import SOURCE, AsJson, fail, print_json, say, with_broker
from services.cli.subscriptions import all_subscriptions
from services.console.adapters.audited import myself, write_audited
from services.contracts.subscription import Subscription
from services.contracts.topics import SUBSCRIPTIONS
from services.runtime import secrets
from services.runtime.kafka import Publisher
from services.runtime.settings import Settings

app = typer.Typer(help="Keys that encrypt what is stored.", no_args_is_help=True)


@app.command("new-key")
def new_key() -> None:
    """Print a new key for CHANCERY_SECRETS__KEYS. Put it first to rotate; keep the old ones until `secrets rotate`."""
    typer.echo(secrets.new_key())


@app.command("new-webhook-secret")
def new_webhook_secret() -> None:
    """Print a new signing secret, for `chancery subscribe webhook --secret-file`: so a receiver has it beforehand."""
    typer.echo(secrets.new_webhook_secret())


@app.command()
def rotate(as_json: AsJson = False) -> None:
    """Encrypt the endpoint and the secrets of every subscription anew, with the first key of CHANCERY_SECRETS__KEYS.

    Give the new key to every service first, in front of the old. When this exits 0, the old can be taken away.
    """

    async def run(chosen: Settings) -> tuple[int, list[Subscription]]:
        vault = secrets.Vault([key.get_secret_value() for key in chosen.secrets.keys])
        renewed, unreadable = [], []
        for each in await all_subscriptions(chosen):
            try:
                renewed.append((each, _renewed(each, vault)))
            except secrets.SecretUnreadable:
                unreadable.append(each)
        async with Publisher(chosen, SOURCE) as publisher:
            await write_audited(publisher, myself(), SUBSCRIPTIONS, renewed)
        return len(renewed), unreadable

    count, unreadable = with_broker(run)
    if as_json:
        print_json({"encrypted_anew": count, "unreadable": [each.subscription_id for each in unreadable]})
    else:
        say(f"{count} subscriptions are encrypted with the newest key")
    if unreadable:
        named = ", ".join(f"{each.name} ({each.subscription_id})" for each in unreadable)
        fail(f"no key of CHANCERY_SECRETS__KEYS decrypts {named}: give the old key too, or subscribe them anew")


def _renewed(subscription: Subscription, vault: secrets.Vault) -> Subscription:
    """The same under the newest key. Raises SecretUnreadable."""
    sealed = subscription.model_dump(include={"endpoint", "secret", "previous_secret"}, exclude_none=True)
    return subscription.model_copy(update={name: vault.renew(value) for name, value in sealed.items()})
