"""The page at `/` for who sees it for the first time: nothing happens that nobody meant, and every figure says from when it is."""

import asyncio
import re
from collections.abc import AsyncIterator

import aiohttp
import pytest
import pytest_asyncio
from playwright.async_api import Browser, Route, expect
from support.browser import Visit, visiting
from support.page import expected, filled, opened, put, region, said

from scores.models import MAX_EXAM, Result

pytestmark = pytest.mark.asyncio(loop_scope="session")

RESULTS = [
    *(Result("foo", exam, 0.5) for exam in range(1200)),
    *(Result(student, 7, 0.5) for student in (" bar", "bar", "b az")),
]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def visit(browser: Browser) -> AsyncIterator[Visit]:
    """A page on a server with more than a thousand exams; what must not happen there fails the last test."""
    async with filled(RESULTS) as address, visiting(browser, address) as visit:
        yield visit
        visit.check()


async def test_a_score_that_nobody_entered_is_not_sent(visit: Visit) -> None:
    page = await opened(visit, "#/inspectors")
    form = region(page, "Post a score")
    name, button = form.get_by_label("Inspector"), form.get_by_role("button", name="Post the score")
    await expect(name).to_have_value("")
    await expect(name).to_have_attribute("placeholder", "a1-b1")
    await button.click()
    await expect(form).to_contain_text("Enter an inspector.")
    await expect(form).to_contain_text("Choose a score.")
    await expect(name).to_be_focused()
    await expect(name).to_have_accessible_description("Enter an inspector.")
    await name.fill("d4-d5")
    await expect(form).not_to_contain_text("Enter an inspector.")
    await button.click()
    await expect(form.get_by_role("radio", name="0")).to_be_focused()
    assert not any(one.startswith("POST") for one in visit.asked)
    await form.get_by_role("radio", name="3").check()
    await expect(form).not_to_contain_text("Choose a score.")
    go_on = asyncio.Event()

    async def hold(route: Route) -> None:
        await go_on.wait()
        await route.continue_()

    await page.route("**/scores", hold)
    await button.focus()
    await page.keyboard.press("Enter")
    # Under way it is pressed in vain, and keeps the focus.
    await expect(button).to_be_disabled()
    await page.keyboard.press("Enter")
    await expect(button).to_be_focused()
    go_on.set()
    await expect(form.get_by_role("status")).to_have_text("Recorded. The mean of d4-d5 is 3.")
    await expect(button).to_be_focused()
    await expect(button).to_be_enabled()
    await page.unroute("**/scores")
    assert sum(one.startswith("POST") for one in visit.asked) == 1


async def test_what_stands_still_says_since_when(visit: Visit) -> None:
    page = await opened(visit)
    line, feed = region(page, "Pause"), page.get_by_role("article").filter(has_text="received")
    await expect(feed).to_contain_text("Feed off")
    await page.get_by_role("button", name="Pause").click()
    await expect(line).to_have_text(re.compile(r"^Paused at (\d\d:){2}\d\d: what you see is from then\.$"))
    await expect(page.locator("#feed")).to_have_text("Feed was off")
    await expect(feed).to_contain_text("Feed was off")
    await expect(page.get_by_role("article").filter(has_text="Results a second")).to_contain_text(
        "mean of the 5 s before the pause"
    )
    await page.get_by_role("navigation", name="Views").get_by_role("link", name="Students").click()
    await expect(line).to_have_text(
        re.compile(r"^Paused at [\d:]{8}\. This view is from [\d:]{8}, when you opened it\.$")
    )
    await page.get_by_role("button", name="Resume").click()
    await expect(line).to_be_hidden()
    await expect(page.get_by_role("button", name="Pause")).to_be_visible()
    await expect(page.locator("#feed")).to_have_text("Feed off")


@pytest.mark.parametrize(
    ("given", "opens"),
    [("foo", "foo"), (" foo\u00a0", "foo"), (" bar", " bar"), ("b az\u200b", "b az"), (" nobody", " nobody")],
)
async def test_what_is_around_a_pasted_id_is_left_off_if_nobody_is_called_so(
    visit: Visit, given: str, opens: str
) -> None:
    page = visit.page
    if not page.url.startswith(visit.origin):
        await opened(visit)
    await page.get_by_role("combobox", name="Open a student: exact id").fill(given)
    await page.get_by_role("button", name="Open").click()
    title = page.locator("h1 bdi")
    await expect(title).to_be_visible()
    await page.wait_for_function("id => document.querySelector('h1 bdi')?.textContent === id", arg=opens)
    if opens == " nobody":
        await expect(region(page, "Results")).to_contain_text("No student ' nobody' is known.")
    if opens != given or opens == " nobody":
        # The browser tells of each 404 itself.
        expected(visit, "status of 404")


