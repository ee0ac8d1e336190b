"""The page at `/`: what it shows is what the API says, on every view, under addresses that last."""

from collections.abc import AsyncIterator
from statistics import median
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from playwright.async_api import Browser, expect
from support.browser import Visit, visiting
from support.page import expected, opened, region, rows, said

from scores.config import Config
from scores.feed.names import FIRST_NAMES
from scores.web.home import FILES
from scores.web.server import running

pytestmark = pytest.mark.asyncio(loop_scope="session")

# Thirds and sevenths: sums of them are rounded.
SCORES = {
    exam: {name: (3 + place * exam) % 7 / 7 for place, name in enumerate(FIRST_NAMES[: 5 + exam])}
    for exam in range(3, 28)
}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def visit(browser: Browser) -> AsyncIterator[Visit]:
    """A page on a server with some results, opened once for all tests; what must not happen fails the last."""
    async with running(Config(feed=None, port=0)) as address, visiting(browser, address) as visit:
        async with aiohttp.ClientSession(address) as http:
            for exam, scores in SCORES.items():
                for name, score in scores.items():
                    await http.put(f"/exams/{exam}/results/{name}", json={"score": score})
            for uuid, score in [("a1-b1", 5), ("a1-b1", 4), ("a1-b1", 4), ("c2", 0)]:
                await http.post("/scores", json={"UUID": uuid, "score": score})
        yield visit
        visit.check()


async def asked(visit: Visit, path: str) -> Any:
    async with aiohttp.ClientSession() as http, http.get(visit.origin + path) as response:
        return await response.json()


def figures(items: list[dict[str, Any]], *members: str) -> list[list[Any]]:
    return [[item[member] for member in members] for item in items]


async def test_the_exams_are_those_of_the_api_to_the_last_digit(visit: Visit) -> None:
    page = await opened(visit)
    exams = (await asked(visit, "/exams?limit=20"))["exams"]
    table = region(page, "All exams")
    await expect(table.locator("tbody tr")).to_have_count(20)
    shown = [[int(exam), float(average), int(count)] for exam, average, count, _ in await rows(table)]
    assert shown == figures(exams, "exam", "average", "count")
    assert any(len(average) > 17 for _, average, _, _ in await rows(table))


async def test_a_histogram_is_of_all_scores_and_asked_for_when_it_is_seen(visit: Visit) -> None:
    page = await opened(visit)
    table = region(page, "All exams")
    await expect(table.get_by_role("img").first).to_have_attribute("aria-label", words(SCORES[3].values()))
    last = table.get_by_role("img").last
    await expect(last).to_have_attribute("aria-label", "not loaded")
    await last.scroll_into_view_if_needed()
    await expect(last).to_have_attribute("aria-label", words(SCORES[22].values()))


def words(scores: Any) -> str:
    """What the page says of these, from the same bins counted another way."""
    bins = [
        sum(int(score * 20) == place or (score == 1 and place == 19) for score in scores)
        for place in range(20)
    ]
    peak = bins.index(max(bins))
    low = sum(bins[:10])
    return (
        f"Scores from 0 to 1 (all {len(scores)}): {low} below 0.5, {len(scores) - low} from there;"
        f" most from {peak / 20:.2f} to {(peak + 1) / 20:.2f}"
    )


async def test_the_header_says_what_is_served_and_from_where(visit: Visit) -> None:
    page = await opened(visit)
    ready = await asked(visit, "/readyz?verbose")
    await expect(page.locator("#version")).to_have_text(ready["version"])
    await expect(page.locator("#store")).to_have_text("store dict")
    await expect(page.locator("#feed")).to_have_text("Feed off")


async def test_what_is_in_the_store_is_counted_by_the_server(visit: Visit) -> None:
    page = await opened(visit)
    card = page.get_by_role("article").filter(has_text="In the store")
    await expect(card.locator("dd").last).to_have_text("2")
    assert [await said(card, name) for name in ("exams", "students", "inspectors")] == [
        "25", str((await asked(visit, "/students?limit=1"))["total"]), "2",
    ]  # fmt: skip


async def test_an_exam_has_its_results_and_its_figures(visit: Visit) -> None:
    page = await opened(visit, "#/exams/12")
    report = await asked(visit, "/exams/12")
    results = region(page, "Results")
    await expect(results.locator("tbody tr")).to_have_count(report["count"])
    shown = [[student, float(score)] for student, score, _ in await rows(results)]
    assert shown == figures(report["results"], "studentId", "score")
    card = region(page, "Figures")
    assert (await said(card, "average"), await said(card, "results")) == (
        repr(report["average"]), str(report["count"]),
    )  # fmt: skip
    await expect(region(page, "Distribution")).to_contain_text(f"Of all {report['count']} results.")
    scores = sorted(SCORES[12].values())
    marks = [await said(card, name) for name in ("lowest", "median", "highest")]
    assert marks == [f"{score:.17g}"[:6] for score in (scores[0], median(scores), scores[-1])]


async def test_an_exam_checks_the_average_by_itself(visit: Visit) -> None:
    page = await opened(visit, "#/exams/12")
    report = await asked(visit, "/exams/12")
    note = page.get_by_role("note")
    await expect(note).to_contain_text(
        f"rounded once, is {report['average']!r}, the very double that the server gave"
    )


