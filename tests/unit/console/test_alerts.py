"""/v1/alerts over records in memory, and the live stream."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any, NamedTuple

import httpx
import pytest

from services.console.adapters import live as live_module
from services.console.adapters.live import Live, TooManyViewers
from services.console.api import alerts as stream_module
from services.console.core.alert_log import AlertLog
from services.console.core.incidents import Wanted
from services.contracts.incident import IncidentStatus
from services.contracts.report import Severity
from services.contracts.token import Role
from services.contracts.topics import ALERTS, INCIDENTS, TOKENS
from services.runtime.serving import serving
from services.runtime.settings import ConsoleSettings
from tests.unit.console.house import SECRETS, TOKEN_OF, House
from tests.unit.console.test_feeds import of
from tests.unit.console.test_incidents import BAGHDAD, CLOSED, TALK, house_with
from tests.unit.notify.given import NOW, alert, incident


class Event(NamedTuple):
    name: str
    id: str
    data: Any


class Reading:
    """Events of a stream, as they come."""

    def __init__(self, answer: httpx.Response) -> None:
        self.answer = answer
        self._lines = answer.aiter_lines()

    async def next(self, within_s: float = 10) -> Event | None:
        """The next event, None at the end."""
        told: dict[str, str] = {}
        async with asyncio.timeout(within_s):
            async for line in self._lines:
                name, _, value = line.partition(": ")
                if line == "" and "event" in told:
                    return Event(told["event"], told["id"], json.loads(told["data"]))
                told[name] = value
        return None


@asynccontextmanager
async def streaming(house: House, path: str = "/v1/alerts/stream", **headers: str) -> AsyncIterator[Reading]:
    """A viewer over a real server: a client in memory takes an answer only when it has ended."""
    headers = {"authorization": f"Bearer {SECRETS[Role.VIEWER]}", **headers}
    async with (
        serving(house.door, "127.0.0.1", 0, "none") as port,
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", headers=headers) as client,
        client.stream("GET", path) as answer,
    ):
        yield Reading(answer)


async def test_alerts_are_listed_the_newest_first_and_had_whole() -> None:
    early, late = alert(1, 1, about=BAGHDAD), alert(2, 1, about=TALK)
    house = house_with(late, early)
    async with house.client(Role.VIEWER) as client:
        told = of(await client.get("/v1/alerts"))
        assert [item["alert_id"] for item in told["items"]] == [late.alert_id, early.alert_id]
        assert of(await client.get("/v1/alerts?host_state=IQ"))["total"] == 1
        whole = of(await client.get(f"/v1/alerts/{early.alert_id}"))
        assert whole["alert"] == json.loads(early.model_dump_json())
        assert whole["line"] == told["items"][1]
        house.pass_time(timedelta(days=15))
        house.tell(alert(3, 1))  # too old by now, and with it all there was
        assert of(await client.get("/v1/alerts"))["items"] == []
        assert (await client.get(f"/v1/alerts/{early.alert_id}")).status_code == 404


def test_the_newest_alerts_stay_in_whatever_order_they_come() -> None:
    log = AlertLog(days=1, most=2)
    told = [alert(n, 1, about=each) for n, each in enumerate((TALK, BAGHDAD, CLOSED))]
    assert [log.add(each, NOW) for each in told] == [True, True, True]
    assert {each.alert_id for each in log.values()} == {told[0].alert_id, told[2].alert_id}
    assert log.add(told[0], NOW) is False
    assert len(list(log.values())) == 2


async def test_what_happens_is_streamed_as_it_is_listed() -> None:
    house = house_with(BAGHDAD)
    async with streaming(house) as reading:
        assert reading.answer.headers["content-type"].startswith("text/event-stream")
        assert (await reading.next() or ("",))[0] == "ready"
        told, grave = alert(7), BAGHDAD.model_copy(update={"revision": 2, "severity": Severity.EXTREME})
        house.tell(told, grave, grave)  # the same again is no change
        house.tell(TALK)
        events = [await reading.next() for _ in range(3)]
        async with house.client(Role.VIEWER) as client:
            listed = of(await client.get("/v1/incidents"))["items"]
            alerts = of(await client.get("/v1/alerts"))["items"]
    assert [event and event.name for event in events] == ["alert", "incident", "incident"]
    assert [event and event.data for event in events] == [alerts[0], *reversed(listed)]


async def test_a_filter_holds_for_the_stream_and_says_what_left_it() -> None:
    house = house_with(BAGHDAD)
    async with streaming(house, "/v1/alerts/stream?status=open&host_state=IQ") as reading:
        await reading.next()
        closed = BAGHDAD.model_copy(update={"revision": 2, "status": IncidentStatus.CLOSED})
        house.tell(TALK, CLOSED, alert(5, about=TALK), closed, alert(6))
        gone, told = await reading.next(), await reading.next()
    assert gone
    assert told
    assert (gone.name, gone.data["incident_id"], gone.data["status"]) == ("gone", BAGHDAD.incident_id, "closed")
    assert (told.name, told.data["alert_id"]) == ("alert", alert(6).alert_id)


@pytest.mark.parametrize("by_header", [True, False])
async def test_who_comes_back_is_told_what_they_missed_and_nothing_twice(by_header: bool) -> None:
    house = house_with()
    async with house.client(Role.VIEWER) as client:
        as_of = (await client.get("/v1/incidents")).headers["chancery-as-of"]
    house.tell(alert(1), TALK, alert(2))

    async def back(last: str, count: int) -> list[Event]:
        path = "/v1/alerts/stream" if by_header else f"/v1/alerts/stream?last_event_id={last}"
        async with streaming(house, path, **({"last-event-id": last} if by_header else {})) as reading:
            return [event for _ in range(count) if (event := await reading.next())]

    events = await back(as_of, 4)
    assert [event.name for event in events] == ["ready", "alert", "incident", "alert"]
    assert events[0].id == as_of  # who is cut off after this one misses nothing either
    assert [event.id for event in await back(events[1].id, 3)] == [event.id for event in events[1:]]


@pytest.mark.parametrize("last", ["nonsense", "000000000000-1", "-", "\u0661"])
async def test_who_was_away_for_too_long_is_told_to_read_anew(last: str) -> None:
    house = house_with(alert(1))
    async with streaming(house, f"/v1/alerts/stream?last_event_id={last}") as reading:
        event = await reading.next()
    assert event
    assert (event.name, event.id) == ("reset", house.live.position)


def test_what_the_ring_has_forgotten_is_not_passed_over_in_silence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_module, "RING", 3)
    live = Live(ConsoleSettings(), lambda: NOW)
    positions = [live.position]
    for n in range(5):
        live.take(ALERTS, "k", alert(n))
        positions.append(live.position)
    found = [live._ring.after(each) for each in positions]
    assert [None if each is None else len(list(each)) for each in found] == [None, None, 3, 2, 1, 0]


async def test_a_slow_viewer_is_cut_off_and_nobody_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_module, "QUEUE", 3)
    live = Live(ConsoleSettings(), lambda: NOW)
    slow, quick = live.enter(Wanted(), None, "a"), live.enter(Wanted(), None, "a")
    await quick.next(1)
    for n in range(5):
        live.take(ALERTS, "k", alert(n))
        assert await quick.next(1)
    assert await slow.next(1) is None
    assert slow._waiting.empty()


async def test_a_stream_ends_with_its_token_and_at_a_stop() -> None:
    house = house_with()
    async with streaming(house) as reading:
        await reading.next()
        house.records.put(TOKENS, TOKEN_OF[Role.VIEWER].model_copy(update={"revoked": True}))
        house.tell(alert(1))
        assert await reading.next() is None
    house.records.put(TOKENS, TOKEN_OF[Role.VIEWER])
    async with streaming(house) as reading:
        await reading.next()
        house.live.close()
        assert await reading.next() is None
    assert house.live._viewers == set()


async def test_a_quiet_stream_is_seen_to_live(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream_module, "HEARTBEAT_S", 0.01)
    async with streaming(house_with()) as reading, asyncio.timeout(10):
        while await anext(reading._lines) != ": still here":
            pass


async def test_viewers_are_bounded_and_a_head_is_no_viewer() -> None:
    house = House()
    house.live = live = Live(ConsoleSettings(viewers=5), lambda: NOW)
    first = live.enter(Wanted(), None, "a")
    live.enter(Wanted(), None, "a")
    with pytest.raises(TooManyViewers, match="with this token"):
        live.enter(Wanted(), None, "a")
    for holder in ("b", "c", "d"):
        live.enter(Wanted(), None, holder)
    with pytest.raises(TooManyViewers, match="5 viewers"):
        live.enter(Wanted(), None, "e")
    live.leave(first)
    live.enter(Wanted(), None, "a")
    other = House()
    async with other.client(Role.VIEWER) as client:
        head = await client.head("/v1/alerts/stream")
    assert (head.status_code, head.headers["content-type"]) == (200, "text/event-stream; charset=utf-8")
    assert other.live._viewers == set()


def test_an_incident_that_is_removed_is_new_when_it_comes_again() -> None:
    live = Live(ConsoleSettings(), lambda: NOW)
    before = live.position
    live.take(INCIDENTS, incident().key, incident())
    live.take(INCIDENTS, incident().key, None)
    live.take(INCIDENTS, incident().key, incident())
    assert len(list(live._ring.after(before) or ())) == 2
