"""WebSub's decisions: what a feed offers, when a hub is asked, what its word changes, whose push it is."""

import hashlib
import hmac
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode, urlsplit

import pytest

from services.contracts.feed import FeedState, Lease, LeaseStatus, PollStatus
from services.contracts.ids import FeedId
from services.ingest.adapters.parsing import parse
from services.ingest.core import websub
from services.ingest.core.fetched import Fetched
from services.ingest.core.websub import Callback, Intent, Offer, Signature
from tests.unit.ingest.documents import item, rss

NOW = datetime(2021, 3, 1, tzinfo=UTC)
URL = "https://news.example/feed.xml"
HUB, OTHER_HUB = "https://hub.example/", "https://other-hub.example/"
ME, OTHER = "https://me.example", "https://other.example"
FEED = FeedId("feed_a")
KEY, OLD_KEY = b"new key", b"old key"
DAYS = timedelta(days=10)
OFFERED = Lease(HUB, URL)

ATOM_LINKS = f'<link rel="hub" href="{HUB}"/><link rel="self" href="{URL}"/>'
ATOM = f'<feed xmlns="http://www.w3.org/2005/Atom"><title>T</title>{ATOM_LINKS}<entry><id>1</id></entry></feed>'
IN_RSS = ATOM_LINKS.replace("<link", '<a:link xmlns:a="http://www.w3.org/2005/Atom"')
IN_AN_ITEM = item("1") + IN_RSS
JSON = json.dumps(
    {
        "version": "https://jsonfeed.org/version/1.1",
        "feed_url": URL,
        "items": [{"id": "1"}],
        "hubs": [7, {"type": "rssCloud", "url": "https://cloud.example/"}, {"type": "WebSub", "url": HUB}],
    }
)


@pytest.mark.parametrize(
    ("body", "header", "found"),
    [
        (ATOM, ("", ""), Offer(HUB, URL)),
        (rss(item("1"), head=IN_RSS), ("", ""), Offer(HUB, URL)),
        (JSON, ("", ""), Offer(HUB, URL)),
        (rss(item("1")), ("", ""), None),
        (rss(IN_AN_ITEM), ("", ""), None),
        (rss(item("1")), (HUB, URL), Offer(HUB, URL)),
        (ATOM, (OTHER_HUB, "https://x.example/"), Offer(OTHER_HUB, "https://x.example/")),
        (ATOM, ("/hub", ""), Offer("https://news.example/hub", URL)),
        (rss(item("1")), (HUB, ""), None),
        (rss(item("1")), ("ftp://hub.example/", URL), None),
        (rss(item("1")), ("http://[", URL), None),
        (rss(item("1")), (HUB + "x" * 2_000, URL), None),
        (rss(item("1")), (HUB, "https://X.example/?"), Offer(HUB, "https://X.example/?")),
    ],
)
def test_what_a_document_offers(body: str | bytes, header: tuple[str, str], found: Offer | None) -> None:
    read = parse(body if isinstance(body, bytes) else body.encode(), "", URL, 10)
    assert read.status is PollStatus.OK
    hub, topic = header
    assert websub.offer(Fetched(PollStatus.OK, url=URL, hub=hub, topic=topic), read) == found


def test_a_feed_that_offers_another_hub_begins_anew_and_one_that_offers_none_keeps_its_own() -> None:
    live = agreed(OFFERED)
    assert websub.offered(None, None) is None
    assert websub.offered(None, Offer(HUB, URL)) == OFFERED
    assert websub.offered(live, Offer(HUB, URL)) is live
    assert websub.offered(live, None) is live
    assert websub.offered(live, Offer(OTHER_HUB, URL)) == Lease(OTHER_HUB, URL)


def test_a_poll_that_began_before_the_hub_agreed_does_not_undo_it() -> None:
    live, elsewhere = agreed(OFFERED), Lease(OTHER_HUB, URL)
    assert websub.newest(live, OFFERED) is live
    assert websub.newest(live, None) is live
    assert websub.newest(live, elsewhere) is elsewhere
    assert websub.newest(None, OFFERED) is OFFERED
    assert websub.newest(None, None) is None


