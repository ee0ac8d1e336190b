"""The page at `/`: what a visitor types, and what strangers have typed before."""

import aiohttp
import pytest
from playwright.async_api import Browser, Page, Route, expect
from support.browser import Visit, visiting
from support.page import expected, opened, put, region, said

from scores.config import Config
from scores.models import MAX_ID_LENGTH
from scores.web.server import running

pytestmark = pytest.mark.asyncio(loop_scope="session")

HOSTILE = [
    '<img src=x onerror="window.hit=1">',
    "<script>window.hit=1</script>",
    '"><svg onload=window.hit=1>',
    "javascript:window.hit=1",
    "{{constructor.constructor('window.hit=1')()}}",
    "../..",
    "a/b?c#d&e=f",
    "%2e%2e",
    "\u202egnp.exe",
    "x" * MAX_ID_LENGTH,
    "🎓 é",
]
WRITE, READ = "write-token-0123456", "read-token-0123456"


async def find(page: Page, student: str) -> None:
    await page.get_by_role("combobox", name="Open a student: exact id").fill(student)
    await page.get_by_role("button", name="Open").click()


async def test_a_student_is_found(visit: Visit) -> None:
    async with aiohttp.ClientSession(visit.origin) as http:
        await put(http, 7, "foo", 0.5)
    page = await opened(visit)
    await find(page, "foo")
    await expect(page.get_by_role("heading", level=1)).to_have_text("foo")
    await expect(region(page, "Results").locator("tbody th")).to_have_text(["7"])
    assert page.url == f"{visit.origin}/#/students/foo"


async def test_a_student_that_is_not_known_is_said_and_appears_when_there_is_one(visit: Visit) -> None:
    page = await opened(visit)
    await find(page, "nobody")
    await expect(region(page, "Results")).to_contain_text("No student 'nobody' is known.")
    async with aiohttp.ClientSession(visit.origin) as http:
        await put(http, 7, "nobody", 0.5)
    await expect(region(page, "Results").locator("tbody th")).to_have_text(["7"])
    await expect(region(page, "Results")).not_to_contain_text("No student")
    expected(visit, "status of 404")


async def test_ids_that_no_path_can_say_are_asked_of_nobody(visit: Visit) -> None:
    page = await opened(visit)
    for one in (".", ".."):
        await find(page, one)
        await expect(page.get_by_role("heading", level=1)).to_have_text(one)
        await expect(region(page, "Results")).to_contain_text("No id is like that.")
    assert not any(one.endswith("/students/") or "limit=100" in one for one in visit.asked)


async def test_text_from_strangers_stays_text(visit: Visit) -> None:
    async with aiohttp.ClientSession(visit.origin) as http:
        page = await opened(visit)
        for place, one in enumerate(HOSTILE):
            await put(http, place, quoted(one), 0.5)
            async with http.post("/scores", json={"UUID": one, "score": 3}) as response:
                assert response.status == 200
    log = region(page, "Latest events").get_by_role("listitem")
    await expect(log.first).to_contain_text(HOSTILE[-1])
    for name, heading in (("Students", "Students"), ("Inspectors", "Inspectors")):
        await page.get_by_role("navigation", name="Views").get_by_role("link", name=name).click()
        links = region(page, heading).locator("tbody th")
        await expect(links).to_have_count(len(HOSTILE))
        assert {*await links.all_text_contents()} == {*HOSTILE}
    for one in HOSTILE:
        await find(page, one)
        await expect(page.get_by_role("heading", level=1)).to_have_text(one)
        await expect(region(page, "Results").locator("tbody tr")).to_have_count(1)
        await page.go_back()
    assert await page.evaluate("[window.hit, document.querySelectorAll('main img, main script').length]") == [
        None,
        0,
    ]


def quoted(text: str) -> str:
    return "".join(f"%{byte:02X}" for byte in text.encode())


