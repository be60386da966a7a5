"""Known sites: lists are read or say why not, missions get their coordinates, watch points their vicinity."""

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from services.classify.core.sites import site_lists, wikidata
from services.classify.core.sites.known_sites import KnownSites, with_known_sites
from services.classify.core.sites.site_lists import UnreadableList
from services.cli import sites
from services.contracts import ids
from services.contracts.geo import distance_m
from services.contracts.report import (
    Finding,
    GuardVerdict,
    PlacePrecision,
    Relation,
    Site,
    SiteKind,
    Standing,
)
from services.contracts.site import KnownSite
from tests.unit.classify.reports import report

OFFICE = KnownSite(
    site_id=ids.known_site_id("test", "office"),
    name="Office",
    host_state="FR",
    lat=48.8600,
    lon=2.3400,
    watch_radius_m=3000,
    origin="test",
)
ELSEWHERE = Site(host_state="FR", city="Paris", lat=48.8534, lon=2.3488, precision=PlacePrecision.CITY)


def finding(site: Site, **more: object) -> Finding:
    quiet = {"relation": Relation.NONE, "alertable": False, "site": site}
    return report().finding.model_copy(update=quiet | more)


@pytest.mark.parametrize(
    ("one", "other", "metres"),
    [((48.8566, 2.3522), (51.5074, -0.1278), 343_556), ((0, 179.9), (0, -179.9), 22_239), ((1, 1), (1, 1), 0)],
)
def test_distances(one: tuple[float, float], other: tuple[float, float], metres: float) -> None:
    assert distance_m(*one, *other) == pytest.approx(metres, rel=1e-3)


def test_what_happens_within_the_radius_is_in_the_vicinity_and_told() -> None:
    seen = with_known_sites(finding(ELSEWHERE), KnownSites.of([OFFICE]))
    assert seen.relation is Relation.VICINITY
    assert seen.alertable
    assert seen.severity_reasons[-1].startswith("1.0 km from the watch point Office")


@pytest.mark.parametrize(
    "unmoved",
    [
        finding(ELSEWHERE.model_copy(update={"lat": 48.9, "lon": 2.4})),
        finding(ELSEWHERE.model_copy(update={"precision": PlacePrecision.COUNTRY})),
        finding(Site(host_state="FR")),
        finding(ELSEWHERE, relation=Relation.ON_SITE),
    ],
)
def test_what_is_far_or_nowhere_is_not(unmoved: Finding) -> None:
    assert with_known_sites(unmoved, KnownSites.of([OFFICE])) == unmoved


@pytest.mark.parametrize(
    "quiet",
    [
        {"standing": Standing.BACKGROUND},
        {"guards": (GuardVerdict(name="drill", reason="an exercise"),)},
    ],
)
def test_the_vicinity_of_old_news_is_not_told(quiet: dict[str, object]) -> None:
    seen = with_known_sites(finding(ELSEWHERE, **quiet), KnownSites.of([OFFICE]))
    assert (seen.relation, seen.alertable) == (Relation.VICINITY, False)


def test_a_mission_that_can_only_be_one_gets_its_coordinates() -> None:
    embassy = OFFICE.model_copy(
        update={
            "kind": SiteKind.EMBASSY,
            "sending_state": "US",
            "city": "Paris",
            "watch_radius_m": None,
        }
    )
    site = Site(kind=SiteKind.EMBASSY, sending_state="US", host_state="FR", city="Paris")
    exact = with_known_sites(finding(site, relation=Relation.ON_SITE), KnownSites.of([embassy])).site
    assert exact == site.model_copy(update={"lat": 48.86, "lon": 2.34, "precision": PlacePrecision.SITE})
    second = embassy.model_copy(update={"site_id": ids.known_site_id("test", "annexe")})
    unmoved = finding(site, relation=Relation.ON_SITE)
    assert with_known_sites(unmoved, KnownSites.of([embassy, second])) == unmoved


def test_a_city_is_known_by_its_place_not_its_spelling() -> None:
    more = {"kind": SiteKind.EMBASSY, "sending_state": "US", "city": "Paris 8e", "watch_radius_m": None}
    site = ELSEWHERE.model_copy(update={"kind": SiteKind.EMBASSY, "sending_state": "US"})
    known = KnownSites.of([OFFICE.model_copy(update=more)])
    found = with_known_sites(finding(site, relation=Relation.ON_SITE), known).site
    assert found is not None
    assert (found.city, found.lat, found.precision) == ("Paris", 48.86, PlacePrecision.SITE)
    far = site.model_copy(update={"city": "Lyon", "lat": 45.75, "lon": 4.85})
    assert known.mission(far) is None


