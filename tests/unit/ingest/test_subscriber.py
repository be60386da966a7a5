"""Feeds and hubs over HTTP: subscribing, verifying, denying, renewing, pushing, and who should not be heard."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import httpx
import pytest
from aiokafka.errors import KafkaTimeoutError
from prometheus_client import REGISTRY

from services.contracts.feed import Feed, FeedState, Lease, LeaseStatus, PollStatus
from services.contracts.ids import FeedId
from services.ingest.adapters import hub as hub_adapter
from services.ingest.adapters.hub import HubClient, answering
from services.ingest.app import ingest
from services.ingest.subscriber import Subscriber
from services.launch.broker import free_port
from services.runtime.egress import guarded_client
from services.runtime.health import Health
from services.runtime.settings import EgressSettings, IngestSettings, Misconfigured, load_settings
from tests.unit.ingest.fakes import MemoryStore, feed_at, utc_now
from tests.unit.ingest.local_hub import LocalHub, Name
from tests.unit.ingest.server import Handler, Server, redirect, serving, silence

A, B, C = (feed_at(f"https://{name}.example/feed") for name in "abc")
KEY, OLD_KEY = b"key", b"old key"
DAYS = timedelta(days=10)


@dataclass
class Clock:
    """Stands still until it is moved."""

    now: datetime = field(default_factory=utc_now)

    def __call__(self) -> datetime:
        return self.now


@dataclass
class Stand:
    """A subscriber with everything around it."""

    store: MemoryStore
    hub: LocalHub
    server: Server
    clock: Clock
    subscriber: Subscriber
    callback: str
    prompted: list[FeedId]
    running: "asyncio.Task[None]"

    def offers(self, feed: Feed, path: str = "/hub") -> None:
        """A poll has read a document of the feed that offers the hub."""
        lease = Lease(self.server.url(path), feed.url)
        self.store.states[feed.feed_id] = FeedState(
            feed_id=feed.feed_id, url=feed.url, status=PollStatus.OK, last_poll_at=self.clock(), lease=lease
        )
        self.subscriber.offered(feed.feed_id)

    def lease(self, feed: Feed) -> Lease:
        lease = self.store.states[feed.feed_id].lease
        assert lease is not None
        return lease

    async def live(self, feed: Feed) -> Name:
        """Subscribe the feed; by what the hub knows the subscription."""
        self.offers(feed)
        await self.store.until(lambda: self.lease(feed).status is LeaseStatus.LIVE)
        await self.hub.until(lambda: any(topic == feed.url for topic, _ in self.hub.subscriptions))
        return next(name for name in self.hub.subscriptions if name[0] == feed.url)

    def wake(self, *feeds: Feed) -> None:
        """What a clock that runs does by itself."""
        self.subscriber.loaded([feed.feed_id for feed in feeds])


@contextlib.asynccontextmanager
async def standing(
    hub: LocalHub | None = None, keys: tuple[bytes, ...] = (KEY,), routes: Mapping[str, Handler] | None = None
) -> AsyncIterator[Stand]:
    hub, store, clock = hub or LocalHub(), MemoryStore(A, B, C), Clock()
    prompted: list[FeedId] = []
    wanted = IngestSettings(websub_port=free_port(), max_bytes=10_000, timeout_s=1.0)
    callback = f"http://127.0.0.1:{wanted.websub_port}"
    client = guarded_client(EgressSettings(allow_private=("127.0.0.0/8",)), user_agent="test", timeout_s=5)
    async with serving({"/hub": hub.handle, **(routes or {})}) as server, client:
        subscriber = Subscriber(
            store,
            HubClient(client, timeout_s=1.0),
            prompted.append,
            callback=callback,
            keys=keys,
            lasting=DAYS,
            clock=clock,
        )
        async with answering(subscriber, wanted):
            running = asyncio.create_task(subscriber.run())
            try:
                yield Stand(store, hub, server, clock, subscriber, callback, prompted, running)
            finally:
                running.cancel()
                await asyncio.wait([running])


def pushes(status: str) -> float:
    return REGISTRY.get_sample_value("chancery_websub_pushes_total", {"status": status}) or 0.0


@pytest.mark.parametrize("verifies_first", [False, True])
async def test_a_feed_that_offers_a_hub_is_subscribed_to(verifies_first: bool) -> None:
    async with standing(LocalHub(lease_s=500_000, verifies_first=verifies_first)) as stand:
        await stand.live(A)
        lease = stand.lease(A)
        assert lease.callback == stand.callback
        assert lease.ends_at == stand.clock() + timedelta(seconds=500_000)
        assert lease.ask_at == stand.clock() + timedelta(seconds=400_000)
        assert [(form["hub.mode"], form["hub.topic"]) for form in stand.hub.asked] == [("subscribe", A.url)]
        assert stand.hub.asked[0]["hub.callback"].startswith(stand.callback + "/websub/")


async def test_a_push_has_the_feed_polled_and_every_algorithm_is_understood() -> None:
    async with standing() as stand:
        name = await stand.live(A)
        for algorithm in ("sha1", "sha256", "sha384", "sha512"):
            assert await stand.hub.push(name, b"<rss/>", algorithm=algorithm) == 202
        assert stand.prompted == [A.feed_id] * 4


async def test_a_push_with_a_wrong_signature_is_answered_and_ignored() -> None:
    async with standing() as stand:
        name, before = await stand.live(A), pushes("badly_signed")
        assert await stand.hub.push(name, b"<rss/>", secret="guessed") == 202
        async with httpx.AsyncClient(trust_env=False) as http:
            assert (await http.post(name[1], content=b"<rss/>")).status_code == 202
        assert stand.prompted == []
        assert pushes("badly_signed") == before + 2


async def test_whoever_knows_no_callback_learns_nothing() -> None:
    async with standing() as stand:
        topic, callback = await stand.live(A)
        feed, token = callback.rsplit("/", 2)[1:]
        strange = [
            stand.callback,
            f"{stand.callback}/websub/{feed}/{'0' * len(token)}",
            f"{stand.callback}/websub/{B.feed_id}/{token}",
            f"{stand.callback}/websub/feed_unknown/{token}",
        ]
        for address in strange:
            assert (await stand.hub.get(address, mode="subscribe", topic=topic, challenge="x", lease_seconds="1"))[
                0
            ] == 404
            assert await stand.hub.push((topic, address), b"", secret="x") == 404
        async with httpx.AsyncClient(trust_env=False) as http:
            assert (await http.delete(callback)).status_code == 405
        assert stand.prompted == []


async def test_only_what_was_asked_is_verified() -> None:
    async with standing() as stand:
        topic, callback = await stand.live(A)
        live = stand.lease(A)

        async def says(mode: str, about: str = topic, **more: str) -> tuple[int, str]:
            return await stand.hub.get(callback, mode=mode, topic=about, **more)

        assert await says("subscribe", "https://other.example/", challenge="c", lease_seconds="1") == (404, "")
        assert await says("unsubscribe", challenge="c") == (404, "")
        assert await says("publish", challenge="c") == (404, "")
        assert await says("denied", "https://other.example/") == (404, "")
        # The same again: the hub may make sure, and whoever heard it first gains no time by it.
        assert await says("subscribe", challenge="again", lease_seconds="999999") == (200, "again")
        assert stand.lease(A) == live


async def test_a_denial_is_kept_with_its_reason_and_nothing_is_heard_after() -> None:
    async with standing() as stand:
        topic, callback = await stand.live(A)
        assert await stand.hub.get(callback, mode="denied", topic=topic, reason="full") == (200, "")
        assert (stand.lease(A).status, stand.lease(A).reason) == (LeaseStatus.DENIED, "full")
        written = len(stand.store.log)
        assert await stand.hub.get(callback, mode="denied", topic=topic, reason="full") == (200, "")
        assert len(stand.store.log) == written
        assert await stand.hub.push((topic, callback), b"") == 404
        assert (await stand.hub.get(callback, mode="subscribe", topic=topic, challenge="c"))[0] == 404
        stand.wake(A)
        await stand.live(B)  # which is asked after A would have been
        assert [form["hub.topic"] for form in stand.hub.asked] == [A.url, B.url]


async def test_a_lease_is_renewed_before_it_ends() -> None:
    async with standing(LocalHub(lease_s=1_000)) as stand:
        await stand.live(A)
        began = stand.clock()
        stand.clock.now = began + timedelta(seconds=801)
        stand.wake(A)
        ends_at = stand.clock() + timedelta(seconds=1_000)
        await stand.store.until(lambda: stand.lease(A).ends_at == ends_at)
        assert [form["hub.callback"] for form in stand.hub.asked] == [stand.hub.asked[0]["hub.callback"]] * 2
        assert stand.lease(A).status is LeaseStatus.LIVE


async def test_a_push_between_a_request_for_more_and_its_verification_counts() -> None:
    async with standing(LocalHub(lease_s=1_000)) as stand:
        name = await stand.live(A)
        stand.hub.status = 500
        stand.clock.now += timedelta(seconds=801)
        stand.wake(A)
        await stand.store.until(lambda: stand.lease(A).status is LeaseStatus.FAILED)
        assert (stand.lease(A).reason, stand.lease(A).failures) == ("HTTP 500", 1)
        assert await stand.hub.push(name, b"") == 202
        assert stand.prompted == [A.feed_id]


async def test_a_hub_that_agrees_and_then_fails_has_agreed() -> None:
    async with standing(LocalHub(verifies_first=True)) as stand:
        stand.hub.status = 500
        await stand.live(A)
        await stand.live(B)  # so that the answer to the first has been read
        assert stand.lease(A).status is LeaseStatus.LIVE


async def test_a_restart_asks_nothing_and_another_replica_asks_anew_in_its_name() -> None:
    async with standing() as stand:
        await stand.live(A)
        kept = stand.store.states[A.feed_id]
    async with standing() as other:
        # The same address as before, and another one.
        ours = Lease("http://127.0.0.1:1/", A.url, LeaseStatus.LIVE, other.callback, ask_at=other.clock() + DAYS)
        other.store.states[A.feed_id] = kept.model_copy(update={"lease": ours})
        theirs = replace(stand.lease(A), topic=B.url, hub=other.server.url("/hub"))
        other.store.states[B.feed_id] = kept.model_copy(update={"feed_id": B.feed_id, "lease": theirs})
        other.wake(A, B)
        await other.store.until(lambda: other.lease(B).status is LeaseStatus.LIVE and other.lease(B) != theirs)
        assert [form["hub.topic"] for form in other.hub.asked] == [B.url]
        assert other.lease(B).callback == other.callback
        assert other.lease(A) == ours


async def test_keys_may_be_rotated() -> None:
    async with standing(keys=(OLD_KEY,)) as stand:
        name = await stand.live(A)
        stand.subscriber._keys = (KEY, OLD_KEY)
        assert await stand.hub.push(name, b"<rss/>") == 202
        stand.subscriber._keys = (KEY,)
        assert await stand.hub.push(name, b"<rss/>") == 404
    assert stand.prompted == [A.feed_id]


@pytest.mark.parametrize("how", ["paused", "removed"])
async def test_a_feed_nobody_wants_is_unsubscribed(how: str) -> None:
    async with standing() as stand:
        name = await stand.live(A)
        if how == "paused":
            stand.store.rows[A.feed_id] = A.model_copy(update={"enabled": False})
        else:
            del stand.store.rows[A.feed_id]
        stand.subscriber.changed(A.feed_id)
        await stand.hub.until(lambda: name not in stand.hub.subscriptions)
        assert [form["hub.mode"] for form in stand.hub.asked] == ["subscribe", "unsubscribe"]
        assert stand.hub.asked[0]["hub.callback"] == stand.hub.asked[1]["hub.callback"]
        assert await stand.hub.push(name, b"", secret="x") == 404
        if how == "paused":
            await stand.store.until(lambda: stand.lease(A).status is LeaseStatus.OFFERED)
            stand.store.rows[A.feed_id] = A
            stand.subscriber.changed(A.feed_id)
            await stand.hub.until(lambda: name in stand.hub.subscriptions)


async def test_a_feed_that_was_paused_while_nobody_ran_is_unsubscribed() -> None:
    async with standing() as stand:
        name = await stand.live(A)
        stand.store.rows[A.feed_id] = A.model_copy(update={"enabled": False})
        stand.wake(A)
        await stand.hub.until(lambda: name not in stand.hub.subscriptions)


async def test_a_silent_hub_rests_for_all_its_feeds_and_holds_up_no_other() -> None:
    async with standing(routes={"/silent": silence}) as stand:
        stand.offers(A, "/silent")
        await stand.store.until(lambda: stand.lease(A).status is LeaseStatus.FAILED)
        assert stand.lease(A).reason == "no answer within 1 s"
        stand.offers(B, "/silent")
        other = Lease(stand.server.url("/hub").replace("127.0.0.1", "localhost"), C.url)
        stand.store.states[C.feed_id] = FeedState(feed_id=C.feed_id, url=C.url, lease=other)
        stand.wake(C)
        await stand.store.until(lambda: stand.lease(C).status is LeaseStatus.LIVE)
        assert stand.lease(B).status is LeaseStatus.OFFERED
        assert len(stand.server.asked("/silent")) == 1


@pytest.mark.parametrize(("status", "follows"), [(307, True), (308, True), (302, False)])
async def test_a_hub_may_name_another_one(status: int, follows: bool) -> None:
    async with standing(routes={"/old": redirect(status, "/hub"), "/loop": redirect(status, "/loop")}) as stand:
        stand.offers(A, "/old")
        if follows:
            await stand.store.until(lambda: stand.lease(A).status is LeaseStatus.LIVE)
            stand.offers(B, "/loop")
            await stand.store.until(lambda: stand.lease(B).reason == "more than 3 redirects")
        else:
            await stand.store.until(lambda: stand.lease(A).reason == f"HTTP {status}")


async def test_a_hub_at_a_private_address_is_not_asked() -> None:
    async with guarded_client(EgressSettings(), user_agent="test", timeout_s=5) as client:
        answer = await HubClient(client, timeout_s=5).ask("http://127.0.0.1:1/", {})
        assert "not a public address" in answer.problem
        redirected = await HubClient(client, timeout_s=5).ask("http://[::1]:1/", {"a": "b"})
        assert "not a public address" in redirected.problem


async def test_a_push_is_read_as_far_as_a_document_may_go() -> None:
    async with standing() as stand:
        name = await stand.live(A)
        assert await stand.hub.push(name, b"x" * 10_000) == 202
        assert await stand.hub.push(name, b"x" * 10_001) == 413
        assert stand.prompted == [A.feed_id]


async def test_who_lingers_is_cut_off_and_who_comes_in_crowds_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub_adapter, "MOST_CONNECTIONS", 4)
    async with standing() as stand:
        name = await stand.live(A)
        _, callback = name
        path = callback.removeprefix(stand.callback)
        port = int(stand.callback.rpartition(":")[2])
        head = f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\nX-Hub-Signature: sha1=00\r\n\r\n".encode()
        lingering = []
        for start in (b"", b"POST /we", head, head + b"a few bytes"):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(start)
            await writer.drain()
            lingering.append((reader, writer))
        assert await stand.hub.push(name, b"") == 503
        async with asyncio.timeout(30):
            for reader, writer in lingering:
                with contextlib.suppress(ConnectionError):
                    await reader.read()  # until the other side ends it
                writer.close()
        assert await stand.hub.push(name, b"") == 202
        assert stand.prompted == [A.feed_id]


async def test_hubs_want_a_secret_key() -> None:
    keyless = load_settings({"CHANCERY_INGEST__WEBSUB_CALLBACK": "https://chancery.example"})
    with pytest.raises(Misconfigured, match="CHANCERY_SECRETS__KEYS"):
        await ingest(keyless, Health(), asyncio.Event())


async def test_a_broker_that_is_away_ends_the_service_and_verifies_nothing() -> None:
    def away(_: FeedState) -> None:
        raise KafkaTimeoutError("no acknowledgement")

    async with standing() as stand:
        await stand.live(A)
        stand.store.before_save = away
        callback = stand.hub.asked[0]["hub.callback"]
        assert (await stand.hub.get(callback, mode="denied", topic=A.url))[0] == 500
        assert stand.lease(A).status is LeaseStatus.LIVE
        stand.offers(B)
        with pytest.raises(KafkaTimeoutError):
            await stand.running
        assert stand.lease(B).status is LeaseStatus.OFFERED
