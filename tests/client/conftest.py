"""Clients whose pauses are short, on real servers and on those that fail as they are told."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

import pytest

from scores.client import Client

Connect = Callable[..., Awaitable[Client]]


@pytest.fixture
async def connect(no_leaks: None) -> AsyncIterator[Connect]:
    """Opens clients."""
    async with AsyncExitStack() as stack:

        async def start(url: str, **options: Any) -> Client:
            return await stack.enter_async_context(Client(url, **{"backoff": (0.001, 0.01), **options}))

        yield start


@pytest.fixture
async def client(serve: Callable[..., Awaitable[str]], connect: Connect) -> Client:
    """A client of a server of its own."""
    return await connect(await serve())
