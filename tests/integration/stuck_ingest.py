"""Ingest that publishes and never comes to write a state: `python -m tests.integration.stuck_ingest`.

Once the articles of a feed are acknowledged it says so on standard output and stands still, for whoever started it to
kill it exactly there.
"""

import asyncio
from unittest import mock

from services.contracts.feed import FeedState
from services.ingest import app
from services.ingest.adapters.state import FeedStore

PUBLISHED = "published, and no state written"


class Stuck(FeedStore):
    async def save(self, state: FeedState) -> None:
        print(PUBLISHED, flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    with mock.patch.object(app, "FeedStore", Stuck):
        app.main()
