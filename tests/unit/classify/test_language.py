"""The language of headlines, and languages that nobody reads here."""

import pytest

from services.classify.core.reading.article import ArticleText
from services.classify.core.reading.pipeline import Reader

_HEADLINES = (
    ("en", "Gunmen open fire outside embassy"),
    ("fr", "Tirs devant l'ambassade du Mali"),
    ("es", "Asaltan la embajada de Bolivia"),
    ("pt", "Bomba explode perto da embaixada do Peru"),
    ("de", "Raketen treffen Botschaft"),
    ("it", "Spari contro il consolato libico"),
    ("ru", "Похищен посол Иордании"),
    ("uk", "Викрадено посла Йорданії"),
    ("ar", "اختطاف سفير الأردن"),
    ("fa", "ربودن سفیر اردن در طرابلس"),
    ("tr", "Göstericiler konsolosluğu bastı"),
    ("zh", "約旦大使遭綁架"),
)


@pytest.mark.parametrize(("language", "headline"), _HEADLINES)
@pytest.mark.parametrize("wrong", [False, True])
def test_a_headline_is_known_by_its_own_words(reader: Reader, language: str, headline: str, wrong: bool) -> None:
    hint = ("fr" if language != "fr" else "en") if wrong else None
    assert reader.read(ArticleText(id="a", text=headline, language_hint=hint)).language == language


@pytest.mark.parametrize(
    "headline",
    [
        "Schoten gelost bij de ambassade van Mali, twee gewonden",
        "Strzały przed ambasadą Mali, dwie osoby ranne",
        "Focuri de armă lângă ambasada Mali, doi răniți",
        "Стрелба пред посолството на Мали, двама са ранени",
        "Пуцњава испред амбасаде Малија, двоје рањено",
        "مالی کے سفارت خانے کے باہر فائرنگ، دو افراد زخمی",
        "د مالي د سفارت مخې ته ډزې شوي دي",
        "マリ大使館前で発砲、2人負傷",
        "말리 대사관 앞에서 총격, 2명 부상",
        "Πυροβολισμοί έξω από την πρεσβεία του Μαλί",
        "ירי מחוץ לשגרירות מאלי",
        "Penembakan di luar kedutaan Mali, dua orang terluka",
    ],
)
@pytest.mark.parametrize("hint", [None, "en", "ru", "ar", "zh"])
def test_a_language_nobody_reads_is_unknown(reader: Reader, headline: str, hint: str | None) -> None:
    assert reader.read(ArticleText(id="a", text=headline, language_hint=hint)).language == "und"