def test_what_is_only_its_city_s_place_makes_no_mission_exact() -> None:
    rows = (
        "name,lat,lon,kind,precision,radius_m",
        "A,1,2,embassy,city,",
        "B,1,2,embassy,city,500",
        "C,1,2,Other,site,",
        "D,,2,,,",
    )
    found = site_lists.read("\n".join(rows).encode(), "list.csv")
    assert [(site.name, site.kind) for site in found.sites] == [("B", None), ("C", None)]
    assert found.problems == (
        "line 2: its coordinates are only its city's, and it is not watched",
        "line 5: it has no coordinates",
    )


def test_a_place_has_the_groups_of_its_mission_and_of_every_watch_point_it_lies_within() -> None:
    near = OFFICE.model_copy(update={"groups": ("gulf",), "watch_radius_m": 500})
    wide = OFFICE.model_copy(update={"site_id": ids.known_site_id("test", "2"), "groups": ("paris", "gulf")})
    far = OFFICE.model_copy(update={"site_id": ids.known_site_id("test", "3"), "groups": ("lyon",), "lat": 45.75})
    mission = {"kind": SiteKind.EMBASSY, "sending_state": "US", "city": "Paris", "watch_radius_m": None}
    embassy = OFFICE.model_copy(update={**mission, "site_id": ids.known_site_id("test", "4"), "groups": ("missions",)})
    known = KnownSites.of([near, wide, far, embassy])

    def groups(site: Site, relation: Relation) -> tuple[str, ...]:
        found = with_known_sites(finding(site, relation=relation), known).site
        assert found is not None
        return found.groups

    assert groups(ELSEWHERE, Relation.NONE) == ("gulf", "paris")  # a kilometre away
    at_the_office = ELSEWHERE.model_copy(update={"lat": 48.8601, "lon": 2.3401})
    assert groups(at_the_office, Relation.ON_SITE) == ("gulf", "paris")
    at_the_embassy = ELSEWHERE.model_copy(update={"kind": SiteKind.EMBASSY, "sending_state": "US"})
    assert groups(at_the_embassy, Relation.ON_SITE) == ("gulf", "missions", "paris")
    assert groups(ELSEWHERE.model_copy(update={"precision": PlacePrecision.COUNTRY}), Relation.ON_SITE) == ()


def test_the_groups_of_a_list_are_read_as_people_write_them() -> None:
    rows = "name,lat,lon,group\nA,1,2,Gulf  offices; x ;\nB,1,2,\nC,1,2," + ";".join(map(str, range(21)))
    found = site_lists.read(rows.encode(), "list.csv")
    assert [(site.name, site.groups) for site in found.sites] == [("A", ("gulf offices", "x")), ("B", ())]
    assert found.problems[0].startswith("line 4: groups: Tuple should have at most 20 items")
    point = {"geometry": {"type": "Point", "coordinates": [2, 1]}, "properties": {"name": "A", "Group": "Gulf"}}
    (site,) = site_lists.read(json.dumps({"features": [point]}).encode(), "x.geojson").sites
    assert site.groups == ("gulf",)


def test_a_site_that_is_forgotten_or_moved_no_longer_watches() -> None:
    known = KnownSites.of([OFFICE])
    known.put(OFFICE.model_copy(update={"lat": -10.0}))
    assert with_known_sites(finding(ELSEWHERE), known).relation is Relation.NONE
    known.put(OFFICE)
    known.remove(OFFICE.site_id)
    assert with_known_sites(finding(ELSEWHERE), known).relation is Relation.NONE


@given(st.floats(-90, 90), st.floats(-180, 180), st.floats(1, 200_000), st.floats(-90, 90), st.floats(-180, 180))
def test_the_index_finds_exactly_what_is_near(
    lat: float, lon: float, radius: float, other_lat: float, other_lon: float
) -> None:
    point = OFFICE.model_copy(update={"lat": lat, "lon": lon, "watch_radius_m": radius})
    found = KnownSites.of([point]).watching(other_lat, other_lon)
    assert bool(found) == (distance_m(lat, lon, other_lat, other_lon) <= radius)


CSV = """\ufeffName,Latitude,lng,radius_m,kind,sender,host,city,note
Office,48.86,2.34,500,,,FR,Paris,ours
,33.3,44.4,,consulate_general,US,IQ,Baghdad,
Bad latitude,91,0,,,,,,
No place,,,,,,,,
Bad kind,1,1,,castle,,,,
"""


def test_csv() -> None:
    found = site_lists.read(CSV.encode(), "offices.csv", 1000)
    assert [(s.name, s.kind, s.watch_radius_m) for s in found.sites] == [
        ("Office", None, 500),
        ("US consulate Baghdad", SiteKind.CONSULATE, 1000),
    ]
    assert [problem.split(" ")[1].rstrip(":") for problem in found.problems] == ["4", "5", "6"]
    assert "castle" in found.problems[2]


