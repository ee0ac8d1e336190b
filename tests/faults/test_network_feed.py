"""A bad network between the feed and the server: nothing that the feed has sent is missing, or is there twice."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from time import monotonic
from typing import Any

import pytest
from aiohttp.test_utils import TestServer
from support.accounts import Account
from support.crowds import crowd_of
from support.errands import Post
from support.feed_series import averages_at, averages_of
from support.listings import member
from support.network_faults import schedule, striking, told
from support.redis_servers import until
from support.soak import times
from support.tally import note
from support.tcp_proxy import tcp_proxy

from scores.feed.simulator import SimulatorOptions, create_simulator

Serve = Callable[..., Awaitable[str]]

BOUND = 5.0
"""Seconds within which those who post are answered, whatever becomes of the feed."""

SHORT: dict[str, Any] = {
    "feed_backoff_min": 0.01,
    "feed_backoff_max": 0.05,
    "feed_connect_timeout": 0.3,
    "feed_idle_timeout": 0.3,
}


@asynccontextmanager
async def simulated() -> AsyncIterator[TestServer]:
    """A feed of 500 events a second, which does not end."""
    feed = TestServer(create_simulator(SimulatorOptions(rate=500, ids=True)), shutdown_timeout=0)
    async with feed:
        yield feed


@pytest.mark.parametrize("seed", range(times(1)))
async def test_through_a_bad_network_every_event_arrives(serve: Serve, seed: int) -> None:
    steps = schedule(seed=seed, pairs=3)
    direct, longest = Account(), 0.0
    async with simulated() as feed, tcp_proxy("127.0.0.1", int(feed.port or 0)) as proxy:
        address = await serve(feed=f"http://127.0.0.1:{proxy.port}/scores", **SHORT)
        posts = [Post(address, direct, "once", name=f"direct{number}") for number in range(2)]
        with told(seed, steps):
            async with crowd_of(posts, direct):
                for step in steps:
                    async with striking(proxy, step):
                        await direct.more(100)
                    began, goal = monotonic(), await recorded_at(address) + 50
                    await until(partial(has_recorded, address, goal))
                    longest = max(longest, monotonic() - began)
            assert direct.longest_outage < BOUND
            await feed.close()
            # A feed that has ended is one that is waited for: what came has then been recorded.
            await until(partial(is_waiting, address))
            found = await averages_at(address)
            # Nothing is missing before the last that is there.
            stored = sum(count for _, count in found.values())
            assert found == averages_of(stored)
    note(
        fault="network before the feed", injected=len(steps), in_flight=len(steps), acknowledged=stored,
        lost=0, doubled=0, longest_outage=longest,
    )  # fmt: skip


async def test_control_a_client_of_the_feed_without_an_idle_timeout_waits_for_ever(serve: Serve) -> None:
    async with simulated() as feed, tcp_proxy("127.0.0.1", int(feed.port or 0)) as proxy:
        url = f"http://127.0.0.1:{proxy.port}/scores"
        wary, trusting = (
            await serve(feed=url, **SHORT),
            await serve(feed=url, **{**SHORT, "feed_idle_timeout": 3600}),
        )
        for address in (wary, trusting):
            await until(partial(has_recorded, address, 50))
        proxy.fall_silent()
        stuck = await recorded_at(trusting)
        goal = await recorded_at(wary) + 200
        await until(partial(has_recorded, wary, goal))
        assert await recorded_at(trusting) == stuck
        assert await member(trusting, "/feed", "state") == "open"


async def recorded_at(address: str) -> int:
    """How many results it says it has recorded, each as often as it came."""
    return int(await member(address, "/feed", "recorded"))


async def is_waiting(address: str) -> bool:
    return bool(await member(address, "/feed", "state") == "waiting")


async def has_recorded(address: str, count: int) -> bool:
    return await recorded_at(address) >= count
