"""/v1/coverage: quiet is not blind."""

from datetime import timedelta
from typing import Any

from services.contracts.feed import Feed, FeedState, History, PollStatus
from services.contracts.token import Role
from services.contracts.topics import FEED_STATES, FEEDS
from tests.unit.console.house import NOW, House
from tests.unit.console.test_feeds import of
from tests.unit.ingest.fakes import feed_at
from tests.unit.notify.given import LEDGER, claim, incident

HOUR = timedelta(hours=1)


def watched(name: str, *, read_h: float | None, new_h: float | None, **changes: Any) -> tuple[Feed, FeedState]:
    """A feed that was read and had something new so many hours ago."""
    feed = feed_at(f"https://{name}.example/").model_copy(update=changes)
    state = FeedState(
        feed_id=feed.feed_id,
        url=feed.url,
        status=PollStatus.OK,
        last_success_at=None if read_h is None else NOW - read_h * HOUR,
        history=History(new_at=None if new_h is None else NOW - new_h * HOUR),
    )
    return feed, state


async def test_what_nobody_can_see_stands_before_what_has_nothing_to_say() -> None:
    house = House()
    for feed, state in (
        watched("a", read_h=1, new_h=2, language="fr", country="FR"),
        watched("b", read_h=25, new_h=26, language="fr", country="BE"),
        watched("c", read_h=1, new_h=48, language="pt-BR", country="BR"),
        watched("d", read_h=30, new_h=2, language="ar", country="IQ"),
        watched("e", read_h=1, new_h=1, language="tr", country="TR", enabled=False),
        watched("f", read_h=None, new_h=None),
    ):
        house.records.put(FEEDS, feed)
        house.records.put(FEED_STATES, state)
    told = LEDGER.model_copy(update={"fetched_at": NOW - HOUR})
    of_the_day = claim(1, language="es-MX", ledger=told)
    house.tell(incident(claims=(of_the_day, claim(2, language="ru"))))
    async with house.client(Role.VIEWER) as client:
        covered = of(await client.get("/v1/coverage"))
    found = [(each["code"], each["hearing"], each["feeds"], each["reports"]) for each in covered["languages"]]
    assert found == [
        ("en", "no_feed", 0, 0),
        ("tr", "paused", 1, 0),
        ("ar", "blind", 1, 0),
        ("und", "blind", 1, 0),
        ("pt", "quiet", 1, 0),
        ("fr", "heard", 2, 0),
        ("es", "heard", 0, 1),
    ]
    french = next(each for each in covered["languages"] if each["code"] == "fr")
    assert (french["name"], french["polled"], french["read"], french["new"]) == ("French", 2, 1, 1)
    countries = {each["code"]: each["hearing"] for each in covered["countries"]}
    assert countries == {"FR": "heard", "BE": "blind", "BR": "quiet", "IQ": "blind", "TR": "paused", "und": "heard"}
    assert covered["since"] == "2026-02-28T12:00:00Z"
