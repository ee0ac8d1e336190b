"""`/docs` in a browser: it shows every operation, tries them on its own server, and needs nobody else."""

from collections.abc import AsyncIterator, Callable
from typing import Any

import aiohttp
import orjson
import pytest
import pytest_asyncio
from playwright.async_api import Browser, ConsoleMessage, Locator, expect
from support.browser import Visit, visiting
from support.described import DOCUMENT, operations

from scores.config import Config
from scores.web.server import running

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def docs(browser: Browser) -> AsyncIterator[Visit]:
    """The page, opened once for all tests, which change different things; anything wrong there fails the last."""
    async with running(Config(feed=None, port=0)) as address, visiting(browser, address) as visit:
        await visit.page.goto(f"{address}/docs")
        await visit.page.locator(".opblock").first.wait_for()
        yield visit
        visit.check()


async def unfold(docs: Visit, name: str) -> Locator:
    """The operation with this id, open to be tried."""
    block = docs.page.locator(f".opblock[id$=-{name}]")
    await block.locator(".opblock-summary-control").click()
    return block


def tells(text: str) -> Callable[[ConsoleMessage], bool]:
    return lambda message: text in message.text


async def execute(block: Locator) -> tuple[str, Any]:
    """The status and the JSON that came of trying it."""
    await block.locator("button.execute").click()
    answer = block.locator(".live-responses-table tbody .response").first
    await answer.wait_for()
    status = await answer.locator(".response-col_status").inner_text()
    body = await answer.locator(".highlight-code code").first.inner_text()
    return status.split()[0], orjson.loads(body)


async def test_it_lists_every_operation(docs: Visit) -> None:
    summaries = docs.page.locator(".opblock-summary")
    await expect(summaries).to_have_count(len([*operations()]))
    methods = await summaries.locator(".opblock-summary-method").all_inner_texts()
    paths = await summaries.locator(".opblock-summary-path").evaluate_all(
        "all => all.map(one => one.dataset.path)"
    )
    assert {*zip(methods, paths, strict=True)} == {(method, path) for method, path, _ in operations()}
    await expect(docs.page.locator(".info .title")).to_contain_text(DOCUMENT["info"]["title"])


async def test_its_files_come_from_its_own_server_only(docs: Visit) -> None:
    names = {
        "docs",
        "docs/swagger-ui.css",
        "docs/docs.css",
        "docs/swagger-ui-bundle.js",
        "docs/docs.js",
        "openapi.json",
    }
    assert {one for one in docs.asked if "/docs" in one or "/openapi" in one} == {
        f"GET {docs.origin}/{name}" for name in names
    }
    assert docs.foreign == []


async def test_a_score_can_be_tried(docs: Visit) -> None:
    assert await execute(await unfold(docs, "postScore")) == ("200", {"UUID": "a1-b1", "mean": 5})
    async with aiohttp.ClientSession(docs.origin) as http, http.get("/inspectors/a1-b1") as response:
        assert await response.json() == {"UUID": "a1-b1", "mean": 5.0, "count": 1}


async def test_a_listing_can_be_tried(docs: Visit) -> None:
    async with aiohttp.ClientSession(docs.origin) as http:
        await http.put("/exams/7/results/foo", json={"score": 0.75})
        async with http.get("/exams") as response:
            listing = await response.json()
    assert await execute(await unfold(docs, "listExams")) == ("200", listing)
    assert {"exam": 7, "average": 0.75, "count": 1} in listing["exams"]


async def test_an_id_with_a_slash_can_be_tried(docs: Visit) -> None:
    block = await unfold(docs, "putResult")
    await block.locator("tr[data-param-name=number] input").fill("3")
    await block.locator("tr[data-param-name=id] input").fill("a/b")
    status, result = await execute(block)
    assert (status, result["studentId"]) == ("201", "a/b")
    assert f"PUT {docs.origin}/exams/3/results/a%2Fb" in docs.asked


# What a visit is told of.


async def test_what_the_policy_forbids_is_seen(loose_visit: Visit) -> None:
    page = loose_visit.page
    await page.goto(f"{loose_visit.origin}/docs", wait_until="commit")
    for directive, script in [
        (
            "script-src-elem forbids inline",
            "document.head.append(Object.assign(document.createElement('script'), {text: '1'}))",
        ),
        ("connect-src forbids http://192.0.2.1/", "fetch('http://192.0.2.1/').catch(() => null)"),
    ]:
        async with page.expect_console_message(tells(directive)):
            await page.evaluate(script)
        assert f"error: policy: {directive}" in loose_visit.complaints


async def test_a_request_to_others_is_seen_and_does_not_go_out(loose_visit: Visit) -> None:
    # A page of ours would not even ask: its policy forbids it.
    await loose_visit.page.goto("about:blank")
    assert (
        await loose_visit.page.evaluate("fetch('http://192.0.2.1/').then(() => 'came', () => 'lost')")
        == "lost"
    )
    assert loose_visit.foreign == ["http://192.0.2.1/"]


async def test_an_exception_is_seen(loose_visit: Visit) -> None:
    await loose_visit.page.goto(f"{loose_visit.origin}/livez")
    async with loose_visit.page.expect_event("pageerror"):
        await loose_visit.page.evaluate("setTimeout(() => { throw Error('no') })")
    assert loose_visit.complaints == ["exception: no"]