def test_geojson() -> None:
    features = [
        {"geometry": {"type": "Point", "coordinates": [2.34, 48.86, 35]}, "properties": {"name": "Office", "id": 7}},
        {"geometry": {"type": "Polygon", "coordinates": []}, "properties": {"name": "A park"}},
        {"geometry": None, "properties": None},
    ]
    found = site_lists.read(json.dumps({"type": "FeatureCollection", "features": features}).encode(), "x.geojson")
    assert [(s.name, s.lat, s.lon, s.watch_radius_m) for s in found.sites] == [("Office", 48.86, 2.34, None)]
    assert [problem.split(":")[0] for problem in found.problems] == ["feature 2", "feature 3"]


@pytest.mark.parametrize(
    ("document", "complaint"),
    [
        (b"name,city\nx,y\n", "no columns lat and lon"),
        (b"", "no columns lat and lon"),
        (b"\r\x00", "line 0: new-line character"),
        (b"\xff\xfe", "not UTF-8"),
        (b'{"type": "Topology"}', "no GeoJSON FeatureCollection"),
        (b'{"features": 3}', "no GeoJSON FeatureCollection"),
    ],
)
def test_what_is_no_list_says_so(document: bytes, complaint: str) -> None:
    with pytest.raises(UnreadableList, match=complaint):
        site_lists.read(document, "list")


@given(st.one_of(st.binary(max_size=300), st.text(max_size=300).map(lambda text: f"name,lat,lon\n{text}".encode())))
def test_reading_raises_nothing_else(document: bytes) -> None:
    with contextlib.suppress(UnreadableList):
        site_lists.read(document, "list")
    with contextlib.suppress(UnreadableList):
        wikidata.sites_in(document)


def test_missions_of_the_query_service() -> None:
    def cell(value: str) -> dict[str, str]:
        return {"type": "literal", "value": value}

    row = {
        "mission": cell("http://www.wikidata.org/entity/Q1"),
        "missionLabel": cell("Embassy of X in Y"),
        "class": cell("http://www.wikidata.org/entity/Q3917681"),
        "sender": cell("US"),
        "host": cell("IQ"),
        "cityLabel": cell("Baghdad"),
        "coordinates": cell("Point(44.39 33.29)"),
    }
    on_the_moon = row | {"coordinates": cell("<http://www.wikidata.org/entity/Q405> Point(1 1)")}
    answer = {"results": {"bindings": [row, on_the_moon, {"mission": 3}]}}
    found = wikidata.sites_in(json.dumps(answer).encode())
    (site,) = found.sites
    assert (site.kind, site.sending_state, site.city, site.lat, site.lon) == ("embassy", "US", "Baghdad", 33.29, 44.39)
    assert len(found.problems) == 2


@pytest.mark.parametrize(
    ("properties", "why"),
    [
        ({"name": "\ud800"}, "name holds a lone surrogate, '\\ud800'"),
        ({"name": "a", "city": "\udfff"}, "city holds a lone surrogate, '\\udfff'"),
        ({"name": 5}, "name must be a string, not 5"),
        ({"name": ["x"]}, "name must be a string, not ['x']"),
        ({"name": "a", "id": {"b": 1}}, "id must be a string or a number, not {'b': 1}"),
        ({"name": "a", "radius_m": True}, "radius_m must be a string or a number, not True"),
    ],
)
def test_a_feature_of_wrong_types_is_left_out_and_named(properties: dict[str, object], why: str) -> None:
    found = site_lists.read(_collection({"name": "good"}, properties), "x.geojson")
    assert [site.name for site in found.sites] == ["good"]
    assert found.problems == (f"feature 2: {why}",)


def test_rows_that_a_later_one_replaces_are_counted() -> None:
    rows: list[dict[str, object]] = [{"name": "a"}, {"name": "b", "id": 7}, {"name": "a"}, {"name": "c", "id": 7}]
    found = site_lists.read(_collection(*rows), "x")
    assert [site.name for site in found.sites] == ["a", "c"]
    assert found.replaced == 2


def _collection(*properties: dict[str, object]) -> bytes:
    point = {"type": "Point", "coordinates": [1, 2]}
    features = [{"type": "Feature", "properties": one, "geometry": point} for one in properties]
    return json.dumps({"type": "FeatureCollection", "features": features}).encode()


def test_a_long_list_of_sites_is_cut_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    known = [OFFICE.model_copy(update={"name": f"Office {number}"}) for number in range(100_000)]
    monkeypatch.setattr(sites, "with_broker", lambda _: known)
    shown = CliRunner().invoke(sites.app, ["list"])
    assert (shown.exit_code, shown.stdout.count("Office")) == (0, sites.SHOWN_SITES)
    assert "and 99500 more" in shown.stderr
    every = CliRunner().invoke(sites.app, ["list", "--limit", "100000"])
    assert every.stdout.splitlines()[99_999] == "Office 99999\t\tFR\t48.8600, 2.3400\t3000 m\t\ttest"
    few = CliRunner().invoke(sites.app, ["list", "--limit", "3", "--json"])
    assert len(json.loads(few.stdout)) == 3