def agreed(lease: Lease, seconds: str = "864000") -> Lease:
    return websub.verified(websub.asked(lease, ME, NOW), seconds, DAYS, NOW)


@pytest.mark.parametrize(
    ("said", "runs", "renewed_after"),
    [
        ("864000", DAYS, timedelta(days=8)),
        ("100", timedelta(seconds=100), timedelta(seconds=80)),
        ("1", timedelta(seconds=1), timedelta(minutes=1)),
        ("999999999", timedelta(days=30), timedelta(days=24)),
        ("9" * 400, DAYS, timedelta(days=8)),
        ("0", DAYS, timedelta(days=8)),
        ("-5", DAYS, timedelta(days=8)),
        ("", DAYS, timedelta(days=8)),
    ],
)
def test_a_lease_runs_as_long_as_the_hub_says_and_is_renewed_before(
    said: str, runs: timedelta, renewed_after: timedelta
) -> None:
    live = agreed(OFFERED, said)
    assert (live.status, live.failures, live.ends_at, live.ask_at) == (
        LeaseStatus.LIVE,
        0,
        NOW + runs,
        NOW + renewed_after,
    )
    assert websub.ask_at_s(live, ME) == (NOW + renewed_after).timestamp()


def test_what_another_replica_agreed_is_asked_for_at_once() -> None:
    assert websub.ask_at_s(OFFERED, ME) == 0
    assert websub.ask_at_s(agreed(OFFERED), OTHER) == 0
    taken = websub.asked(agreed(OFFERED), OTHER, NOW)
    assert (taken.callback, taken.ends_at) == (OTHER, None)


def test_a_hub_that_does_not_answer_is_asked_half_as_often_each_time() -> None:
    lease, pauses = agreed(OFFERED), []
    for _ in range(12):
        lease = websub.failed(websub.asked(lease, ME, NOW), "HTTP 500" + "x" * 1_000)
        assert lease.ask_at is not None
        pauses.append((lease.ask_at - NOW) / timedelta(minutes=1))
    assert pauses[:4] == [5, 10, 20, 40]
    assert pauses[-1] == 24 * 60
    assert lease.ends_at == NOW + DAYS  # what was agreed to holds
    assert len(lease.reason) == websub.MAX_REASON_CHARS
    assert websub.asked(replace(lease, failures=10**6), ME, NOW).ask_at == NOW + timedelta(days=1)


def test_who_was_denied_asks_no_more() -> None:
    lease = websub.denied(agreed(OFFERED), "no\n<b>thanks</b>" + "x" * 1_000)
    assert (lease.status, lease.ends_at, websub.ask_at_s(lease, ME)) == (LeaseStatus.DENIED, None, None)
    assert lease.reason.startswith("no <b>thanks")
    assert len(lease.reason) == websub.MAX_REASON_CHARS


@pytest.mark.parametrize(
    ("said", "understood"),
    [
        ({"mode": "subscribe", "topic": URL, "challenge": "c", "lease_seconds": "60"}, True),
        ({"mode": "denied", "topic": URL, "reason": "because"}, True),
        ({"mode": "subscribe", "topic": URL}, False),
        ({"mode": "subscribe", "challenge": "c"}, False),
        ({"topic": URL, "challenge": "c"}, False),
        ({"mode": "subscribe", "topic": URL, "challenge": "c" * 1_001}, False),
        ({"mode": "subscribe", "topic": URL, "challenge": "a\x00b"}, False),
        ({"mode": "subscribe", "topic": URL, "challenge": "é"}, False),
    ],
)
def test_what_a_hub_asks(said: dict[str, str], understood: bool) -> None:
    query = urlencode({f"hub.{name}": value for name, value in said.items()}).encode()
    assert websub.intent(query) == (Intent(**said) if understood else None)


@pytest.mark.parametrize(
    "query", [b"", b"\xff", b"hub.mode=a&hub.mode=b&hub.topic=c&hub.challenge=d", b"a=1&" * 100, b"hub.mode=%ff"]
)
def test_a_query_that_is_no_hubs(query: bytes) -> None:
    assert websub.intent(query) is None


