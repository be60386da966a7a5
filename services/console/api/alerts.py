"""/v1/alerts: those of the last days, and live as they come."""

from collections.abc import AsyncIterator, Callable
from typing import Annotated

from fastapi import APIRouter, Header, HTTPException, Path, Request, Response
from pydantic import BaseModel
from sse_starlette.sse import EventSourceResponse, SendTimeoutError
from starlette.types import Receive, Scope, Send

from services.console.adapters.live import Live, Viewer
from services.console.api.answers import answer, next_link, no_cursor
from services.console.api.asked import AskedForPage, AskedForStream
from services.console.api.given import Caller, Here
from services.console.api.guarded import GuardedRoute, admitted
from services.console.api.incidents import AS_OF
from services.console.core.access import LEAST_ROLE
from services.console.core.incidents import AlertLine, alert_line, alerts_newest_first
from services.console.core.paging import BadCursor, page
from services.contracts.alert import Alert

HEARTBEAT_S = 15.0
SEND_TIMEOUT_S = 20.0
"""Who takes nothing for so long is gone."""
RETRY_MS = 2_000
"""After which a browser comes back."""
HEARTBEAT = b": still here\n\n"
STREAM = "text/event-stream"

router = APIRouter(prefix="/v1/alerts", tags=["alerts"], route_class=GuardedRoute)


class AlertPage(BaseModel):
    """`total` counts what the filter lets through; `next_cursor` is null on the last page."""

    items: list[AlertLine]
    total: int
    next_cursor: str | None


class AlertTold(BaseModel):
    """An alert, with the whole incident as it then stood."""

    line: AlertLine
    alert: Alert


AlertKey = Annotated[str, Path(pattern=r"^alr_[a-z2-7]{26}$")]
Resumed = Annotated[str | None, Header(max_length=100, description="id of the last event that was had")]


@router.get("", response_model=AlertPage)
async def list_alerts(asked: AskedForPage, request: Request, here: Here) -> Response:
    """The alerts of the last days, the newest first. The filter is asked of the incident as the alert tells it."""
    wanted = asked.wanted
    found = (alert for alert in here.live.alerts.values() if wanted.has(alert.incident))
    try:
        shown = page(found, alerts_newest_first, asked.limit, asked.cursor)
    except BadCursor as error:
        raise no_cursor(error) from None
    told = AlertPage(items=list(map(alert_line, shown.items)), total=shown.total, next_cursor=shown.next_cursor)
    return answer(request, told, headers={**next_link(request, shown.next_cursor), AS_OF: here.live.position})


class Stream(EventSourceResponse):
    """What a viewer is sent while `may_look` holds. Ends in silence where they take nothing any more."""

    def __init__(self, live: Live, viewer: Viewer, may_look: Callable[[], bool]) -> None:
        self._live, self._viewer, self._may_look = live, viewer, may_look
        headers = {"Cache-Control": "private, no-store", "Vary": "Authorization, Cookie"}
        super().__init__(self._events(), headers=headers, ping=0, send_timeout=SEND_TIMEOUT_S)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        except SendTimeoutError:
            return  # the server closes what was not ended
        finally:
            self._live.leave(self._viewer)

    async def _events(self) -> AsyncIterator[bytes]:
        yield f"retry: {RETRY_MS}\n\n".encode()
        while (told := await _next(self._viewer)) is not None and self._may_look():
            yield told


@router.get("/stream", response_class=Response, responses={200: {"content": {STREAM: {"schema": {"type": "string"}}}}})
async def stream_alerts(
    asked: AskedForStream, request: Request, here: Here, caller: Caller, last_event_id: Resumed = None
) -> Response:
    """Alerts and changes of incidents as they come (server-sent events): "alert" and "incident" as in the lists, "gone"
    for an incident that was asked for and no longer is. The first event is "ready", or "reset" where what came since
    the last event is not known any more. Ends with the token and at a stop; who falls behind is cut off."""
    if getattr(request.state, "is_head", False):
        return Response(media_type=STREAM)
    viewer = here.live.enter(asked.wanted, last_event_id or asked.last_event_id, caller.actor_id)
    return Stream(here.live, viewer, lambda: _still_admitted(request))


async def _next(viewer: Viewer) -> bytes | None:
    try:
        return await viewer.next(HEARTBEAT_S)
    except TimeoutError:
        return HEARTBEAT


def _still_admitted(request: Request) -> bool:
    try:
        admitted(request, LEAST_ROLE["GET", f"{router.prefix}/stream"])
    except HTTPException:
        return False
    return True


@router.get("/{alert_id}", response_model=AlertTold)
async def get_alert(alert_id: AlertKey, request: Request, here: Here) -> Response:
    """One alert of the last days."""
    alert = here.live.alerts.get(alert_id)
    if alert is None:
        raise HTTPException(404, f"no alert {alert_id} is known of the last days")
    return answer(request, AlertTold(line=alert_line(alert), alert=alert))
