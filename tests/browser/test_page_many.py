"""The page at `/` with much behind it: a hundred thousand students, an exam of all of them, events that do not end."""

import pytest
from aiohttp.test_utils import TestServer
from playwright.async_api import Browser, CDPSession, expect
from support.browser import visiting
from support.page import filled, opened, region

from scores.config import Config
from scores.feed.simulator import SimulatorOptions, create_simulator
from scores.models import Result
from scores.web.server import running

pytestmark = pytest.mark.asyncio(loop_scope="session")

STUDENTS = 100_000

# The frames of three seconds, and how much of them scripts and layout took.
FRAMES = """() => new Promise((resolve) => {
  const times = [];
  const frame = (now) => {
    times.push(now);
    if (now - times[0] < 3000) requestAnimationFrame(frame);
    else resolve(times.slice(1).map((time, index) => time - times[index]));
  };
  requestAnimationFrame(frame);
})"""


async def test_a_hundred_thousand_students_come_page_by_page(browser: Browser) -> None:
    results = [Result(f"student {number:06}", 1, number % 101 / 101) for number in range(STUDENTS)]
    async with filled(results) as address, visiting(browser, address) as visit:
        page = await opened(visit, "#/students")
        table = region(page, "Students")
        for after in (0, 50, 100):
            await expect(table.locator(".where")).to_have_text(f"{after + 1}–{after + 50} of 100,000")
            await expect(table.locator("tbody tr")).to_have_count(50)
            await table.get_by_role("link", name="Next").click()
        await page.goto(f"{address}/#/exams/1")
        distribution = region(page, "Distribution")
        await expect(distribution).to_contain_text(
            "Of 5,000 of 100,000 results: the first ones", timeout=20_000
        )
        await expect(page.get_by_role("note")).to_be_hidden()
        await expect(region(page, "Results").locator(".where")).to_have_text("1–50 of 100,000")
        await page.get_by_role("combobox").fill("student 099999")
        await page.keyboard.press("Enter")
        await expect(region(page, "Results").locator("tbody th")).to_have_text(["1"])
        # Everything is asked for in parts.
        asked = [
            one for one in visit.asked if "/page/" not in one and ("/students" in one or "/exams" in one)
        ]
        assert asked
        assert all("limit=" in one for one in asked)
        visit.check()


async def test_sixty_events_a_second_leave_room_for_frames(browser: Browser) -> None:
    async with TestServer(create_simulator(SimulatorOptions(rate=60))) as feed:
        config = Config(feed=str(feed.make_url("/scores")), port=0)
        async with running(config) as address, visiting(browser, address) as visit:
            page = await opened(visit)
            await expect(region(page, "Arriving now").locator("tbody tr")).to_have_count(10, timeout=20_000)
            session = await page.context.new_cdp_session(page)
            await session.send("Performance.enable")
            before = await _metrics(session)
            frames = await page.evaluate(FRAMES)
            after = await _metrics(session)
            spent = {
                name: after[name] - before[name]
                for name in ("ScriptDuration", "LayoutDuration", "TaskDuration")
            }
            paint = await page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime")
            late = sum(frame > 25 for frame in frames)
            print(  # noqa: T201  # figures, for who runs it with -s
                f"first paint {paint:.0f} ms; {len(frames)} frames in 3 s, {late} late, longest {max(frames):.0f} ms;"
                f" of 3 s: {', '.join(f'{name} {seconds:.2f} s' for name, seconds in spent.items())}"
            )
            # A busy machine drops frames for anybody; what scripts take, they take on any.
            assert spent["ScriptDuration"] < 1.5
            assert len(frames) > 20
            visit.check()


async def _metrics(session: CDPSession) -> dict[str, float]:
    metrics = (await session.send("Performance.getMetrics"))["metrics"]
    return {one["name"]: one["value"] for one in metrics}
