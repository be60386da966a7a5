"""Golden cases: articles in our own words, told from facts, and what must be read out of them."""

import datetime as dt
import tomllib
from pathlib import Path
from typing import Any

import pytest

from services.classify.adapters.data import load_rules
from services.classify.core.reading.article import ArticleText
from services.classify.core.reading.pipeline import Reader
from services.contracts.report import Count, Finding

_HERE = Path(__file__).parent
_KINDS = ("in_the_wild", "negative", "synthetic", "known_failure")
_SITE_FIELDS = ("kind", "sending_state", "host_state", "city", "area")
_COUNT_FIELDS = ("killed", "wounded", "missing")


def _cases() -> list[Any]:
    parameters = []
    for path in sorted(_HERE.glob("*/*.toml")):
        for case in tomllib.loads(path.read_text(encoding="utf-8"))["case"]:
            assert case["kind"] in _KINDS, f"{path.name}: {case['name']}: kind must be one of {_KINDS}"
            marks = []
            if case["kind"] == "known_failure":
                marks.append(pytest.mark.xfail(strict=True, reason=case["reason"]))
            label = f"{path.parent.name}: {case['name']}"
            parameters.append(pytest.param(path.parent.name, case, id=label, marks=marks))
    return parameters


@pytest.fixture(scope="session")
def reader() -> Reader:
    return Reader(load_rules())


def _told(finding: Finding, field: str) -> Any:
    if field in _SITE_FIELDS:
        return getattr(finding.site, field) if finding.site else None
    return getattr(finding, field)


def _agrees(finding: Finding, field: str, wanted: Any) -> bool:
    told = _told(finding, field)
    if wanted == "None":  # TOML has no null: the text is silent
        return told is None
    if field in _COUNT_FIELDS:
        low, *rest = wanted if isinstance(wanted, list) else [wanted, wanted]
        return bool(told == Count(low=low, high=rest[0] if rest else None))
    if field == "date":
        return str(told) == str(wanted)
    accepted: list[Any] = wanted if isinstance(wanted, list) else [wanted]
    return bool(told in accepted)


def _describe(findings: tuple[Finding, ...]) -> str:
    return "\n".join(
        f"  {f.standing} {f.type} {f.relation} {f.date} {f.site.site_key if f.site else None} "
        f"killed={f.killed} wounded={f.wounded} alertable={f.alertable} guards={[g.name for g in f.guards]}"
        for f in findings
    )


@pytest.mark.parametrize(("language", "case"), _cases())
def test_golden(reader: Reader, language: str, case: dict[str, Any]) -> None:
    published = case.get("published")
    assert published is None or isinstance(published, dt.datetime)
    article = ArticleText(
        id=case["name"],
        text=case["text"],
        title=case.get("title", ""),
        published_at=published,
        language_hint=case.get("hint"),
    )
    classification = reader.read(article)
    assert classification.language == language
    for number, wanted in enumerate(case.get("report", [])):
        candidates = [
            finding
            for finding in classification.reports
            if all(_agrees(finding, field, value) for field, value in wanted.items())
        ]
        assert candidates, f"no report agrees with report {number}:\n{_describe(classification.reports)}"
    if case.get("only"):
        assert len(classification.reports) == len(case.get("report", [])), _describe(classification.reports)
    alerts = case.get("alerts", 0 if case["kind"] == "negative" else None)
    if alerts is not None:
        alertable = [finding for finding in classification.reports if finding.alertable]
        assert len(alertable) == alerts, _describe(classification.reports)
