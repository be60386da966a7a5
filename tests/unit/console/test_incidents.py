"""/v1/incidents over records in memory: the list and its filters, one incident, GeoJSON, Atom and CAP."""

import json
from datetime import timedelta
from typing import Any

import feedparser
import pytest

from services.contracts import ids
from services.contracts.ids import ReportId
from services.contracts.incident import Incident, IncidentStatus, Note, NoteKind
from services.contracts.report import Certainty, IncidentType, PlacePrecision, Severity, Site
from services.contracts.subscription import Channel
from services.contracts.token import Role
from tests.suites.limits import LIMITS
from tests.unit.console.house import House
from tests.unit.console.test_feeds import of
from tests.unit.notify.given import LEDGER, NOW, alert, claim, incident

PARIS = Site(host_state="FR", city="Paris", lat=48.85, lon=2.35, precision=PlacePrecision.CITY)


def numbered(number: int, *, minutes: int = 0, **changes: Any) -> Incident:
    """An incident of its own, changed so many minutes after NOW."""
    ledger = LEDGER.model_copy(update={"correlated_at": NOW + timedelta(minutes=minutes)})
    return incident(incident_id=ids.incident_id(ReportId(f"rep_{number}")), ledger=ledger, **changes)


THREAT = {"type": IncidentType.THREAT_HOAX_SUSPECT_ITEM, "severity": Severity.MINOR, "certainty": Certainty.POSSIBLE}
BAGHDAD = numbered(1, minutes=1)
TALK = numbered(2, minutes=2, site=PARIS, **THREAT, claims=(claim(2, title="Alerte À La Bombe", quote="un colis"),))
CLOSED = numbered(3, minutes=3, status=IncidentStatus.CLOSED, site=Site(host_state="IQ"))
ALL = (TALK, CLOSED, BAGHDAD)


def house_with(*records: Any) -> House:
    house = House()
    house.now = NOW
    house.tell(*records)
    return house


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", [CLOSED, TALK, BAGHDAD]),
        ("host_state=IQ", [CLOSED, BAGHDAD]),
        ("host_state=iq&host_state=FR", [CLOSED, TALK, BAGHDAD]),
        ("host_state=IQ&status=open", [BAGHDAD]),
        ("sending_state=US", [BAGHDAD]),
        ("sending_state=ZZ", [CLOSED, TALK]),
        ("type=threat_hoax_suspect_item&type=bombing_ied", [TALK]),
        ("severity=severe", [CLOSED, BAGHDAD]),
        ("certainty=possible&severity=minor", [TALK]),
        ("status=closed&status=retracted", [CLOSED]),
        ("near=48.8,2.3,10", [TALK]),
        ("near=33.3,44.4,1&near=48.8,2.3,10", [TALK, BAGHDAD]),
        ("since=2024-05-02T09:32:00Z", [CLOSED, TALK]),
        ("since=2024-05-02T11:32:00%2B02:00&until=2024-05-02T09:33:00Z", [TALK]),
        ("q=ALERTE%20%C3%A0%20la%20bombe", [TALK]),
        ("q=green%20zone", [BAGHDAD]),
        ("q=%20United%20States", [BAGHDAD]),
        (f"q={CLOSED.incident_id}", [CLOSED]),
        ("q=nothing%20like%20it", []),
        ("limit=1", [CLOSED]),
    ],
)
async def test_the_list_has_what_is_asked_for_the_newest_change_first(query: str, found: list[Incident]) -> None:
    async with house_with(*ALL).client(Role.VIEWER) as client:
        told = of(await client.get(f"/v1/incidents?{query}"))
    assert [item["incident_id"] for item in told["items"]] == [each.incident_id for each in found]
    assert told["total"] == (3 if query.startswith("limit") else len(found))


@pytest.mark.parametrize(
    ("query", "at"),
    [
        ("host_state=IRQ", "host_state"),
        ("near=1,2", "near"),
        ("near=91,0,1", "near"),
        ("near=a,b,c", "near"),
        ("since=yesterday", "since"),
        ("since=2024-05-02T09:00:00", "since"),
        ("severity=bad", "severity"),
        ("limit=1001", "limit"),
        ("hoststate=IQ", "hoststate"),
    ],
)
async def test_what_is_no_filter_shows_nothing_but_where_it_is_wrong(query: str, at: str) -> None:
    async with house_with(*ALL).client(Role.VIEWER) as client:
        for path in ("/v1/incidents", "/v1/incidents.atom", "/v1/alerts"):
            refused = of(await client.get(f"{path}?{query}"), 422)
            assert at in json.dumps(refused["errors"])


async def test_pages_meet_without_a_gap_and_keep_every_value_of_the_filter() -> None:
    many = [numbered(n, minutes=n) for n in range(1, 8)]
    house = house_with(*many)
    seen: list[str] = []
    async with house.client(Role.VIEWER) as client:
        path = "/v1/incidents?limit=3&host_state=IQ&host_state=FR"
        while path:
            answer = await client.get(path)
            seen += [item["incident_id"] for item in of(answer)["items"]]
            house.tell(numbered(100 + len(seen), minutes=100))  # what comes meanwhile is on no later page
            path = answer.links["next"]["url"] if "next" in answer.links else ""
    assert seen == [each.incident_id for each in reversed(many)]


async def test_a_list_is_304_until_something_in_it_changes() -> None:
    house = house_with(*ALL)
    async with house.client(Role.VIEWER) as client:
        first = await client.get("/v1/incidents")
        same = {"if-none-match": first.headers["etag"]}
        assert (await client.get("/v1/incidents", headers=same)).status_code == 304
        house.tell(BAGHDAD.model_copy(update={"revision": 2, "severity": Severity.EXTREME}))
        assert (await client.get("/v1/incidents", headers=same)).status_code == 200


