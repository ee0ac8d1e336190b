"""The page at `/` and where its reader is: Back leads to the same lines, and a new page of a table moves nothing."""

import asyncio
from collections.abc import AsyncIterator

import aiohttp
import pytest
import pytest_asyncio
from playwright.async_api import Browser, Locator, Page, Route, expect
from support.browser import Visit, visiting
from support.page import filled, opened, put, region

from scores.models import Result

pytestmark = pytest.mark.asyncio(loop_scope="session")

RESULTS = [Result(f"student {place}", exam, 0.5) for exam in range(100, 160) for place in range(3)]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def visit(browser: Browser) -> AsyncIterator[Visit]:
    """A page on a server with three pages of exams; what must not happen there fails the last test."""
    async with filled(RESULTS) as address, visiting(browser, address) as visit:
        await visit.page.set_viewport_size({"width": 1000, "height": 600})
        yield visit
        visit.check()


def exam(page: Page, number: int) -> Locator:
    return region(page, "All exams").get_by_role("link", name=str(number), exact=True)


async def held(page: Page) -> asyncio.Event:
    """Has the first page of exams wait until this is set."""
    go_on = asyncio.Event()

    async def hold(route: Route) -> None:
        await go_on.wait()
        await route.continue_()

    await page.route("**/exams?limit=20", hold)
    return go_on


async def top(part: Locator) -> float:
    """How far it is from the top of what one sees."""
    return float(await part.evaluate("node => node.getBoundingClientRect().top"))


async def expect_at(part: Locator, place: float) -> None:
    """Waits until it is there, to the pixel or so."""
    script = "([node, top]) => Math.abs(node.getBoundingClientRect().top - top) < 3"
    await part.page.wait_for_function(script, arg=[await part.element_handle(), place])


async def down_to(part: Locator, place: float = 200) -> float:
    """Scrolls until it is about there; where it then is."""
    await part.evaluate("(node, top) => scrollBy(0, node.getBoundingClientRect().top - top)", place)
    return await top(part)


async def test_back_leads_to_the_same_lines_once_they_are_there(visit: Visit) -> None:
    page = await opened(visit)
    place = await down_to(exam(page, 112))
    await exam(page, 112).click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Exam 112")
    assert await page.evaluate("scrollY") == 0
    # What is above is longer than it was.
    async with aiohttp.ClientSession(visit.origin) as http:
        for number in range(100, 110):
            await put(http, number, "student 1", 0.75)
    await page.wait_for_function("import('/page/live.js').then(({live}) => live.latest.length === 10)")
    go_on = await held(page)
    await page.go_back()
    await expect(region(page, "Arriving now").locator("tbody tr:visible")).to_have_count(10)
    await expect(region(page, "All exams").locator("tbody tr")).to_have_count(0)
    go_on.set()
    await expect(exam(page, 112)).to_be_visible()
    await expect_at(exam(page, 112), place)
    await page.unroute("**/exams?limit=20")
    # Also from elsewhere, and when the page is opened anew.
    await page.evaluate("document.querySelector('footer a').click()")
    await page.wait_for_url("**/docs")
    await page.go_back()
    await expect_at(exam(page, 112), place)
    await page.reload()
    await expect_at(exam(page, 112), place)
    # Forwards as well: the exam was read from its top.
    await page.evaluate("scrollTo(0, 0)")
    await page.go_forward()
    await page.wait_for_url("**/docs")


async def test_a_new_page_of_a_table_moves_nothing(visit: Visit) -> None:
    page = await opened(visit, "#/students")
    await page.get_by_role("navigation", name="Views").get_by_role("link", name="Exams").click()
    follow = region(page, "All exams").get_by_role("link", name="Next")
    await expect(follow).to_be_visible()
    places = [await down_to(follow, 400)]
    for number in (120, 140):
        await follow.focus()
        await page.keyboard.press("Enter")
        await expect(exam(page, number)).to_be_visible()
        places.append(await top(follow))
        await expect(follow).to_be_focused()
        await expect(page.locator("#said")).to_have_text(f"{number - 99}–{number - 80} of 60")
    assert max(places) - min(places) < 3
    # On the last one there is nothing more: the focus stays all the same.
    await expect(follow).to_be_disabled()
    # Each page has a place of its own.
    await page.evaluate("scrollTo(0, 0)")
    await page.go_back()
    await expect(exam(page, 120)).to_be_visible()
    await expect_at(follow, places[0])
    await page.go_forward()
    await expect(exam(page, 140)).to_be_visible()
    await page.wait_for_function("scrollY === 0")


async def test_who_scrolls_meanwhile_is_left_alone(visit: Visit) -> None:
    page = await opened(visit)
    await down_to(exam(page, 112))
    await exam(page, 112).click()
    go_on = await held(page)
    await page.go_back()
    await expect(region(page, "All exams")).to_be_attached()
    await page.mouse.wheel(0, 10)
    await page.evaluate("scrollTo(0, 0)")
    go_on.set()
    await expect(exam(page, 112)).to_be_attached()
    await page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    assert await page.evaluate("scrollY") < 50
    await page.unroute("**/exams?limit=20")
