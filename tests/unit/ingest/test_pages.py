"""Pages from a local server: with leave, in turn, in time; and what comes of all that can go wrong."""

import asyncio
import gzip
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from services.contracts.article import Article, PageProblem, TextOrigin
from services.ingest.adapters import parsing
from services.ingest.adapters.pages import PAGE_FAILED, PageReader, page_reader
from services.ingest.core.full_text import Page, page_outcome
from services.ingest.core.politeness import HostPacer
from services.ingest.core.robots import Permission
from services.runtime.egress import guarded_client
from services.runtime.settings import load_settings
from tests.contracts.examples import ARTICLE
from tests.unit.ingest.pages import BODY, LEAD, TITLE, WALL, web_page
from tests.unit.ingest.server import Handler, Request, Server, answer, endless, redirect, serving, silence

P = PageProblem
PAGE = answer(200, web_page(*BODY), content_type="text/html")
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\n\r\n"
FEED_HOST = "feeds.example"


class Parser:
    """The parser of the process, in this one."""

    async def page(self, body: bytes, content_type: str) -> Page:
        return parsing.page(body, content_type)

    async def permission(self, robots: bytes, url: str, user_agent: str) -> Permission:
        return parsing.permission(robots, url, user_agent)


@dataclass
class Reading:
    """A page reader at a local server, and the hosts that it said were free."""

    server: Server
    reader: PageReader
    hosts: HostPacer
    freed: list[str] = field(default_factory=list)

    async def of(self, *urls: str | None, host: str = FEED_HOST) -> tuple[Article, ...]:
        """The articles at `urls`, oldest first, completed in a poll of a feed at `host`."""
        return await self.reader.complete([at(url) for url in urls], host, self.host_is_free)

    def host_is_free(self, host: str) -> None:
        self.freed.append(host)
        self.hosts.ended(host)


def at(url: str | None) -> Article:
    return ARTICLE.model_copy(
        update={
            "article_id": f"art_{url}",
            "url": url,
            "title": TITLE,
            "text": LEAD,
            "text_origin": TextOrigin.SUMMARY,
        }
    )


@asynccontextmanager
async def reading(
    routes: Mapping[str, Handler], *, at_once: int = 2, spacing_s: float = 0.0, **chosen: str
) -> AsyncIterator[Reading]:
    environment = {f"CHANCERY_INGEST__{name.upper()}": value for name, value in chosen.items()}
    settings = load_settings(environment | {"CHANCERY_EGRESS__ALLOW_PRIVATE": "127.0.0.1/32,localhost"})
    hosts = HostPacer(at_once, spacing_s, longest_hold_s=600.0)
    agent = settings.ingest.user_agent
    async with serving(routes) as server, guarded_client(settings.egress, user_agent=agent, timeout_s=5) as client:
        yield Reading(server, page_reader(client, Parser(), hosts, settings), hosts)


def outcomes(articles: Sequence[Article]) -> list[str]:
    return [page_outcome(article) for article in articles]


async def test_the_text_of_the_page_with_leave() -> None:
    robots = answer(200, b"User-agent: ChanceryWatch\nDisallow: /private")
    async with reading({"/robots.txt": robots, "/1": PAGE, "/private/2": PAGE}) as it:
        private, public = await it.of(it.server.url("/private/2"), it.server.url("/1"))
    assert public.text == "\n".join((LEAD, *BODY))
    assert (public.title, public.text_origin, public.page_problem) == (TITLE, TextOrigin.PAGE, None)
    assert private == at(it.server.url("/private/2")).model_copy(update={"page_problem": P.DISALLOWED})
    assert [request.path for request in it.server.requests] == ["/robots.txt", "/1"]
    assert "text/html" in it.server.requests[1].headers["accept"]
    assert it.server.requests[1].headers["user-agent"].startswith("ChanceryWatch/")
    assert it.freed == ["127.0.0.1"] * 2  # robots.txt and the page that was fetched


WRONG: dict[str, tuple[Handler, PageProblem]] = {
    "not found": (answer(404), P.HTTP_ERROR),
    "gone": (answer(410), P.HTTP_ERROR),
    "throttled": (answer(429), P.HTTP_ERROR),
    "nothing": (answer(200, b"", content_type="text/html"), P.NO_TEXT),
    "PDF": (answer(200, b"%PDF-1.7", content_type="application/pdf"), P.WRONG_TYPE),
    "JSON": (answer(200, b"{}", content_type="application/json; charset=utf-8"), P.WRONG_TYPE),
    "endless": (endless(HEAD, b"<p>more</p>" * 50_000), P.TOO_LARGE),
    "gzip bomb": (
        answer(200, gzip.compress(bytes(30_000_000)), content_type="text/html", content_encoding="gzip"),
        P.TOO_LARGE,
    ),
    "lying length": (answer(200, b"<p>", length=900, content_type="text/html"), P.HTTP_ERROR),
    "redirect loop": (redirect(302, "/x"), P.HTTP_ERROR),
    "redirect to a private address": (redirect(302, "http://10.0.0.1/"), P.REFUSED),
    "redirect to no address": (redirect(302, "ftp://a.example/"), P.REFUSED),
    "wall": (answer(200, web_page(*WALL, title="Welcome"), content_type="text/html"), P.UNLIKE),
    "the lead alone": (answer(200, web_page(LEAD), content_type="text/html"), P.SHORTER),
}


