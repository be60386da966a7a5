"""What each channel's message looks like, and its own budgets.

After a deliberate change `python -m tests.unit.notify.test_render` writes the golden outputs anew; the diff is then the
review.
"""

import email.message
import email.policy
import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from services.contracts.alert import Alert
from services.contracts.incident import Incident, SourceClaim
from services.contracts.report import Count, DatePrecision, Severity, Site
from services.contracts.subscription import Channel
from services.notify.core.channels import CHANNELS
from services.notify.core.channels.slack import message as slack
from services.notify.core.channels.webhook import message as webhook
from services.notify.core.sample import sample_alert
from services.notify.core.writing import words
from tests.suites.limits import LIMITS
from tests.unit.notify import given
from tests.unit.notify.given import NOW

GOLDEN = Path(__file__).parent / "golden"
CORROBORATED = given.alert(
    revision=2,
    about=given.incident(
        claims=(given.claim(1), given.claim(2, language="en", quote="Three rockets landed near the embassy.")),
        independent_sources=2,
        weapon="rocket",
        damage="a wall & two cars",
        claimed_by=("nobody yet",),
    ),
)
CASES = {"alert": (CORROBORATED, False), "late": (given.alert(), True), "exercise": (sample_alert(NOW), False)}


BODIES: dict[str, tuple[Channel, bytes]] = {
    f"{channel}-{shape}-{case}": (channel, render(alert, late=late))
    for channel, rules in CHANNELS.items()
    for shape, render in {
        "rich": rules.render,
        "plain": None if rules.render_plain is rules.render else rules.render_plain,
        "answerable": rules.render_answerable,
    }.items()
    for case, (alert, late) in CASES.items()
    if render is not None
}


def outputs() -> dict[str, str]:
    """Every golden file's name and what belongs in it: each body in a form to read, and the webhook's schema."""
    schema = json.dumps(webhook.schema(), indent=2, ensure_ascii=False) + "\n"
    return dict(_readable(name, body) for name, (_, body) in BODIES.items()) | {"webhook.schema.json": schema}


def _readable(name: str, body: bytes) -> tuple[str, str]:
    if name.startswith("email"):
        message = email.message_from_bytes(body, policy=email.policy.default)
        parts = [f"{part.get_content_type()}\n\n{part.get_content()}" for part in message.iter_parts()]
        told = "\n".join([*(f"{field}: {value}" for field, value in message.items()), "", *parts])
        return f"{name}.txt", told.replace("\r\n", "\n")
    if body.startswith(b"<?xml"):
        root = ElementTree.fromstring(body)
        ElementTree.indent(root)
        return f"{name}.xml", ElementTree.tostring(root, encoding="unicode") + "\n"
    return f"{name}.json", json.dumps(json.loads(body), indent=2, ensure_ascii=False) + "\n"


def test_the_golden_outputs_hold_still() -> None:
    assert {path.name: path.read_text() for path in GOLDEN.iterdir()} == outputs()


@pytest.mark.parametrize(("channel", "body"), BODIES.values(), ids=BODIES)
def test_the_golden_outputs_pass_for_what_they_are(channel: Channel, body: bytes) -> None:
    """OASIS's schema of CAP, slack_sdk's models, the webhook's published schema, and each channel's limits."""
    assert list(LIMITS[channel](body)) == []


@pytest.mark.parametrize(
    ("name", "old", "new", "complaint"),
    [
        ("cap-rich-alert", b"<event>", b"<event>x</event><event>", "CAP's schema"),
        ("cap-rich-alert", b"<areaDesc>", b"<circle>0,0 1</circle><areaDesc>", "CAP's schema"),
        ("slack-rich-alert", b'"type": "header"', b'"type": "headline"', "slack_sdk reads"),
        ("slack-bot-rich-alert", "▲".encode(), "▲".encode() * 151, "slack_sdk refuses a header"),
        ("webhook-rich-alert", b'"revision":2', b'"revision":"2"', "['data', 'revision']"),
        ("webhook-rich-alert", b'"date":"2024', b'"date":"then 2024', "['data', 'date']"),
    ],
)
def test_those_who_judge_can_say_no(name: str, old: bytes, new: bytes, complaint: str) -> None:
    channel, body = BODIES[name]
    assert old in body
    assert complaint in " ".join(LIMITS[channel](body.replace(old, new)))


def test_severity_is_told_by_shape_and_word() -> None:
    titles = [
        json.loads(slack.render(given.alert(about=given.incident(severity=severity))))["text"] for severity in Severity
    ]
    assert [title.split(" · ")[0] for title in titles] == ["▲▲ EXTREME", "▲ SEVERE", "◆ MODERATE", "● MINOR"]


def blocks(alert: Alert) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(slack.render(alert))["blocks"]
    return found


