"""A server that has been told to stop, and drains."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from scores.config import Config
from scores.web.server import running
from scores.web.stopping import Stop

__all__ = ["draining"]


@asynccontextmanager
async def draining(**settings: Any) -> AsyncIterator[str]:
    """Its address; it drains until the end of `async with`, or for `drain` seconds."""
    stop, stack = Stop(), AsyncExitStack()
    config = Config(**{"feed": None, "port": 0, "drain": 600.0, **settings})
    address = await stack.enter_async_context(running(config, stop=stop))
    stopping = asyncio.create_task(stack.aclose())
    # What leaving does first, it does before it waits for anything.
    await asyncio.sleep(0)
    try:
        yield address
    finally:
        stop.hurry.set()
        await stopping
