"""robots.txt as RFC 9309 has it."""

from datetime import UTC, datetime, timedelta

import pytest

from services.contracts.article import PageProblem
from services.contracts.feed import PollStatus
from services.ingest.adapters import robots as book
from services.ingest.adapters.robots import RobotsBook
from services.ingest.core import robots
from services.ingest.core.fetched import Fetched
from services.ingest.core.robots import MAX_BYTES, Permission, Robots, permission, product_token, received

NOW = datetime(2020, 12, 21, tzinfo=UTC)
AGENT = "ChanceryWatch/0.1 (+https://github.com/chancery-watch/chancery; security alerts)"
PAGE = "https://news.example/world/1.html"


def ok(text: bytes = b"", cache_control: str | None = None) -> Fetched:
    return Fetched(PollStatus.OK, http_status=200, body=text, cache_control=cache_control)


@pytest.mark.parametrize(
    ("url", "address"),
    [
        (PAGE, "https://news.example/robots.txt"),
        ("http://User:pw@News.example:8080?x#y", "http://news.example:8080/robots.txt"),
        ("http://[::1]/a/b", "http://[::1]/robots.txt"),
    ],
)
def test_where_it_stands(url: str, address: str) -> None:
    assert robots.address(url) == address


@pytest.mark.parametrize(
    ("fetched", "text", "kept"),
    [
        (ok(b"x"), b"x", timedelta(days=1)),
        (ok(b"x", "max-age=3600"), b"x", timedelta(hours=1)),
        (ok(b"x", "max-age=9999999"), b"x", timedelta(days=1)),
        (ok(b"x", "max-age=1"), b"x", timedelta(minutes=10)),
        (ok(b"x" * (MAX_BYTES + 1)), b"x" * MAX_BYTES, timedelta(days=1)),
        (Fetched(PollStatus.HTTP_ERROR, http_status=404), b"", timedelta(days=1)),
        (Fetched(PollStatus.HTTP_ERROR, http_status=403), b"", timedelta(days=1)),
        (Fetched(PollStatus.GONE, http_status=410), b"", timedelta(days=1)),
        (Fetched(PollStatus.THROTTLED, http_status=429), PageProblem.ROBOTS_UNREACHABLE, timedelta(hours=1)),
        (Fetched(PollStatus.HTTP_ERROR, http_status=500), PageProblem.ROBOTS_UNREACHABLE, timedelta(hours=1)),
        (Fetched(PollStatus.THROTTLED, http_status=503), PageProblem.ROBOTS_UNREACHABLE, timedelta(hours=1)),
        (Fetched(PollStatus.UNREACHABLE), PageProblem.ROBOTS_UNREACHABLE, timedelta(hours=1)),
        (Fetched(PollStatus.TIMED_OUT), PageProblem.ROBOTS_UNREACHABLE, timedelta(hours=1)),
        (Fetched(PollStatus.HTTP_ERROR, "more than 5 redirects"), PageProblem.ROBOTS_UNREACHABLE, timedelta(hours=1)),
        (Fetched(PollStatus.REFUSED), PageProblem.REFUSED, timedelta(hours=1)),
    ],
)
def test_what_an_answer_means_and_for_how_long(fetched: Fetched, text: bytes | PageProblem, kept: timedelta) -> None:
    assert received(fetched, NOW) == Robots(text, NOW + kept)


