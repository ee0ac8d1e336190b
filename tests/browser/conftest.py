"""One browser for all tests, which share its loop; a server and a page for each."""

from collections.abc import AsyncIterator

import pytest_asyncio
from playwright.async_api import Browser
from support.browser import Visit, launched, visiting

from scores.config import Config
from scores.web.server import running


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    """A Chromium."""
    async with launched() as one:
        yield one


@pytest_asyncio.fixture(loop_scope="session")
async def site() -> AsyncIterator[str]:
    """The address of a server of its own."""
    async with running(Config(feed=None, port=0)) as address:
        yield address


@pytest_asyncio.fixture(loop_scope="session")
async def loose_visit(browser: Browser, site: str) -> AsyncIterator[Visit]:
    """A page that can reach the server and nobody else; what happens there is not checked."""
    async with visiting(browser, site) as visit:
        yield visit


@pytest_asyncio.fixture(loop_scope="session")
async def visit(loose_visit: Visit) -> AsyncIterator[Visit]:
    """The same; anything that must not happen there fails the test."""
    yield loose_visit
    loose_visit.check()
