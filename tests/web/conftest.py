"""A server on each embedded store, whose every answer has to be one that its description allows."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import aiohttp
import pytest
from support.api import Answer, Api
from support.described import check

from scores.config import Config
from scores.web.server import running


@pytest.fixture
def api_for(
    serve: Callable[..., Awaitable[str]], http: aiohttp.ClientSession
) -> Callable[..., Awaitable[Api]]:
    """Starts a server with these settings."""

    async def start(**settings: Any) -> Api:
        return Api(await serve(**settings), http, check)

    return start


@pytest.fixture(params=["dict", "sharded"])
async def api(request: pytest.FixtureRequest, api_for: Callable[..., Awaitable[Api]]) -> Api:
    """A server on each embedded store."""
    return await api_for(store=request.param)


@pytest.fixture
def blocking_api() -> Iterator[Callable[..., Answer]]:
    """A server to ask from plain functions: a property test asks many times in one test."""
    with asyncio.Runner() as runner:

        async def ask(method: str, path: str, **options: Any) -> Answer:
            async with aiohttp.ClientSession() as session:
                return await Api(address, session, check)(method, path, **options)

        server = running(Config(feed=None, port=0))
        address = runner.run(server.__aenter__())
        yield lambda *args, **options: runner.run(ask(*args, **options))
        runner.run(server.__aexit__(None, None, None))
