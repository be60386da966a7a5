"""Signing in: a token is exchanged for a session, which lives in a cookie."""

from datetime import timedelta
from ipaddress import ip_address
from typing import Annotated

from fastapi import APIRouter, Form, HTTPException, Query, Request, Response
from fastapi.responses import RedirectResponse

from services.console.api.given import Here
from services.console.api.guarded import COOKIE, judged
from services.console.core import session
from services.console.core.auditing import Actor
from services.console.pages.rendering import rendered
from services.contracts.topics import TOKENS
from services.runtime.secrets import new_token_secret

router = APIRouter(include_in_schema=False)

LONGEST_NEXT = 2_000
Wanted = Annotated[str | None, Query(alias="next", max_length=LONGEST_NEXT)]


@router.get("/login")
async def ask(request: Request, wanted: Wanted = None) -> Response:
    return rendered(request, "login.html", wanted=session.way_back(wanted), refused=None)


@router.post("/login")
async def enter(
    request: Request, here: Here, token: Annotated[str, Form(max_length=500)], wanted: Wanted = None
) -> Response:
    """Opens a session where the token is good. A one-time token is good for nothing afterwards."""
    back = session.way_back(wanted)
    if not _from_here(request):
        return rendered(request, "login.html", 403, wanted=back, refused="this form was sent from another site")
    async with here.records.changing:
        try:
            opener = judged(request, token.strip(), entering=True)
        except HTTPException as error:
            return rendered(request, "login.html", error.status_code, wanted=back, refused=error.detail)
        secret, now = new_token_secret(), here.now()
        opened = session.opened(secret, opener, now, here.session_length)
        spent = [(opener, opener.model_copy(update={"revoked": True}))] if opener.once else []
        forgotten = [(each, None) for each in session.over(here.records.values(TOKENS), now)]
        await here.records.change(Actor.holder_of(opener), TOKENS, (None, opened), *spent, *forgotten)
    entered = RedirectResponse(back, 303)
    entered.set_cookie(
        COOKIE,
        secret,
        max_age=int((opened.expires_at - now) / timedelta(seconds=1)) if opened.expires_at else None,
        httponly=True,
        samesite="lax",
        secure=not _on_loopback(request),
    )
    return entered


def _from_here(request: Request) -> bool:
    """Browsers name the site whose form it is; what is no browser has nobody to be tricked."""
    origin = request.headers.get("origin")
    return origin is None or origin.partition("://")[2] == request.headers.get("host")


def _on_loopback(request: Request) -> bool:
    """Browsers send cookies marked secure over plain HTTP nowhere, and to loopback not all of them."""
    host = request.url.hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
