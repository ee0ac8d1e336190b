"""The store `dict`: plain dictionaries, the simplest thing that works, and the fastest.

Its one weakness: a dictionary that grows past a power of two copies itself, and the write that
causes it waits (`sharded` is the remedy; figures in docs/explanation/stores.md).
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from scores.errors import ConfigError
from scores.stores.base import Store
from scores.stores.tallied import TallyingStore

__all__ = ["open_memory"]


@asynccontextmanager
async def open_memory(url: str) -> AsyncIterator[Store]:
    """Opens an empty store from `dict`, which takes no options; what it held is gone on leaving."""
    if url.partition(":")[2]:
        raise ConfigError(f"the store {url!r} is not allowed: dict takes no options, write `dict`")
    yield TallyingStore(dict)
