"""Pictures of the page at `/`: made by every run, and kept where `SCORES_PICTURES` says (`make screenshots`)."""

import asyncio
import math
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random

import aiohttp
import pytest
from aiohttp.test_utils import TestServer
from playwright.async_api import Browser, Page, expect
from support.browser import Visit, visiting
from support.page import opened, region

from scores.config import Config
from scores.feed.names import FIRST_NAMES
from scores.feed.simulator import SimulatorOptions, create_simulator
from scores.web.server import running

pytestmark = pytest.mark.asyncio(loop_scope="session")

FOLDER = os.environ.get("SCORES_PICTURES")
KEPT = FOLDER is not None
WIDE, PHONE = {"width": 1240, "height": 880}, {"width": 390, "height": 1120}


@asynccontextmanager
async def demonstration(browser: Browser) -> AsyncIterator[Visit]:
    """What `scores demo` runs; for pictures that are kept, also somebody who records now more, now less."""
    async with TestServer(create_simulator(SimulatorOptions(rate=20 if KEPT else 100))) as feed:
        config = Config(feed=str(feed.make_url("/scores")), port=0)
        async with (
            running(config) as address,
            visiting(browser, address) as visit,
            aiohttp.ClientSession(address) as http,
        ):
            for place, score in enumerate((5, 3, 4, 1, 5, 4, 2, 5, 3, 4, 4, 5)):
                for uuid in ("a1-b1", "c3-d3", "e5-f5", "07-1b", "9d-42", "be-ef")[: 1 + place % 6]:
                    await http.post("/scores", json={"UUID": uuid, "score": score})
            busy = asyncio.create_task(_record(http))
            yield visit
            busy.cancel()
            await asyncio.wait([busy])


async def _record(http: aiohttp.ClientSession) -> None:
    chance = Random(1)
    for number in range(100_000):
        exam, score = 11_536 + number % 2, chance.betavariate(2 + 4 * (number % 2), 3)
        await http.put(f"/exams/{exam}/results/{chance.choice(FIRST_NAMES)}", json={"score": score})
        await asyncio.sleep(0.12 + 0.11 * math.sin(number / 70))


async def test_pictures_are_made(browser: Browser, tmp_path: Path) -> None:
    folder = Path(FOLDER or tmp_path)
    async with demonstration(browser) as visit:
        page = visit.page
        await page.set_viewport_size(WIDE)  # type: ignore[arg-type]
        await opened(visit)
        await expect(region(page, "Arriving now").locator("tbody tr")).to_have_count(10, timeout=60_000)
        if KEPT:
            await page.wait_for_timeout(75_000)
        await _take(page, folder / "page-light.png", "light")
        await _take(page, folder / "page-dark.png", "dark")
        await page.set_viewport_size(PHONE)  # type: ignore[arg-type]
        await _take(page, folder / "page-phone.png", "light")
        await page.set_viewport_size({**WIDE, "height": 760})  # type: ignore[typeddict-item]
        await opened(visit, "#/exams/11540")
        await expect(page.get_by_role("note")).to_be_visible()
        await _take(page, folder / "page-exam.png", "light")
        await region(page, "Results").get_by_role("link").first.click()
        await expect(region(page, "Scores by exam")).to_be_visible()
        await _take(page, folder / "page-student.png", "dark")
        await opened(visit, "#/inspectors")
        form = region(page, "Post a score")
        await form.get_by_label("Inspector").fill("a1-b1")
        for mark in (5, 0, 2, 5, 4, 4):
            await form.get_by_role("radio", name=str(mark)).check()
            await form.get_by_role("button").click()
            await expect(form.get_by_role("button")).to_be_enabled()
        await expect(form.get_by_role("status")).to_contain_text("Recorded.")
        await expect(region(page, "Inspectors").get_by_role("row", name="a1-b1")).to_contain_text("18")
        await _take(page, folder / "page-inspectors.png", "light")
        visit.check()
    assert_small(folder)


def assert_small(folder: Path) -> None:
    sizes = {path.name: path.stat().st_size for path in folder.glob("page-*.png")}
    assert len(sizes) == 6
    assert all(10_000 < size < 200_000 for size in sizes.values()), sizes


async def _take(page: Page, path: Path, scheme: str) -> None:
    await page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # type: ignore[arg-type]
    # The charts are drawn anew in the other colours.
    await page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    await page.screenshot(path=path)
