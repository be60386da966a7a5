"""What is asked for, and what comes back as it came. All that can be wrong with it stands in `hostile/`."""

import socket
from asyncio import StreamWriter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from services.contracts.codec import decode, encode
from services.contracts.feed import FeedState, PollStatus
from services.contracts.ids import feed_id
from services.ingest.adapters.body import ACCEPTED
from services.ingest.adapters.fetcher import PAGES, Fetcher
from services.runtime.egress import guarded_client
from services.runtime.settings import EgressSettings
from tests.unit.ingest.server import Request, answer, redirect, serving
from tests.unit.ingest.test_body import PACKERS

MAX_BYTES = 50_000


@asynccontextmanager
async def fetcher(timeout_s: float = 5.0, allow: tuple[str, ...] = ("127.0.0.1/32",)) -> AsyncIterator[Fetcher]:
    settings = EgressSettings(allow_private=allow)
    async with guarded_client(settings, user_agent="test/1", timeout_s=timeout_s) as client:
        yield Fetcher(client, timeout_s=timeout_s, max_bytes=MAX_BYTES)


async def test_nobody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    async with fetcher() as fetch:
        fetched = await fetch.fetch(f"http://127.0.0.1:{port}/feed?token=secret")
    assert fetched.status is PollStatus.UNREACHABLE
    assert fetched.reason
    assert "secret" not in fetched.reason


@pytest.mark.parametrize("url", ["ftp://example.org/", "nonsense", "http://", "http://exa mple/", "http://a..b/\x01"])
async def test_what_is_no_address_is_refused(url: str) -> None:
    async with fetcher() as fetch:
        assert (await fetch.fetch(url)).status in (PollStatus.REFUSED, PollStatus.UNREACHABLE)


ETAGS = [
    '"1"',
    'W/"1"',
    'w/"1"',
    "bare",
    "'single'",
    '""',
    '"a "quoted" b"',
    '"a", "b"',
    '"\xe9\xff"',
    '"1-gzip"',
    "W/\t-",
]


@pytest.mark.parametrize(
    ("header", "hub", "topic"),
    [
        (
            '<https://h.example/>; rel="hub", <https://x.example/f>; rel="self"',
            "https://h.example/",
            "https://x.example/f",
        ),
        ("</hub?a=1,2>; rel=hub; title=x", "/hub?a=1,2", ""),
        ('<a>; rel="SELF Hub"', "a", "a"),
        ("<a>; rel=alternate", "", ""),
        ("<a>", "", ""),
        (";;==,<<>>,", "", ""),
        ("", "", ""),
    ],
)
async def test_links_in_a_header(header: str, hub: str, topic: str) -> None:
    async with serving({"/": answer(200, b"x", link=header)}) as server, fetcher() as fetch:
        fetched = await fetch.fetch(server.url("/"))
    assert (fetched.status, fetched.hub, fetched.topic) == (PollStatus.OK, hub, topic)


@pytest.mark.parametrize("etag", ETAGS)
@pytest.mark.parametrize(
    "last_modified", ["Mon, 21 Dec 2020 07:00:00 GMT", "yesterday, \xe0 peu pr\xe8s", "1608534000"]
)
async def test_validators_go_back_to_the_byte_as_they_came(etag: str, last_modified: str) -> None:
    """By way of the state on its topic; both on every 200."""

    async def handle(request: Request, writer: StreamWriter) -> None:
        told = request.headers.get("if-none-match"), request.headers.get("if-modified-since")
        first = answer(200, b"<rss/>", etag=etag, last_modified=last_modified, cache_control="max-age=9", age="3")
        await (answer(304) if told == (etag, last_modified) else first)(request, writer)

    async with serving({"/x": handle}) as server, fetcher() as fetch:
        url = server.url("/x")
        first = await fetch.fetch(url)
        state = FeedState(feed_id=feed_id(url), url=url, etag=first.etag, last_modified=first.last_modified)
        state = decode(encode(state), FeedState)
        again = await fetch.fetch(url, state.etag, state.last_modified)
    assert (first.status, first.http_status, first.body) == (PollStatus.OK, 200, b"<rss/>")
    assert (first.etag, first.last_modified) == (etag, last_modified)
    assert (first.cache_control, first.age) == ("max-age=9", "3")
    assert again.status is PollStatus.NOT_MODIFIED
    assert server.requests[1].headers["user-agent"] == "test/1"


