"""Safe retries, from end to end: whatever breaks off, each score is counted once, and every mean is exact.

With more scores for each store, as a test of hours rather than of seconds:

    RETRIES=100000 python -m pytest -n0 -s --timeout=0 tests/test_retries.py
"""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager

import aiohttp
import pytest
from support.commands import Command
from support.redis_cluster import redis_cluster
from support.redis_servers import redis_server
from support.retries import FATES, Tally, post_all, post_until
from support.stores import store_of

from scores import Inspector, Mark, Score, Store, StoreError
from scores.stores.embedded import EmbeddedStore
from scores.testing.oracle import exact_mean

Serve = Callable[..., Awaitable[str]]

POSTS = int(os.environ.get("RETRIES", "250"))
KILLS = 2


@asynccontextmanager
async def dict_store() -> AsyncIterator[str]:
    yield "dict"


@asynccontextmanager
async def sharded_store() -> AsyncIterator[str]:
    yield "sharded"


@asynccontextmanager
async def sqlite_store() -> AsyncIterator[str]:
    async with store_of("sqlite") as url:
        yield url


@asynccontextmanager
async def redis_store() -> AsyncIterator[str]:
    async with redis_server() as server:
        yield server.url


@asynccontextmanager
async def cluster_store() -> AsyncIterator[str]:
    async with redis_cluster() as cluster:
        yield cluster.url


async def stored(address: str) -> dict[str, tuple[float, int]]:
    """Each inspector's mean and count."""
    async with aiohttp.ClientSession() as http, http.get(f"{address}/inspectors?limit=1000") as answer:
        found = (await answer.json())["inspectors"]
    return {one["UUID"]: (one["mean"], one["count"]) for one in found}


def meant(tally: Tally) -> dict[str, tuple[float, int]]:
    """The same, by the oracle."""
    return {uuid: (exact_mean(scores), len(scores)) for uuid, scores in tally.scores.items() if scores}


@pytest.mark.parametrize("store", [dict_store, sharded_store, sqlite_store, redis_store, cluster_store])
async def test_scores_whose_connections_break_off_are_each_counted_once(
    serve: Serve, store: Callable[[], object]
) -> None:
    async with store() as url:  # type: ignore[attr-defined]  # each is a context manager
        address = await serve(store=url)
        began = time.monotonic()
        tally = await post_all(address, POSTS)
        seconds = time.monotonic() - began
        assert await stored(address) == meant(tally)
        assert tally.posts == POSTS
        assert all(tally.fates[fate] > POSTS / 10 for fate in FATES)
    scheme, attempts = url.partition(":")[0], tally.fates.total()
    print(f"\n{scheme}: {POSTS} scores, {attempts} attempts, {tally.fates} {tally.refused} {seconds:.0f} s")  # noqa: T201 - the figures of the long form


class Forgetful(EmbeddedStore):
    """Takes no notice of marks."""

    async def add(
        self, scores: Sequence[Score], *, marks: Sequence[Mark | None] = ()
    ) -> list[Inspector | StoreError]:
        return await super().add(scores)


async def test_without_marks_the_same_clients_find_scores_counted_twice(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    @asynccontextmanager
    async def open_forgetful(_url: str) -> AsyncIterator[Store]:
        yield Forgetful(dict)

    monkeypatch.setattr("scores.web.app.open_store", open_forgetful)
    address = await serve()
    tally = await post_all(address, 200, again=0)
    counts = {uuid: count for uuid, (_, count) in (await stored(address)).items()}
    assert sum(counts.values()) > tally.posts
    assert all(counts[uuid] >= len(scores) for uuid, scores in tally.scores.items())


async def test_servers_that_are_killed_change_nothing(command: Callable[..., Awaitable[Command]]) -> None:
    async with redis_server() as redis:

        async def start() -> Command:
            return await command("serve", "--port", "0", "--feed", "off", "--store", redis.url)

        servers = list(await asyncio.gather(start(), start()))
        addresses = [server.address for server in servers]
        tally, done = Tally(), asyncio.Event()
        async with asyncio.TaskGroup() as group:
            group.create_task(post_until(addresses, done, tally))
            for number in range(KILLS):
                await tally.more(100)
                killed = number % 2
                servers[killed].process.kill()
                await servers[killed].process.communicate()
                servers[killed] = await start()
                addresses[killed] = servers[killed].address
            await tally.more(100)
            done.set()
        for server in servers:
            assert await stored(server.address) == meant(tally)
            assert await server.stop() == 0
