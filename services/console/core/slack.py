"""What Slack sends when someone presses a button: whether it is Slack's, what it says, what is to be changed for it.

https://docs.slack.dev/authentication/verifying-requests-from-slack and
https://docs.slack.dev/reference/interaction-payloads/block_actions-payload. Slack says who pressed; whoever sees the
message may.
"""

import hashlib
import hmac
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal
from urllib.parse import parse_qs, urlsplit

from pydantic import BaseModel, Field, ValidationError

from services.console.core.auditing import Actor
from services.contracts.feedback import Feedback, Verdict, verdict_on
from services.contracts.incident import Incident
from services.contracts.model import Record
from services.contracts.silence import Silence, silence
from services.contracts.topics import FEEDBACK, SILENCES, Topic
from services.notify.core.channels.slack.message import Button
from services.notify.core.silencing import only_site
from services.notify.core.writing import words
from services.notify.core.writing.text import clip, one_line

TOLERANCE_S = 300
"""Age of a signature, either way: Slack's documentation advises five minutes against replays."""
LONGEST_NAME = 80
_VERDICTS = {Button.CONFIRM: Verdict.CONFIRMED, Button.FALSE_ALARM: Verdict.FALSE_ALARM}
_DONE = {
    Verdict.CONFIRMED: "confirmed this incident: its credibility becomes 1, and no denial takes it back.",
    Verdict.FALSE_ALARM: "called this incident a false alarm: whoever was told of it is told that it is taken back.",
}


class NotUnderstood(ValueError):
    """Slack signed it, but it is no press of a button."""


def why_not_signed(secret: str, timestamp: str, signature: str, body: bytes, now: datetime) -> str:
    """Empty where `signature` is Slack's `v0` of the body at `timestamp` (seconds since 1970), and that is now; else
    why not. The time taken does not depend on how much of a signature is right."""
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 12):
        return "no time stamp"
    signed = hmac.new(secret.encode(), b"v0:" + timestamp.encode() + b":" + body, hashlib.sha256).hexdigest()
    if not hmac.compare_digest(f"v0={signed}".encode(), signature.encode("utf-8", "surrogatepass")):
        return "wrong signature"
    age_s = now.timestamp() - int(timestamp)
    return "" if abs(age_s) <= TOLERANCE_S else f"signed {age_s:.0f} s ago"


def may_reply_to(url: str, replies: str) -> bool:
    """Is this an address of Slack's for replies? `replies` is their scheme and host."""
    try:
        wanted, allowed = urlsplit(url), urlsplit(replies)
    except ValueError:
        return False
    return (wanted.scheme, wanted.netloc) == (allowed.scheme, allowed.netloc)


class _Action(BaseModel):
    action_id: str = Field(max_length=255)
    value: str = Field("", max_length=2_000)


class _User(BaseModel):
    id: str = Field(pattern=r"^[A-Z0-9]{2,30}$")
    username: str = ""


class _Team(BaseModel):
    id: str = Field(pattern=r"^[A-Z0-9]{2,30}$")


class _Message(BaseModel):
    ts: str | None = Field(None, max_length=40)
    thread_ts: str | None = Field(None, max_length=40)


class _Payload(BaseModel):
    """Of the payload, what is used. `team` is null where an app is installed for a whole organisation."""

    type: Literal["block_actions"]
    user: _User
    team: _Team | None = None
    actions: list[_Action] = Field(min_length=1, max_length=1)
    message: _Message = _Message()
    response_url: str = Field("", max_length=2_000)


@dataclass(frozen=True, slots=True)
class Click:
    """A press of `button`, or of one that is none of ours; `value` is what it carries. `thread` is the message's."""

    button: Button | None
    value: str
    actor: Actor
    author: str
    thread: str | None
    response_url: str


def read_click(body: bytes) -> Click:
    """What a form with the field `payload` says. Raises NotUnderstood, which says what was expected."""
    try:
        (payload,) = parse_qs(body.decode("ascii"), strict_parsing=True, max_num_fields=10)["payload"]
        told = _Payload.model_validate_json(payload)
    except ValidationError as error:
        first = error.errors()[0]
        raise NotUnderstood(f"payload: {'.'.join(map(str, first['loc']))}: {first['msg']}") from None
    except (KeyError, ValueError):
        raise NotUnderstood("a form with one field `payload` is expected, as Slack sends it") from None
    name = clip(one_line(told.user.username), LONGEST_NAME, lambda _: 1) or told.user.id
    (action,) = told.actions
    return Click(
        button=Button(action.action_id) if action.action_id in set(Button) else None,
        value=action.value,
        actor=Actor(f"slack:{told.team.id if told.team else '-'}/{told.user.id}", name),
        author=f"{name} (Slack {told.user.id})",
        thread=told.message.thread_ts or told.message.ts,
        response_url=told.response_url,
    )


@dataclass(frozen=True, slots=True)
class Response:
    """What is to be changed for a click, if anything, and what to say once it is: to all where something is."""

    words: str
    topic: Topic | None = None
    change: tuple[Record | None, Record] | None = None


def response_to(
    click: Click,
    incident: Incident | None,
    said: Iterable[Feedback],
    silences: Iterable[Silence],
    *,
    now: datetime,
    lasts: timedelta,
) -> Response:
    """`said` and `silences` are all there are; a silence lasts so long. What has been said or silenced already is not
    again."""
    if click.button is None:
        return Response("This button is not known here: the message is from another version.")
    if incident is None:
        return Response(f"The incident {clip(one_line(click.value), 40, lambda _: 1)} is not known here.")
    if click.button is Button.SILENCE:
        return _silenced(click, incident, silences, now, lasts)
    return _judged(click, _VERDICTS[click.button], incident, said, now)


def _judged(click: Click, verdict: Verdict, incident: Incident, said: Iterable[Feedback], now: datetime) -> Response:
    given = verdict_on(incident, verdict, why="by a button in Slack", author=click.author, now=now)
    before = [each for each in said if each.incident_id == incident.incident_id]
    last = max(before, key=lambda each: each.given_at, default=None)
    if last and (last.verdict, last.author) == (verdict, click.author):
        return Response("You have said so already.")
    if any(each.record_id == given.record_id for each in before):
        # They changed their mind twice before it was taken in once: the same id would be taken for the first word.
        return Response("What was said last is still being taken in: press again in a moment.")
    return Response(f"{click.actor.name} {_DONE[verdict]}", FEEDBACK, (None, given))


def _silenced(
    click: Click, incident: Incident, silences: Iterable[Silence], now: datetime, lasts: timedelta
) -> Response:
    if incident.drill is not None:
        return Response("This is an exercise, and a silence would keep back what is real.")
    matcher, where = only_site(incident.site), words.where(incident.site)
    if matcher is None:
        return Response(f"Too little is known of {where} to silence it; `chancery silences add` takes other filters.")
    alike = [each for each in silences if each.matcher == matcher]
    running = next((each for each in alike if each.expires_at > now), None)
    if running:
        until = words.moment(running.expires_at)
        return Response(f"{where} is silenced until {until} already, by {one_line(running.author)}.")
    made = silence(
        matcher, reason="by a button in Slack", author=click.author, now=now, lasts=lasts, asked_by=incident.incident_id
    )
    over = next((each for each in alike if each.silence_id == made.silence_id), None)
    told = f"{click.actor.name} silenced {where} until {words.moment(made.expires_at)}. "
    return Response(f"{told}`chancery silences end {made.silence_id}` ends it.", SILENCES, (over, made))
