"""How a good answer leaves: with its entity tag, or as 304 where the caller has it already."""

from collections.abc import Mapping

from fastapi import Request, Response
from pydantic import BaseModel

from services.console.core.etags import is_current, tag_of


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
    named = {"ETag": tag, "Cache-Control": "private, no-cache", "Vary": "Authorization", **(headers or {})}
    if request.method == "GET" and is_current(request.headers.get("if-none-match"), tag):
        return Response(status_code=304, headers=named)
    return Response(body, status, headers=named, media_type=media_type)
