"""One document from the web for a command, under the limits and guards of ingest."""

from services.ingest.adapters.fetcher import Fetcher
from services.ingest.core.fetched import Fetched
from services.runtime.egress import guarded_client
from services.runtime.settings import Settings


async def fetch(chosen: Settings, url: str) -> Fetched:
    """What a GET of `url` comes to. Raises nothing but CancelledError."""
    limits = chosen.ingest
    async with guarded_client(chosen.egress, user_agent=limits.user_agent, timeout_s=limits.timeout_s) as client:
        return await Fetcher(client, timeout_s=limits.timeout_s, max_bytes=limits.max_bytes).fetch(url)
