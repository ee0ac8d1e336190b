"""Real Redis, in each shape that a store can have behind it, started once for all tests that want it."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import pytest
from redis import Redis
from support.redis_cluster import redis_cluster
from support.redis_sentinel import sentinel_setup
from support.redis_servers import RedisServer, redis_server

from scores.testing import BlockingStore, open_blocking

Shape = tuple[str, list[RedisServer]]
"""A store's URL, and the servers that hold its data."""


@asynccontextmanager
async def single() -> AsyncIterator[Shape]:
    async with redis_server() as server:
        yield server.url, [server]


@asynccontextmanager
async def behind_sentinels() -> AsyncIterator[Shape]:
    async with sentinel_setup() as setup:
        yield setup.url, [setup.master]


@asynccontextmanager
async def cluster() -> AsyncIterator[Shape]:
    async with redis_cluster() as nodes:
        yield nodes.url, list(nodes.masters)


SHAPES: dict[str, Callable[[], AbstractAsyncContextManager[Shape]]] = {
    "single": single,
    "sentinel": behind_sentinels,
    "cluster": cluster,
}


@pytest.fixture(scope="session", params=SHAPES)
def shape(request: pytest.FixtureRequest) -> Iterator[Any]:
    """Servers for the whole run, in a loop of their own, as fixtures of a session have none."""
    with asyncio.Runner() as runner:
        opening = SHAPES[request.param]()
        shape = runner.run(_enter(opening))
        try:
            yield runner, shape
        finally:
            runner.run(_leave(opening))


@pytest.fixture
def store_url(shape: tuple[asyncio.Runner, Shape]) -> str:
    """The URL of an empty store."""
    runner, (url, servers) = shape
    for server in servers:
        runner.run(server.command("FLUSHALL"))
    return url


async def _enter(opening: AbstractAsyncContextManager[Shape]) -> Shape:
    return await opening.__aenter__()


async def _leave(opening: AbstractAsyncContextManager[Shape]) -> None:
    await opening.__aexit__(None, None, None)


@pytest.fixture(scope="module")
def server_url() -> Iterator[str]:
    with asyncio.Runner() as runner:
        opening = redis_server()
        server = runner.run(opening.__aenter__())
        try:
            yield server.url
        finally:
            runner.run(opening.__aexit__(None, None, None))


@pytest.fixture
def client(server_url: str) -> Iterator[Redis]:
    """Speaks to a server that holds nothing."""
    with Redis.from_url(server_url) as client:
        client.flushall()
        yield client


@pytest.fixture(scope="module")
def client_once(server_url: str) -> Iterator[Redis]:
    """The same for all examples of a test."""
    with Redis.from_url(server_url) as client:
        yield client


@pytest.fixture(scope="module")
def store_once(server_url: str) -> Iterator[BlockingStore]:
    """The same for all examples of a test."""
    with open_blocking(server_url) as store:
        yield store
