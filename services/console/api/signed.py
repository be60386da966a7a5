"""Routes that no token opens: what they are sent is signed with a secret that is shared with its sender."""

from collections.abc import Callable, Coroutine
from typing import Any

import structlog
from fastapi import HTTPException, Request, Response
from fastapi.routing import APIRoute

from services.console.api.given import given
from services.console.core.access import SIGNED
from services.console.core.slack import why_not_signed

log = structlog.get_logger()

SIGNATURE_REFUSED = "signature.refused"


class SignedRoute(APIRoute):
    """Lets in what Slack has signed. A route that the table does not name cannot be made: KeyError."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        answer = super().get_route_handler()
        assert self.methods is not None
        (method,) = self.methods
        SIGNED[method, self.path]

        async def handler(request: Request) -> Response:
            here = given(request)
            if here.slack is None:
                raise _refused(request, "CHANCERY_SLACK__SIGNING_SECRET is not set")
            stamp, signature = (
                request.headers.get(f"x-slack-{name}", "") for name in ("request-timestamp", "signature")
            )
            secret = here.slack.signing_secret.get_secret_value()
            if why := why_not_signed(secret, stamp, signature, await request.body(), here.now()):
                raise _refused(request, why)
            return await answer(request)

        return handler


def _refused(request: Request, reason: str) -> HTTPException:
    """The log says why, unless this client is there in numbers; the answer does not."""
    here = given(request)
    client = request.client.host if request.client else "unknown"
    if not here.attempts.failed(client, here.monotonic_s()):
        log.warning(SIGNATURE_REFUSED, client=client, reason=reason)
    return HTTPException(401, headers={"WWW-Authenticate": "Signature"})