async def test_a_wrong_average_would_be_found_out(visit: Visit) -> None:
    report = await asked(visit, "/exams/12")
    wrong = {**report, "average": report["average"] + 2**-53}

    async def answer(route: Any) -> None:
        await route.fulfill(json=wrong)

    await visit.page.route("**/exams/12?limit=1000", answer)
    page = await opened(visit, "#/exams/12?")
    await page.reload()
    await expect(page.get_by_role("note")).to_contain_text(f"the server gave {wrong['average']!r}")
    await visit.page.unroute("**/exams/12?limit=1000")


async def test_the_check_is_exact(visit: Visit) -> None:
    page = await opened(visit)
    means = await page.evaluate(
        """async (sets) => {
            const { exactMean } = await import("/page/exact.js");
            return sets.map(exactMean);
        }""",
        [
            [0.1] * 10,
            [0, 0],
            [1, 1, 1],
            [1, 2**-53],
            [2**-1000, 2**-1000],
            [0.1, 0.2, 0.3],
            [2**-60, 1, 1e-300],
        ],
    )
    assert means == [0.1, 0, 1, 0.5 + 2**-54, 2**-1000, 0.2, 0.3333333333333333]


async def test_a_student_has_all_results_by_exam(visit: Visit) -> None:
    name = FIRST_NAMES[3]
    page = await opened(visit, f"#/students/{name}")
    report = await asked(visit, f"/students/{name}")
    results = region(page, "Results")
    await expect(results.locator("tbody tr")).to_have_count(report["count"])
    shown = [[int(exam), float(score)] for exam, score, _ in await rows(results)]
    assert shown == figures(report["results"], "exam", "score")
    assert await said(region(page, "Figures"), "average") == repr(report["average"])
    words = f"{report['count']} scores by exam; the average of all is {report['average']!r}"
    await expect(region(page, "Scores by exam").get_by_role("img")).to_have_attribute("aria-label", words)


async def test_students_and_inspectors_are_those_of_the_api(visit: Visit) -> None:
    page = await opened(visit, "#/students")
    students = (await asked(visit, "/students?limit=50"))["students"]
    table = region(page, "Students")
    await expect(table.locator("tbody tr")).to_have_count(len(students))
    shown = [[student, float(average), int(count)] for student, average, count in await rows(table)]
    assert shown == figures(students, "studentId", "average", "count")
    await page.get_by_role("link", name="Inspectors").click()
    table = region(page, "Inspectors")
    await expect(table.locator("tbody tr")).to_have_count(2)
    mean = (await asked(visit, "/inspectors/a1-b1"))["mean"]
    assert ["a1-b1", repr(mean), "3"] in await rows(table)


async def test_pages_have_addresses_that_go_back_and_last(visit: Visit) -> None:
    page = await opened(visit)
    table = region(page, "All exams")
    first = table.locator("tbody th").first
    await expect(first).to_have_text("3")
    await table.get_by_role("link", name="Next").click()
    await expect(first).to_have_text("23")
    await expect(table.locator(".where")).to_have_text("21–25 of 25")
    await expect(table.get_by_role("link", name="Next")).to_be_disabled()
    await table.get_by_role("link", name="Previous").click()
    await expect(first).to_have_text("3")
    await page.go_back()
    await expect(first).to_have_text("23")
    await page.reload()
    await expect(first).to_have_text("23")
    await expect(table.locator(".where")).to_have_text("5 of 25")
    await table.get_by_role("link", name="First").click()
    await expect(first).to_have_text("3")


async def test_back_leads_through_the_views(visit: Visit) -> None:
    page = await opened(visit)
    await region(page, "All exams").get_by_role("link", name="12", exact=True).click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Exam 12")
    assert await page.title() == "Exam 12 · scores"
    await region(page, "Results").get_by_role("link").first.click()
    await expect(page.get_by_role("heading", level=1)).to_have_text(FIRST_NAMES[0])
    await page.go_back()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Exam 12")
    await page.go_back()
    await expect(region(page, "All exams")).to_be_visible()
    await page.go_forward()
    await page.reload()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Exam 12")


@pytest.mark.parametrize("address", ["#/nowhere", "#/exams/3/more", "#/students/%ff"])
async def test_an_address_of_nothing_says_so(visit: Visit, address: str) -> None:
    page = await opened(visit, address)
    await expect(page.get_by_role("heading", level=1)).to_have_text("There is nothing here")


async def test_a_page_token_that_is_none_is_said_in_words(visit: Visit) -> None:
    page = await opened(visit, "#/students?after=!")
    await expect(region(page, "Students")).to_contain_text(
        "After must come from the `next` of an earlier page."
    )
    expected(visit, "status of 400")


async def test_it_asks_nobody_but_its_own_server_and_all_its_files_are_used(visit: Visit) -> None:
    await visit.page.goto("about:blank")
    visit.asked.clear()
    await opened(visit)
    files = {one for one in visit.asked if "/page/" in one}
    assert files == {f"GET {visit.origin}/page/{name}" for name in FILES}
    assert visit.foreign == []


async def test_it_weighs_little(visit: Visit) -> None:
    await visit.page.goto("about:blank")
    page = await opened(visit)
    await expect(region(page, "All exams").locator("tbody tr")).to_have_count(20)
    weight = await page.evaluate(
        "[...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')]"
        ".reduce((sum, one) => sum + one.transferSize, 0)"
    )
    print(f"first load: {weight} bytes on the wire")  # noqa: T201  # a figure, for who runs it with -s
    assert 30_000 < weight < 150_000
