"""Asks a SPARQL endpoint for the missions it knows."""

import httpx

from services.classify.core.sites.site_lists import SiteList, UnreadableList
from services.classify.core.sites.wikidata import QUERY, sites_in

MAX_BYTES = 100_000_000


async def missions(endpoint: str, client: httpx.AsyncClient) -> SiteList:
    """The missions. Raises UnreadableList for an answer that is none, httpx.HTTPError when there is no answer."""
    headers = {"accept": "application/sparql-results+json"}
    async with client.stream("POST", endpoint, data={"query": QUERY}, headers=headers) as answer:
        if answer.status_code != httpx.codes.OK:
            raise UnreadableList(f"the query service answered {answer.status_code}")
        body = bytearray()
        async for chunk in answer.aiter_bytes():
            body += chunk
            if len(body) > MAX_BYTES:
                raise UnreadableList(f"the query service's answer is longer than {MAX_BYTES} bytes")
    return sites_in(bytes(body))
