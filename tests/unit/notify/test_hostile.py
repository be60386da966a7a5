"""Whatever stands on the topics: it is refused with a reason, or bounded, and ends nobody's work."""

import asyncio
import copy
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given as for_all
from hypothesis import settings
from hypothesis import strategies as st

from services.contracts.alert import Alert, ChangeKind
from services.contracts.codec import Undecodable, decode, encode
from services.contracts.delivery import Attempt, Delivery
from services.contracts.ids import SilenceId
from services.contracts.model import Record
from services.contracts.silence import Silence
from services.contracts.subscription import Channel, Circle, Filter, Subscription
from services.notify.core.matching import MOST_BYTES, carried, deliveries_for
from services.notify.core.silencing import silence_for
from services.notify.core.writing.text import LONGEST_TEXT, one_line
from tests.unit.notify import given
from tests.unit.notify.dispatching import OK, dispatching, world
from tests.unit.notify.given import NOW

CROWD = [given.subscription(channel, channel=channel) for channel in Channel]
SILENCE = Silence(
    silence_id=SilenceId("sil_1"),
    matcher=Filter(near=(Circle(lat=1, lon=1, radius_km=1),), sites=("embassy:US:IQ:*",)),
    reason="march",
    author="ana",
    created_at=NOW,
    expires_at=NOW + timedelta(hours=1),
)
ATTEMPT = Attempt(at=NOW, took_s=1, http_status=500, outcome="failed", answer="no")
WELL_FORMED: tuple[Record, ...] = (
    given.alert(),
    given.alert(2, 3, change=ChangeKind.RETRACTED),
    given.delivery(given.alert(), CROWD[2], attempts=(ATTEMPT,), next_attempt_at=NOW, receipt="1.2", also=("x",)),
    given.subscription(filter=SILENCE.matcher, or_filters=(Filter(host_states=("IQ",)),), previous_until=NOW),
    SILENCE,
)
NASTY = (
    *("NaN", "1e999", "-1e999", "1e400", "-1", "9" * 4_000, "null", "true", "[]", "{}", "[[[]]]"),
    *(json.dumps(text * 5_000) for text in ("x", "\0", "\r\nBcc: a@b.example", "\u202e<!channel>", "e\u0301", "𝕏 ")),
    *('"9999-12-31T23:59:59.999999-23:59"', '"0001-01-01T00:00:00+23:59"', '"9999-12-31"', '"0001-01-01"', '"\\ud800"'),
)


def places(value: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where something can be put in another's place."""
    if at:
        yield at
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, each in items:
        yield from places(each, (*at, key))


def spoilt(record: Record, at: tuple[Any, ...], nasty: str) -> bytes:
    whole = part = copy.deepcopy(json.loads(encode(record)))
    for key in at[:-1]:
        part = part[key]
    part[at[-1]] = "put here"
    return json.dumps(whole).replace('"put here"', nasty).encode()


EVERYWHERE = [(record, at) for record in WELL_FORMED for at in places(json.loads(encode(record)))]


@settings(max_examples=600, deadline=None)
@for_all(where=st.sampled_from(EVERYWHERE), nasty=st.sampled_from(NASTY))
def test_one_field_of_whatever_ends_nobody(where: tuple[Record, tuple[Any, ...]], nasty: str) -> None:
    """Read, matched, written for every channel and sent: it is refused, or the others get their alert all the same."""
    record, at = where
    try:
        read = decode(spoilt(record, at, nasty), type(record))
    except Undecodable:
        return
    asyncio.run(_lived_through(read))


async def _lived_through(read: Record) -> None:
    silence = read if isinstance(read, Silence) else SILENCE
    subscriptions = [*CROWD, *([read] if isinstance(read, Subscription) else [])]
    told = [given.alert(7), *([read] if isinstance(read, Alert) else [])]
    made = [
        delivery
        for alert in told
        for delivery in deliveries_for(alert, subscriptions, NOW, silence_for(alert, [silence], NOW))
    ]
    in_it = world(*made, *([read] if isinstance(read, Delivery) else []))
    in_it.subscribe(*subscriptions)
    for each in subscriptions:
        in_it.answers(each, OK)
    wanted = [each for each in made if each.incident_id == given.incident_of(7)]
    async with dispatching(in_it):
        await in_it.until_final(*wanted)
    sizes = [len(body) for _, _, body in in_it.sent]  # none where the silence is one of everything
    assert max(sizes, default=0) < 600_000
    for written in in_it.log:
        decode(encode(written), Delivery)


@pytest.mark.parametrize(
    ("record", "changes"),
    [
        (given.subscription(), {"or_filters": [{}] * 51}),
        (given.subscription(), {"filter": {"sites": ["embassy:US:IQ:x"] * 501}}),
        (given.subscription(), {"filter": {"near": [{"lat": 1, "lon": 1, "radius_km": 1}] * 501}}),
        (given.subscription(), {"name": "x" * 1_001}),
        (SILENCE, {"matcher": {"host_states": ["x" * 101]}}),
        (given.delivery(), {"delivery_id": "dlv_another"}),
        (given.delivery(), {"incident_id": given.incident_of(9)}),
        (given.delivery(), {"revision": 2}),
        (given.delivery(), {"receipt": "x@y>\r\nBcc: <z@y"}),
        (given.alert(), {"alert_id": "alr_another"}),
    ],
)
def test_what_none_of_us_would_write_is_refused(record: Record, changes: dict[str, Any]) -> None:
    with pytest.raises(Undecodable):
        decode(json.dumps(json.loads(encode(record)) | changes).encode(), type(record))


def test_a_thousand_sources_with_long_words_are_carried_as_far_as_they_fit() -> None:
    claims = tuple(given.claim(number, quote="word " * 4_000) for number in range(1_000))
    shown = carried(given.alert(about=given.incident(claims=claims)))
    assert len(encode(shown)) <= MOST_BYTES
    assert shown.incident.claims == claims[-len(shown.incident.claims) :]
    assert len(shown.incident.claims) > 5


def test_of_a_text_without_end_only_the_beginning_is_looked_at() -> None:
    assert len(one_line("x" * 10_000_000)) == LONGEST_TEXT


def test_the_most_that_a_filter_can_ask_is_answered() -> None:
    """Of the largest retraction; the notifier does it in a thread of its own."""
    claims = tuple(
        given.claim(number, site=given.SITE.model_copy(update={"city": f"city {number}"})) for number in range(100)
    )
    retracted = given.alert(2, 2, about=given.incident(claims=claims), change=ChangeKind.RETRACTED)
    asked = Filter(sites=("embassy:FR:*:x",) * 500, near=(Circle(lat=-50, lon=1, radius_km=1),) * 500)
    greedy = given.subscription(filter=asked, or_filters=(asked,) * 2)
    assert deliveries_for(retracted, [greedy], datetime.now(UTC)) == []
