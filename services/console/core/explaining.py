"""What would be reported of an article and why not the rest: for the command and the API, and as a golden case."""

import datetime as dt
import json
import re
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from services.classify.core.reading.article import ArticleText, Explanation
from services.contracts.report import Classification, Count, Finding
from services.ingest.core.decoding import decode
from services.ingest.core.full_text import Page, read_page, without_headline

_CONTRACT = (
    "standing", "type", "outcome", "relation", "date", "date_precision", "site", "killed", "wounded", "weapon",
    "claimed_by", "sources", "severity", "certainty", "guards", "alertable", "evidence",
)  # fmt: skip
# Atomic: a comment that has ended is never read in another way, so that many of them take no longer than their length.
_HTML = re.compile(
    r"^\s*+(?><!--.*?-->\s*+)*+<(?:!doctype html|html|head|body|article|div|p)\b", re.IGNORECASE | re.DOTALL
)
STOPPED = {
    "identify": "there is no lexicon for its language",
    "scan": "no word in it could begin an incident",
    "collect": "none of its words tells an attack, a threat or a protest",
    "name": "its words could tell an incident only at a diplomatic site, and it names none",
    "read": "no sentence tells an incident: such words stand in it, but nothing is said to have happened",
}
_SITE_FIELDS = ("kind", "sending_state", "host_state", "city", "area")
_LONGEST_NAME = 60


class Unusable(Exception):
    """What was given cannot be read; the message says what to do."""


def article_of(
    raw: bytes, name: str, *, shown: str = "", published: str | None, language: str | None, title: str
) -> ArticleText:
    """The article in plain UTF-8 text or HTML. `name` becomes its id, `shown` is how an error calls it; `published` is
    ISO. Raises Unusable. HTML may take long."""
    shown = shown or name
    if not raw.strip() or b"\0" in raw:
        why = "is no text: it holds NUL bytes" if raw.strip() else "is empty"
        raise Unusable(f"{shown} {why}. Give the article as plain text or HTML")
    is_html = _HTML.match(raw[:2000].decode("utf-8", errors="replace"))
    page = _page_of(raw) if is_html else Page(_decoded(raw, shown))
    title = title or page.title
    return ArticleText(
        id=name,
        text=without_headline(page.text, title) if is_html else page.text,
        title=title,
        language_hint=language,
        published_at=instant(date) if (date := published or page.date) else None,
    )


def _decoded(raw: bytes, shown: str) -> str:
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Unusable(
            f"{shown} is no UTF-8 text: byte {raw[error.start]:#04x} at {error.start}. Save it as UTF-8"
        ) from None


def _page_of(html: bytes) -> Page:
    try:
        page = read_page(decode(html)[0], with_metadata=True)
    except Exception as error:  # noqa: BLE001 - whatever the extraction trips over is what the page did to it
        raise Unusable(f"this HTML cannot be read ({type(error).__name__}). Give the text itself") from None
    if not page.text:
        raise Unusable("there is no article text in this HTML. Give the text itself, for example on standard input")
    return page


def instant(value: str) -> dt.datetime:
    """An ISO moment; a bare date is its noon, and without an offset it is UTC. Raises Unusable."""
    try:
        if re.fullmatch(r"\d{4}-\d\d-\d\d", value):
            value += "T12:00:00+00:00"
        moment = dt.datetime.fromisoformat(value)
    except ValueError:
        raise Unusable(f"{value!r} is no ISO date. Write 2020-12-21 or 2020-12-21T08:00:00+01:00") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)


def as_contract(classification: Classification) -> dict[str, Any]:
    """The classification as the JSON contract of `docs/rules.md`: its keys in its order, then our own."""
    data = classification.model_dump(mode="json")
    data["reports"] = [
        {key: report[key] for key in _CONTRACT} | {key: value for key, value in report.items() if key not in _CONTRACT}
        for report in data["reports"]
    ]
    return data


def why_not(explanation: Explanation) -> dict[str, Any]:
    """What did not become a report or no alert, with every gate that spoke; and, where reading ended early, where."""
    stage = explanation.stopped_at
    return {
        "rejected": [
            {**asdict(rejection), "gates": [gate.model_dump(mode="json") for gate in rejection.gates]}
            for rejection in explanation.rejected
        ],
        "stopped_at": stage,
        "stopped_because": STOPPED.get(stage, f"reading ended at the stage {stage!r}") if stage else None,
    }


def golden_case(article: ArticleText, explanation: Explanation) -> str:
    """A file of `tests/golden/<language>/` (TOML) that holds what is read of the article now. Whoever adds it changes
    first what is wrong in it: then the test fails until the rules are right."""
    reports = explanation.classification.reports
    alerts = sum(finding.alertable for finding in reports)
    language = explanation.classification.language
    file = f"tests/golden/{language}/{slug(article)}.toml"
    lines = [
        f"# {file}: what is read now. Change what is wrong, and tell the text in your own words.",
        "",
        "[[case]]",
        f"name = {_quoted(_name(article))}",
        f"kind = {_quoted('in_the_wild' if alerts else 'negative')}",
        *([f"published = {article.published_at.isoformat()}"] if article.published_at else []),
        *([f"hint = {_quoted(article.language_hint)}"] if article.language_hint else []),
        *([f"title = {_quoted(article.title)}"] if article.title else []),
        f"text = {_quoted(article.text)}",
        f"alerts = {alerts}",
    ]
    for finding in reports:
        lines += ["", "[[case.report]]", *(f"{name} = {value}" for name, value in _told(finding))]
    return "\n".join(lines) + "\n"


def slug(article: ArticleText) -> str:
    """A name for the article's file."""
    return re.sub(r"[^a-z0-9]+", "_", _name(article).lower()).strip("_") or "case"


def _name(article: ArticleText) -> str:
    words = " ".join((article.title or article.text).split())
    return words if len(words) <= _LONGEST_NAME else words[:_LONGEST_NAME].rpartition(" ")[0] or words[:_LONGEST_NAME]


def _told(finding: Finding) -> Iterator[tuple[str, str]]:
    for name in ("standing", "type", "relation"):
        yield name, _quoted(getattr(finding, name))
    yield "date", _quoted(str(finding.date))
    for name in _SITE_FIELDS:
        if value := getattr(finding.site, name, None):
            yield name, _quoted(value)
    for name in ("killed", "wounded"):
        if (count := getattr(finding, name)) is not None:
            yield name, _counted(count)


def _counted(count: Count) -> str:
    if count.high == count.low:
        return str(count.low)
    return f"[{count.low}]" if count.high is None else f"[{count.low}, {count.high}]"


def _quoted(text: str) -> str:
    """A TOML basic string: JSON's, but for DEL, which TOML wants escaped."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
