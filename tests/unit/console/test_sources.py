"""The text of a source with its evidence, and verdicts."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.console.core.auditing import Actor
from services.console.core.evidence import Evidence, pieces
from services.contracts.article import Article
from services.contracts.feedback import Feedback, Verdict
from services.contracts.report import Certainty, Finding, IncidentReport, Severity, Span
from services.contracts.token import Role
from services.contracts.topics import ARTICLES, FEEDBACK, REPORTS
from tests.unit.console.house import NOW as TODAY
from tests.unit.console.house import TOKEN_OF, House
from tests.unit.console.test_feeds import of
from tests.unit.notify.given import NOW, SITE, claim, incident

TITLE, BODY = "Roquettes 🚀 sur Bagdad", "Hier. Trois roquettes sont tombées près de l'ambassade. Personne n'est mort."
TEXT = f"{TITLE}\n{BODY}"
CLAIM = claim(article_revision=2)
KNOWN = incident(claims=(claim(2), claim(), CLAIM))
ARTICLE = Article(
    article_id=CLAIM.article_id, revision=2, source=CLAIM.source, title=TITLE, text=BODY, fetched_at=NOW, url=CLAIM.url
)
WHERE = f"/v1/incidents/{KNOWN.incident_id}/sources/{CLAIM.article_id}"


def span(quote: str) -> Span:
    return Span(quote=quote, start=TEXT.index(quote), end=TEXT.index(quote) + len(quote))


def report(**evidence: tuple[Span, ...]) -> IncidentReport:
    finding = Finding(
        standing=CLAIM.standing, type=CLAIM.type, outcome=CLAIM.outcome, relation=CLAIM.relation, site=SITE,
        severity=Severity.SEVERE, certainty=Certainty.LIKELY, alertable=True, evidence=evidence,
    )  # fmt: skip
    return IncidentReport(
        report_id=CLAIM.report_id, article_id=CLAIM.article_id, article_revision=2, source=CLAIM.source, language="fr",
        ruleset_version="1", text_fingerprint="0" * 16, fetched_at=NOW, reported_at=NOW, finding=finding,
    )  # fmt: skip


def house_with(*kept: Any) -> House:
    house = House()
    house.tell(KNOWN)
    house.kept.records += kept
    return house


async def test_a_source_is_its_text_with_the_words_that_the_report_rests_on() -> None:
    rockets, where = span("Trois roquettes"), span("roquettes sont tombées près de l'ambassade")
    elsewhere = Span(quote="Hier", start=0, end=4)
    house = house_with(ARTICLE, report(type=(rockets,), site=(where,), weapon=(rockets,), date=(elsewhere,)))
    async with house.client(Role.VIEWER) as client:
        told = of(await client.get(WHERE))
    assert "".join(piece["text"] for piece in told["pieces"]) == TEXT
    assert [(piece["text"], piece["fields"]) for piece in told["pieces"] if piece["fields"]] == [
        ("Trois ", ["type", "weapon"]),
        ("roquettes", ["site", "type", "weapon"]),
        (" sont tombées près de l'ambassade", ["site"]),
    ]
    assert [(each["fields"], each["quote"]) for each in told["spans"]] == [
        (["type", "weapon"], rockets.quote),
        (["site"], where.quote),
    ]
    assert (told["revision"], told["report_kept"], told["language"]) == (2, True, "fr")
    assert house.kept.asked == [
        (ARTICLES, CLAIM.article_id, f"{CLAIM.article_id}-2", NOW),
        (REPORTS, "IQ", f"{CLAIM.report_id}-2", NOW),
    ]


async def test_without_its_report_the_quote_is_looked_for_and_without_its_text_it_is_said() -> None:
    async with house_with(ARTICLE).client(Role.VIEWER) as client:
        told = of(await client.get(WHERE))
    assert (told["report_kept"], [each["quote"] for each in told["spans"]]) == (False, [CLAIM.quote])
    async with house_with().client(Role.VIEWER) as client:
        assert "no longer kept" in of(await client.get(WHERE), 404)["detail"]
        other = claim(7).article_id
        assert "no article" in of(await client.get(WHERE.replace(CLAIM.article_id, other)), 404)["detail"]


@given(st.text(max_size=40), st.lists(st.tuples(st.integers(0, 40), st.integers(1, 40)), max_size=6))
def test_pieces_are_the_whole_text_and_every_span_is_made_of_them(text: str, places: list[tuple[int, int]]) -> None:
    spans = [
        Evidence(fields=[str(n)], quote=text[start : start + length], start=start, end=start + length)
        for n, (start, length) in enumerate(places)
        if start + length <= len(text)
    ]
    made = pieces(text, spans)
    assert "".join(piece.text for piece in made) == text
    for span in spans:
        assert "".join(piece.text for piece in made if span.fields[0] in piece.fields) == span.quote


async def test_a_verdict_is_written_for_who_gave_it_and_audited() -> None:
    house = house_with()
    where = f"/v1/incidents/{KNOWN.incident_id}/verdict"
    async with house.client(Role.ANALYST) as client:
        told = of(await client.post(where, json={"verdict": "false_alarm", "why": " a drill "}), 201)
        of(await client.post(where, json={"verdict": "confirmed", "why": "called"}), 201)
    first, second = house.records.values(FEEDBACK)
    assert json.loads(first.model_dump_json()) == told
    assert first == Feedback(
        incident_id=KNOWN.incident_id,
        host_state="IQ",
        revision=KNOWN.revision,
        verdict=Verdict.FALSE_ALARM,
        why="a drill",
        author="the analyst",
        given_at=TODAY,
    )
    assert (second.verdict, second.revision) == (Verdict.CONFIRMED, 1)
    analyst = Actor.holder_of(TOKEN_OF[Role.ANALYST])
    assert [(each.action, each.actor) for each in house.records.audit] == [("feedback.added", analyst.actor_id)] * 2


@pytest.mark.parametrize(
    "body",
    [
        {"verdict": "confirmed"},
        {"verdict": "confirmed", "why": "  "},
        {"verdict": "perhaps", "why": "x"},
        {"verdict": "confirmed", "why": "x", "author": "someone else"},
    ],
)
async def test_what_is_no_verdict_changes_nothing(body: dict[str, Any]) -> None:
    house = house_with()
    async with house.client(Role.ANALYST) as client:
        refused = of(await client.post(f"/v1/incidents/{KNOWN.incident_id}/verdict", json=body), 422)
        assert refused["errors"]
        unknown = await client.post("/v1/incidents/inc_aaaaaaaaaaaaaaaaaaaaaaaaaa/verdict", json=body)
        assert unknown.status_code in (404, 422)
    assert not list(house.records.values(FEEDBACK))
    assert not house.records.audit