@pytest.mark.parametrize(
    ("text", "allowed", "delay_s"),
    [
        ("", True, 0),
        ("<!DOCTYPE html><p>Not found</p>", True, 0),
        ("User-agent: *\nDisallow: /", False, 0),
        ("\ufeffUser-agent: *\nDisallow: /", False, 0),
        ("User-agent: *\nDisallow:", True, 0),
        ("User-agent: *\nDisallow: /world/\nAllow: /world/1", True, 0),
        ("User-agent: *\nDisallow: /*.html$", False, 0),
        ("User-agent: chancerywatch\nAllow: /\n\nUser-agent: *\nDisallow: /", True, 0),
        ("User-agent: *\nAllow: /\n\nUser-agent: ChanceryWatch\nDisallow: /world", False, 0),
        ("User-agent: OtherBot\nDisallow: /", True, 0),
        ("User-agent: security\nDisallow: /\nUser-agent: github\nDisallow: /", True, 0),
        ("User-agent: OtherBot\nUser-agent: *\nCrawl-delay: 7.5", True, 7.5),
        ("User-agent: *\nCrawl-delay: soon", True, 0),
    ],
)
def test_what_it_lets_us_do(text: str, allowed: bool, delay_s: float) -> None:
    assert permission(text.encode(), PAGE, AGENT) == Permission(allowed, delay_s)


@pytest.mark.parametrize(
    ("user_agent", "name"),
    [(AGENT, "ChanceryWatch"), ("Mozilla/5.0 (compatible; Foo-bot/2; +x)", "Foo-bot"), ("", "*"), ("1", "*")],
)
def test_the_name_it_calls_us_by(user_agent: str, name: str) -> None:
    assert product_token(user_agent) == name


class Site:
    """Answers for any host, and counts; parses in this process."""

    def __init__(self, answer: Fetched) -> None:
        self.answer, self.asked, self.now = answer, list[str](), NOW

    async def fetch(self, url: str) -> Fetched:
        self.asked.append(url)
        return self.answer

    async def permission(self, robots: bytes, url: str, user_agent: str) -> Permission:
        return permission(robots, url, user_agent)

    def book(self) -> RobotsBook:
        return RobotsBook(self, AGENT, lambda: self.now.timestamp())


async def test_it_is_asked_for_once_while_it_is_fresh() -> None:
    site = Site(ok(b"User-agent: *\nDisallow: /private"))
    kept = site.book()
    for path, allowed in (("/", True), ("/private/1", False), ("/private/2", False)):
        assert await kept.permission(f"https://a.example{path}", site.fetch) == Permission(allowed)
    assert site.asked == ["https://a.example/robots.txt"]
    site.now += timedelta(days=1)
    await kept.permission("https://a.example/", site.fetch)
    await kept.permission("http://a.example/", site.fetch)
    assert len(site.asked) == 3


async def test_an_unreachable_one_forbids_for_an_hour() -> None:
    site = Site(Fetched(PollStatus.TIMED_OUT))
    kept = site.book()
    assert await kept.permission(PAGE, site.fetch) is PageProblem.ROBOTS_UNREACHABLE
    site.answer = ok()
    assert await kept.permission(PAGE, site.fetch) is PageProblem.ROBOTS_UNREACHABLE
    site.now += timedelta(hours=1)
    assert await kept.permission(PAGE, site.fetch) == Permission(True)
    assert len(site.asked) == 2


@pytest.mark.parametrize(("name", "most"), [("MAX_SITES", 3), ("MAX_BYTES", 300)])
async def test_it_remembers_only_so_much(monkeypatch: pytest.MonkeyPatch, name: str, most: int) -> None:
    monkeypatch.setattr(book, name, most)
    site = Site(ok(b"#" * 100))
    kept = site.book()
    for host in "abcda":
        await kept.permission(f"https://{host}.example/", site.fetch)
    assert [url[8] for url in site.asked] == ["a", "b", "c", "d", "a"]
    await kept.permission("https://d.example/", site.fetch)
    assert len(site.asked) == 5


def test_a_crawl_delay_keeps_moments_and_none_that_comes_too_late() -> None:
    site = Site(ok())
    kept = site.book()
    assert [kept.delayed_s(PAGE, 4.0, patience_s=10.0) for _ in range(5)] == [0.0, 4.0, 8.0, None, None]
    site.now += timedelta(seconds=12)
    assert kept.delayed_s(PAGE, 4.0, patience_s=10.0) == 0.0
