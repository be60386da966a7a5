"""Sites composed from the text, in both directions, and who was the target."""

import datetime as dt

import pytest

from services.classify.core.reading.article import ArticleText
from services.classify.core.reading.pipeline import Reader

PUBLISHED = dt.datetime(2020, 12, 21, 8, tzinfo=dt.UTC)

CASES = [
    ("en", "A bomb exploded at the U.S. embassy in Baghdad.", "embassy:US:IQ:baghdad", "on_site"),
    ("en", "A bomb exploded near the American Embassy in Beirut, Lebanon.", "embassy:US:LB:beirut", "perimeter"),
    ("en", "A bomb exploded at the Iraqi embassy in Washington.", "embassy:IQ:US:washington", "on_site"),
    ("en", "A bomb exploded outside the embassy of France in Tripoli.", "embassy:FR:LY:tripoli", "perimeter"),
    ("en", "A bomb exploded at Iran's consulate in Peshawar.", "consulate:IR:PK:peshawar", "on_site"),
    ("en", "A bomb exploded at the South Korean consulate general in Jeddah.", "consulate:KR:SA:jeddah", "on_site"),
    ("en", "A bomb exploded at the Congolese embassy in Brazzaville.", "embassy:CD:CG:brazzaville", "on_site"),
    ("en", "A bomb exploded at the Georgian embassy in Minsk.", "embassy:GE:BY:minsk", "on_site"),
    ("en", "Gunmen shot dead the Russian ambassador to Turkey in Ankara.", "staff:RU:TR:ankara", "staff"),
    ("en", "A roadside bomb hit a British embassy convoy in Kabul.", "convoy:GB:AF:kabul", "convoy"),
    ("fr", "Une bombe a explosé devant l'ambassade des Etats-Unis à Bagdad.", "embassy:US:IQ:baghdad", "perimeter"),
    ("fr", "Une bombe a explosé devant l'ambassade d'Iran au Liban.", "embassy:IR:LB:beirut", "perimeter"),
    ("fr", "Une bombe a explosé au consulat général de France à Karachi.", "consulate:FR:PK:karachi", "on_site"),
]


@pytest.mark.parametrize(("language", "text", "key", "relation"), CASES)
def test_sites(reader: Reader, language: str, text: str, key: str, relation: str) -> None:
    (finding,) = reader.read(ArticleText(id="x", text=text, language_hint=language, published_at=PUBLISHED)).reports
    assert finding.site is not None
    assert (finding.site.site_key, finding.relation) == (key, relation)
    assert finding.alertable


@pytest.mark.parametrize(
    "text",
    [
        "According to the French embassy, a bomb exploded at a market in Bamako.",
        "The French embassy in Bamako said a bomb exploded at a market.",
        "A bomb exploded at a market in Bamako, a spokesman for the French embassy said.",
        "American soldiers were attacked with rockets in Mosul.",
    ],
)
def test_who_speaks_or_stands_by_is_no_target(reader: Reader, text: str) -> None:
    for finding in reader.read(ArticleText(id="x", text=text, language_hint="en")).reports:
        assert finding.relation == "none"
        assert not finding.alertable


def test_the_mission_is_the_one_named_before(reader: Reader) -> None:
    text = "The Turkish embassy in Baghdad was quiet for weeks. On Sunday rockets hit the diplomatic mission."
    (finding,) = reader.read(ArticleText(id="x", text=text, published_at=PUBLISHED)).reports
    assert finding.site is not None
    assert finding.site.site_key == "embassy:TR:IQ:baghdad"
