"""Whose page is wanted, and what becomes of what it says."""

from datetime import timedelta

import pytest

from services.contracts.article import Article, PageProblem, TextOrigin
from services.ingest.core.feed import MAX_TEXT_CHARS
from services.ingest.core.full_text import Page, completed, likeness, page_outcome, read_page, wanting
from services.ingest.core.timestamps import instant
from tests.contracts.examples import ARTICLE
from tests.unit.ingest.pages import BODY, LEAD, TITLE, WALL, web_page

NOW = instant("2020-12-21T08:00:00Z")
assert NOW is not None
WINDOW = timedelta(hours=72)
TEXT = "\n".join(BODY)


def entry(text: str = LEAD, origin: TextOrigin = TextOrigin.SUMMARY, age_h: float | None = 1) -> Article:
    return ARTICLE.model_copy(
        update={
            "title": TITLE,
            "text": text,
            "text_origin": origin,
            "published_at": None if age_h is None else NOW - timedelta(hours=age_h),  # type: ignore[operator]
            "watermark_at": NOW,
        }
    )


def test_a_page_is_read_without_what_surrounds_the_article() -> None:
    page = read_page(web_page(*BODY).decode())
    assert page == Page(TITLE + "\n" + TEXT)


def test_with_metadata_the_headline_is_known_and_no_part_of_the_text() -> None:
    head = '<meta property="article:published_time" content="2020-12-20T20:00:00+00:00">'
    assert read_page(web_page(*BODY, head=head).decode(), with_metadata=True) == Page(TEXT, TITLE, "2020-12-20")


@pytest.mark.parametrize("html", ["", "x", "<p>", "<html></html>", "<rss><channel/></rss>", "\ufffd" * 50, "{}"])
def test_what_is_no_page_has_no_text(html: str) -> None:
    assert read_page(html).text == ""


@pytest.mark.parametrize(
    ("article", "wanted"),
    [
        (entry(), True),
        (entry(""), True),
        (entry("x" * 1_999), True),
        (entry("x" * 2_000), False),
        (entry("x" * 2_000 + "…"), True),
        (entry(origin=TextOrigin.ENTRY), False),
        (entry(LEAD + " The guards [...]", TextOrigin.ENTRY), True),
        (entry(LEAD + " The guards… Read more", TextOrigin.ENTRY), True),
        (entry("They waited... Then two rockets fell on the embassy. Nobody was hurt.", TextOrigin.ENTRY), False),
        (entry(age_h=72), True),
        (entry(age_h=73), False),
        (entry(age_h=None), True),
    ],
)
def test_whose_page_is_wanted(article: Article, wanted: bool) -> None:
    assert wanting([article], WINDOW) == ([article] if wanted else [])


def test_the_newest_come_first() -> None:
    old, new = entry(age_h=2), entry(age_h=1)
    assert wanting([old, new], WINDOW) == [new, old]


@pytest.mark.parametrize(
    ("summary", "text", "becomes"),
    [
        (LEAD, TEXT, f"{LEAD}\n{TEXT}"),
        (LEAD, f"{TITLE}\n{LEAD.upper()}\n{TEXT}", f"{LEAD.upper()}\n{TEXT}"),
        ("", TEXT, TEXT),
        (LEAD[:60] + "…", TEXT, TEXT),
    ],
    ids=["the lead is kept", "the page has the lead and the headline", "no summary", "a lead that is cut"],
)
def test_the_text_of_the_page(summary: str, text: str, becomes: str) -> None:
    article = completed(entry(summary), Page(text))
    assert article == entry(becomes, TextOrigin.PAGE)
    assert page_outcome(article) == "page"


@pytest.mark.parametrize(
    ("summary", "told", "problem"),
    [
        (LEAD, PageProblem.DISALLOWED, PageProblem.DISALLOWED),
        (LEAD, Page(""), PageProblem.NO_TEXT),
        (LEAD, Page(TITLE), PageProblem.NO_TEXT),
        (LEAD, Page("\n".join(WALL)), PageProblem.UNLIKE),
        (LEAD, Page(LEAD[:50]), PageProblem.SHORTER),
        (LEAD, Page(LEAD), PageProblem.SHORTER),
    ],
)
def test_the_summary_stays_and_the_article_says_why(
    summary: str, told: Page | PageProblem, problem: PageProblem
) -> None:
    article = completed(entry(summary), told)
    assert article == entry(summary).model_copy(update={"page_problem": problem})
    assert page_outcome(article) == problem


def test_a_page_without_end_is_cut_to_what_a_record_holds() -> None:
    assert len(completed(entry(), Page(f"{TEXT} " * 3_000)).text) == MAX_TEXT_CHARS


@pytest.mark.parametrize(
    ("told", "text", "least", "most"),
    [
        ("Взрыв прогремел у посольства", "У здания посольство США, где прогремела бомба, взрывы", 1.0, 1.0),
        ("美国驻伊拉克大使馆遭火箭弹袭击", "三枚火箭弹落在美国驻伊拉克大使馆附近", 0.6, 0.9),
        ("美国驻伊拉克大使馆遭火箭弹袭击", "我们使用网络跟踪器以改善您的体验，请选择是否同意", 0.0, 0.0),
        ("انفجار قرب السفارة الأمريكية", "وقع انفجار كبير قرب مبنى السفارة الأمريكية في بغداد", 1.0, 1.0),
        ("On at in", "nothing to look for", 1.0, 1.0),
    ],
)
def test_likeness_in_any_script(told: str, text: str, least: float, most: float) -> None:
    assert least <= likeness(told, text) <= most
