"""Routes that ask who calls before they read anything else of a request."""

from collections.abc import Callable, Coroutine
from typing import Any

import structlog
from fastapi import HTTPException, Request, Response
from fastapi.routing import APIRoute

from services.console.api.given import given
from services.console.core.access import LEAST_ROLE, judge
from services.console.core.auditing import Actor
from services.contracts.ids import TokenId
from services.contracts.token import Role, Token
from services.contracts.topics import TOKENS

log = structlog.get_logger()

ACCESS_REFUSED = "access.refused"
_CHALLENGE = 'Bearer realm="chancery"'


class GuardedRoute(APIRoute):
    """Lets in who holds a token of the least role that the table names for the route. A route that the table does not
    name cannot be made: KeyError."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        answer = super().get_route_handler()
        assert self.methods is not None
        (method,) = self.methods
        least = LEAST_ROLE[method, self.path]

        async def handler(request: Request) -> Response:
            request.state.caller = Actor.holder_of(admitted(request, least))
            return await answer(request)

        return handler


def admitted(request: Request, least: Role) -> Token:
    """The caller's token. Raises HTTPException: 401 without a good one, 403 with one of a lesser role, 429 where the
    address has shown too many wrong ones."""
    scheme, _, secret = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not secret.strip():
        raise HTTPException(
            401,
            "send `Authorization: Bearer` and a token; `chancery tokens create` makes one",
            {"WWW-Authenticate": _CHALLENGE},
        )
    here = given(request)

    def known(token_id: TokenId) -> Token | None:
        found = here.records.get(TOKENS, token_id)
        return found if isinstance(found, Token) else None

    judged = judge(secret.strip(), known, here.now())
    if judged.token is None:
        raise _unknown(request, judged.reason)
    if not judged.token.role.may(least):
        raise HTTPException(
            403,
            f"this needs the role {least}, and the token {judged.token.name!r} has {judged.token.role}",
            {"WWW-Authenticate": f'{_CHALLENGE}, error="insufficient_scope"'},
        )
    return judged.token


def _unknown(request: Request, reason: str) -> HTTPException:
    here = given(request)
    client = request.client.host if request.client else "unknown"
    wait_s = here.attempts.failed(client, here.monotonic_s())
    if wait_s:
        return HTTPException(429, "too many wrong tokens from this address", {"Retry-After": str(int(wait_s) + 1)})
    log.warning(ACCESS_REFUSED, client=client, reason=reason)
    return HTTPException(401, reason, {"WWW-Authenticate": f'{_CHALLENGE}, error="invalid_token"'})
