"""Two servers of two workers on one Redis: one of the four reads the feed, whatever becomes of it."""

import asyncio
import os
import re
import signal
import time
from collections.abc import Awaitable, Callable
from itertools import islice
from typing import NamedTuple

import aiohttp
import orjson
from aiohttp.test_utils import TestServer
from support.commands import Command
from support.redis_servers import redis_server, until
from support.tcp_proxy import tcp_proxy

from scores.feed.sequence import ExamSeries
from scores.feed.simulator import SimulatorOptions, create_simulator
from scores.models import parse_result
from scores.testing.oracle import exact_mean

KILLS = 6
RATE = 300
EVENTS = 7000
TAKEOVER = 5.0
"""Seconds within which another must have taken over."""

Start = Callable[..., Awaitable[Command]]


class Opened(NamedTuple):
    """A worker has opened the feed."""

    pid: int
    at: float


async def follow(command: Command, opened: "asyncio.Queue[Opened]") -> None:
    """Reads a server's log to its end."""
    assert command.process.stderr is not None
    while line := await command.process.stderr.readline():
        if match := re.search(r"\[(\d+)\] feed open: http", line.decode()):
            opened.put_nowait(Opened(int(match[1]), time.monotonic()))
        elif match := re.search(r" listening: (http://\S+)", line.decode()):
            command.address = match[1]


async def test_the_worker_that_reads_the_feed_is_killed_again_and_again_and_nothing_is_lost(
    command: Start,
) -> None:
    feed = TestServer(create_simulator(SimulatorOptions(rate=RATE, ids=True, count=EVENTS)))
    await feed.start_server()
    opened: asyncio.Queue[Opened] = asyncio.Queue()
    async with redis_server() as redis, tcp_proxy("127.0.0.1", int(feed.port or 0)) as proxy:
        arguments = [
            "--store",
            redis.url,
            "--feed",
            f"http://127.0.0.1:{proxy.port}/scores",
            "--workers",
            "2",
        ]
        # A worker may open the feed before its supervisor says where it listens.
        servers = [await command("serve", "--port", "0", *arguments, listening=False) for _ in range(2)]
        logs = [asyncio.create_task(follow(server, opened)) for server in servers]
        try:
            readers = [await reader(opened)]
            # A reader that dies before the store knows any position leaves nothing to resume after.
            await until(lambda: has_results(servers[1], RATE // 3))
            for _ in range(KILLS):
                killed = time.monotonic()
                os.kill(readers[-1].pid, signal.SIGKILL)
                readers.append(await reader(opened))
                assert readers[-1].at - killed < TAKEOVER
            # Each reader has made one connection, and nobody else any.
            assert proxy.connections == KILLS + 1
            assert len({reader.pid for reader in readers}) > 2
            await until(lambda: has_results(servers[1], EVENTS))
            assert await exams(servers[1]) == expected()
            for server in servers:
                server.process.terminate()
                await server.process.wait()
        finally:
            for log in logs:
                log.cancel()
            await asyncio.wait(logs)
    await feed.close()


async def reader(opened: "asyncio.Queue[Opened]") -> Opened:
    async with asyncio.timeout(60):
        return await opened.get()


async def exams(server: Command) -> dict[int, tuple[float, int]]:
    """The average and the number of results of each exam."""
    async with aiohttp.ClientSession() as http, http.get(f"{server.address}/exams?limit=1000") as answer:
        found = (await answer.json())["exams"]
    return {exam["exam"]: (exam["average"], exam["count"]) for exam in found}


async def has_results(server: Command, count: int) -> bool:
    if not server.address:
        return False
    return sum(number for _, number in (await exams(server)).values()) >= count


def expected() -> dict[int, tuple[float, int]]:
    scores: dict[int, list[float]] = {}
    for event in islice(ExamSeries().since(0), EVENTS):
        result = parse_result(orjson.loads(event.data))
        scores.setdefault(result.exam, []).append(result.score)
    return {exam: (exact_mean(values), len(values)) for exam, values in scores.items()}
