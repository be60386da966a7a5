"""The feeds that benchmarks/chaos.py watches: seeded entries that come out one by one, a third of them an attack each
on an embassy of its own.

An entry stays in its feed, as the newest `SHOWN` do at a publisher's, so that what a poller misses while it is away is
there when it comes back: whatever is then missing, we lost.
"""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from time import time

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from deploy.demo import syndication
from deploy.demo.newsroom import Item, Nothing, Publication, Trap
from services.contracts.feed import Feed, SourceGrade
from services.ingest.core import opml

FEEDS = 8
SHOWN = 400
START = datetime(2021, 3, 1, 6, tzinfo=UTC)
APART = timedelta(seconds=45)
"""Between two entries by their own dates: all of them lie within the window of one alert."""

CITIES: Mapping[str, str] = {
    "Algiers": "DZ", "Cairo": "EG", "Beirut": "LB", "Amman": "JO", "Tunis": "TN", "Kabul": "AF", "Islamabad": "PK",
    "Nairobi": "KE", "Khartoum": "SD", "Lima": "PE", "Athens": "GR", "Manila": "PH", "Baghdad": "IQ", "Jakarta": "ID",
    "Dhaka": "BD", "Kampala": "UG", "Accra": "GH", "Dakar": "SN", "Quito": "EC", "Sofia": "BG", "Belgrade": "RS",
    "Rabat": "MA", "Doha": "QA", "Muscat": "OM", "Hanoi": "VN", "Bangkok": "TH", "Caracas": "VE", "Bucharest": "RO",
}  # fmt: skip
"""Where the embassies stand, with the code of the state."""
SENDERS = ("French", "German", "Italian", "Japanese", "British", "Spanish", "Swedish", "Dutch", "Canadian", "Brazilian")
ATTACKS = (
    ("Rockets hit the {} embassy in {}", "Two rockets hit the {} embassy in {} on {}, police said. Nobody was hurt."),
    (
        "Bomb explodes outside the {} embassy in {}",
        "A bomb exploded outside the {} embassy in {} on {}, wounding two guards, police said.",
    ),
    (
        "Gunmen open fire on the {} embassy in {}",
        "Gunmen opened fire on the {} embassy in {} on {}, police said. One guard was killed.",
    ),
)
TRIFLE = (
    "{} embassy in {} opens a library",
    "The {} embassy in {} opened a library for students on {}, the ambassador said.",
)


@dataclass(frozen=True)
class Entry:
    """`state` is the host state of the attack that it tells of, None of a trifle."""

    number: int
    state: str | None
    item: Item

    @property
    def feed(self) -> int:
        return self.number % FEEDS


def entries(seed: int, number: int) -> list[Entry]:
    """No two attacks are on one embassy; when every embassy has had its own, the rest are trifles. The first entry of
    each feed is a trifle: what a first poll finds is no news."""
    chance = random.Random(seed)
    embassies = [(sender, city) for sender in SENDERS for city in CITIES]
    chance.shuffle(embassies)
    found = []
    for each in range(number):
        attack = each >= FEEDS and chance.random() < 1 / 3 and bool(embassies)
        sender, city = embassies.pop() if attack else (chance.choice(SENDERS), chance.choice([*CITIES]))
        title, text = chance.choice(ATTACKS) if attack else TRIFLE
        found.append(Entry(each, CITIES[city] if attack else None, _item(each, title, text, sender, city)))
    return found


def _item(number: int, title: str, text: str, sender: str, city: str) -> Item:
    at = START + APART * number
    return Item.model_validate(
        {
            "guid": f"urn:example:{number}",
            "link": f"https://wire.example/{number}",
            "title": title.format(sender, city),
            "text": text.format(sender, city, f"{at:%A}"),
            "published": at,
            "expect": Nothing(kind="none", trap=Trap.DIPLOMACY),  # what it leads to, benchmarks/chaos_ledger.py says
        }
    )


def number_of(url: str | None) -> int:
    """Of the entry with that link."""
    return int((url or "").rpartition("/")[2])


class Site:
    """`served` tells of each entry when it first was in an answer, in seconds since 1970."""

    def __init__(self, coming: Sequence[Entry]) -> None:
        self._coming = list(reversed(coming))
        self._out: dict[int, list[Entry]] = {number: [] for number in range(FEEDS)}
        self._asked = dict.fromkeys(range(FEEDS), 0)
        self.served: dict[int, float] = {}
        for _ in range(FEEDS):
            self.release()

    @property
    def watched(self) -> bool:
        """Every feed was polled again after its first poll, whose end is then remembered."""
        return min(self._asked.values()) > 1

    def release(self) -> None:
        """The next entry comes out. Raises IndexError after the last."""
        entry = self._coming.pop()
        self._out[entry.feed].append(entry)

    def feeds(self, base: str) -> Sequence[Feed]:
        listed = ((self._publication(number), f"{base}/feeds/{number}") for number in self._out)
        return opml.read(syndication.opml(listed)).feeds

    @property
    def route(self) -> Route:
        return Route("/feeds/{number:int}", self._answer)

    def _publication(self, number: int) -> Publication:
        return Publication.model_validate(
            {
                "feed": "wire",
                "title": f"Wire {number}",
                "site": f"https://wire.example/feeds/{number}",
                "language": "en",
                "country": "GB",
                "grade": SourceGrade.B,
                "format": "rss" if number % 2 else "atom",
                "items": (self._out[number][0].item,),
            }
        )

    async def _answer(self, request: Request) -> Response:
        number = request.path_params["number"]
        if number not in self._out:
            raise HTTPException(404)
        self._asked[number] += 1
        shown = self._out[number][-SHOWN:]
        items = [entry.item for entry in shown]
        body = syndication.document(self._publication(number), items, str(request.url))
        etag = f'"{sha256(body).hexdigest()[:24]}"'
        if request.headers.get("if-none-match") == etag:
            return Response(status_code=304, headers={"ETag": etag})
        for entry in shown:
            self.served.setdefault(entry.number, time())
        return Response(body, media_type="application/xml", headers={"ETag": etag, "Cache-Control": "no-cache"})