def test_the_callback_is_the_feeds_and_the_hubs_own_and_cannot_be_guessed() -> None:
    form = websub.request("subscribe", OFFERED, ME + "/in", FEED, KEY, DAYS)
    assert {name: form[name] for name in ("hub.mode", "hub.topic", "hub.lease_seconds")} == {
        "hub.mode": "subscribe",
        "hub.topic": URL,
        "hub.lease_seconds": "864000",
    }
    assert len(form["hub.secret"]) < 200  # clause 5.1
    path = urlsplit(form["hub.callback"]).path
    assert path.startswith("/in/websub/feed_a/")
    found = websub.callback(path)
    assert found is not None
    assert found.key([KEY, OLD_KEY], HUB) == KEY
    assert found.key([OLD_KEY, KEY], HUB) == KEY  # keys are rotated
    assert found.key([OLD_KEY], HUB) is None
    assert found.key([KEY], OTHER_HUB) is None
    assert replace(found, feed_id=FeedId("feed_b")).key([KEY], HUB) is None
    assert Callback(FEED, "é").key([KEY], HUB) is None
    assert form["hub.secret"] not in form["hub.callback"]


@pytest.mark.parametrize("path", ["", "/", "/websub/x", "/websub/a/b/c", "/other/a/b"])
def test_other_paths_are_nobodys(path: str) -> None:
    assert websub.callback(path) is None


def secret() -> bytes:
    return websub.request("subscribe", OFFERED, ME, FEED, KEY, DAYS)["hub.secret"].encode()


@pytest.mark.parametrize("algorithm", ["sha1", "sha256", "sha384", "sha512"])
def test_a_push_is_checked_by_the_algorithm_it_names(algorithm: str) -> None:
    right = hmac.new(secret(), b"a push", algorithm).hexdigest()
    assert holds(f"{algorithm}={right}")
    assert holds(f" {algorithm}={right.upper()} ")
    assert not holds(f"{algorithm}={right[:-1]}{'0' if right[-1] != '0' else '1'}")
    assert not holds(f"{algorithm}={right[:-2]}")
    assert not holds(f"{algorithm}={right}", KEY + b"x")


@pytest.mark.parametrize("header", ["", "sha256", "sha256=", "sha256=zz", "md5=" + hashlib.md5(b"").hexdigest(), "=a"])
def test_a_push_without_a_signature_is_nobodys(header: str) -> None:
    assert not holds(header)


def holds(header: str, key: bytes = KEY) -> bool:
    signature = Signature(header, key, FEED, HUB)
    for chunk in (b"a ", b"push"):
        signature.add(chunk)
    return signature.holds


@pytest.mark.parametrize(
    ("state", "at"),
    [
        (None, None),
        ({}, None),
        ({"last_poll_at": NOW - timedelta(hours=1)}, NOW),
        ({"last_poll_at": NOW - timedelta(seconds=5)}, NOW + timedelta(seconds=10)),
        (
            {"last_poll_at": NOW - timedelta(seconds=5), "next_poll_at": NOW + timedelta(seconds=3)},
            NOW + timedelta(seconds=3),
        ),
        ({"last_poll_at": NOW - timedelta(hours=1), "failures": 1, "status": PollStatus.THROTTLED}, None),
    ],
)
def test_when_a_push_has_a_feed_polled(state: dict[str, object] | None, at: datetime | None) -> None:
    known = FeedState.model_validate({"feed_id": FEED, "url": URL} | state) if state is not None else None
    assert websub.poll_at(known, NOW) == at


def test_what_was_not_there_yet_is_looked_for_again_and_not_for_ever() -> None:
    looks, times = websub.looks_left(True, (), news=True), 0
    while looks:
        looks, times = websub.looks_left(False, looks[1:], news=False), times + 1
    assert times == 3
    assert websub.looks_left(False, websub.LOOK_AGAIN_AFTER, news=True) == ()
