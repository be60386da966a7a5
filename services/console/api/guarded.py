"""Routes that ask who calls before they read anything else of a request."""

import base64
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any

import structlog
from fastapi import HTTPException, Request, Response
from fastapi.routing import APIRoute

from services.console.api.given import given
from services.console.core import session
from services.console.core.access import LEAST_ROLE, judge
from services.console.core.auditing import Actor
from services.contracts.token import Role, Token
from services.contracts.topics import TOKENS

log = structlog.get_logger()

ACCESS_REFUSED = "access.refused"
COOKIE = "chancery_session"
CSRF_HEADER = "X-CSRF-Token"
_CHALLENGE = 'Bearer realm="chancery"'
_BASIC = 'Basic realm="chancery", charset="UTF-8"'
_FOR_READERS = frozenset({"/v1/incidents.atom"})
"""What programs ask for that know names and passwords only, and some of them not before they are told to."""
_READING = frozenset({"GET", "HEAD"})


class GuardedRoute(APIRoute):
    """Lets in who holds a token of the least role that the table names for the route. A route that the table does not
    name cannot be made: KeyError."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        answer = super().get_route_handler()
        assert self.methods is not None
        (method,) = self.methods
        least = self.least_role(method)

        async def handler(request: Request) -> Response:
            request.state.token = admitted(request, least)
            request.state.caller = Actor.holder_of(request.state.token)
            return await answer(request)

        return handler

    def least_role(self, method: str) -> Role:
        return LEAST_ROLE[method, self.path]


def admitted(request: Request, least: Role) -> Token:
    """The caller's token, or the session of its page. Raises HTTPException: 401 without a good one, 403 with one of a
    lesser role or for a change that no page of ours sent, 429 where the address has shown too many wrong ones."""
    secret, by_itself = _shown(request)
    if not secret:
        raise HTTPException(
            401,
            "send `Authorization: Bearer` and a token; `chancery tokens create` makes one",
            {"WWW-Authenticate": _CHALLENGE if request.url.path not in _FOR_READERS else f"{_CHALLENGE}, {_BASIC}"},
        )
    token = judged(request, secret)
    if by_itself and request.method not in _READING and not session.is_ours(request.headers.get(CSRF_HEADER), secret):
        raise HTTPException(403, f"a change by what browsers send by themselves needs the {CSRF_HEADER} of a page")
    if not token.role.may(least):
        raise HTTPException(
            403,
            f"this needs the role {least}, and the token {token.name!r} has {token.role}",
            {"WWW-Authenticate": f'{_CHALLENGE}, error="insufficient_scope"'},
        )
    return token


def judged(request: Request, secret: str, *, entering: bool = False) -> Token:
    """The token whose secret this is. Raises HTTPException: 401 or 429 where it is not good."""
    here = given(request)
    found = judge(secret, partial(here.records.get, TOKENS), here.now(), entering=entering)
    if found.token is None:
        raise _unknown(request, found.reason)
    return found.token


def _shown(request: Request) -> tuple[str, bool]:
    """The secret that came with a request, and whether a browser may have sent it by itself: a cookie, or a password
    that it remembers for this place, to which the session of a page goes before."""
    scheme, _, given_secret = request.headers.get("authorization", "").partition(" ")
    session_secret = request.cookies.get(COOKIE, "")
    if scheme.lower() == "basic":
        return session_secret or _password(given_secret), True
    if scheme:
        return given_secret.strip() if scheme.lower() == "bearer" else "", False
    return session_secret, True


def _password(credentials: str) -> str:
    """Of Basic authentication (RFC 7617), whatever the user is called; empty where there is none."""
    try:
        return base64.b64decode(credentials.strip(), validate=True).decode().partition(":")[2].strip()
    except ValueError:
        return ""


def _unknown(request: Request, reason: str) -> HTTPException:
    here = given(request)
    client = request.client.host if request.client else "unknown"
    wait_s = here.attempts.failed(client, here.monotonic_s())
    if wait_s:
        return HTTPException(429, "too many wrong tokens from this address", {"Retry-After": str(int(wait_s) + 1)})
    log.warning(ACCESS_REFUSED, client=client, reason=reason)
    return HTTPException(401, reason, {"WWW-Authenticate": f'{_CHALLENGE}, error="invalid_token"'})
