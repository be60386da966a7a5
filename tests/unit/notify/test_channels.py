"""What each channel adds to a body as it is sent, and what its endpoint's answers mean."""

import json
from collections.abc import Sequence
from xml.etree import ElementTree

import pytest

from services.contracts.alert import Alert, ChangeKind
from services.contracts.delivery import Attempt
from services.contracts.ids import DeliveryId
from services.contracts.report import Severity
from services.contracts.subscription import Channel
from services.notify.core.channels import CHANNELS, body
from services.notify.core.channels.rules import Envelope, Posting, Secret
from services.notify.core.status import Answer, Outcome
from tests.suites.limits import CAP, within_cap
from tests.unit.notify import given

TOKEN = "a-token-of-the-endpoint"
OPENED = given.alert()
ASKED = (Secret.GIVEN, Secret.OPTIONAL)
RETRACTED = given.alert(revision=3, change=ChangeKind.RETRACTED)


def posted(
    channel: Channel,
    endpoint: str = "https://host.example/path",
    alert: Alert = OPENED,
    secret: str = TOKEN,
    head: str | None = None,
) -> Sequence[Envelope]:
    rules = CHANNELS[channel]
    return rules.dress(rules.render(alert), Posting(endpoint, secret, "del_x", 1_714_650_000, head))


@pytest.mark.parametrize(
    "channel", [each for each in CHANNELS if CHANNELS[each].secret in (Secret.GIVEN, Secret.OPTIONAL)]
)
def test_a_secret_goes_out_with_the_attempt_and_never_stands_in_what_is_rendered(channel: Channel) -> None:
    endpoint = "https://host.example/topic?channel=C0123ABCD"
    assert TOKEN.encode() not in CHANNELS[channel].render(OPENED)
    for envelope in posted(channel, endpoint):
        assert TOKEN in str(dict(envelope.headers)) + envelope.body.decode()


@pytest.mark.parametrize("channel", CHANNELS)
def test_buttons_are_there_where_a_channel_has_them_and_they_are_wanted(channel: Channel) -> None:
    delivery, rules = given.delivery(OPENED), CHANNELS[channel]
    assert body(channel, delivery, late=False) == rules.render(OPENED)
    with_buttons = rules.render_answerable or rules.render
    assert body(channel, delivery, late=False, answerable=True) == with_buttons(OPENED)
    assert (b"silence_site" in with_buttons(OPENED)) is (channel in (Channel.SLACK, Channel.SLACK_BOT))
    refused = Attempt(at=given.NOW, took_s=0, outcome=Outcome.LAYOUT_REFUSED)
    again = delivery.model_copy(update={"attempts": (refused,)})
    assert body(channel, again, late=False, answerable=True) == rules.render_plain(OPENED)


@pytest.mark.parametrize("channel", [each for each in CHANNELS if CHANNELS[each].secret is Secret.OPTIONAL])
def test_where_no_secret_is_asked_none_is_shown(channel: Channel) -> None:
    (envelope,) = posted(channel, secret="")
    assert "authorization" not in envelope.headers


def test_ntfy_is_published_at_the_root_of_its_server() -> None:
    (envelope,) = posted(Channel.NTFY, "https://push.example/under/my-topic")
    assert envelope.url == "https://push.example/under/"
    assert json.loads(envelope.body)["topic"] == "my-topic"
    with pytest.raises(ValueError, match="names no topic"):
        posted(Channel.NTFY, "https://push.example/")


def test_pagerduty_resolves_what_was_retracted_under_the_key_it_was_triggered_by() -> None:
    (trigger,), (resolve,) = posted(Channel.PAGERDUTY), posted(Channel.PAGERDUTY, alert=RETRACTED)
    opened, ended = json.loads(trigger.body), json.loads(resolve.body)
    assert (opened["event_action"], ended["event_action"]) == ("trigger", "resolve")
    assert opened["dedup_key"] == ended["dedup_key"] == OPENED.incident.incident_id
    assert opened["routing_key"] == TOKEN


