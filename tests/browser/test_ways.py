"""What people do in the pages, from the first click to what it leaves behind."""

import json
import re

from playwright.async_api import Dialog

from services.contracts.feed import Feed
from services.contracts.incident import IncidentStatus
from services.contracts.report import Severity, Site
from services.contracts.silence import Silence
from services.contracts.subscription import Subscription
from services.contracts.token import Role, issued
from services.contracts.topics import ARTICLES, FEEDS, SILENCES, SUBSCRIPTIONS, TOKENS
from tests.browser.window import needs_chromium, served, sign_in, window
from tests.contracts.examples import ARTICLE
from tests.unit.console.house import NOW, SECRETS, House
from tests.unit.console.test_incidents import house_with, numbered
from tests.unit.console.test_letters import readable
from tests.unit.console.test_topics import raw
from tests.unit.notify.given import alert

pytestmark = needs_chromium

STORY = (
    "Three mortar rounds struck the compound of the French embassy in Tripoli, Libya, on Sunday evening, "
    "<b>wounding two guards</b>, the foreign ministry said on Monday."
)


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
        assert await page.evaluate("document.activeElement.textContent") == "Resume"
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


async def test_a_page_that_is_not_kept_current_says_so() -> None:
    faults: list[str] = []
    async with served(house_with(numbered(1))) as at, window(at, faults=faults) as page:
        await sign_in(page, Role.VIEWER)
        await page.goto("/incidents")
        await page.get_by_text("live", exact=True).wait_for()
        await page.route("**/incidents", lambda route: route.abort())
        await page.evaluate("refresh()")
        await page.get_by_text("Not kept current: the console does not answer").wait_for()
        await page.unroute("**/incidents")
        await page.evaluate("refresh()")
        await page.get_by_text("Current again").wait_for()
    assert all("ERR_FAILED" in fault for fault in faults)


async def test_without_script_everything_is_read_and_nothing_is_sent() -> None:
    async with served(house_with(numbered(1))) as at, window(at, script=False) as page:
        await page.goto("/login")
        await page.get_by_label("Token").fill(SECRETS[Role.ADMIN])
        await page.get_by_role("button", name="Sign in").click()
        await page.goto("/incidents?severity=severe")
        await page.locator("tbody th a").first.click()
        assert await page.get_by_role("heading", name="What is claimed").is_visible()
        assert not await page.get_by_role("button", name="Say so").is_visible()
        await page.goto("/subscriptions")
        await page.get_by_text("Subscribe an endpoint", exact=True).click()
        assert not await page.get_by_label("Endpoint").is_visible()


async def test_an_endpoint_is_subscribed_tested_and_paused() -> None:
    house = House()
    async with served(house) as at, window(at) as page:
        await sign_in(page, Role.OPERATOR)
        await page.goto("/subscriptions")
        await page.get_by_text("Subscribe an endpoint", exact=True).click()
        form = page.locator("form", has=page.get_by_role("heading", name="Subscribe"))
        await form.get_by_label("Channel").select_option("webhook")
        await form.get_by_label("Endpoint").fill("https://desk.example/hook?key=1")
        await form.get_by_label("Host states").fill("IQ, LB")
        await form.get_by_label("Severity at least").select_option("severe")
        await form.get_by_role("button", name="Test and subscribe").click()
        told = json.loads(await form.locator("output pre").inner_text())
        assert told["secret"].startswith("whsec_")
        assert told["test"]["delivered"]
        (made,) = house.records.values(SUBSCRIPTIONS)
        assert isinstance(made, Subscription)
        assert (made.filter.host_states, made.filter.min_severity) == (("IQ", "LB"), Severity.SEVERE)

        await page.goto(f"/subscriptions/{made.subscription_id}")
        await page.get_by_role("button", name="Send a test").click()
        await page.locator("output pre", has_text="204").wait_for()
        assert [sent.subscription_id for sent, _ in house.desk.proved] == [made.subscription_id] * 2
        await page.get_by_role("button", name="Pause").click()
        await page.get_by_role("button", name="Resume").wait_for()
        assert await page.locator(".badge.paused").count() == 1
        assert told["secret"] not in await page.content()


