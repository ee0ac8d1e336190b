"""The simulator's faults, and a feed that is killed again and again: every result arrives."""

import asyncio
import os
import random
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable
from itertools import islice
from typing import Any

import orjson
import pytest
from aiohttp.test_utils import TestServer
from support.feeds import eventually

from scores.feed.faults import FeedFault
from scores.feed.sequence import ExamSeries
from scores.feed.simulator import SimulatorOptions, create_simulator
from scores.models import Result, parse_result
from scores.testing.oracle import exact_mean

Listening = Callable[..., Any]


def series(count: int, *, seed: int = 0) -> list[Result]:
    """What a simulator with that seed sends first."""
    return [parse_result(orjson.loads(event.data)) for event in islice(ExamSeries(seed=seed).since(0), count)]


def by_exam(results: list[Result]) -> dict[int, list[float]]:
    scores: dict[int, list[float]] = {}
    for result in results:
        scores.setdefault(result.exam, []).append(result.score)
    return scores


@pytest.fixture
async def simulate(no_leaks: None) -> AsyncIterator[Callable[..., Any]]:
    servers: list[TestServer] = []

    async def start(**options: Any) -> str:
        server = TestServer(create_simulator(SimulatorOptions(rate=0, ids=True, **options)))
        servers.append(server)
        await server.start_server()
        return str(server.make_url("/scores"))

    yield start
    for server in servers:
        await server.close()


@pytest.mark.parametrize(
    ("faults", "count"),
    [
        ({FeedFault.CUT: 0.01}, 2000),
        ({FeedFault.REPEAT: 0.2}, 2000),
        ({FeedFault.GARBAGE: 0.2}, 2000),
        ({FeedFault.STALL: 0.005}, 1000),
        ({FeedFault.REFUSE: 0.7, FeedFault.CUT: 0.01}, 1000),
        ({FeedFault.SLOW: 0.5, FeedFault.CUT: 0.005}, 1000),
        (dict.fromkeys(FeedFault, 0.01), 1000),
    ],
    ids=lambda value: "+".join(fault.value for fault in value) if isinstance(value, dict) else str(value),
)
async def test_every_result_arrives_through_a_fault(
    simulate: Callable[..., Any], listening: Listening, faults: dict[FeedFault, float], count: int
) -> None:
    # A slow start is slower than anyone would wait for: it has to be given up.
    url = await simulate(count=count, faults=faults, delay=3600)
    expected = series(count)
    idle = 0.1 if FeedFault.STALL in faults else 3600
    async with listening(url, feed_idle_timeout=idle, feed_connect_timeout=0.2) as (client, store):
        await eventually(lambda: len(store.seen) >= count)
        assert set(store.written) == set(expected)
        # In order, but for what came twice.
        assert list(dict.fromkeys(store.written)) == expected
        if FeedFault.GARBAGE not in faults:
            assert client.status.rejected.total() == 0
        exams = (await store.exams(limit=1000)).items
    assert {one.exam: (one.average, one.count) for one in exams} == {
        exam: (exact_mean(scores), len(scores)) for exam, scores in by_exam(expected).items()
    }


class Feed:
    """`scores feed` as a process of its own, which can be killed and started again on its port."""

    def __init__(self, count: int) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}/scores"
        self._command = [
            sys.executable,
            "-m",
            "scores",
            "feed",
            "--ids",
            "--rate",
            "0",
            "--count",
            str(count),
        ]
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        environ = {key: value for key, value in os.environ.items() if not key.startswith("SCORES_")}
        self._process = await asyncio.create_subprocess_exec(
            *self._command, "--port", str(self.port), env=environ, stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        assert self._process.stdout is not None
        await self._process.stdout.readline()

    async def kill(self) -> None:
        if self._process is not None and self._process.returncode is None:
            self._process.send_signal(signal.SIGKILL)
            await self._process.communicate()


async def test_a_feed_that_is_killed_20_times_at_full_speed_loses_nothing(listening: Listening) -> None:
    count, rng = 400_000, random.Random(1)
    expected = series(count)
    feed = Feed(count)
    try:
        await feed.start()
        async with listening(feed.url) as (client, store):
            for _ in range(20):
                goal = len(store.written) + rng.randrange(1, 5000)
                await store.until(lambda goal=goal: len(store.written) >= goal)
                assert len(store.written) < count
                await feed.kill()
                await feed.start()
            await eventually(lambda: len(store.seen) >= count)
            assert list(dict.fromkeys(store.written)) == expected
            assert client.status.rejected.total() == 0
            assert client.status.reconnects >= 20
    finally:
        await feed.kill()
