"""Stores that keep what they have acknowledged when a process is killed, as far as their kind does."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from tempfile import TemporaryDirectory

from support.redis_servers import redis_server
from support.stores import store_of

__all__ = ["durable_store"]


@asynccontextmanager
async def durable_store(kind: str) -> AsyncIterator[str]:
    """The URL of an empty store: `redis`, flushed before each answer, `sqlite`, or another kind as it comes."""
    if kind == "redis":
        async with redis_server(appendonly="always") as server:
            yield server.url
    elif kind == "sqlite":
        with TemporaryDirectory(prefix="scores-") as home:
            yield f"sqlite:{home}/scores.db"
    else:
        async with store_of(kind) as url:
            yield url