async def test_a_score_is_posted_and_the_mean_moves(visit: Visit) -> None:
    page = await opened(visit, "#/inspectors")
    form = region(page, "Post a score")
    button = form.get_by_role("button", name="Post the score")
    await form.get_by_label("Inspector").fill("c3-po")
    await form.get_by_role("radio", name="5").check()
    await button.click()
    await expect(form.get_by_role("status")).to_have_text("Recorded. The mean of c3-po is 5.")
    await form.get_by_role("radio", name="2").check()
    await button.click()
    await expect(form.get_by_role("status")).to_have_text("Recorded. The mean of c3-po is 3.5.")
    await expect(form.get_by_role("img")).to_have_attribute(
        "aria-label", "The mean of c3-po is 3.5 after 2 scores"
    )
    assert (await said(form, "mean"), await said(form, "scores")) == ("3.5", "2")
    await expect(region(page, "Inspectors").locator("tbody td")).to_have_text(["3.5", "2"])
    # Somebody else's score moves it too.
    async with aiohttp.ClientSession(visit.origin) as http:
        await http.post("/scores", json={"UUID": "c3-po", "score": 1})
    words = "The mean of c3-po is 2.6666666666666665 after 3 scores"
    await expect(form.get_by_role("img")).to_have_attribute("aria-label", words)


async def test_one_inspector_has_a_view(visit: Visit) -> None:
    page = await opened(visit, "#/inspectors/a1-b1")
    await expect(region(page, "Mean")).to_contain_text("No inspector 'a1-b1' is known.")
    await region(page, "Post a score").get_by_role("radio", name="5").check()
    await region(page, "Post a score").get_by_role("button").click()
    await expect(region(page, "Mean").get_by_role("img")).to_have_attribute(
        "aria-label", "The mean of a1-b1 is 5 after 1 scores"
    )
    await expect(region(page, "Mean")).not_to_contain_text("No inspector")
    expected(visit, "status of 404")


async def test_a_score_that_is_refused_is_said_in_the_servers_words(visit: Visit) -> None:
    page = await opened(visit, "#/inspectors")
    form = region(page, "Post a score")
    name = form.get_by_label("Inspector")
    await form.get_by_role("radio", name="5").check()
    async with aiohttp.ClientSession(visit.origin) as http:
        for uuid in (".", "..", "x" * (MAX_ID_LENGTH + 1)):
            await name.fill(uuid)
            await form.get_by_role("button").click()
            async with http.post("/scores", json={"UUID": uuid, "score": 5}) as response:
                detail = (await response.json())["detail"]
            assert detail.startswith("UUID must be")
            await expect(form.get_by_role("status")).to_have_text(detail + ".")
            await expect(name).to_have_attribute("aria-invalid", "true")
            await form.get_by_role("status").evaluate("node => { node.textContent = '' }")
    expected(visit, "status of 422")


async def test_a_score_whose_answer_was_lost_counts_once(visit: Visit) -> None:
    page = await opened(visit, "#/inspectors")

    async def lose(route: Route) -> None:
        # The server has it, the page has no answer.
        await route.fetch()
        await route.abort()

    await page.route("**/scores", lose)
    form = region(page, "Post a score")
    await form.get_by_label("Inspector").fill("a1-b1")
    await form.get_by_role("radio", name="5").check()
    await form.get_by_role("button").click()
    await expect(form.get_by_role("status")).to_have_text(
        "The server does not answer. Post it again: it will count once."
    )
    await page.unroute("**/scores", lose)
    await form.get_by_role("button").click()
    await expect(form.get_by_role("status")).to_have_text("Recorded. The mean of a1-b1 is 5.")
    async with aiohttp.ClientSession(visit.origin) as http, http.get("/inspectors/a1-b1") as response:
        assert await response.json() == {"UUID": "a1-b1", "mean": 5.0, "count": 1}
    expected(visit, "net::ERR_FAILED")


