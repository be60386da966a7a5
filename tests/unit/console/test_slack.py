"""A button pressed in Slack: signed, written down once, audited, and answered."""

import asyncio
import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlencode

import httpx
import pytest
from aiokafka.errors import KafkaConnectionError
from hypothesis import given as for_all
from hypothesis import settings
from hypothesis import strategies as st
from slack_sdk.signature import Clock, SignatureVerifier
from structlog.testing import capture_logs

from services.console.adapters import slack as adapter
from services.console.api import slack as api
from services.console.core.slack import TOLERANCE_S, may_reply_to, why_not_signed
from services.contracts.alert import Alert
from services.contracts.feedback import Feedback, Verdict
from services.contracts.incident import Incident
from services.contracts.silence import Silence
from services.contracts.topics import FEEDBACK, INCIDENTS, SILENCES
from services.notify.core.channels.slack.message import Button, render_answerable
from services.notify.core.silencing import silence_for
from services.runtime.settings import load_settings
from tests.unit.console.house import NOW, House
from tests.unit.notify import given
from tests.unit.notify.endpoint import Behaviour, answer, endpoint, hang, hang_up
from tests.unit.notify.workspace import CHANNEL, HOOK, SIGNING_SECRET, Message, Workspace, signed

ACTIONS = "/v1/slack/actions"
BO = {"id": "U0B0", "username": "bo"}
ALERT: Alert = given.alert()
INCIDENT: Incident = ALERT.incident


def pressed(button: Button, user: dict[str, Any] | None = None, **changed: Any) -> bytes:
    """What Slack posts for the message of the alert; `changed` are other fields of the payload."""
    message = Message(CHANNEL, "1714650000.000100", HOOK, json.loads(render_answerable(ALERT)))
    body = Workspace().press(message, button, *([user] if user else []))
    (payload,) = parse_qs(body.decode())["payload"]
    return urlencode({"payload": json.dumps(json.loads(payload) | changed)}).encode()


def knowing_house() -> House:
    house = House()
    house.records.put(INCIDENTS, INCIDENT)
    return house


async def post(house: House, body: bytes, headers: Mapping[str, str] | None = None) -> httpx.Response:
    async with house.client(None) as client:
        chosen = signed(body, house.now.timestamp()) if headers is None else headers
        return await client.post(ACTIONS, content=body, headers=chosen)


async def press(house: House, button: Button, user: dict[str, Any] | None = None, **changed: Any) -> dict[str, Any]:
    """The reply to it."""
    answered = await post(house, pressed(button, user, **changed))
    assert (answered.status_code, answered.content) == (200, b"")
    reply: dict[str, Any] = json.loads(house.replied[-1][1])
    return reply


def verdicts(house: House) -> list[tuple[Verdict, str]]:
    found = list(house.records.values(FEEDBACK))
    return [(each.verdict, each.author) for each in found]


def silences(house: House) -> list[Silence]:
    return list(house.records.values(SILENCES))


@pytest.mark.parametrize(
    ("button", "verdict", "words"),
    [
        (Button.CONFIRM, Verdict.CONFIRMED, "ana.b confirmed this incident"),
        (Button.FALSE_ALARM, Verdict.FALSE_ALARM, "ana.b called this incident a false alarm"),
    ],
)
async def test_a_verdict_is_written_down_with_who_said_it(button: Button, verdict: Verdict, words: str) -> None:
    house = knowing_house()
    reply = await press(house, button)
    (said,) = house.records.values(FEEDBACK)
    assert said == Feedback(
        incident_id=INCIDENT.incident_id,
        host_state="IQ",
        revision=1,
        verdict=verdict,
        why="by a button in Slack",
        author="ana.b (Slack U024BE7LH)",
        given_at=NOW,
    )
    (entry,) = house.records.audit
    assert (entry.actor, entry.actor_name, entry.action) == ("slack:T0001TEAM/U024BE7LH", "ana.b", "feedback.added")
    assert reply["text"].startswith(words)
    assert (reply["response_type"], reply["thread_ts"]) == ("in_channel", "1714650000.000100")
    assert reply["replace_original"] is False
    assert house.replied[0][0].startswith("https://slack.example/actions/")


async def test_a_site_is_silenced_for_a_day_and_it_is_said_to_all() -> None:
    house = knowing_house()
    reply = await press(house, Button.SILENCE)
    (made,) = silences(house)
    assert (made.author, made.expires_at) == ("ana.b (Slack U024BE7LH)", NOW + timedelta(hours=24))
    now = NOW + timedelta(hours=1)
    assert silence_for(ALERT, [made], now) == made
    elsewhere = given.SITE.model_copy(update={"sending_state": "FR"})
    assert silence_for(given.alert(about=given.incident(site=elsewhere)), [made], now) is None
    assert [entry.action for entry in house.records.audit] == ["silence.added"]
    assert "silenced embassy (United States); Green Zone, Baghdad, Iraq until 2 Mar 2026 12:00 UTC" in reply["text"]
    assert made.silence_id in reply["text"]


