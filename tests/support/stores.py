"""A store of each kind to start a server on, empty."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from tempfile import TemporaryDirectory

from support.redis_cluster import redis_cluster
from support.redis_servers import redis_server

__all__ = ["store_of"]


@asynccontextmanager
async def store_of(kind: str) -> AsyncIterator[str]:
    """The URL of an empty store: `redis`, `cluster`, `sqlite`, or an embedded one's own name."""
    if kind == "redis":
        async with redis_server() as server:
            yield server.url
    elif kind == "cluster":
        async with redis_cluster() as cluster:
            yield cluster.url
    elif kind == "sqlite":
        with TemporaryDirectory() as directory:
            yield f"sqlite:{directory}/scores.db"
    else:
        yield kind
