"""What every test stands on: nothing may be left running when a test ends, and servers on real sockets."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from typing import Any

import aiohttp
import hypothesis
import pytest
from support.commands import Command
from support.redis_servers import assert_all_gone

from scores.config import Config
from scores.web.server import running

# The first text that is drawn in a new clone takes seconds: Hypothesis makes its table of all characters.
hypothesis.settings.register_profile(
    "patient", hypothesis.settings(), suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("patient")

Serve = Callable[..., Awaitable[str]]


@pytest.fixture(scope="session", autouse=True)
def _no_server_left() -> Iterator[None]:
    """Fails the run that leaves a redis-server behind."""
    yield
    assert_all_gone()


@pytest.fixture
async def no_leaks() -> AsyncIterator[None]:
    """Fails the test that leaves a task behind."""
    before = asyncio.all_tasks()
    yield
    left = asyncio.all_tasks() - before - {asyncio.current_task()}
    assert not left


@pytest.fixture
async def serve(no_leaks: None) -> AsyncIterator[Serve]:
    """Starts servers on free ports, with these settings, and gives their addresses."""
    async with AsyncExitStack() as stack:

        async def start(**settings: Any) -> str:
            config = Config(**{"feed": None, "port": 0, **settings})
            return await stack.enter_async_context(running(config))

        yield start


@pytest.fixture
async def http(no_leaks: None) -> AsyncIterator[aiohttp.ClientSession]:
    """A client of its own for each test."""
    async with aiohttp.ClientSession() as session:
        yield session


@pytest.fixture
async def command(no_leaks: None) -> AsyncIterator[Callable[..., Any]]:
    """Starts `scores …` with these arguments and variables, and waits until it listens."""
    processes: list[asyncio.subprocess.Process] = []

    async def start(*arguments: str, listening: bool = True, **variables: str) -> Command:
        environ = {key: value for key, value in os.environ.items() if not key.startswith("SCORES_")}
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "scores", *arguments, env={**environ, **variables},
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        processes.append(process)
        started = Command(process)
        if listening:
            started.address = (await started.until(r"listening: (http://\S+)"))[1]
        return started

    yield start
    for process in processes:
        if process.returncode is None:
            process.kill()
            await process.communicate()
