"""The routes of the pages: each asks our own API for what it shows, as the one who looks at it."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any
from urllib.parse import quote, urlencode

import httpx
from fastapi import APIRouter, HTTPException, Request, Response
from fastapi.responses import RedirectResponse

from services.console.api.guarded import GuardedRoute
from services.console.api.incidents import AS_OF
from services.console.pages.entry import LONGEST_NEXT
from services.console.pages.rendering import asked, rendered
from services.console.pages.table import NAVIGATION, PAGES, Page
from services.contracts.token import Role

_PASSED_ON = ("authorization", "cookie", "host")


class PageRoute(GuardedRoute):
    """Leads who is not signed in to where that is done, and says what is wrong in a page."""

    def least_role(self, method: str) -> Role:
        """A page holds nothing by itself: what it asks the API for may ask for more."""
        return Role.VIEWER

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        answer = super().get_route_handler()

        async def handler(request: Request) -> Response:
            try:
                return await answer(request)
            except HTTPException as error:
                if error.status_code in (401, 429):
                    here = request.url.path + (f"?{request.url.query}" if request.url.query else "")
                    wanted = {"next": here} if len(here) <= LONGEST_NEXT else {}
                    return RedirectResponse(f"/login?{urlencode(wanted)}", 303)
                return _refused(request, {"status": error.status_code, "title": error.detail})

        return handler


def _shown(page: Page) -> Callable[[Request], Coroutine[Any, Any, Response]]:
    async def show(request: Request) -> Response:
        parts = {name: quote(value, safe="") for name, value in request.path_params.items()}
        query = urlencode(asked(request))
        places = [place.format(**parts, query=query) for place in page.needs.values()]
        answers = await _asked(request, places)
        for each in answers:
            if each.status_code != httpx.codes.OK:
                return _refused(request, each.json())
        told = dict(zip(page.needs, (each.json() for each in answers), strict=True))
        as_of = next((each.headers[AS_OF] for each in answers if AS_OF in each.headers), "")
        return rendered(request, page.template, as_of=as_of, **request.path_params, **told)

    return show


def _refused(request: Request, problem: dict[str, Any]) -> Response:
    return rendered(request, "problem.html", problem["status"], problem=problem)


async def _asked(request: Request, places: list[str]) -> list[httpx.Response]:
    """What our own API answers there, without leaving the process."""
    client = request.client
    transport = httpx.ASGITransport(request.app, client=(client.host, client.port) if client else ("unknown", 0))
    headers = [(name, value) for name in _PASSED_ON if (value := request.headers.get(name)) is not None]
    async with httpx.AsyncClient(
        transport=transport, base_url="http://console", headers=headers, trust_env=False
    ) as api:
        return await asyncio.gather(*map(api.get, places))


async def _first(request: Request) -> Response:
    return RedirectResponse(NAVIGATION[0][0], 303)


router = APIRouter(include_in_schema=False, route_class=PageRoute)
router.add_api_route("/", _first, methods=["GET"], name="home")
for _page in PAGES:
    router.add_api_route(_page.path, _shown(_page), methods=["GET"], name=_page.template.removesuffix(".html"))
