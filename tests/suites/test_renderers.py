"""What every renderer must do, whatever the alert. A new channel adds its limits to `LIMITS` and passes."""

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

import pytest
from hypothesis import given as for_all
from hypothesis import settings
from hypothesis import strategies as st

from deploy.demo import slack_rules
from services.contracts.alert import Alert
from services.contracts.subscription import Channel
from services.notify.core.channels import CHANNELS
from services.notify.core.channels.rules import Renderer
from services.notify.core.channels.webhook.message import WebhookPayload
from tests.suites.alerts import alerts
from tests.unit.notify import given


def within_webhook(body: bytes) -> Iterator[str]:
    """Standard Webhooks 1.0.0: JSON with type, timestamp and data, under 20 kB."""
    if len(body) >= 20_000:
        yield f"{len(body)} bytes"
    WebhookPayload.model_validate_json(body)


def within_slack(body: bytes) -> Iterator[str]:
    """Slack's limits, as another hand wrote them; and nothing that mentions, links falsely or unfurls."""
    payload = json.loads(body)
    if refusal := slack_rules.refusal(payload):
        yield ": ".join(refusal)
    if payload["unfurl_links"] or payload["unfurl_media"]:
        yield "it unfurls"
    for text in strings(payload):
        yield from markup(text)


def within_slack_bot(body: bytes) -> Iterator[str]:
    """Both messages keep Slack's limits."""
    for message in json.loads(body).values():
        yield from within_slack(json.dumps(message).encode())


def markup(text: str) -> Iterator[str]:
    """What Slack would read as more than text, links to the host they show excepted."""
    rest = text
    while "<" in rest:
        inside, end, rest = rest.partition("<")[2].partition(">")
        url, bar, label = inside.partition("|")
        if not (end and bar and urlsplit(url).scheme in ("http", "https") and urlsplit(url).hostname == label):
            yield f"markup: <{inside:.80}>"
        if set(inside) & set("<\n"):
            yield f"a link that breaks: {inside:.80}"
    unescaped = text.replace("&amp;", "").replace("&lt;", "").replace("&gt;", "")
    if "&" in unescaped:
        yield "an & that is not escaped"
    if any(word in text.lower() for word in ("@channel", "@here", "@everyone")):
        yield "a call to everyone"


def strings(value: Any) -> Iterator[str]:
    match value:
        case str():
            yield value
        case dict():
            for each in value.values():
                yield from strings(each)
        case list():
            for each in value:
                yield from strings(each)


LIMITS: Mapping[Channel, Callable[[bytes], Iterator[str]]] = {
    Channel.WEBHOOK: within_webhook,
    Channel.SLACK: within_slack,
    Channel.SLACK_BOT: within_slack_bot,
}
RENDERERS = [
    pytest.param(channel, render, id=f"{channel}-{name}")
    for channel, rules in CHANNELS.items()
    for name, render in (("rich", rules.render), ("plain", rules.render_plain))
]
every_renderer = pytest.mark.parametrize(("channel", "render"), RENDERERS)


def test_every_channel_states_its_limits() -> None:
    assert LIMITS.keys() == FIRST_WORDS.keys() == CHANNELS.keys() == set(Channel)


@every_renderer
@settings(max_examples=150, deadline=None)
@for_all(alert=alerts, late=st.booleans())
def test_any_alert_stays_within_the_limits(channel: Channel, render: Renderer, alert: Alert, late: bool) -> None:
    assert list(LIMITS[channel](render(alert, late=late))) == []


@every_renderer
@settings(max_examples=50, deadline=None)
@for_all(alert=alerts, late=st.booleans())
def test_exercise_and_lateness_are_marked_whatever_the_text(
    channel: Channel, render: Renderer, alert: Alert, late: bool
) -> None:
    """Marked means that taking the mark away changes what is sent, and that a reader meets it first."""
    body = render(alert, late=late)
    other = render(alert.model_copy(update={"exercise": not alert.exercise}), late=late)
    assert body != other
    assert body != render(alert, late=not late)
    for first in FIRST_WORDS[channel](body):
        assert first.startswith("EXERCISE") == alert.exercise
        assert ("LATE" in first[:20]) == late


def first_words_of_webhook(body: bytes) -> Iterator[str]:
    data = json.loads(body)["data"]
    yield "EXERCISE " * data["exercise"] + "LATE" * data["late"]


def first_words_of_slack(body: bytes) -> Iterator[str]:
    payload = json.loads(body)
    yield payload["text"]
    yield from (block["text"]["text"] for block in payload.get("blocks", [])[:1])


def first_words_of_slack_bot(body: bytes) -> Iterator[str]:
    for message in json.loads(body).values():
        yield from first_words_of_slack(json.dumps(message).encode())


FIRST_WORDS: Mapping[Channel, Callable[[bytes], Iterator[str]]] = {
    Channel.WEBHOOK: first_words_of_webhook,
    Channel.SLACK: first_words_of_slack,
    Channel.SLACK_BOT: first_words_of_slack_bot,
}
"""What a reader of a message meets first."""


@every_renderer
@settings(max_examples=30, deadline=None)
@for_all(alert=alerts)
def test_the_same_alert_gives_the_same_bytes(channel: Channel, render: Renderer, alert: Alert) -> None:
    assert render(alert) == render(Alert.model_validate_json(alert.model_dump_json()))


@every_renderer
def test_what_matters_is_there(channel: Channel, render: Renderer) -> None:
    body = render(given.alert()).decode()
    for told in ("severe", "Baghdad", "likely", "https://news1.example/story/1", "Trois roquettes", "News 1"):
        assert told.casefold() in body.casefold()
