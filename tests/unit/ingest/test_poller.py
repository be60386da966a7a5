"""The flow: order of writing, schedule, changes while polling, failures of one and of all."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest
from aiokafka.errors import KafkaTimeoutError
from prometheus_client import REGISTRY
from structlog.testing import capture_logs

from services.contracts.feed import Feed, FeedState, History, PollStatus
from services.ingest import poller as flow
from services.ingest.core import websub
from services.ingest.core.health import HealthKind
from services.ingest.core.politeness import HostPacer
from services.ingest.core.schedule import Pace
from services.ingest.poller import Poller
from tests.unit.ingest.fakes import MemoryStore, Pages, Scripted, feed_at, utc_now

HOUR = timedelta(hours=1)
A, B = feed_at("https://a.example/"), feed_at("https://b.example/")


def steady(interval: timedelta) -> Pace:
    return Pace(interval, interval, interval)


def polling(store: MemoryStore, web: Scripted, interval: timedelta = HOUR, concurrency: int = 4) -> Poller:
    return Poller(store, web, web, pace=steady(interval), concurrency=concurrency, dice=lambda: 0.0)


@asynccontextmanager
async def running(poller: Poller, *feeds: str) -> AsyncIterator[None]:
    stop = asyncio.Event()
    task = asyncio.create_task(poller.run(stop))
    poller.loaded([feed_at(url).feed_id for url in feeds])
    try:
        async with asyncio.timeout(10):
            yield
    finally:
        stop.set()
        await task


async def test_articles_are_acknowledged_before_the_state() -> None:
    store, web = MemoryStore(A), Scripted()
    async with running(polling(store, web), A.url):
        await store.saved(1)
    assert [kind for kind, _ in store.log] == ["article", "state"]
    assert store.states[A.feed_id].status is PollStatus.OK


async def test_a_feed_is_polled_again_after_its_interval_with_its_validators() -> None:
    store, web = MemoryStore(A), Scripted()
    async with running(polling(store, web, timedelta(milliseconds=20)), A.url):
        await store.saved(3)
    assert web.asked[:3] == [(A.url, None), (A.url, '"1"'), (A.url, '"2"')]


async def test_a_restart_polls_nobody_early() -> None:
    store, web = MemoryStore(A, B), Scripted()
    early = FeedState(feed_id=A.feed_id, url=A.url, next_poll_at=utc_now() + HOUR)
    late = FeedState(feed_id=B.feed_id, url=B.url, next_poll_at=utc_now() - HOUR)
    store.states = {A.feed_id: early, B.feed_id: late}
    async with running(polling(store, web), A.url, B.url):
        await store.saved(1)
    assert [url for url, _ in web.asked] == [B.url]
    assert store.states[A.feed_id] is early


async def test_how_late_a_poll_begins_is_counted() -> None:
    def counted() -> tuple[float, float]:
        number, total = (
            REGISTRY.get_sample_value(f"chancery_feed_poll_lag_seconds_{name}") for name in ("count", "sum")
        )
        return number or 0.0, total or 0.0

    store, web = MemoryStore(A, B), Scripted()  # B is new, so nobody was waiting for it
    store.states[A.feed_id] = FeedState(feed_id=A.feed_id, url=A.url, next_poll_at=utc_now() - HOUR)
    number, total = counted()
    async with running(polling(store, web), A.url, B.url):
        await store.saved(2)
    assert counted()[0] == number + 1
    assert counted()[1] - total >= HOUR.total_seconds()


@pytest.mark.parametrize("switched", [(False, True), (True,)])
async def test_a_feed_that_is_gone_rests_until_it_is_resumed(switched: tuple[bool, ...]) -> None:
    store, web = MemoryStore(A, B), Scripted()
    store.states[A.feed_id] = FeedState(feed_id=A.feed_id, url=A.url, status=PollStatus.GONE)
    poller = polling(store, web)
    async with running(poller, A.url, B.url):
        await store.saved(1)
        assert [url for url, _ in web.asked] == [B.url]
        for enabled in switched:
            store.rows[A.feed_id] = A.model_copy(update={"enabled": enabled})
            poller.changed(A.feed_id)
        await store.saved(2)
    assert store.states[A.feed_id].status is PollStatus.OK


async def test_a_paused_feed_is_not_polled_and_a_resumed_one_is_at_once() -> None:
    store, web = MemoryStore(A.model_copy(update={"enabled": False}), B), Scripted()
    store.states[A.feed_id] = FeedState(feed_id=A.feed_id, url=A.url, next_poll_at=utc_now() + HOUR)
    poller = polling(store, web)
    async with running(poller, A.url, B.url):
        await store.saved(1)
        assert web.times(A.url) == 0
        store.rows[A.feed_id] = A
        poller.changed(A.feed_id)
        await store.saved(2)
    assert web.times(A.url) == 1


async def test_an_added_feed_is_polled_at_once() -> None:
    store, web = MemoryStore(A), Scripted()
    poller = polling(store, web)
    async with running(poller, A.url):
        await store.saved(1)
        store.rows[B.feed_id] = B
        poller.changed(B.feed_id)
        await store.saved(2)
    assert web.times(B.url) == 1


@pytest.mark.parametrize("change", ["removed", "paused", "lost"])
async def test_a_poll_of_an_unwanted_feed_ends_without_a_trace(change: str) -> None:
    store, web = MemoryStore(A, B), Scripted()
    web.hold(A.url)
    poller = polling(store, web)
    async with running(poller, A.url):
        await web.fetching.wait()
        if change == "paused":
            store.rows[A.feed_id] = A.model_copy(update={"enabled": False})
        else:
            del store.rows[A.feed_id]
        poller.lost() if change == "lost" else poller.changed(A.feed_id)
        web.release.set()
        poller.changed(B.feed_id)
        await store.saved(1)
    assert [feed_id for _, feed_id in store.log if feed_id == A.feed_id] == []
    assert web.times(A.url) == 1


async def test_a_moved_feed_is_polled_at_its_new_address_without_the_old_validators() -> None:
    store, web = MemoryStore(A), Scripted()
    store.states[A.feed_id] = FeedState(feed_id=A.feed_id, url=A.url, etag='"old"')
    web.hold(A.url)
    poller = polling(store, web)
    async with running(poller, A.url):
        await web.fetching.wait()
        store.rows[A.feed_id] = A.model_copy(update={"url": "https://a.example/new"})
        poller.changed(A.feed_id)
        await store.saved(1)
    assert web.asked == [(A.url, '"old"'), ("https://a.example/new", None)]
    assert store.states[A.feed_id].url == "https://a.example/new"


async def test_a_permanent_redirect_is_followed_once_and_asked_no_more() -> None:
    store, web = MemoryStore(A), Scripted()
    web.permanent[A.url] = "https://a.example/new"
    poller = polling(store, web, timedelta(milliseconds=20))
    store.moved = poller.changed  # as the table says it, while the poll is under way
    async with running(poller, A.url):
        await store.saved(3)
    assert web.asked[:3] == [(A.url, None), ("https://a.example/new", '"1"'), ("https://a.example/new", '"2"')]
    assert [written for written in store.log if written[0] == "feed"] == [("feed", "https://a.example/new")]


async def test_a_new_title_counts_for_the_poll_under_way_and_repeats_none() -> None:
    store, web = MemoryStore(A), Scripted()
    web.hold(A.url)
    poller = polling(store, web)
    async with running(poller, A.url):
        await web.fetching.wait()
        store.rows[A.feed_id] = A.model_copy(update={"title": "Renamed"})
        poller.changed(A.feed_id)
        web.release.set()
        await store.saved(1)
    assert [article.source.name for article in store.articles] == ["Renamed"]
    assert web.times(A.url) == 1


async def test_no_more_polls_at_a_time_than_allowed() -> None:
    feeds = [feed_at(f"https://{n}.example/") for n in range(30)]
    store, web = MemoryStore(*feeds), Scripted()
    async with running(polling(store, web, concurrency=3), *(feed.url for feed in feeds)):
        await store.saved(30)
    assert web.most_under_way == 3
    assert {web.times(feed.url) for feed in feeds} == {1}


async def test_a_host_is_asked_by_turns_and_nobody_else_waits_for_it() -> None:
    one, two = feed_at("https://a.example/1"), feed_at("https://a.example/2")
    store, web = MemoryStore(one, two, B), Scripted()
    web.hold(one.url, two.url)
    poller = Poller(
        store, web, web, pace=steady(HOUR), concurrency=9, hosts=HostPacer(at_once=1, spacing_s=0.0), dice=lambda: 0.0
    )
    async with running(poller, one.url, two.url, B.url):
        await web.fetching.wait()
        await store.saved(1)
        assert sorted(url.split("/")[2] for url, _ in web.asked) == ["a.example", "b.example"]
        web.release.set()
        await store.saved(3)
    assert sorted(url for url, _ in web.asked) == [one.url, two.url, B.url]


async def test_a_host_that_throttles_one_feed_is_asked_for_no_other() -> None:
    one, two, three = (feed_at(url) for url in ("https://a.example/1", "https://A.example./2", "https://a.example/3"))
    store, web = MemoryStore(one, two, three, B), Scripted()
    web.throttled = {one.url}
    hosts = HostPacer(at_once=1, spacing_s=0.0, longest_hold_s=600)
    poller = Poller(store, web, web, pace=steady(HOUR), concurrency=9, hosts=hosts, dice=lambda: 0.0)
    async with running(poller, one.url):
        await store.saved(1)
        for feed in (two, three, B):
            poller.changed(feed.feed_id)
        await store.saved(2)
    assert [url for url, _ in web.asked] == [one.url, B.url]
    assert store.states[one.feed_id].status is PollStatus.THROTTLED
    assert two.feed_id not in store.states, "it is as due as it was"


async def test_feeds_are_counted_by_their_health_and_the_age_of_their_last_good_poll() -> None:
    paused, failing = feed_at("https://paused.example/"), feed_at("https://failing.example/")
    store, web = MemoryStore(A, B, failing, paused.model_copy(update={"enabled": False})), Scripted()
    later, now = utc_now() + HOUR, utc_now()
    for feed, ago, status in ((A, 0, PollStatus.NOT_MODIFIED), (failing, 7200, PollStatus.TIMED_OUT)):
        good = {"status": status, "last_success_at": now - timedelta(seconds=ago), "next_poll_at": later}
        store.states[feed.feed_id] = FeedState(feed_id=feed.feed_id, url=feed.url).model_copy(update=good)
    Poller(store, web, web, pace=steady(HOUR), concurrency=1, clock=lambda: now).count_feeds()
    counted = {kind: REGISTRY.get_sample_value("chancery_feeds", {"health": kind}) for kind in HealthKind}
    assert {kind: count for kind, count in counted.items() if count} == {"ok": 1, "never": 1, "paused": 1, "failing": 1}
    ages = [
        REGISTRY.get_sample_value("chancery_feed_success_age_seconds", {"quantile": share}) for share in ("0.5", "1.0")
    ]
    assert ages == [0, 7200]


async def test_a_304_that_is_not_believed_is_not_asked_for() -> None:
    store, web = MemoryStore(A), Scripted()
    history = History(read_at=utc_now() - 48 * HOUR)
    store.states[A.feed_id] = FeedState(
        feed_id=A.feed_id, url=A.url, etag='"1"', status=PollStatus.NOT_MODIFIED, history=history
    )
    async with running(polling(store, web, timedelta(milliseconds=20)), A.url):
        await store.saved(2)
    assert web.asked[:2] == [(A.url, None), (A.url, '"1"')]


async def test_a_bug_with_one_feed_stops_no_other() -> None:
    store, web = MemoryStore(A, B), Scripted()
    web.broken = {A.url}
    async with running(polling(store, web, timedelta(milliseconds=10)), A.url, B.url):
        await store.saved(5)
    assert A.feed_id not in store.states
    assert web.times(A.url) > 1


async def test_a_kill_between_articles_and_state_repeats_the_same_articles() -> None:
    store, web = MemoryStore(A), Scripted()

    def die(_: FeedState) -> None:
        raise KafkaTimeoutError("no acknowledgement")

    store.before_save = die
    poller = polling(store, web)
    poller.loaded([A.feed_id])
    with pytest.raises(ExceptionGroup) as failed:
        await poller.run(asyncio.Event())
    assert failed.group_contains(KafkaTimeoutError)
    assert store.states == {}

    store.before_save, web.asked = (lambda _: None), []
    async with running(polling(store, web), A.url):
        await store.saved(1)
    once, again = store.articles
    assert again == once.model_copy(update={"fetched_at": again.fetched_at})


async def test_pages_are_read_where_the_feed_allows_and_before_anything_is_published() -> None:
    allowed, pages = B.model_copy(update={"full_text": True}), Pages()
    store, web = MemoryStore(A, allowed), Scripted()
    poller = Poller(store, web, web, pace=steady(HOUR), concurrency=4, pages=pages)
    with capture_logs() as logs:
        async with running(poller, A.url, B.url):
            await store.saved(2)
    assert {article.source.feed_id: article.text for article in store.articles} == {A.feed_id: "", B.feed_id: "page 1"}
    assert pages.asked == ["b.example"]
    polled = {line["feed_id"]: line["pages"] for line in logs if line["event"] == flow.FEED_POLLED}
    assert polled == {A.feed_id: {}, B.feed_id: {"page": 1}}


async def test_a_kill_after_the_pages_repeats_the_same_articles_and_a_page_makes_no_revision() -> None:
    feed, pages = A.model_copy(update={"full_text": True}), Pages()
    store, web = MemoryStore(feed), Scripted()

    def die(_: FeedState) -> None:
        raise KafkaTimeoutError("no acknowledgement")

    def poller(interval: timedelta = HOUR) -> Poller:
        return Poller(store, web, web, pace=steady(interval), concurrency=4, pages=pages, dice=lambda: 0.0)

    store.before_save = die
    first = poller()
    first.loaded([A.feed_id])
    with pytest.raises(ExceptionGroup):
        await first.run(asyncio.Event())

    store.before_save, web.asked, web.entry_id = (lambda _: None), [], f"{A.url} 1"
    async with running(poller(timedelta(milliseconds=10)), A.url):
        await store.saved(3)
    assert [(a.article_id, a.revision, a.text) for a in store.articles] == [
        (store.articles[0].article_id, 1, "page 1"),
        (store.articles[0].article_id, 1, "page 2"),
    ]


async def test_a_stop_waits_for_no_hanging_poll(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flow, "STOP_GRACE_S", 0.05)
    store, web = MemoryStore(A), Scripted()
    web.hold(A.url)
    async with running(polling(store, web), A.url):
        await web.fetching.wait()
    assert store.log == []


async def test_a_push_has_a_feed_polled_though_its_interval_is_not_over() -> None:
    store, web = MemoryStore(A, B), Scripted()
    store.states[A.feed_id] = pushable(A)
    poller = polling(store, web)
    async with running(poller, A.url):
        poller.prompt(A.feed_id)
        await store.saved(1)
        assert web.times(A.url) == 1
        poller.prompt(B.feed_id)  # of which nothing is known: as planned
        await polled(poller, store, B)
    assert web.times(A.url) == 1


async def test_a_storm_of_pushes_is_one_poll_and_one_more(monkeypatch: pytest.MonkeyPatch) -> None:
    store, web = MemoryStore(A), Scripted()
    store.states[A.feed_id] = pushable(A)
    web.hold(A.url)
    poller = polling(store, web)
    async with running(poller, A.url):
        poller.prompt(A.feed_id)
        await web.fetching.wait()
        monkeypatch.setattr(websub, "LOOK_AGAIN_AFTER", (timedelta(0), HOUR))
        for _ in range(1_000):
            poller.prompt(A.feed_id)
        web.release.set()
        await store.saved(2)
        for _ in range(1_000):
            poller.prompt(A.feed_id)
        await polled(poller, store, B)
    assert (web.times(A.url), web.most_under_way) == (2, 1)


async def test_news_that_are_not_there_yet_are_looked_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(websub, "LOOK_AGAIN_AFTER", (timedelta(0),) * 3)
    store, web = MemoryStore(A, B), Scripted()
    store.states[A.feed_id] = pushable(A)
    web.status = PollStatus.NOT_MODIFIED
    poller = polling(store, web)
    async with running(poller, A.url):
        poller.prompt(A.feed_id)
        await store.saved(3)
        web.status = PollStatus.OK
        await store.saved(4)
        await polled(poller, store, B)
    assert web.times(A.url) == 4
    assert len([article for article in store.articles if article.source.feed_id == A.feed_id]) == 1


@pytest.mark.parametrize("status", [PollStatus.THROTTLED, PollStatus.GONE, PollStatus.UNREACHABLE])
async def test_no_push_hurries_a_feed_that_fails(status: PollStatus) -> None:
    store, web = MemoryStore(A, B), Scripted()
    store.states[A.feed_id] = pushable(A).model_copy(update={"status": status, "failures": 1})
    poller = polling(store, web)
    async with running(poller, A.url):
        poller.prompt(A.feed_id)
        await polled(poller, store, B)
    assert web.times(A.url) == 0


async def test_a_paused_feed_is_not_polled_for_a_push() -> None:
    store, web = MemoryStore(A.model_copy(update={"enabled": False}), B), Scripted()
    store.states[A.feed_id] = pushable(A)
    poller = polling(store, web)
    async with running(poller, A.url):
        poller.prompt(A.feed_id)
        await polled(poller, store, B)
    assert web.times(A.url) == 0


def pushable(feed: Feed) -> FeedState:
    """Polled a minute ago, due in an hour."""
    then = utc_now() - timedelta(minutes=1)
    return FeedState(
        feed_id=feed.feed_id, url=feed.url, status=PollStatus.OK, last_poll_at=then, last_success_at=then,
        next_poll_at=utc_now() + HOUR,
    )  # fmt: skip


async def polled(poller: Poller, store: MemoryStore, feed: Feed) -> None:
    """Have a new feed polled: what was due before it has begun then."""
    store.rows[feed.feed_id] = feed
    poller.changed(feed.feed_id)
    await store.until(lambda: feed.feed_id in store.states)
