import pytest

from services.classify.core.reading.article import ArticleText
from services.classify.core.reading.pipeline import Reader
from services.classify.core.reading.text import fold


@pytest.mark.parametrize(
    ("language", "text", "bounds"),
    [
        ("en", "at least three", (3, None)),
        ("en", "half a dozen", (6, 6)),
        ("en", "twenty-three", (23, 23)),
        ("en", "two hundred and thirteen", (213, 213)),
        ("en", "1,200", (1200, 1200)),
        ("en", "more than 80", (80, None)),
        ("en", "up to 30", (1, 30)),
        ("en", "10 to 15", (10, 15)),
        ("en", "dozens", (24, None)),
        ("fr", "au moins trois", (3, None)),
        ("fr", "une vingtaine", (20, None)),
        ("fr", "plus d'une dizaine", (10, None)),
        ("fr", "vingt et un", (21, 21)),
        ("fr", "deux cent treize", (213, 213)),
        ("fr", "20 000", (20000, 20000)),
    ],
)
def test_numbers_with_their_bounds(reader: Reader, language: str, text: str, bounds: tuple[int, int | None]) -> None:
    norm = fold(text).norm
    (number,) = reader.rules.numbers[language].read(norm, 0, len(norm))
    low, high = bounds
    assert number.low == low
    # A vague word has no upper bound unless its lexicon gives one.
    assert number.high in (high, None) if high == low else number.high == high


@pytest.mark.parametrize(
    ("text", "killed", "wounded"),
    [
        ("The embassy attack killed three guards and wounded 17 others.", (3, 3), (17, 17)),
        ("A bomb at the French embassy left five dead, 20 injured.", (5, 5), (20, 20)),
        ("A bomb exploded at the French embassy, killing a guard.", (1, 1), None),
        ("Rockets hit the French embassy; there were no casualties.", (0, 0), (0, 0)),
        ("Rockets hit the French embassy.", None, None),
        ("Rockets hit the French embassy 20 years ago.", None, None),
    ],
)
def test_casualties(reader: Reader, text: str, killed: tuple[int, int] | None, wounded: tuple[int, int] | None) -> None:
    (finding,) = reader.read(ArticleText(id="x", text=text, language_hint="en")).reports
    for count, wanted in ((finding.killed, killed), (finding.wounded, wounded)):
        assert (count and (count.low, count.high)) == wanted
