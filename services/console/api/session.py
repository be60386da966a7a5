"""/v1/session: who the caller is, and signing out of a page."""

from fastapi import APIRouter, HTTPException, Request, Response
from pydantic import BaseModel, ConfigDict

from services.console.api.answers import answer
from services.console.api.given import Caller, Here
from services.console.api.guarded import COOKIE, GuardedRoute
from services.contracts.model import Instant
from services.contracts.token import Role, Token
from services.contracts.topics import TOKENS

router = APIRouter(prefix="/v1/session", tags=["session"], route_class=GuardedRoute)


class Session(BaseModel):
    """`expires_at` is null for a token that lasts until it is revoked."""

    model_config = ConfigDict(from_attributes=True)

    name: str
    role: Role
    expires_at: Instant | None


@router.get("", response_model=Session)
async def get_session(request: Request) -> Response:
    """The caller's name and role."""
    return answer(request, Session.model_validate(request.state.token))


@router.delete("", status_code=204)
async def end_session(request: Request, here: Here, caller: Caller) -> Response:
    """Sign out. 409 for a token that no page opened: `chancery tokens revoke` ends those."""
    if "authorization" in request.headers:
        raise HTTPException(409, "this is a token and no session; `chancery tokens revoke` ends it")
    async with here.records.changing:
        token: Token = request.state.token
        await here.records.change(caller, TOKENS, (token, token.model_copy(update={"revoked": True})))
    ended = Response(status_code=204)
    ended.delete_cookie(COOKIE)
    return ended
