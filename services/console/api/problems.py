"""Every error as a problem document (RFC 9457), whoever noticed it."""

import json
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field, ValidationError
from starlette.exceptions import HTTPException

from services.notify.core.refused import Refused, Unknown

MEDIA_TYPE = "application/problem+json"


class Fault(BaseModel):
    """One thing that is wrong with what was sent: where, as a JSON pointer or a parameter's name, and what."""

    at: str
    message: str


class Problem(BaseModel):
    """`type` is always about:blank: what went wrong is what the status says, and `detail` in words."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str = ""
    errors: list[Fault] = Field(default=[], description="each fault, of what could not be validated")


def problem(
    status: int, detail: str = "", *, errors: Sequence[Fault] = (), headers: Mapping[str, str] | None = None
) -> Response:
    """The answer to a request that failed."""
    document: dict[str, Any] = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status}
    if detail and detail != document["title"]:
        document["detail"] = detail
    if errors:
        document["errors"] = [fault.model_dump() for fault in errors]
    # ASCII: what is quoted may hold what UTF-8 cannot
    return Response(json.dumps(document), status, headers=headers, media_type=MEDIA_TYPE)


def invalid(error: ValidationError | RequestValidationError, *inside: str) -> Response:
    """422 for what does not have the form it should; `inside` is where what was validated stands."""
    faults = [Fault(at=_where((*inside, *each["loc"])), message=each["msg"]) for each in error.errors()]
    return problem(422, "what was sent does not have the form that this route takes", errors=faults)


def _where(loc: Sequence[int | str]) -> str:
    """RFC 6901 inside a body; the name of a parameter elsewhere."""
    place, *rest = loc
    if place != "body":
        return f"{place} {'.'.join(map(str, rest))}"
    return "".join(f"/{str(part).replace('~', '~0').replace('/', '~1')}" for part in rest)


def handle(app: FastAPI, unavailable: tuple[type[Exception], ...]) -> None:
    """Have the application answer with problems; `unavailable` are errors that may be gone when tried again."""

    async def refused(_: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        return problem(error.status_code, str(error.detail), headers=error.headers)

    async def not_so(_: Request, error: Exception) -> Response:
        assert isinstance(error, Refused)
        if error.at:
            return problem(422, str(error), errors=[Fault(at=f"/{error.at}", message=str(error))])
        return problem(404 if isinstance(error, Unknown) else 409, str(error))

    async def not_valid(_: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        return invalid(error)

    async def not_now(_: Request, error: Exception) -> Response:
        return problem(503, str(error), headers={"Retry-After": "5"})

    async def bug(_: Request, __: Exception) -> Response:
        return problem(500, "this is a fault of the console; its log says more")

    app.add_exception_handler(HTTPException, refused)
    app.add_exception_handler(Refused, not_so)
    app.add_exception_handler(RequestValidationError, not_valid)
    for kind in unavailable:
        app.add_exception_handler(kind, not_now)
    app.add_exception_handler(Exception, bug)