@pytest.mark.parametrize(
    ("button", "words"), [(Button.CONFIRM, "You have said so already."), (Button.SILENCE, "is silenced until")]
)
async def test_pressed_again_changes_nothing_and_is_said_to_them_alone(button: Button, words: str) -> None:
    house = knowing_house()
    await press(house, button)
    rows = {topic: dict(found) for topic, found in house.records.rows.items()}
    house.pass_time(timedelta(minutes=1))
    again = await press(house, button)
    assert (house.records.rows, len(house.records.audit)) == (rows, 1)
    assert words in again["text"]
    assert again["response_type"] == "ephemeral"
    assert "thread_ts" not in again


async def test_two_presses_at_once_are_one() -> None:
    house = knowing_house()
    for button in Button:
        await asyncio.gather(*(post(house, pressed(button)) for _ in range(5)))
    assert len(house.records.audit) == 3
    assert len(house.replied) == 15


async def test_others_may_say_the_same_and_whoever_changes_their_mind_may_change_it_back() -> None:
    house = knowing_house()
    await press(house, Button.CONFIRM)
    await press(house, Button.CONFIRM, BO)
    house.pass_time(timedelta(seconds=1))
    await press(house, Button.FALSE_ALARM)
    assert len(verdicts(house)) == 3
    house.pass_time(timedelta(seconds=1))
    reply = await press(house, Button.CONFIRM)
    assert reply["text"] == "What was said last is still being taken in: press again in a moment."
    house.records.put(INCIDENTS, INCIDENT.model_copy(update={"revision": 4}))
    await press(house, Button.CONFIRM)
    assert verdicts(house)[-1] == (Verdict.CONFIRMED, "ana.b (Slack U024BE7LH)")
    assert len(verdicts(house)) == 4


async def test_a_silence_that_is_over_begins_again_under_its_id() -> None:
    house = knowing_house()
    await press(house, Button.SILENCE)
    (first,) = silences(house)
    house.pass_time(timedelta(hours=24))
    await press(house, Button.SILENCE, BO)
    (second,) = silences(house)
    assert second.silence_id == first.silence_id
    assert (second.author, second.created_at) == ("bo (Slack U0B0)", house.now)
    assert [entry.action for entry in house.records.audit] == ["silence.added", "silence.changed"]


async def test_what_is_not_known_is_said_to_whoever_pressed() -> None:
    house = House()
    assert "inc_" in (await press(house, Button.CONFIRM))["text"]
    assert (await press(house, Button.SILENCE))["text"].endswith("is not known here.")
    hostile = {"action_id": "confirm", "value": "<!channel> & \u202e" + "x" * 1_000}
    told = (await press(house, Button.CONFIRM, actions=[hostile]))["text"]
    assert told.startswith("The incident &lt;!channel&gt; &amp; xxx")
    assert len(told) < 120
    other = {"action_id": "of_tomorrow", "value": INCIDENT.incident_id}
    assert "another version" in (await press(house, Button.CONFIRM, actions=[other]))["text"]
    assert {json.loads(body)["response_type"] for _, body in house.replied} == {"ephemeral"}
    assert house.records.audit == []


@pytest.mark.parametrize(
    "site",
    [
        {"city": "*", "kind": "embassy"},
        {"city": "a:b"},
        {"city": "a\u00a0b"},
        {"kind": None, "city": None},
        {"sending_state": "*"},
    ],
)
async def test_a_site_that_is_not_one_site_has_no_button_and_is_not_silenced(site: dict[str, Any]) -> None:
    house = House()
    about = INCIDENT.model_copy(update={"site": given.SITE.model_copy(update=site)})
    message = Message(CHANNEL, "1.2", HOOK, json.loads(render_answerable(given.alert(about=about))))
    assert list(message.buttons()) == ["confirm", "false_alarm"]
    house.records.put(INCIDENTS, about)
    assert "Too little is known" in (await press(house, Button.SILENCE))["text"]
    assert silences(house) == []


async def test_a_name_is_shown_as_text_and_the_id_tells_who_it_was() -> None:
    house = knowing_house()
    reply = await press(
        house, Button.CONFIRM, {"id": "U1B", "username": "<!here>\n*the* ambassador \u202e" + "x" * 500}
    )
    assert reply["text"].startswith("&lt;!here&gt; *the* ambassador xxx")
    assert reply["mrkdwn"] is False
    ((_, author),) = verdicts(house)
    assert author.endswith("… (Slack U1B)")
    assert len(author) < 100
    await press(house, Button.CONFIRM, {"id": "U2B"}, team=None)
    assert house.records.audit[-1].actor == "slack:-/U2B"
    assert house.records.audit[-1].actor_name == "U2B"