async def test_alerts_are_silenced_and_go_out_again() -> None:
    house = House()
    async with served(house) as at, window(at) as page:
        await sign_in(page, Role.OPERATOR)
        await page.goto("/silences")
        await page.get_by_text("Silence alerts for a time").click()
        await page.get_by_label("Why").fill("yearly <b>march</b>")
        await page.get_by_label("Host states").fill("GR")
        await page.get_by_role("button", name="Silence").click()
        row = page.get_by_role("row", name="yearly <b>march</b>")
        await row.locator(".badge", has_text="active").wait_for()
        page.once("dialog", lambda dialog: dialog.accept())
        await row.get_by_role("button", name="End the silence").click()
        await row.locator(".badge", has_text="over").wait_for()
    (made,) = house.records.values(SILENCES)
    assert isinstance(made, Silence)
    assert (made.matcher.host_states, made.expires_at) == (("GR",), NOW)


async def test_what_a_channel_would_be_sent_is_shown_and_not_sent() -> None:
    house = house_with(numbered(1), alert(1, about=numbered(1)))
    async with served(house) as at, window(at) as page:
        await sign_in(page, Role.OPERATOR)
        await page.goto("/subscriptions")
        await page.get_by_text("Subscribe an endpoint", exact=True).click()
        form = page.locator("form", has=page.get_by_role("heading", name="Preview"))
        await form.get_by_label("Alert or incident").fill(numbered(1).incident_id)
        await form.get_by_role("button", name="Preview").click()
        shown = json.loads(await form.locator("output pre").inner_text())
    assert "Baghdad" in shown["text"]
    assert house.desk.proved == []


async def test_a_dead_letter_is_put_back_after_its_effect_was_shown() -> None:
    house = House()
    house.letters.bury(readable(offset=3), readable(offset=4))
    asked: list[str] = []
    async with served(house) as at, window(at) as page:

        async def agree(dialog: Dialog) -> None:
            asked.append(dialog.message)
            await (dialog.accept() if len(asked) > 1 else dialog.dismiss())

        page.on("dialog", agree)
        await sign_in(page, Role.OPERATOR)
        await page.goto("/dead-letters")
        await page.get_by_role("link", name=readable().reason).first.click()
        button = page.get_by_role("button", name="What would putting it back do?")
        await button.click()
        await page.locator("output pre", has_text="1 record").wait_for()
        assert house.letters.redriven == []
        await button.click()
        await page.locator("output pre", has_text="Done").wait_for()
    assert len(house.letters.redriven) == 1
    assert all("1 record" in each for each in asked)


async def test_lag_is_read_and_a_record_looked_at() -> None:
    house = House()
    house.topics.on[ARTICLES] = [raw(ARTICLE, 1)]
    async with served(house) as at, window(at) as page:
        await sign_in(page, Role.OPERATOR)
        await page.goto("/topics")
        row = page.get_by_role("row", name="articles")
        assert "501 classify" in await row.inner_text()
        await row.get_by_role("link", name="articles").click()
        await page.locator(".record summary").click()
        assert ARTICLE.article_id in await page.locator("details pre").inner_text()


async def test_a_pasted_text_is_explained_and_saved_as_a_golden_case() -> None:
    house = House()
    async with served(house) as at, window(at) as page:
        await sign_in(page, Role.ANALYST)
        await page.goto("/why")
        await page.get_by_label("Text").fill(STORY)
        await page.get_by_label("Published (your time)").fill("2024-03-04T10:00")
        await page.get_by_role("button", name="Explain").click()
        await page.get_by_role("heading", name=re.compile("an alert$")).wait_for()
        assert "<b>" in await page.locator("article.story").inner_text()
        marks = await page.locator("article.story mark").all_inner_texts()
        assert any("mortar" in words for words in marks)
        async with page.expect_download() as saving:
            await page.get_by_role("button", name="Save as a golden case").click()
        saved = await (await saving.value).path()
        assert "mortar" in saved.read_text()
