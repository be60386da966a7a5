"""What every renderer must do, whatever the alert. A new channel adds its limits to `LIMITS` and passes."""

import pytest
from hypothesis import given as for_all
from hypothesis import settings
from hypothesis import strategies as st

from services.contracts import ids
from services.contracts.alert import Alert
from services.contracts.article import Source
from services.contracts.subscription import Channel
from services.notify.core.channels import CHANNELS
from services.notify.core.channels.rules import Renderer
from tests.suites.alerts import alerts
from tests.suites.limits import FIRST_WORDS, LIMITS, LINK, shown_texts
from tests.unit.notify import given

RENDERERS = [
    pytest.param(channel, render, id=f"{channel}-{name}")
    for channel, rules in CHANNELS.items()
    for name, render in (
        ("rich", rules.render),
        ("plain", rules.render_plain),
        ("answerable", rules.render_answerable),
    )
    if render is not None
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


@every_renderer
@settings(max_examples=30, deadline=None)
@for_all(alert=alerts)
def test_the_same_alert_gives_the_same_bytes(channel: Channel, render: Renderer, alert: Alert) -> None:
    assert render(alert) == render(Alert.model_validate_json(alert.model_dump_json()))


ADDRESSES = (
    "evil.example/path", "www.evil.example", "https://evil.example", "http://localhost/x", "a@evil.example",
    "mailto:a@b", "tel:+32123", "10.1.2.3/x", "зло.рф", "ev\u200bil\u200d.example", "x.co", "HTTPS\u2066://x",
    "@\u202e.", ":", "//",
)  # fmt: skip
wordy = st.lists(st.sampled_from((*ADDRESSES, " ", "word")), max_size=6).map("".join)


@pytest.mark.parametrize(("channel", "render"), [each for each in RENDERERS if each.values[0] is not Channel.WEBHOOK])
@settings(max_examples=60, deadline=None)
@for_all(told=st.lists(wordy, min_size=9, max_size=9))
def test_nothing_an_article_says_becomes_a_link(channel: Channel, render: Renderer, told: list[str]) -> None:
    """Programs make links of whatever looks like an address, without any markup of ours. (A generic webhook has the
    words as they came.)"""
    name, quote, title, language, weapon, damage, place, headline, reason = told
    source = Source(feed_id=ids.feed_id("x"), name=name)
    claim = given.claim(source=source, url=None, quote=quote, title=title, language=language)
    site = given.SITE.model_copy(update={"city": place, "area": place})
    about = given.incident(
        claims=(claim,), site=site, weapon=weapon, damage=damage, claimed_by=(title,), credibility_reason=reason
    )
    body = render(given.alert(about=about, headline=headline, reason=reason))
    assert [text for text in shown_texts(channel, body) if LINK.search(text)] == []


@every_renderer
def test_what_matters_is_there(channel: Channel, render: Renderer) -> None:
    body = render(given.alert()).decode()
    for told in ("severe", "Baghdad", "likely", "https://news1.example/story/1", "Trois roquettes", "News 1"):
        assert told.casefold() in body.casefold()