async def test_signs_that_one_does_not_see_are_shown(visit: Visit) -> None:
    page = await opened(visit, "#/students/%20foo%20%C2%A0")
    for part in (page.locator("h1"), region(page, "Results").locator("p", has_text="here they are marked")):
        await expect(part.locator(".odd")).to_have_count(3)
        names = await part.locator(".odd").evaluate_all(
            "all => all.map((one) => getComputedStyle(one, '::before').content)"
        )
        assert names == ['"␣"', '"␣"', '"U+00A0"']
    assert await page.title() == "␣foo␣U+00A0 · scores"
    await region(page, "Results").get_by_role("link", name="foo").click()
    await expect(page).to_have_url(f"{visit.origin}/#/students/foo")
    await expect(page.locator("h1 .odd")).to_have_count(0)
    expected(visit, "status of 404")


@pytest.mark.parametrize("number", ["abc", "007", str(MAX_EXAM + 1)])
async def test_what_is_no_exam_number_is_said_with_what_is(visit: Visit, number: str) -> None:
    visit.asked.clear()
    page = await opened(visit, f"#/exams/{number}")
    await expect(page.get_by_role("heading", level=1)).to_have_text(f"“{number}” is no exam number")
    await expect(page.get_by_role("main")).to_contain_text(f"a whole number from 0 to {MAX_EXAM}, in digits")
    assert not any("/exams" in one for one in visit.asked)


async def test_counts_of_one_view_agree_and_stand_in_one_row(visit: Visit) -> None:
    async def answer(route: Route) -> None:
        given = await route.fetch()
        await route.fulfill(response=given, json={**await given.json(), "total": 1234})

    page = visit.page
    await page.set_viewport_size({"width": 1280, "height": 720})
    await page.route("**/exams?*", answer)
    await page.route("**/students?*", answer)
    await opened(visit, "#/students")
    await opened(visit)
    card = page.get_by_role("article").filter(has_text="In the store")
    await expect(region(page, "All exams").locator(".where")).to_have_text("1–20 of 1,234")
    assert await said(card, "exams") == "1,234"
    await expect(card.locator("dd").nth(1)).to_have_text("1,234")
    tops = await card.locator("dd").evaluate_all("all => all.map((one) => one.offsetTop)")
    assert len({*tops}) == 1
    await page.unroute("**/exams?*")
    await page.unroute("**/students?*")


async def test_what_arrives_is_waited_for_in_words_and_kept_from_view_to_view(visit: Visit) -> None:
    page = await opened(visit, "#/students")
    await page.reload()
    await page.get_by_role("navigation", name="Views").get_by_role("link", name="Exams").click()
    now = region(page, "Arriving now")
    await expect(now).to_contain_text("Waiting for the next result")
    await expect(page.locator("#live")).to_have_text("Live")
    async with aiohttp.ClientSession(visit.origin) as http:
        await put(http, 7, "foo", 0.75)
    await expect(now.locator("tbody th")).to_have_text(["7"])
    await now.get_by_role("link", name="7").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Exam 7")
    await page.go_back()
    await expect(now.locator("tbody th")).to_have_text(["7"])
    await expect(now).not_to_contain_text("Waiting")


async def test_on_a_phone_the_header_is_flat_and_who_types_has_room(visit: Visit) -> None:
    page = await opened(visit)
    await page.set_viewport_size({"width": 390, "height": 844})
    await expect(page.locator("#feed")).to_be_hidden()
    assert await page.evaluate("document.querySelector('header').offsetHeight") < 844 / 10
    field = page.get_by_role("combobox")
    narrow = await field.evaluate("node => node.offsetWidth")
    await field.fill("foo")
    assert await field.evaluate("node => node.offsetWidth") > 3 * narrow > 200
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", level=1)).to_have_text("foo")
