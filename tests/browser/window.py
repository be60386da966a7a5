"""A browser window on a console over records in memory, signed in as somebody."""

import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Literal

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Page, async_playwright

from services.contracts.token import Role
from services.runtime.serving import serving
from tests.unit.console.house import SECRETS, House

CHROMIUM = shutil.which("chromium")
needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="no `chromium` on this machine")

WIDE, PHONE = (1280, 800), (390, 800)
Scheme = Literal["light", "dark"]

PICTURES = os.environ.get("CHANCERY_TEST_PICTURES")
"""A folder to keep pictures of every page in, to be looked at."""


@asynccontextmanager
async def window(
    at: str,
    *,
    scheme: Scheme = "light",
    size: tuple[int, int] = WIDE,
    faults: list[str] | None = None,
    script: bool = True,
) -> AsyncIterator[Page]:
    """An empty page whose addresses are below `at`. What it says on its console of errors goes to `faults`, and there
    must be none at the end."""
    said = [] if faults is None else faults
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        try:
            page = await browser.new_page(
                base_url=at,
                color_scheme=scheme,
                viewport={"width": size[0], "height": size[1]},
                java_script_enabled=script,
            )
            page.set_default_timeout(20_000)
            page.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
            page.on("pageerror", lambda error: said.append(str(error)))
            yield page
        finally:
            await browser.close()
    if faults is None:
        assert said == []


@asynccontextmanager
async def served(house: House) -> AsyncIterator[str]:
    """The address of a console over what `house` has, on loopback."""
    async with serving(house.door, "127.0.0.1", 0, "PORT") as port:
        yield f"http://127.0.0.1:{port}"


async def sign_in(page: Page, role: Role = Role.ADMIN) -> None:
    await page.goto("/login")
    await page.get_by_label("Token").fill(SECRETS[role])
    await page.get_by_role("button", name="Sign in").click()
    await page.get_by_role("button", name="Sign out").wait_for()


async def faults_of_access(page: Page) -> list[str]:
    """What axe-core finds that keeps people from using the page."""
    found = await Axe().run(page)
    return [
        f"{fault['id']}: {node['html']}"
        for fault in found.response["violations"]
        if fault["impact"] in ("serious", "critical")
        for node in fault["nodes"]
    ]


async def picture(page: Page, name: str) -> None:
    if PICTURES:
        await page.screenshot(path=Path(PICTURES) / f"{name}.png", full_page=True)
