"""The site that benchmarks/polling.py polls: seeded feeds of twenty entries in every language of the demo, validators.

python -m benchmarks.feed_site PORT RENDERED [--close]     on loopback, until SIGTERM

`/feeds/<n>` is a feed, for every n; those below RENDERED are made before the first request is taken. `/arrivals` is
what was answered so far: [seconds since the epoch, n, status] each. With --close every answer ends its connection, as
if each feed had a host of its own.
"""

import argparse
import functools
import json
import random
import tomllib
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http import HTTPStatus
from pathlib import Path
from time import time

import uvloop

from benchmarks.http_server import Reply, Request, response, serve
from deploy.demo import newsroom, syndication
from deploy.demo.newsroom import Item, Publication

SEED = 20_201_220
ENTRIES = 20
PARAGRAPHS = 4
MODIFIED = datetime(2020, 12, 20, 12, tzinfo=UTC)
WIRE = Path(__file__).with_name("wire.toml")


def url(port: int, number: int) -> str:
    return f"http://127.0.0.1:{port}/feeds/{number}"


def etag(number: int) -> str:
    """A feed's document depends on nothing but its number and the seed, so they are its version."""
    return f'"{SEED}-{number}"'


def last_modified(number: int) -> str:
    return format_datetime(MODIFIED + timedelta(seconds=number), usegmt=True)


@functools.cache
def _publications() -> Sequence[tuple[Publication, Sequence[str]]]:
    """A publication, and the paragraphs of its language."""
    wire = tomllib.loads(WIRE.read_text(encoding="utf-8"))
    return [(p, (*wire[p.language]["ordinary"], *wire[p.language]["aftermath"])) for p in newsroom.read()]


@functools.cache
def document(number: int) -> bytes:
    """RSS 2.0 or Atom with a summary and the whole text of each entry; two in three entries are ordinary news."""
    chance = random.Random(f"{SEED}-{number}")
    publications = _publications()
    publication, paragraphs = publications[number % len(publications)]
    items = [
        _item(chance.choice(publication.items), paragraphs, chance, f"{number}-{age}", MODIFIED - timedelta(hours=age))
        for age in reversed(range(ENTRIES))
    ]
    return syndication.document(publication, items, f"https://feeds.example/{number}")


def _item(model: Item, paragraphs: Sequence[str], chance: random.Random, name: str, at: datetime) -> Item:
    told = [*chance.sample(paragraphs, PARAGRAPHS)]
    if chance.random() < 1 / 3:
        told[0] = model.paragraphs[0]
    changed = {
        "guid": f"urn:example:{name}",
        "link": f"https://news.example/{name}?utm_source=rss",
        "title": told[0].partition(". ")[0][:90],
        "text": "\n\n".join(told),
        "published": at,
    }
    return model.model_copy(update=changed)


class Site:
    def __init__(self, close: bool) -> None:
        self._arrivals: list[tuple[float, int, int]] = []
        self._close = close

    def answer(self, request: Request) -> Reply:
        if request.path == "/arrivals":
            return self._reply(HTTPStatus.OK, {"content-type": "application/json"}, json.dumps(self._arrivals).encode())
        number = int(request.path.removeprefix("/feeds/"))
        validators = {"etag": etag(number), "last-modified": last_modified(number), "cache-control": "no-cache"}
        # RFC 9110, 13.2.2: If-None-Match decides alone where it is given.
        kept = request.headers.get("if-none-match", request.headers.get("if-modified-since"))
        status = HTTPStatus.NOT_MODIFIED if kept in validators.values() else HTTPStatus.OK
        self._arrivals.append((time(), number, status))
        if status is HTTPStatus.NOT_MODIFIED:
            return self._reply(status, validators)
        return self._reply(status, validators | {"content-type": "application/xml"}, document(number))

    def _reply(self, status: HTTPStatus, headers: dict[str, str], body: bytes = b"") -> Reply:
        more = {"date": format_datetime(datetime.now(UTC), usegmt=True), "server": "feed-site"}
        return Reply(
            response(status, headers | more | ({"connection": "close"} if self._close else {}), body), self._close
        )


async def _serve(port: int, rendered: int, close: bool) -> None:
    for number in range(rendered):
        document(number)
    await serve(port, Site(close).answer)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("port", type=int)
    parser.add_argument("rendered", type=int)
    parser.add_argument("--close", action="store_true")
    given = parser.parse_args()
    uvloop.run(_serve(given.port, given.rendered, given.close))