async def test_brokers_that_take_nothing_are_told_of_and_it_is_answered_all_the_same() -> None:
    house = knowing_house()
    for error in (KafkaConnectionError(), TimeoutError("not seen")):
        house.records.fails = error
        assert "Press again in a minute" in (await press(house, Button.CONFIRM))["text"]
    house.records.fails = None
    await press(house, Button.CONFIRM)
    assert len(verdicts(house)) == 1


async def test_brokers_that_do_not_answer_hold_no_answer_up(monkeypatch: pytest.MonkeyPatch) -> None:
    async def hanging(*_: object) -> None:
        await asyncio.Event().wait()

    house = knowing_house()
    monkeypatch.setattr(api, "WITHIN_S", 0.01)
    monkeypatch.setattr(house.records, "change", hanging)
    assert "Press again in a minute" in (await press(house, Button.CONFIRM))["text"]
    assert not house.records.changing.locked()


@pytest.mark.parametrize(
    ("behaviour", "environment", "status", "reason"),
    [
        (answer(200, b'{"ok": true}'), {}, "taken", "HTTP 200"),
        (answer(404, b'{"ok": false, "error": "used_url"}'), {}, "refused", "HTTP 404"),
        (answer(302, location="http://127.0.0.1:1/"), {}, "refused", "HTTP 302"),
        (hang_up, {}, "failed", "RemoteProtocolError"),
        (hang, {}, "failed", "ReadTimeout"),
        (answer(200), {"CHANCERY_EGRESS__ALLOW_PRIVATE": ""}, "failed", "EgressRefused"),
        (answer(200), {"CHANCERY_SLACK__REPLIES": "https://hooks.slack.com"}, "refused", "no address of Slack's"),
    ],
)
async def test_a_reply_that_fails_is_logged_and_no_more(
    behaviour: Behaviour, environment: dict[str, str], status: str, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(adapter, "TIMEOUT_S", 0.3)
    async with endpoint(behaviour) as served:
        base = served.url.partition("/hook")[0]
        chosen = {"CHANCERY_SLACK__REPLIES": base, "CHANCERY_EGRESS__ALLOW_PRIVATE": "127.0.0.0/8"} | environment
        with capture_logs() as logs:
            async with adapter.Replies(load_settings(chosen)) as replies:
                await replies.send(served.url, b"{}")
    (event,) = logs
    assert (event["status"], event["reason"][: len(reason)]) == (status, reason)
    assert "T0KEN" not in str(logs)
    assert len(served.requests) == (0 if environment else 1)


class At(Clock):
    def __init__(self, at_s: float) -> None:
        self.at_s = at_s

    def now(self) -> float:
        return self.at_s


@settings(deadline=None, max_examples=200)
@for_all(
    st.text(st.characters(max_codepoint=127)),
    st.integers(-2 * TOLERANCE_S, 2 * TOLERANCE_S),
    st.sampled_from([SIGNING_SECRET, "another"]),
    st.sampled_from(["", " ", "0"]),
)
def test_it_is_slacks_where_slacks_own_library_says_so(body: str, age_s: int, secret: str, spoilt: str) -> None:
    stamp = str(int(NOW.timestamp()) - age_s)
    signature = (SignatureVerifier(secret).generate_signature(timestamp=stamp, body=body) or "") + spoilt
    theirs = SignatureVerifier(SIGNING_SECRET, At(NOW.timestamp())).is_valid(body, stamp, signature)
    assert (why_not_signed(SIGNING_SECRET, stamp, signature, body.encode(), NOW) == "") is theirs


def test_a_signature_is_good_for_five_minutes_either_way() -> None:
    stamp, body = "1714650000", b"payload=%7B%7D"
    signature = SignatureVerifier(SIGNING_SECRET).generate_signature(timestamp=stamp, body=body) or ""
    then = NOW.fromtimestamp(int(stamp), NOW.tzinfo)
    assert why_not_signed(SIGNING_SECRET, stamp, signature, body, then) == ""
    for second, why in (
        (TOLERANCE_S, ""),
        (TOLERANCE_S + 1, "signed 301 s ago"),
        (-TOLERANCE_S - 1, "signed -301 s ago"),
    ):
        assert why_not_signed(SIGNING_SECRET, stamp, signature, body, then + timedelta(seconds=second)) == why


@pytest.mark.parametrize(
    "changed",
    [
        {"x-slack-signature": "v0=" + "0" * 64},
        {"x-slack-signature": ""},
        {"x-slack-signature": "v1=\u00ff"},
        {"x-slack-request-timestamp": ""},
        {"x-slack-request-timestamp": "1" * 400},
        {"x-slack-request-timestamp": "\u00b2"},
        {"x-slack-request-timestamp": str(int(NOW.timestamp()) + 1)},
    ],
)
async def test_what_is_not_signed_by_slack_now_is_refused_without_a_word(changed: dict[str, str]) -> None:
    house = knowing_house()
    body = pressed(Button.CONFIRM)
    headers = signed(body, NOW.timestamp()) | changed
    raw = {name: value.encode("latin-1") for name, value in headers.items()}
    with capture_logs() as logs:
        refused = await post(house, body, raw)  # type: ignore[arg-type]
    assert refused.status_code == 401
    assert refused.json() == {"type": "about:blank", "title": "Unauthorized", "status": 401}
    assert verdicts(house) == []
    (event,) = [each for each in logs if each["event"] == "signature.refused"]
    assert event["reason"] in ("wrong signature", "no time stamp")
    assert SIGNING_SECRET not in json.dumps(logs, default=str)


async def test_a_body_that_was_changed_or_is_replayed_is_refused() -> None:
    house = knowing_house()
    body = pressed(Button.CONFIRM)
    headers = signed(body, house.now.timestamp())
    assert (await post(house, body + b"&x=1", headers)).status_code == 401
    house.pass_time(timedelta(seconds=TOLERANCE_S + 1))
    assert (await post(house, body, headers)).status_code == 401
    assert verdicts(house) == []


async def test_without_a_secret_nothing_opens_it() -> None:
    house = House(slack=False)
    body = pressed(Button.CONFIRM)
    assert (await post(house, body)).status_code == 401


async def test_wrong_ones_in_numbers_are_logged_now_and_then() -> None:
    house = knowing_house()
    with capture_logs() as logs:
        for _ in range(30):
            assert (await post(house, b"payload=", {})).status_code == 401
    assert len([each for each in logs if each["event"] == "signature.refused"]) == 10


async def test_a_body_has_its_limit_signed_or_not_and_a_real_one_is_far_from_it() -> None:
    house = knowing_house()
    large = b"payload=" + b"x" * api.MAX_BODY_BYTES
    for headers in (signed(large, NOW.timestamp()), {}):
        assert (await post(house, large, headers)).status_code == 413
    assert len(pressed(Button.CONFIRM)) < api.MAX_BODY_BYTES / 10


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"payload",
        b"payload=",
        b"payload=%FF",
        b"payload={}&payload={}",
        b"payload=[" + b"[" * 5_000,
        b"other=1",
        b"&".join(b"a%d=1" % n for n in range(50)),
        "payload=é".encode(),
        pressed(Button.CONFIRM, type="view_submission"),
        pressed(Button.CONFIRM, actions=[]),
        pressed(Button.CONFIRM, actions=[{"action_id": "confirm"}] * 2),
        pressed(Button.CONFIRM, user={"id": "U1\n"}),
        pressed(Button.CONFIRM, user={"id": "slack:admin"}),
        pressed(Button.CONFIRM, response_url="x" * 3_000),
    ],
)
async def test_what_is_signed_but_no_press_of_a_button_is_refused_with_the_reason(body: bytes) -> None:
    house = knowing_house()
    refused = await post(house, body)
    assert (refused.status_code, "payload" in refused.json()["detail"]) == (400, True)
    assert house.records.audit == []


@settings(deadline=None, max_examples=100)
@for_all(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["type", "user", "id", "team", "actions", "action_id", "value", "message", "ts"]), inner
            )
        ),
        max_leaves=8,
    )
)
def test_whatever_is_signed_is_no_fault_of_ours(told: Any) -> None:
    body = urlencode({"payload": json.dumps({"type": "block_actions"} | (told if isinstance(told, dict) else {}))})
    assert asyncio.run(post(knowing_house(), body.encode())).status_code in (200, 400)


@pytest.mark.parametrize(
    ("url", "may"),
    [
        ("https://hooks.slack.com/actions/T1/2/x", True),
        ("https://hooks.slack.com.evil.example/actions/", False),
        ("https://hooks.slack.com@evil.example/", False),
        ("https://user@hooks.slack.com/", False),
        ("https://hooks.slack.com:8443/", False),
        ("http://hooks.slack.com/", False),
        ("https://hooks.slack.com\\@evil.example/", False),
        ("//hooks.slack.com/", False),
        ("https://[", False),
        ("", False),
    ],
)
def test_replies_go_to_slack_and_to_nobody_else(url: str, may: bool) -> None:
    assert may_reply_to(url, "https://hooks.slack.com") is may
