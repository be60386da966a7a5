"""How a good answer leaves: with its entity tag, or as 304 where the caller has it already."""

from collections.abc import Mapping
from urllib.parse import urlencode

from fastapi import HTTPException, Request, Response
from pydantic import BaseModel

from services.console.core.etags import is_current, tag_of
from services.console.core.paging import BadCursor


def answer(
    request: Request,
    told: BaseModel | bytes,
    *,
    changed: BaseModel | None = None,
    status: int = 200,
    media_type: str = "application/json",
    headers: Mapping[str, str] | None = None,
) -> Response:
    """`told` as the body; `changed` is what of it an If-Match is about."""
    body = told if isinstance(told, bytes) else told.model_dump_json().encode()
    tag = tag_of(body, changed)
    named = {"ETag": tag, "Cache-Control": "private, no-cache", "Vary": "Authorization, Cookie", **(headers or {})}
    if request.method == "GET" and is_current(request.headers.get("if-none-match"), tag):
        return Response(status_code=304, headers=named)
    return Response(body, status, headers=named, media_type=media_type)


def next_link(request: Request, next_cursor: str | None) -> dict[str, str]:
    """The header that leads to the page after this, where there is one."""
    if next_cursor is None:
        return {}
    asked = [(name, value) for name, value in request.query_params.multi_items() if name != "cursor"]
    following = urlencode([*asked, ("cursor", next_cursor)])
    return {"Link": f'<{request.url.path}?{following}>; rel="next"'}


def no_cursor(error: BadCursor) -> HTTPException:
    """What to do about a cursor that no page gave."""
    return HTTPException(400, f"cursor: {error}; leave it out for the first page")
