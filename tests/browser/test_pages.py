"""Every page in light, dark and on a phone: nobody is kept out, nothing runs that should not, nothing is cut off."""

import pytest

from services.console.pages.table import PAGES, Page
from tests.browser.window import (
    PHONE,
    WIDE,
    Scheme,
    faults_of_access,
    needs_chromium,
    picture,
    served,
    sign_in,
    window,
)
from tests.unit.console.test_pages import PARTS, house

pytestmark = needs_chromium

VIEWS: list[tuple[str, Scheme, tuple[int, int]]] = [
    ("light", "light", WIDE),
    ("dark", "dark", WIDE),
    ("phone", "light", PHONE),
]


@pytest.mark.parametrize(("view", "scheme", "size"), VIEWS, ids=lambda each: each if isinstance(each, str) else "")
async def test_everybody_can_use_every_page(view: str, scheme: Scheme, size: tuple[int, int]) -> None:
    async with served(house()) as at, window(at, scheme=scheme, size=size) as page:
        await page.goto("/login")
        assert await faults_of_access(page) == []
        await picture(page, f"login-{view}")
        await sign_in(page)
        for each in PAGES:
            await page.goto(each.path.format(**PARTS))
            await page.evaluate("for (const each of document.querySelectorAll('details')) each.open = true")
            assert await faults_of_access(page) == [], each.path
            assert await page.evaluate("document.documentElement.scrollWidth") <= size[0], each.path
            await picture(page, f"{_name(each)}-{view}")


def _name(page: Page) -> str:
    return page.template.removesuffix(".html")


async def test_the_keyboard_reaches_the_content_first() -> None:
    async with served(house()) as at, window(at) as page:
        await sign_in(page)
        await page.keyboard.press("Tab")
        assert await page.evaluate("document.activeElement.textContent") == "To the content"
        await page.keyboard.press("Enter")
        assert await page.evaluate("document.activeElement.id") == "main"