@pytest.mark.parametrize("name", WRONG)
async def test_the_summary_stays_and_says_why(name: str) -> None:
    handler, problem = WRONG[name]
    async with reading({"/x": handler}) as it:
        (article,) = await it.of(it.server.url("/x"))
    assert article == at(it.server.url("/x")).model_copy(update={"page_problem": problem})


async def test_private_addresses_and_no_addresses() -> None:
    async with reading({}) as it:
        articles = await it.of(None, "http://10.0.0.1/", "http://169.254.169.254/latest")
    assert outcomes(articles) == [P.NO_LINK, P.REFUSED, P.REFUSED]


@pytest.mark.parametrize(
    ("label", "charset", "content_type"),
    [
        ('<meta charset="windows-1251">', "cp1251", "text/html"),
        ('<meta http-equiv="Content-Type" content="text/html; charset=koi8-r">', "koi8-r", "application/xhtml+xml"),
        ("", "cp1251", "text/html; charset=windows-1251"),
        ("", "utf-8", ""),
    ],
)
async def test_charsets_and_types(label: str, charset: str, content_type: str) -> None:
    body = "Полиция сообщила, что в воскресенье вечером у здания посольства прогремел взрыв, пострадал охранник."
    html = web_page(body, title="Взрыв", head=label).decode().encode(charset)
    async with reading({"/x": answer(200, html, content_type=content_type)}) as it:
        entry = at(it.server.url("/x")).model_copy(update={"title": "Взрыв у посольства", "text": ""})
        (article,) = await it.reader.complete([entry], FEED_HOST, it.host_is_free)
    assert article.text.endswith(body)


async def test_plain_text_is_a_page_too() -> None:
    async with reading({"/x": answer(200, "\n\n".join(BODY).encode(), content_type="text/plain")}) as it:
        (article,) = await it.of(it.server.url("/x"))
    assert article.text == "\n".join((LEAD, *BODY))


@pytest.mark.parametrize(
    ("robots", "outcome"),
    [
        (answer(404), "page"),
        (answer(500), P.ROBOTS_UNREACHABLE),
        (answer(429), P.ROBOTS_UNREACHABLE),
        (silence, P.ROBOTS_UNREACHABLE),
        (redirect(302, "/elsewhere"), P.DISALLOWED),
        (redirect(302, "/robots.txt"), P.ROBOTS_UNREACHABLE),
        (redirect(302, "http://10.0.0.1/robots.txt"), P.REFUSED),
        (answer(200, b"\xff\xfe\x00" * 9_000), "page"),
        (answer(200, b"#" * 600_000 + b"\nUser-agent: *\nDisallow: /"), "page"),
    ],
    ids=["none", "error", "throttled", "silence", "elsewhere", "loop", "refused", "nonsense", "beyond 500 KiB"],
)
async def test_what_robots_txt_may_be(robots: Handler, outcome: str) -> None:
    routes = {"/robots.txt": robots, "/elsewhere": answer(200, b"User-agent: *\nDisallow: /"), "/1": PAGE, "/2": PAGE}
    async with reading(routes, pages_timeout_s="2") as it:
        articles = await it.of(it.server.url("/2"), it.server.url("/1"))
    assert outcomes(articles) == [outcome] * 2
    assert len(it.server.asked("/robots.txt")) == 1


async def test_a_redirect_needs_leave_as_well() -> None:
    routes = {
        "/robots.txt": answer(200, b"User-agent: *\nDisallow: /private"),
        "/1": redirect(301, "/private/1"),
        "/private/1": PAGE,
    }
    async with reading(routes) as it:
        routes_elsewhere = {"/2": redirect(302, it.server.url("/private/1")), "/3": redirect(302, it.server.url("/4"))}
        it.server.routes["/4"] = PAGE
        async with serving(routes_elsewhere) as elsewhere:
            urls = [f"http://localhost:{elsewhere.port}{path}" for path in ("/2", "/3")]
            articles = await it.of(*urls, it.server.url("/1"))
    assert outcomes(articles) == [P.DISALLOWED, "page", P.DISALLOWED]
    assert it.server.asked("/private/1") == []
    assert it.hosts._under_way == {}