async def test_the_keyboard_is_enough(visit: Visit) -> None:
    async with aiohttp.ClientSession(visit.origin) as http:
        await put(http, 7, "foo", 0.5)
    page = await opened(visit)
    focused = "document.activeElement.textContent || document.activeElement.id"
    await page.keyboard.press("Tab")
    assert await page.evaluate(focused) == "Skip to the content"
    await page.keyboard.press("Enter")
    assert await page.evaluate("document.activeElement.id") == "main"
    assert page.url.endswith("/#/")
    await page.keyboard.press("Shift+Tab")
    for _ in range(4):
        await page.keyboard.press("Shift+Tab")
        if await page.evaluate("document.activeElement.id") == "student":
            break
    await page.keyboard.type("foo")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", level=1)).to_be_focused()
    result = region(page, "Results").get_by_role("link", name="7")
    await expect(result).to_be_visible()
    await page.keyboard.press("Tab")
    await expect(result).to_be_focused()
    await page.goto(f"{visit.origin}/#/inspectors/r2")
    await region(page, "Post a score").get_by_label("Inspector").focus()
    await page.keyboard.press("Tab")
    await page.keyboard.press("ArrowRight")
    await page.keyboard.press("Enter")
    await expect(region(page, "Post a score").get_by_role("status")).to_have_text(
        "Recorded. The mean of r2 is 1."
    )
    expected(visit, "status of 404")


async def test_tokens_are_asked_for_when_they_are_needed(browser: Browser) -> None:
    config = Config(feed=None, port=0, write_token=(WRITE,), read_token=(READ,))
    async with running(config) as address, visiting(browser, address) as visit:
        page = visit.page
        await page.goto(f"{address}/#/inspectors")
        dialog = page.get_by_role("dialog", name="A token, please")
        await expect(dialog).to_contain_text(
            "A token is needed to read; whoever runs this server can give you one."
        )
        await expect(dialog).not_to_contain_text("Bearer")
        await dialog.get_by_label("Token").fill("wrong")
        await page.keyboard.press("Enter")
        await expect(dialog).to_contain_text("The token is not known.")
        await dialog.get_by_label("Token").fill(READ)
        await page.keyboard.press("Enter")
        await expect(dialog).to_be_hidden()
        await expect(page.locator("#live")).to_have_text("Live")
        form = region(page, "Post a score")
        await form.get_by_label("Inspector").fill("a1-b1")
        await form.get_by_role("radio", name="5").check()
        await form.get_by_role("button").click()
        await expect(dialog).to_contain_text("The token may only read.")
        await dialog.get_by_role("button", name="Cancel").click()
        await expect(form.get_by_role("status")).to_have_text("The token may only read.")
        await page.get_by_role("button", name="Token").click()
        await dialog.get_by_label("Token").fill(WRITE)
        await dialog.get_by_role("button", name="Use it").click()
        await form.get_by_role("button").click()
        await expect(form.get_by_role("status")).to_have_text("Recorded. The mean of a1-b1 is 5.")
        assert await page.evaluate("[localStorage.length, document.cookie, sessionStorage.length]") == [
            0,
            "",
            1,
        ]
        assert WRITE not in page.url
        await page.reload()
        await expect(page.locator("#live")).to_have_text("Live")
        expected(visit, "status of 401", "status of 403")
        visit.check()


async def test_who_has_no_token_is_asked_once(browser: Browser) -> None:
    config = Config(feed=None, port=0, write_token=(WRITE,), read_token=(READ,))
    async with running(config) as address, visiting(browser, address) as visit:
        page = visit.page
        await page.goto(f"{address}/")
        await page.get_by_role("button", name="Cancel").click()
        await expect(page.locator("#live")).to_have_text("No access")
        await expect(region(page, "All exams")).to_contain_text("No access. A token is needed to read; ")
        await expect(page.get_by_role("dialog")).to_be_hidden()
        await region(page, "All exams").get_by_role("button", name="Enter a token").click()
        await page.get_by_role("dialog").get_by_label("Token").fill(READ)
        await page.keyboard.press("Enter")
        await expect(page.locator("#live")).to_have_text("Live")
        await expect(region(page, "All exams")).to_contain_text("No exam has a result yet.")