def test_alertmanager_holds_one_alert_an_incident_whatever_its_severity_becomes() -> None:
    escalated = given.alert(revision=2, change=ChangeKind.ESCALATED, about=given.incident(severity=Severity.EXTREME))
    firing = []
    for alert in (OPENED, escalated, RETRACTED):
        (envelope,) = posted(Channel.ALERTMANAGER, alert=alert)
        at = alert.incident.ledger.correlated_at.isoformat()
        alerts = json.loads(envelope.body)
        assert {each["labels"]["severity"] for each in alerts} == set(Severity)
        firing.append([each["labels"]["severity"] for each in alerts if each["endsAt"] > at])
    assert firing == [["severe"], ["extreme"], []]


def test_cap_refers_to_the_first_message_that_this_endpoint_got() -> None:
    (first,) = posted(Channel.CAP)
    head = CHANNELS[Channel.CAP].receipt(DeliveryId("dlv_x"), first.body, "")
    assert head is not None
    assert head.split(",")[1] == OPENED.alert_id
    (cancel,) = posted(Channel.CAP, alert=RETRACTED, head=head)
    root = ElementTree.fromstring(cancel.body)
    assert (root.findtext(f"{CAP}msgType"), root.findtext(f"{CAP}references")) == ("Cancel", head)
    (to_another,) = posted(Channel.CAP, alert=RETRACTED)
    root = ElementTree.fromstring(to_another.body)
    assert (root.findtext(f"{CAP}msgType"), root.find(f"{CAP}references")) == ("Alert", None)
    for envelope in (first, cancel, to_another):
        assert envelope.headers["content-type"] == "application/cap+xml"
        assert list(within_cap(envelope.body)) == []


@pytest.mark.parametrize(
    ("channel", "status", "body", "outcome"),
    [
        (Channel.TEAMS, 202, "", Outcome.DELIVERED),
        (Channel.TEAMS, 429, "", Outcome.THROTTLED),
        (Channel.DISCORD, 204, "", Outcome.DELIVERED),
        (Channel.DISCORD, 404, '{"message": "Unknown Webhook", "code": 10015}', Outcome.GONE),
        (Channel.DISCORD, 401, '{"message": "Invalid Webhook Token", "code": 50027}', Outcome.DENIED),
        (Channel.DISCORD, 400, '{"code": 50035, "errors": {"embeds": {}}}', Outcome.LAYOUT_REFUSED),
        (Channel.DISCORD, 429, '{"retry_after": 0.5, "code": 10015}', Outcome.THROTTLED),
        (Channel.DISCORD, 500, "oops", Outcome.FAILED),
        (Channel.NTFY, 200, "", Outcome.DELIVERED),
        (Channel.NTFY, 403, "", Outcome.DENIED),
        (Channel.NTFY, 413, "", Outcome.BODY_REFUSED),
        (Channel.NTFY, 507, "", Outcome.FAILED),
        (Channel.PAGERDUTY, 202, '{"status": "success"}', Outcome.DELIVERED),
        (Channel.PAGERDUTY, 400, '{"errors": ["\'routing_key\' is invalid"]}', Outcome.DENIED),
        (Channel.PAGERDUTY, 400, '{"errors": ["\'payload.summary\' is missing"]}', Outcome.BODY_REFUSED),
        (Channel.PAGERDUTY, 429, "", Outcome.THROTTLED),
        (Channel.ALERTMANAGER, 200, "", Outcome.DELIVERED),
        (Channel.ALERTMANAGER, 503, "", Outcome.THROTTLED),
        (Channel.CAP, 410, "", Outcome.GONE),
    ],
)
def test_what_an_answer_means(channel: Channel, status: int, body: str, outcome: Outcome) -> None:
    assert CHANNELS[channel].judge(Answer(http_status=status, body=body)).outcome is outcome


@pytest.mark.parametrize("channel", list(CHANNELS))
def test_what_was_not_answered_is_what_the_sender_says(channel: Channel) -> None:
    judged = CHANNELS[channel].judge(Answer(outcome=Outcome.TIMED_OUT, detail="no answer within 20 s"))
    assert (judged.outcome, judged.reason) == (Outcome.TIMED_OUT, "no answer within 20 s")
