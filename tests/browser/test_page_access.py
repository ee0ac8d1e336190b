"""The page at `/` for everybody: axe finds nothing on any view, in light and in dark; it fits a phone."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, Page, expect
from support.browser import Visit, visiting
from support.page import filled, opened, region

from scores.models import Result

pytestmark = pytest.mark.asyncio(loop_scope="session")

RESULTS = [
    Result(f"student {place}", exam, place * exam % 11 / 11) for exam in range(3, 30) for place in range(20)
]
VIEWS = ["#/", "#/exams/12", "#/students", "#/students/student%203", "#/inspectors", "#/inspectors/a1-b1"]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def visit(browser: Browser) -> AsyncIterator[Visit]:
    """A page on a server that has something for every view."""
    async with filled(RESULTS) as address, visiting(browser, address) as visit:
        page = await opened(visit, "#/inspectors/a1-b1")
        form = region(page, "Post a score")
        await form.get_by_role("radio", name="5").check()
        await form.get_by_role("button").click()
        await expect(region(page, "Mean").get_by_role("img")).to_be_visible()
        visit.complaints.clear()
        yield visit
        visit.check()


async def violations(page: Page) -> str:
    # Colours move while something is new.
    await page.evaluate("Promise.all(document.getAnimations().map((one) => one.finish?.()).filter(Boolean))")
    report: str = (await Axe().run(page)).generate_report()
    return "" if report.startswith("Found 0") else report


@pytest.mark.parametrize("view", VIEWS)
async def test_nothing_stands_in_anybodys_way(visit: Visit, view: str) -> None:
    page = await opened(visit, view)
    await expect(page.locator("main .card").last).to_be_visible()
    for scheme in ("light", "dark"):
        await page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        assert await violations(page) == ""


async def test_nor_in_the_dialog_or_when_the_connection_is_lost(visit: Visit) -> None:
    page = await opened(visit)
    await page.evaluate(
        "import('/page/token.js').then(({ask}) => { ask('A token is needed.', {again: true}) })"
    )
    await expect(page.get_by_role("dialog")).to_be_visible()
    assert await violations(page) == ""
    await page.keyboard.press("Escape")
    await page.context.set_offline(True)
    await expect(page.locator("#banner")).to_be_visible()
    for scheme in ("light", "dark"):
        await page.emulate_media(color_scheme=scheme)
        assert await violations(page) == ""
    await page.context.set_offline(False)
    await expect(page.locator("#live")).to_have_text("Live", timeout=20_000)
    visit.complaints[:] = [one for one in visit.complaints if "net::ERR_INTERNET_DISCONNECTED" not in one]


async def test_nor_where_something_is_missing_or_stands_still(visit: Visit) -> None:
    page = await opened(visit, "#/students/%20foo")
    await expect(region(page, "Results").locator(".odd")).to_be_visible()
    assert await violations(page) == ""
    await page.get_by_role("link", name="Inspectors").click()
    await page.get_by_role("button", name="Post the score").click()
    await page.get_by_role("button", name="Pause").click()
    await expect(region(page, "Pause")).to_be_visible()
    for scheme in ("light", "dark"):
        await page.emulate_media(color_scheme=scheme)
        assert await violations(page) == ""
    await page.get_by_role("button", name="Resume").click()
    visit.complaints[:] = [one for one in visit.complaints if "status of 404" not in one]


async def test_a_violation_would_be_found(visit: Visit) -> None:
    page = await opened(visit)
    await page.locator("#student").evaluate("node => document.querySelector('label[for=student]').remove()")
    await page.locator("#student").evaluate("node => node.removeAttribute('placeholder')")
    assert "label" in await violations(page)
    await page.reload()


async def test_it_fits_a_phone(visit: Visit) -> None:
    page = visit.page
    await page.set_viewport_size({"width": 320, "height": 640})
    for view in VIEWS:
        await opened(visit, view)
        await expect(page.locator("main .card").last).to_be_visible()
        assert await page.evaluate("document.documentElement.scrollWidth") == 320