async def test_one_incident_is_all_that_the_record_knows_and_what_was_told_of_it() -> None:
    verdict = Note(revision=2, kind=NoteKind.CONFIRMED, cause="f", at=NOW + timedelta(hours=1), by="desk", why="called")
    denial = claim(3, denies=True, quote="Nothing happened.")
    known = incident(revision=3, claims=(claim(), denial), notes=(verdict,))
    told_first, told_again = alert(1, 1), alert(1, 2)
    house = house_with(known, told_again, told_first, alert(2, 1))
    async with house.client(Role.VIEWER) as client:
        told = of(await client.get(f"/v1/incidents/{known.incident_id}"))
        assert (await client.get(f"/v1/incidents/{ids.incident_id(ReportId('rep_x'))}")).status_code == 404
    assert Incident.model_validate(told["incident"], strict=False) == known
    made = [(each["revision"], each["kind"], each["by"], each["why"]) for each in told["revisions"]]
    assert made == [
        (1, "claim", "News 1 (B)", claim().quote),
        (2, "confirmed", "desk", "called"),
        (3, "denial", "News 3 (B)", "Nothing happened."),
    ]
    assert [each["alert_id"] for each in told["alerts"]] == [told_first.alert_id, told_again.alert_id]
    assert told["line"]["changed_at"] == "2024-05-02T10:30:00Z"


async def test_geojson_has_a_feature_for_each_and_no_place_that_is_not_known() -> None:
    async with house_with(*ALL).client(Role.VIEWER) as client:
        by_path = await client.get("/v1/incidents.geojson?limit=2")
        by_accept = await client.get("/v1/incidents?limit=2", headers={"accept": "application/geo+json"})
    assert by_path.headers["content-type"] == by_accept.headers["content-type"] == "application/geo+json"
    assert by_path.content == by_accept.content
    assert 'rel="next"' in by_path.headers["link"]
    told = of(by_path)
    assert told["type"] == "FeatureCollection"
    assert [feature["geometry"] for feature in told["features"]] == [
        None,
        {"type": "Point", "coordinates": [2.35, 48.85]},
    ]
    assert told["features"][1]["id"] == told["features"][1]["properties"]["incident_id"] == TALK.incident_id


async def test_the_atom_feed_is_read_by_a_feed_reader_and_lets_no_markup_through() -> None:
    hostile = '<script>alert(1)</script> & "\x00\x1b\ud800‮'
    odd = claim(9, title=hostile, quote=hostile, url='javascript:alert("x")')
    house = house_with(*ALL, numbered(9, minutes=9, claims=(odd,)))
    async with house.client(Role.VIEWER) as client:
        answer = await client.get("/v1/incidents.atom?status=open")
    assert answer.headers["content-type"] == "application/atom+xml"
    assert b"<script>" not in answer.content
    assert b"javascript:" not in answer.content
    read = feedparser.parse(answer.content, sanitize_html=False)
    assert (read.bozo, read.version) == (False, "atom10")
    assert read.feed.id == "https://console.example/v1/incidents.atom?status=open"
    assert read.feed.author == "Chancery"
    assert read.feed.updated == read.entries[0].updated == "2024-05-02T09:39:00Z"
    assert [entry.id for entry in read.entries] == [
        f"urn:chancery:incident:{each}"
        for each in (ids.incident_id(ReportId("rep_9")), TALK.incident_id, BAGHDAD.incident_id)
    ]
    assert '<script>alert(1)</script> & "' in read.entries[0].summary
    assert read.entries[2].links[0].href == "https://news1.example/story/1"
    assert read.entries[2].title.startswith("severe: Rocket, mortar or missile fire")


async def test_an_atom_feed_of_nothing_is_one_too() -> None:
    async with House().client(Role.VIEWER) as client:
        read = feedparser.parse((await client.get("/v1/incidents.atom")).content)
    assert (read.bozo, read.entries, read.feed.updated) == (False, [], "1970-01-01T00:00:00Z")


@pytest.mark.parametrize(
    ("known", "kind", "refers"),
    [
        (incident(claims=(claim(tellable=False),)), "Alert", False),
        (incident(), "Alert", False),
        (incident(revision=2, claims=(claim(), claim(2))), "Update", True),
        (
            incident(
                revision=2,
                status=IncidentStatus.RETRACTED,
                notes=(Note(revision=2, kind=NoteKind.FALSE_ALARM, cause="f", at=NOW, by="desk", why="a drill"),),
            ),
            "Cancel",
            True,
        ),
    ],
)
async def test_cap_is_by_its_schema_and_refers_to_what_was_told_first(known: Incident, kind: str, refers: bool) -> None:
    async with house_with(known).client(Role.VIEWER) as client:
        answer = await client.get(f"/v1/incidents/{known.incident_id}/cap")
        assert (await client.get("/v1/incidents/inc_aaaaaaaaaaaaaaaaaaaaaaaaaa/cap")).status_code == 404
    assert answer.headers["content-type"] == "application/cap+xml"
    assert list(LIMITS[Channel.CAP](answer.content)) == []
    assert f"<msgType>{kind}</msgType>" in answer.text
    first = f"<references>chancery-watch,{ids.alert_id(known.incident_id, 1)},2024-05-02T09:30:00+00:00</references>"
    assert (first in answer.text) is refers
    assert ("<references" in answer.text) is refers