async def test_an_empty_validator_is_none() -> None:
    async with serving({"/x": answer(200, b"<rss/>", etag="", last_modified="")}) as server, fetcher() as fetch:
        first = await fetch.fetch(server.url("/x"))
        assert (await fetch.fetch(server.url("/x"), first.etag, first.last_modified)).status is PollStatus.OK
    assert {"if-none-match", "if-modified-since"}.isdisjoint(server.requests[1].headers)


async def test_a_password_in_the_address_goes_to_its_host_as_the_header_for_it_and_to_no_other() -> None:
    async with serving({"/there": answer(200, b"x")}) as other, serving({}) as server, fetcher() as fetch:
        server.routes["/x"] = redirect(302, other.url("/there"))
        await fetch.fetch(server.url("/x").replace("//", "//me:p%40ss@"))
    assert server.requests[0].headers["authorization"] == "Basic bWU6cEBzcw=="
    assert "authorization" not in other.requests[0].headers


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_redirects_are_followed(status: int) -> None:
    routes = {"/x": redirect(status, "/deep/y"), "/deep/y": redirect(status, "z"), "/deep/z": answer(200, b"<rss/>")}
    async with serving(routes) as server, fetcher() as fetch:
        fetched = await fetch.fetch(server.url("/x"), '"tag"')
    assert (fetched.status, fetched.url) == (PollStatus.OK, server.url("/deep/z"))
    assert all(request.headers["if-none-match"] == '"tag"' for request in server.requests)


async def test_no_cookie_is_kept() -> None:
    async with serving({"/x": answer(200, b"<rss/>", set_cookie="id=1; Path=/")}) as server, fetcher() as fetch:
        await fetch.fetch(server.url("/x"))
        await fetch.fetch(server.url("/x"))
    assert "cookie" not in server.requests[1].headers


async def test_a_server_is_asked_for_what_can_be_unpacked_and_that_is_unpacked() -> None:
    packed = {coding: pack(b"<rss/>") for coding, pack in PACKERS.values() if coding in ACCEPTED.split(", ")}
    routes = {f"/{coding}": answer(200, body, content_encoding=coding) for coding, body in packed.items()}
    async with serving(routes) as server, fetcher() as fetch:
        bodies = [(await fetch.fetch(server.url(path))).body for path in routes]
    assert bodies == [b"<rss/>"] * len(ACCEPTED.split(", "))
    assert {request.headers["accept-encoding"] for request in server.requests} == {ACCEPTED}


async def test_who_asks_for_pages_says_so_and_may_end_a_fetch_before_a_redirect() -> None:
    class Enough(Exception):
        pass

    async def only_so_far(url: str) -> None:
        asked.append(url)
        if url.endswith("/c"):
            raise Enough

    asked: list[str] = []
    routes = {"/a": redirect(302, "/b"), "/b": redirect(302, "/c"), "/c": answer(200)}
    async with (
        serving(routes) as server,
        guarded_client(EgressSettings(allow_private=("127.0.0.1/32",)), user_agent="test/1", timeout_s=5) as client,
    ):
        fetch = Fetcher(client, timeout_s=5, max_bytes=MAX_BYTES, accept=PAGES)
        with pytest.raises(Enough):
            await fetch.fetch(server.url("/a"), before_redirect=only_so_far)
    assert asked == [server.url("/b"), server.url("/c")]
    assert [(r.path, r.headers["accept"]) for r in server.requests] == [("/a", PAGES), ("/b", PAGES)]
