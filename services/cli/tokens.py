"""`chancery tokens`: who may use the console, and as what."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated

import typer
from pydantic import ValidationError
from rich.markup import escape
from rich.table import Column, Table

from services.cli.context import EXIT_USAGE, SOURCE, fail, out, print_json, say, with_broker
from services.cli.lengths import length_of
from services.console.adapters.audited import myself, write_audited
from services.contracts.token import Role, Token, issued
from services.contracts.topics import TOKENS
from services.runtime.kafka import Publisher
from services.runtime.secrets import new_token_secret
from services.runtime.settings import Settings
from services.runtime.topic_table import snapshot

app = typer.Typer(help="Who may use the console: create, list, revoke tokens.", no_args_is_help=True)

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]


@app.command()
def create(
    name: Annotated[str, typer.Option(help="Who or what will hold it; it stands in the audit.")],
    role: Annotated[
        Role, typer.Option(help="viewer reads; analyst judges; operator manages feeds and subscriptions; admin all.")
    ] = Role.VIEWER,
    expires: Annotated[str | None, typer.Option(metavar="90d", help="How long it is good: 30m, 8h, 90d.")] = None,
    as_json: AsJson = False,
) -> None:
    """Make a token and print its secret, which is shown only now.

    Example: chancery tokens create --role operator --name "duty desk" --expires 90d
    """
    secret, now = new_token_secret(), datetime.now(UTC)
    expires_at = now + length_of(expires, "--expires") if expires else None
    try:
        token = issued(secret, name=name, role=role, now=now, expires_at=expires_at)
    except ValidationError:
        fail("--name: 1 to 100 characters", EXIT_USAGE)
    with_broker(lambda chosen: _write(chosen, None, token))
    if as_json:
        print_json({"token": _shown(token), "secret": secret})
        return
    until = f"until {expires_at:%F %T} UTC" if expires_at else "until it is revoked"
    say(f"{role} {name} ({token.token_id}), {until}")
    say(f"secret, shown only now: {secret}")


@app.command("list")
def list_tokens(as_json: AsJson = False) -> None:
    """Every token, the newest first, without what it is known by."""
    tokens = sorted(with_broker(_read), key=lambda token: token.created_at, reverse=True)
    if as_json:
        print_json([_shown(token) for token in tokens])
        return
    table = Table(Column("id", no_wrap=True, overflow="fold"), "name", "role", "created (UTC)", "state")
    for token in tokens:
        cells = (token.token_id, token.name, token.role, f"{token.created_at:%F %T}", _state(token, datetime.now(UTC)))
        table.add_row(*map(escape, cells))
    out.print(table if tokens else "no tokens; make one with `chancery tokens create`")


@app.command()
def revoke(
    which: Annotated[str, typer.Argument(metavar="ID|NAME", help="As `chancery tokens list` prints it.")],
) -> None:
    """Refuse a token from now on. It stays in the list, so that the audit has its name."""

    async def run(chosen: Settings) -> Token:
        token = _one(await _read(chosen), which)
        await _write(chosen, token, token.model_copy(update={"revoked": True}))
        return token

    revoked = with_broker(run)
    say(f"revoked {revoked.name} ({revoked.token_id})")


def _state(token: Token, now: datetime) -> str:
    if token.revoked:
        return "revoked"
    if token.expires_at is None:
        return "good"
    return f"{'good until' if token.expires_at > now else 'expired'} {token.expires_at:%F %T}"


def _one(tokens: Sequence[Token], which: str) -> Token:
    named = [token for token in tokens if not token.revoked and which in (token.token_id, token.name)]
    if not named:
        fail(f"no token {which} that is not revoked; `chancery tokens list` shows what there is")
    if len(named) > 1:
        fail(f"{len(named)} tokens are named {which}; give the id of one", EXIT_USAGE)
    return named[0]


def _shown(token: Token) -> dict[str, object]:
    return token.model_dump(mode="json", exclude={"secret_hash"})


async def _read(chosen: Settings) -> list[Token]:
    return list((await snapshot(chosen, [TOKENS])).values(TOKENS))


async def _write(chosen: Settings, before: Token | None, after: Token) -> None:
    async with Publisher(chosen, SOURCE) as publisher:
        await write_audited(publisher, myself(), TOKENS, [(before, after)])
