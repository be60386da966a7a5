"""POST /v1/classify: the explanation, the golden case of it, and what cannot be read."""

import tomllib
from typing import Any

import pytest

from services.classify.adapters.data import load_rules
from services.classify.core.reading.article import ArticleText
from services.classify.core.reading.pipeline import Reader
from services.console.adapters import explaining
from services.console.adapters.explaining import Explainer, Given, TooBusy
from services.console.core.explaining import Unusable, golden_case, instant
from services.contracts.token import Role
from services.runtime.settings import Settings
from tests.golden.test_golden import test_golden as hold
from tests.unit.console.house import House
from tests.unit.console.test_feeds import of

TEXT = "Two rockets hit the French embassy in Bamako on Monday, police said. At least three guards were wounded."
PUBLISHED = "2026-02-24T09:00:00+01:00"
READER = Reader(load_rules())


async def test_a_text_is_explained_as_the_command_explains_it() -> None:
    async with House().client(Role.ANALYST) as client:
        told = of(await client.post("/v1/classify", json={"text": TEXT, "published": PUBLISHED, "title": "Bamako"}))
    (finding,) = told["reports"]
    assert (told["language"], told["rejected"], told["stopped_at"]) == ("en", [], None)
    assert (finding["site"]["city"], finding["date"], finding["alertable"]) == ("Bamako", "2026-02-23", True)
    (rockets,) = finding["evidence"]["weapon"]
    assert f"{told['title']}\n{told['text']}"[rockets["start"] : rockets["end"]] == rockets["quote"]


async def test_html_is_read_as_a_page_and_why_not_is_said_in_words() -> None:
    head = "<!doctype html><html><head><title>A quiet day</title></head>"
    page = f"{head}<body><article><h1>A quiet day</h1><p>{TEXT * 3}</p>"
    async with House().client(Role.ANALYST) as client:
        read = of(await client.post("/v1/classify", json={"text": page}))
        quiet = of(await client.post("/v1/classify", json={"text": "The minister spoke of trade and was pleased."}))
        drill = {"text": f"This was an exercise. {TEXT} It was only a drill, said the embassy."}
        rejected = of(await client.post("/v1/classify", json=drill))
    assert (read["title"], "<" in read["text"]) == ("A quiet day", False)
    assert (quiet["reports"], quiet["stopped_because"]) == ([], "no word in it could begin an incident")
    guards = [guard["name"] for report in rejected["reports"] for guard in report["guards"]]
    gates = [gate["name"] for each in rejected["rejected"] for gate in each["gates"]]
    assert guards or gates
    assert not any(report["alertable"] for report in rejected["reports"])


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({}, "text or url"),
        ({"text": "x", "url": "https://a.example/"}, "text or url"),
        ({"text": "  "}, "is empty"),
        ({"text": "a\x00b"}, "NUL"),
        ({"url": "file:///etc/passwd"}, "pattern"),
        ({"url": "https://10.0.0.1/"}, "not a public address"),
        ({"text": "<html><body></body></html>"}, "no article text"),
        ({"text": "x", "published": "Sunday"}, "datetime"),
    ],
)
async def test_what_cannot_be_read_says_what_to_do(body: dict[str, Any], says: str) -> None:
    async with House().client(Role.ANALYST) as client:
        refused = await client.post("/v1/classify", json=body)
    assert says in str(of(refused, 422))


@pytest.mark.parametrize(
    ("title", "text"),
    [
        ("", TEXT),
        ('A "quoted" \\ title\x7f', TEXT),
        ("", "Il s'agit d'un \"exercice\".\nUne roquette est tombée sur l'ambassade des États-Unis à Bagdad lundi."),
        ("", "Two policemen were shot dead in Nairobi on 5 January, and 3 to 5 people were wounded."),
        ("", "The minister spoke of trade and was pleased."),
    ],
)
def test_a_golden_case_is_a_case_that_holds_now(title: str, text: str) -> None:
    article = ArticleText("a", text, title, published_at=instant(PUBLISHED))
    explanation = READER.explain(article)
    (case,) = tomllib.loads(golden_case(article, explanation))["case"]
    assert (case["text"], case.get("title", "")) == (text, title)
    assert len(case.get("report", [])) == len(explanation.classification.reports)
    hold(READER, explanation.classification.language, case)


async def test_a_golden_case_is_a_file_with_a_name_of_its_own() -> None:
    async with House().client(Role.ANALYST) as client:
        answer = await client.post("/v1/classify?as=golden", json={"text": TEXT, "title": "../Été: «Bamako»"})
    assert answer.headers["content-type"] == "application/toml"
    assert answer.headers["content-disposition"] == 'attachment; filename="t_bamako.toml"'
    assert tomllib.loads(answer.text)["case"][0]["report"][0]["wounded"] == [3]


async def test_what_takes_too_long_ends_its_process_and_the_next_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    explainer = Explainer(Settings())
    try:
        monkeypatch.setattr(explaining, "WITHIN_S", 0.0)
        with pytest.raises(Unusable, match="within 0 s"):
            await explainer.explain(Given(TEXT, None))
        assert explainer._pool is None
        monkeypatch.setattr(explaining, "WITHIN_S", 60.0)
        assert (await explainer.explain(Given(TEXT, None))).told["reports"]
        monkeypatch.setattr(explaining, "MOST_WAITING", 0)
        with pytest.raises(TooBusy):
            await explainer.explain(Given(TEXT, None))
    finally:
        explainer.close()


async def test_who_comes_before_the_rules_are_read_comes_again_and_the_reading_goes_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    explainer, paper = Explainer(Settings()), Given("Nothing happened.", None)
    try:
        with monkeypatch.context() as impatient:
            impatient.setattr(explaining, "READY_WITHIN_S", 0)
            with pytest.raises(TooBusy, match="try again"):
                await explainer.explain(paper)
        starting = explainer._pool
        assert (await explainer.explain(paper)).told["reports"] == []
        assert explainer._pool is starting
    finally:
        explainer.close()
