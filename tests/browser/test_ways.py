"""What people do in the pages, from the first click to what it leaves behind."""

from services.contracts.feed import Feed
from services.contracts.incident import IncidentStatus
from services.contracts.report import Severity, Site
from services.contracts.token import Role, issued
from services.contracts.topics import FEEDS, TOKENS
from tests.browser.window import needs_chromium, served, sign_in, window
from tests.unit.console.house import NOW, House
from tests.unit.console.test_incidents import house_with, numbered

pytestmark = needs_chromium


async def test_a_link_with_a_one_time_token_signs_in_by_itself_once() -> None:
    house = House()
    house.records.put(TOKENS, issued("chancery_once", name="chancery up", role=Role.ADMIN, now=NOW, once=True))
    faults: list[str] = []
    async with served(house) as at, window(at, faults=faults) as page:
        await page.goto("/login#chancery_once")
        await page.get_by_role("button", name="Sign out").click()
        await page.get_by_role("heading", name="Sign in").wait_for()
        await page.goto("/login?again#chancery_once")
        await page.get_by_text("this token was revoked").wait_for()
    assert all("401" in fault for fault in faults)


async def test_a_feed_is_added_paused_and_removed() -> None:
    house = House()
    async with served(house) as at, window(at) as page:
        await sign_in(page, Role.OPERATOR)
        await page.goto("/feeds")
        await page.get_by_text("Add, check or import feeds").click()
        adding = page.locator("form", has=page.get_by_role("heading", name="Add"))
        await adding.get_by_label("Address").fill("https://news.example/rss")
        await adding.get_by_label("Title").fill("Harbour <b>News</b>")
        await adding.get_by_role("button", name="Add").click()
        await page.get_by_role("heading", name="Harbour <b>News</b>").wait_for()
        await page.get_by_role("button", name="Pause").click()
        await page.get_by_role("button", name="Resume").wait_for()
        (feed,) = house.records.values(FEEDS)
        assert isinstance(feed, Feed)
        assert (feed.url, feed.enabled) == ("https://news.example/rss", False)
        page.once("dialog", lambda dialog: dialog.accept())
        await page.get_by_role("button", name="Remove").click()
        await page.get_by_text("No feed is watched.").wait_for()
    assert list(house.records.values(FEEDS)) == []


async def test_what_the_api_refuses_stands_beside_the_form() -> None:
    faults: list[str] = []
    async with served(House()) as at, window(at, faults=faults) as page:
        await sign_in(page, Role.OPERATOR)
        await page.goto("/feeds")
        await page.get_by_text("Add, check or import feeds").click()
        adding = page.locator("form", has=page.get_by_role("heading", name="Add"))
        await adding.get_by_label("Address").fill("ftp://news.example/rss")
        await adding.get_by_role("button", name="Add").click()
        assert "/url" in await adding.get_by_role("alert").inner_text()
    assert all("422" in fault for fault in faults)


async def test_an_incident_arrives_while_one_looks() -> None:
    house = house_with(numbered(1))
    async with served(house) as at, window(at) as page:
        await sign_in(page, Role.VIEWER)
        await page.goto("/incidents?host_state=iq")
        await page.get_by_text("live", exact=True).wait_for()
        rows = page.locator("tbody tr")
        assert await rows.count() == 1
        house.tell(numbered(2, minutes=1, severity=Severity.EXTREME))
        await page.locator("tr.fresh", has_text="extreme").wait_for()
        assert await rows.count() == 2
        assert await rows.first.locator(".badge").inner_text() == "extreme"
        house.tell(
            numbered(3, minutes=2, site=Site(host_state="FR")), numbered(2, minutes=3, status=IncidentStatus.CLOSED)
        )
        await rows.filter(has_text="closed").wait_for()
        assert await rows.count() == 2