def test_a_source_that_calls_itself_a_link_stays_text() -> None:
    source = given.claim().source.model_copy(update={"name": "<https://evil.example|bank.example> *x* _y_ <!here>"})
    claim = given.claim(source=source, url="https://news.example/?a=1&b=<c>")
    (element,) = blocks(given.alert(about=given.incident(claims=(claim,))))[-2]["elements"]
    assert element["text"] == (
        "&lt;https[:]//evil[.]example|bank[.]example＞ ∗x∗ ＿y＿ &lt;!here＞ (B): "
        "<https://news.example/?a=1&amp;b=%3Cc%3E|news.example>"
    )
    assert element["verbatim"]


def test_of_many_sources_the_newest_are_named_and_the_rest_counted() -> None:
    claims = tuple(given.claim(number) for number in range(1, 31))
    elements = blocks(given.alert(about=given.incident(claims=claims)))[-2]["elements"]
    assert len(elements) == 9
    assert elements[0]["text"].startswith("News 30 ")
    assert elements[-1]["text"] == "and 22 more"


def test_one_source_with_two_reports_of_one_page_is_named_once() -> None:
    assert len(words.sources(given.incident(claims=(given.claim(1), given.claim(2), given.claim(1))))) == 2


def worst(text: str) -> Alert:
    """Everything that can hold a text holds this one, very long."""
    long, amps = text * 30_000, "&" * 970
    source = given.claim().source.model_copy(update={"name": long})
    claims: tuple[SourceClaim, ...] = tuple(
        given.claim(
            number, source=source, title=long, quote=long, language=long, url=f"https://x.example/{number}{amps}"
        )
        for number in range(60)
    )
    about: Incident = given.incident(
        site=Site(sending_state=long, host_state=long, city=long, area=long),
        weapon=long,
        damage=long,
        defence=long,
        claimed_by=(long,) * 40,
        killed=Count(low=10**9, high=10**10),
        claims=claims,
    )
    return given.alert(about=about, reason=long, headline=long)


@pytest.mark.parametrize("text", ["x", '"', "\\", "\x01", "é", "𝕏", "使", "&", "word "])
def test_the_worst_alert_is_shortened_by_rule_and_says_so(text: str) -> None:
    body = webhook.render(worst(text))
    payload = webhook.WebhookPayload.model_validate_json(body)
    assert len(body) < 20_000
    assert len(payload.data.sources) >= 1
    assert {"headline", "reason", "sources", "title", "quote", "name", "place", "particular", "claimed_by"} <= {
        *payload.data.shortened
    }
    assert payload.data.headline.endswith("…")


def test_a_url_that_is_too_long_is_left_out_not_cut() -> None:
    claim = given.claim(url="https://news.example/" + "x" * 2_000)
    payload = webhook.WebhookPayload.model_validate_json(
        webhook.render(given.alert(about=given.incident(claims=(claim,))))
    )
    assert (payload.data.sources[0].url, payload.data.shortened) == (None, ("url",))


def test_an_ordinary_alert_is_not_shortened() -> None:
    assert webhook.WebhookPayload.model_validate_json(webhook.render(CORROBORATED)).data.shortened == ()


@pytest.mark.parametrize(
    ("count", "told"),
    [
        (None, "not told"),
        (Count(low=0, high=0), "none"),
        (Count(low=3, high=3), "3"),
        (Count(low=3), "at least 3"),
        (Count(low=0), "at least 0"),
        (Count(low=3, high=5), "3 to 5"),
    ],
)
def test_counts_in_words(count: Count | None, told: str) -> None:
    assert words.count(count) == told


@pytest.mark.parametrize(
    ("precision", "told"),
    [
        (DatePrecision.DAY, "2 May 2024"),
        (DatePrecision.MONTH, "May 2024"),
        (DatePrecision.YEAR, "2024"),
        (DatePrecision.UNKNOWN, "date not told"),
    ],
)
def test_a_day_is_told_as_exactly_as_it_is_known(precision: DatePrecision, told: str) -> None:
    told_when = words.when(given.incident(date_precision=precision))
    assert told_when == f"{told} (reported 2 May 2024 09:30 UTC)"


@pytest.mark.parametrize(
    ("site", "told"),
    [
        (given.SITE, "embassy (United States); Green Zone, Baghdad, Iraq"),
        (Site(host_state="IQ"), "Iraq"),
        (Site(sending_state="EU", kind=None, city="Kabul", host_state="AF"), "(European Union); Kabul, Afghanistan"),
        (Site(host_state="XQ"), "XQ"),
        (Site(), "unknown"),
    ],
)
def test_where(site: Site, told: str) -> None:
    assert words.where(site) == told


if __name__ == "__main__":
    GOLDEN.mkdir(exist_ok=True)
    for name, text in outputs().items():
        (GOLDEN / name).write_text(text)
