"""The feeds that `chancery up --feeds` names: OPML files and URLs, and feeds by their own URL."""

import asyncio
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from services.contracts import ids
from services.contracts.feed import Feed
from services.ingest.core import opml
from services.ingest.core.address import feed_url
from services.ingest.core.opml import Listing
from services.runtime.settings import Misconfigured


async def feeds_at(source: str) -> Listing:
    """The feeds of an OPML file or `.opml` URL; any other URL is a feed itself. Raises Misconfigured."""
    try:
        if not source.startswith(("http://", "https://", "feed:")):
            return opml.read(await asyncio.to_thread(Path(source).read_bytes))
        if not urlsplit(source).path.endswith(".opml"):
            url = feed_url(source)
            return Listing((Feed(feed_id=ids.feed_id(url), url=url),), ())
        # An operator's own word on the command line: no guard, unlike what a feed may name.
        async with httpx.AsyncClient(timeout=30, follow_redirects=True) as client:
            return opml.read((await client.get(source)).raise_for_status().content)
    except (OSError, ValueError, httpx.HTTPError) as error:
        raise Misconfigured(f"cannot read feeds from {source}: {error}") from None
