"""A feed to script, and a client that listens to it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import pytest
from support.feeds import ScriptedFeed, WatchedStore

from scores.config import Config
from scores.feed.client import FeedClient


@pytest.fixture
async def scripted(no_leaks: None) -> AsyncIterator[Callable[..., Awaitable[ScriptedFeed]]]:
    async with AsyncExitStack() as stack:

        async def start(*scripts: Any, path: str = "/scores") -> ScriptedFeed:
            feed = ScriptedFeed(list(scripts))
            server = await asyncio.start_server(feed.serve, "127.0.0.1", 0)
            stack.callback(server.close)
            feed.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}{path}"
            return feed

        yield start


@pytest.fixture
def listening(no_leaks: None) -> Callable[..., Any]:
    """A client of that feed, with a store to watch, and waits that are short unless told otherwise."""

    @asynccontextmanager
    async def start(url: str, **settings: Any) -> AsyncIterator[tuple[FeedClient, WatchedStore]]:
        given = {key: settings.pop(key) for key in ("sleep", "random") if key in settings}
        short = {"feed_backoff_min": 0.001, "feed_backoff_max": 0.01}
        config = Config(**{"feed": url, **short, **settings})
        store = WatchedStore()
        client = FeedClient(config, store, **given)
        async with client.listening():
            yield client, store

    return start
