"""The page at `/` as tests read it: its tables, its figures, and what a visit may complain of.

The rule: what stands on the page is read as text, and found by its role and its name, as a screen reader does.
"""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

import aiohttp
from aiohttp.test_utils import TestServer
from playwright.async_api import Locator, Page, expect

from scores.config import Config
from scores.models import Repeats, Result
from scores.web.app import create_app
from scores.web.keys import STORE
from support.browser import Visit

__all__ = ["expected", "filled", "opened", "put", "region", "rows", "said"]

_TEXTS = "rows => rows.map(row => [...row.cells].map(cell => cell.textContent))"


async def opened(visit: Visit, hash_: str = "#/") -> Page:
    """The page at this address within it, once it is live."""
    await visit.page.goto(f"{visit.origin}/{hash_}")
    await expect(visit.page.locator("#live")).to_have_text("Live")
    return visit.page


def region(page: Page, name: str) -> Locator:
    """The part of the page with this name."""
    return page.get_by_role("region", name=name, exact=True)


async def rows(part: Locator) -> list[list[str]]:
    """The texts of the cells of a table, row by row, without its head."""
    texts: list[list[str]] = await part.locator("tbody tr").evaluate_all(_TEXTS)
    return texts


async def said(part: Locator, term: str) -> str | None:
    """What stands beside a term of a description list."""
    return await part.locator("dl > div").filter(has_text=term).locator("dd").first.text_content()


def expected(visit: Visit, *complaints: str) -> None:
    """Strikes out complaints that say this, each of which there must be."""
    for text in complaints:
        assert any(text in one for one in visit.complaints), (text, visit.complaints)
    visit.complaints[:] = [one for one in visit.complaints if not any(text in one for text in complaints)]


async def put(http: aiohttp.ClientSession, exam: int, student: str, score: float) -> None:
    """Records a result."""
    path = f"/exams/{exam}/results/{student}"
    async with http.put(path, json={"score": score}) as response:
        assert response.status in (200, 201)


@asynccontextmanager
async def filled(results: Iterable[Result]) -> AsyncIterator[str]:
    """The address of a server whose store has these from its start."""
    app = create_app(Config(feed=None))
    async with TestServer(app) as server:
        await app[STORE].record([*results], repeats=Repeats.LAST)
        yield str(server.make_url("/")).rstrip("/")
