"""What is of a drill says EXERCISE wherever it is shown, and is left out of what tells how the world is."""

import json
from typing import Any

import pytest

from services.console.core.changes import Ring
from services.console.core.incidents import Wanted
from services.contracts import ids
from services.contracts.token import Role
from services.contracts.topics import INCIDENTS, SILENCES, SUBSCRIPTIONS
from services.notify.core.channels.slack.message import Button, render_answerable
from tests.unit.console import test_slack as slack
from tests.unit.console.house import House
from tests.unit.console.test_feeds import of
from tests.unit.console.test_incidents import BAGHDAD, house_with, numbered
from tests.unit.notify.given import alert, delivery, subscription

DRILL = ids.drill_id("baghdad-2020", "now")
DRILLED = numbered(9, minutes=9, drill=DRILL)
ALERT = alert(9).model_copy(update={"exercise": True, "incident": DRILLED})
DESK = subscription()
SENT = delivery(ALERT, DESK)


def house(*beside: Any) -> House:
    made = house_with(DRILLED, ALERT, *beside)
    made.records.put(SUBSCRIPTIONS, DESK)
    made.desk.put(SENT)
    return made


@pytest.mark.parametrize(
    ("path", "accept"),
    [
        ("/v1/incidents", "application/json"),
        ("/v1/incidents", "application/geo+json"),
        ("/v1/incidents.geojson", "*/*"),
        ("/v1/incidents.atom", "*/*"),
        (f"/v1/incidents/{DRILLED.incident_id}", "*/*"),
        (f"/v1/incidents/{DRILLED.incident_id}/cap", "*/*"),
        ("/v1/alerts", "*/*"),
        ("/v1/deliveries", "*/*"),
        (f"/v1/alerts/{ALERT.alert_id}/recipients", "*/*"),
        ("/incidents", "text/html"),
        (f"/incidents/{DRILLED.incident_id}", "text/html"),
        ("/deliveries", "text/html"),
    ],
)
async def test_wherever_it_is_listed_it_says_exercise(path: str, accept: str) -> None:
    async with house().client(Role.ADMIN) as client:
        answer = await client.get(path, headers={"accept": accept})
    assert (answer.status_code, "exercise" in answer.text.lower()) == (200, True), answer.text
    async with house_with(BAGHDAD).client(Role.ADMIN) as client:
        plain = await client.get("/v1/incidents")
    assert [each["exercise"] for each in of(plain)["items"]] == [False]
    assert "EXERCISE" not in plain.text


def test_who_follows_the_stream_reads_it_too() -> None:
    ring = Ring("epoch", 10)
    for change in (ring.add(alert=ALERT), ring.add(incident=DRILLED)):
        told = change.event(Wanted())
        assert told is not None
        assert json.loads(told.split(b"data: ")[1])["headline"].startswith("EXERCISE: ")


async def test_it_is_no_news_from_anywhere() -> None:
    async with house().client(Role.VIEWER) as client:
        drilled = of(await client.get("/v1/coverage"))
    async with house(BAGHDAD).client(Role.VIEWER) as client:
        real = of(await client.get("/v1/coverage"))
    assert sum(each["reports"] for each in drilled["languages"]) == 0
    assert sum(each["reports"] for each in real["languages"]) == 1


async def test_no_button_of_it_silences_what_is_real() -> None:
    buttons = json.loads(render_answerable(ALERT))["blocks"][-1]["elements"]
    assert [each["action_id"] for each in buttons] == [Button.CONFIRM, Button.FALSE_ALARM]
    house = slack.knowing_house()
    house.records.put(INCIDENTS, slack.INCIDENT.model_copy(update={"drill": DRILL}))
    told = await slack.press(house, Button.SILENCE)
    assert "This is an exercise" in told["text"]
    assert list(house.records.values(SILENCES)) == []
    await slack.press(house, Button.CONFIRM)
    assert slack.verdicts(house), "but a verdict acknowledges it"