async def test_only_the_newest_of_a_poll() -> None:
    async with reading({f"/{n}": PAGE for n in range(5)}, pages_per_poll="2") as it:
        articles = await it.of(*(it.server.url(f"/{n}") for n in range(5)))
    assert outcomes(articles) == [P.LATE, P.LATE, P.LATE, "page", "page"]
    assert [request.path for request in it.server.requests] == ["/robots.txt", "/4", "/3"]


async def test_what_hangs_costs_its_own_page_and_no_more_than_the_deadline() -> None:
    async with reading({"/slow": silence, "/1": PAGE}, pages_timeout_s="1") as it:
        slow, fast = it.server.url("/slow"), f"http://localhost:{it.server.port}/1"
        articles = await it.of(fast, slow, slow)
        assert outcomes(await it.of(fast)) == ["page"]
    assert outcomes(articles) in (["page", P.LATE, P.TIMED_OUT], ["page", P.TIMED_OUT, P.TIMED_OUT])
    assert it.hosts._under_way == {}


async def test_a_turn_that_comes_too_late_is_not_waited_for() -> None:
    async with reading({"/1": PAGE}, spacing_s=3600) as it:
        async with asyncio.timeout(5):
            articles = await it.of(it.server.url("/1"))
    assert outcomes(articles) == [P.LATE]
    assert [request.path for request in it.server.requests] == ["/robots.txt"]


async def test_a_page_that_is_throttled_has_its_host_left_alone() -> None:
    async with reading({"/1": PAGE, "/2": answer(429, retry_after="300")}) as it, asyncio.timeout(5):
        assert outcomes(await it.of(it.server.url("/1"), it.server.url("/2"))) == [P.LATE, P.HTTP_ERROR]
        held_until_s = it.hosts.visited_at("127.0.0.1", 0.0, lent=False)
        assert it.hosts.begins_at("a poll", "127.0.0.1", held_until_s - 100) == held_until_s
    assert it.server.asked("/1") == []


async def test_a_crawl_delay_is_kept() -> None:
    robots = answer(200, b"User-agent: *\nCrawl-delay: 3600")
    async with reading({"/robots.txt": robots, "/1": PAGE, "/2": PAGE}) as it, asyncio.timeout(5):
        assert outcomes(await it.of(it.server.url("/1"), it.server.url("/2"))) == [P.LATE, "page"]
        assert outcomes(await it.of(it.server.url("/1"))) == [P.LATE]
    assert it.server.asked("/1") == []


class Crowd:
    """Pages that take a moment, and how many were asked for at a time."""

    def __init__(self) -> None:
        self.now = self.most = 0

    async def __call__(self, request: Request, writer: asyncio.StreamWriter) -> None:
        self.now += 1
        self.most = max(self.most, self.now)
        await asyncio.sleep(0.01)
        self.now -= 1
        await PAGE(request, writer)


@pytest.mark.parametrize(("at_once", "host"), [(1, FEED_HOST), (3, FEED_HOST), (1, "127.0.0.1")])
async def test_a_host_is_asked_by_turns_whoever_asks(at_once: int, host: str) -> None:
    crowd = Crowd()
    async with reading({f"/{n}": crowd for n in range(4)}, at_once=at_once) as it:
        if host == "127.0.0.1":
            assert it.hosts.begins_at("the poll", host, 0.0) == 0.0  # which lends its turn, the only one
        polls = 1 if host == "127.0.0.1" else 6
        urls = [it.server.url(f"/{n}") for n in range(4)]
        read = await asyncio.gather(*(it.of(*urls, host=host) for _ in range(polls)))
    assert [outcomes(articles) for articles in read] == [["page"] * 4] * polls
    assert crowd.most == at_once
    assert len(it.server.asked("/robots.txt")) == 1


async def test_a_bug_with_one_page_holds_no_article_back(monkeypatch: pytest.MonkeyPatch) -> None:
    async def fails(self: Parser, body: bytes, content_type: str) -> Page:
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr(Parser, "page", fails)
    async with reading({"/1": PAGE}) as it:
        with capture_logs() as logs:
            (article,) = await it.of(it.server.url("/1"))
    assert article.page_problem is P.NO_TEXT
    assert [(line["event"], line["reason"]) for line in logs] == [(PAGE_FAILED, "a bug")]
    assert it.hosts._under_way == {}


async def test_entries_that_say_enough_or_alert_nobody_any_more_cost_nothing() -> None:
    async with reading({}) as it:
        summary = at(it.server.url("/1"))
        assert summary.published_at is not None
        whole = summary.model_copy(update={"text_origin": TextOrigin.ENTRY})
        old = summary.model_copy(update={"watermark_at": summary.published_at + timedelta(hours=72, seconds=1)})
        assert await it.reader.complete([old, whole], FEED_HOST, it.host_is_free) == (old, whole)
    assert it.server.requests == []
