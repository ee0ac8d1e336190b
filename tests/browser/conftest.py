"""One browser for all tests, which share its loop; a server and a page for each."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest_asyncio
from playwright.async_api import Browser
from support.browser import Visit, launched, visiting
from support.commands import Command

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


@pytest_asyncio.fixture(loop_scope="session")
async def start_server() -> AsyncIterator[Callable[[str], Awaitable[Command]]]:
    """Starts `scores serve` on this port, as a process of its own that can be killed."""
    processes: list[asyncio.subprocess.Process] = []

    async def start(port: str) -> Command:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "scores", "serve", "--feed", "off", "--port", port,
            env={key: value for key, value in os.environ.items() if not key.startswith("SCORES_")},
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        processes.append(process)
        started = Command(process)
        started.address = (await started.until(r"listening: (http://\S+)"))[1]
        return started

    yield start
    for process in processes:
        if process.returncode is None:
            process.kill()
            await process.communicate()
