"""The demo's feeds over HTTP: `python -m deploy.demo.feed_server --port P [--release-every S]`.

Each feed fills while it is watched: the first request shows its first entries, later ones show one entry more,
at most one a request and one in S seconds. So a poller that was slow, or stopped, still meets every entry as the
newest of its feed, which is how it would have met it on the day.
"""

import argparse
import hashlib
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from deploy.demo import newsroom, serving, syndication
from deploy.demo.newsroom import Item, Publication

FIRST_ENTRIES = 2


@dataclass
class Shelf:
    """What of one publication is out. `every_s` of 0 puts everything out at once."""

    publication: Publication
    every_s: float
    released: int = 0
    released_at_s: float = 0.0

    def items_at(self, now_s: float) -> tuple[Item, ...]:
        """The entries that a request at `now_s` (any monotonic seconds) sees; releases the next if it is due."""
        items = self.publication.items
        if self.every_s == 0:
            return items
        if self.released == 0:
            self.released, self.released_at_s = FIRST_ENTRIES, now_s
        elif self.released < len(items) and now_s - self.released_at_s >= self.every_s:
            self.released, self.released_at_s = self.released + 1, now_s
        return items[: self.released]


def application(
    publications: Iterable[Publication],
    every_s: float,
    lifespan: serving.Lifespan | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> Starlette:
    """`/feeds/<feed>.xml` with validators, `/feeds.opml` with the addresses as the caller reached us, `/healthz`."""
    shelves = {publication.feed: Shelf(publication, every_s) for publication in publications}

    async def feed(request: Request) -> Response:
        shelf = shelves.get(request.path_params["feed"])
        if shelf is None:
            raise HTTPException(404)
        items = shelf.items_at(clock())
        body = syndication.document(shelf.publication, items, str(request.url))
        modified = items[-1].published.astimezone(UTC)
        validators = {
            "ETag": f'"{hashlib.sha256(body).hexdigest()[:24]}"',
            "Last-Modified": format_datetime(modified, usegmt=True),
            "Cache-Control": "no-cache",
        }
        if _unchanged(request, validators["ETag"], modified):
            return Response(status_code=304, headers=validators)
        return Response(body, media_type=syndication.MEDIA_TYPES[shelf.publication.format], headers=validators)

    async def feeds_opml(request: Request) -> Response:
        listed = ((shelf.publication, str(request.url_for("feed", feed=name))) for name, shelf in shelves.items())
        return Response(syndication.opml(listed), media_type="text/x-opml")

    return Starlette(
        routes=[
            Route("/feeds/{feed}.xml", feed, name="feed"),
            Route("/feeds.opml", feeds_opml),
            Route("/healthz", serving.healthz),
        ],
        lifespan=lifespan,
    )


def _unchanged(request: Request, etag: str, modified: datetime) -> bool:
    """RFC 9110, 13.2.2: If-None-Match decides alone where it is given, else If-Modified-Since."""
    if wanted := request.headers.get("if-none-match"):
        return wanted.strip() == "*" or etag in {tag.strip().removeprefix("W/") for tag in wanted.split(",")}
    try:
        return modified <= parsedate_to_datetime(request.headers.get("if-modified-since", "")).astimezone(UTC)
    except ValueError:
        return False  # absent, or no date: as if it was not sent


def arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="serve the demo's feeds")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default %(default)s)")
    parser.add_argument("--port", type=int, default=0, help="port to listen on; 0 takes a free one (default)")
    parser.add_argument(
        "--release-every",
        type=float,
        default=2.0,
        metavar="S",
        help="seconds between two entries of a feed (default %(default)s); 0 shows all at once",
    )
    return parser.parse_args(argv)


def main() -> None:
    given = arguments()
    publications = newsroom.read()
    serving.run(
        lambda lifespan: application(publications, given.release_every, lifespan),
        given.host,
        given.port,
    )


if __name__ == "__main__":
    main()
