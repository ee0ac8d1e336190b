"""A server whose feed is another server ends with the same results, whichever of the two is killed."""

import asyncio
import signal
from collections.abc import Awaitable, Callable
from itertools import islice
from random import Random
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import orjson
import pytest
from aiohttp.test_utils import TestServer
from support.commands import Command
from support.live import stored_results
from support.redis_servers import redis_server, until

from scores.feed.faults import FeedFault
from scores.feed.sequence import ExamSeries
from scores.feed.simulator import SimulatorOptions, create_simulator

Serve = Callable[..., Awaitable[str]]
Start = Callable[..., Awaitable[Command]]

EVENTS = 3000
FAULTS = {FeedFault.CUT: 0.002, FeedFault.REPEAT: 0.01, FeedFault.GARBAGE: 0.01}
QUICK = {"feed_backoff_min": 0.01, "feed_backoff_max": 0.1}
QUICK_VARIABLES = {"SCORES_FEED_BACKOFF_MIN": "0.01", "SCORES_FEED_BACKOFF_MAX": "0.1"}

Results = dict[tuple[str, int], float]


def told_by_feed() -> Results:
    documents = [orjson.loads(event.data) for event in islice(ExamSeries().since(0), EVENTS)]
    return {(one["studentId"], one["exam"]): one["score"] for one in documents}


async def has_results(address: str, count: int) -> bool:
    async with aiohttp.ClientSession() as http, http.get(f"{address}/exams?limit=1000") as answer:
        counts: list[int] = [exam["count"] for exam in (await answer.json())["exams"]]
    return sum(counts) >= count


async def become_equal(one: str, other: str) -> Results:
    """Returns once both have the same results."""

    async def equal() -> bool:
        return await stored_results(one) == await stored_results(other)

    await until(equal)
    return await stored_results(one)


async def feed_status(address: str) -> dict[str, Any]:
    async with aiohttp.ClientSession() as http, http.get(f"{address}/feed") as answer:
        status: dict[str, Any] = await answer.json()
    return status


@pytest.mark.parametrize("store", ["dict", "sharded"])
async def test_a_server_becomes_what_its_feed_is_while_four_write_there(serve: Serve, store: str) -> None:
    one = await serve(store=store)
    other = await serve(feed=f"{one}/scores", **QUICK)
    async with aiohttp.ClientSession() as http:

        async def write(seed: int) -> None:
            random = Random(seed)
            for _ in range(60):
                path = f"{one}/exams/{random.randrange(5)}/results/s{random.randrange(20)}"
                async with http.put(path, json={"score": random.random()}) as answer:
                    assert answer.status in (200, 201)
                async with http.post(f"{one}/scores", json={"UUID": "u", "score": 3}) as answer:
                    assert answer.status == 200

        await asyncio.gather(*map(write, range(4)))
    assert len(await become_equal(one, other)) > 50
    status = await feed_status(other)
    # Means are no results, and no rubbish either.
    assert (status["rejected"], status["state"]) == (0, "open")


async def test_the_server_that_reads_is_killed(serve: Serve, command: Start) -> None:
    one = await serve()
    reader = await command("serve", "--port", "0", "--feed", f"{one}/scores", **QUICK_VARIABLES)
    stop = asyncio.Event()

    async def write(seed: int) -> None:
        random, number = Random(seed), 0
        async with aiohttp.ClientSession() as http:
            while not stop.is_set():
                number += 1
                path = f"{one}/exams/{seed}/results/s{random.randrange(400)}"
                async with http.put(path, json={"score": number % 997 / 997}) as answer:
                    assert answer.status in (200, 201)

    async with asyncio.TaskGroup() as group:
        for seed in range(2):
            group.create_task(write(seed))
        await until(lambda: has_results(reader.address, 100))
        await reader.stop(signal.SIGKILL)
        reader = await command("serve", "--port", "0", "--feed", f"{one}/scores", **QUICK_VARIABLES)
        await until(lambda: has_results(reader.address, 300))
        stop.set()
    assert len(await become_equal(one, reader.address)) >= 300


async def test_the_server_that_is_read_is_killed_and_has_its_data(serve: Serve, command: Start) -> None:
    async with redis_server() as redis:
        simulated = SimulatorOptions(rate=1500, ids=True, count=EVENTS, faults=FAULTS)
        await read_one_that_is_killed(serve, command, redis.url, simulated, when=EVENTS // 3)


async def test_the_server_that_is_read_is_killed_and_has_it_from_its_feed(
    serve: Serve, command: Start
) -> None:
    # At this rate each connection without an id begins at the first event.
    simulated = SimulatorOptions(rate=0, ids=True, count=EVENTS, faults=FAULTS)
    await read_one_that_is_killed(serve, command, "dict", simulated, when=1)


async def read_one_that_is_killed(
    serve: Serve, command: Start, store: str, simulated: SimulatorOptions, *, when: int
) -> None:
    feed = TestServer(create_simulator(simulated))
    await feed.start_server()
    arguments = ["--store", store, "--feed", f"http://127.0.0.1:{feed.port}/scores"]
    one = await command("serve", "--port", "0", *arguments, **QUICK_VARIABLES)
    other = await serve(feed=f"{one.address}/scores", **QUICK)
    await until(lambda: has_results(other, when))
    await one.stop(signal.SIGKILL)
    port = str(urlsplit(one.address).port)
    again = await command("serve", "--port", port, *arguments, **QUICK_VARIABLES)
    await until(lambda: has_results(again.address, EVENTS))
    assert await become_equal(again.address, other) == told_by_feed()
    assert (await feed_status(other))["reconnects"] > 0
    assert await again.stop() == 0
    await feed.close()
