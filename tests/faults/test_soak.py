"""Everything at once, for long: what the server takes stays what it was, and at the end everything adds up.

Rule: the control is the same traffic at a server whose store keeps something of each score, and now and then a task
and a descriptor: the same looks have to find each of the four.
"""

import asyncio
import sys
import time
from contextlib import AsyncExitStack
from typing import Any

import aiohttp
from support.outside import Process, saw, server
from support.soak import LONG, SOAK
from support.tally import note
from support.traffic import Traffic, traffic
from support.vitals import Look, grown, look

SECONDS = 360 * SOAK if LONG else 10.0
"""An hour when `SCORES_SOAK` is 10."""
LOOKS = 60
TTL = 300 if LONG else 60
"""Longer than a client of a busy machine takes to be answered, and soon over beside the whole."""

FEED = (sys.executable, "-m", "scores", "feed", "--port", "0", "--rate", "50")
FAULTS = ("cut=0.02", "repeat=0.05", "garbage=0.05", "refuse=0.1")


async def look_for(seconds: float, one: Process, http: aiohttp.ClientSession) -> list[Look]:
    looks, began = list[Look](), time.monotonic()
    for number in range(1, LOOKS + 1):
        await asyncio.sleep(max(0.0, began + seconds * number / LOOKS - time.monotonic()))
        looks.append(await look(one, http))
    return looks


async def look_for_a_while(one: Process, http: aiohttp.ClientSession, going_on: Traffic) -> list[Look]:
    """As long as the control takes: after half an hour it has no descriptor left."""
    looks = await look_for(min(SECONDS, 60), one, http)
    await going_on.stop()
    return looks


async def test_everything_at_once_leaves_nothing_behind() -> None:
    settings: dict[str, Any] = {
        "keepalive_timeout": 5, "head_timeout": 1, "body_timeout": 1, "send_timeout": 1, "idempotency_ttl": TTL,
        "live_history": 500, "feed_backoff_min": 0.01, "feed_backoff_max": 0.1,
    }  # fmt: skip
    async with AsyncExitStack() as stack:
        faults = [word for fault in FAULTS for word in ("--fault", fault)]
        feed = await stack.enter_async_context(server(command=(*FEED, *faults), listening=False))
        settings["feed"] = (await feed.logs(r"simulated feed: (http\S+)"))[1]
        sound, leaky = await asyncio.gather(
            stack.enter_async_context(server(store="watched:dict", **settings)),
            stack.enter_async_context(server(store="leaky:dict", **settings)),
        )
        http = await stack.enter_async_context(aiohttp.ClientSession())
        going_on = await stack.enter_async_context(traffic(sound.address))
        going_on_there = await stack.enter_async_context(traffic(leaky.address))
        looks, control = await asyncio.gather(
            look_for(SECONDS, sound, http), look_for_a_while(leaky, http, going_on_there)
        )
        await going_on.stop()
        lost, doubled = await going_on.check()
        async with http.get(sound.address + "/feed") as answer:
            told = await answer.json()
        saw(f"soak of {SECONDS:.0f} s: {going_on.statuses.total()} requests, first look {looks[LOOKS // 3]}, last {looks[-1]}; {told}; control {grown(control)}")  # fmt: skip
        note(
            fault="soak", injected=going_on.keyed.fates.total() - going_on.keyed.fates["whole"], in_flight=0,
            acknowledged=going_on.acknowledged, lost=lost, doubled=doubled,
            longest_outage=going_on.honest.longest_outage,
        )  # fmt: skip
        assert (lost, doubled, going_on.errors) == (0, 0, 0)
        assert told["recorded"] > 0
        assert going_on.told > 0
        assert "Traceback" not in sound.log
        assert not grown(looks)
        assert {"rss", "descriptors", "tasks", "objects"} <= grown(control).keys()
