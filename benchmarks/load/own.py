"""The load by our own client: protocols on the event loop that the server runs on.

The rule: a connection sends its next request when the last is answered. One that the server ends after
an answer is opened again; one that ends without an answer is an error.
"""

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from itertools import cycle
from math import inf
from time import perf_counter, perf_counter_ns
from typing import Final

from benchmarks.errors import BenchmarkError
from benchmarks.histogram import Histogram
from benchmarks.load.answers import Answers
from benchmarks.load.exchange import Exchange, endpoint, is_error, is_last
from benchmarks.progress import Progress
from benchmarks.turns import run

__all__ = ["load_by_own", "send_all"]

_PATIENCE: Final = 10.0
"""Seconds after the end in which what is under way has to be answered."""
_LOOK: Final = 0.2


def load_by_own(address: str, requests: Sequence[bytes], *, connections: int, seconds: float) -> Answers:
    """Loads the server at the address for so long, with the requests in turn.

    Raises `BenchmarkError` when it cannot be reached, does not answer in time, or answers without a
    Content-Length.
    """
    return run(_load(_Load(address, cycle(requests), seconds), connections))


def send_all(address: str, requests: Iterable[bytes], *, connections: int, progress: Progress) -> Answers:
    """Sends every request once, however long it takes; raises as `load_by_own`."""
    return run(_watch(_Load(address, iter(requests), inf), connections, progress))


class _Load:
    """What all connections share: the requests, the end, and the figures."""

    def __init__(self, address: str, requests: Iterator[bytes], seconds: float) -> None:
        self.address = address
        self.requests = requests
        self.seconds = seconds
        self.end = perf_counter_ns() + seconds * 1e9
        self.times = Histogram()
        self.errors = 0
        self.sent_all = False

    @property
    def is_over(self) -> bool:
        """Nothing more is to be sent."""
        return self.sent_all or perf_counter_ns() >= self.end


async def _load(load: _Load, connections: int) -> Answers:
    start = perf_counter()
    patience = None if load.seconds == inf else load.seconds + _PATIENCE
    try:
        async with asyncio.timeout(patience):
            await asyncio.gather(*(_keep_connected(load) for _ in range(connections)))
    except TimeoutError as exc:
        raise BenchmarkError(f"{load.address} did not answer within {_PATIENCE:g} s") from exc
    except OSError as exc:
        raise BenchmarkError(f"the connection to {load.address} failed: {exc}") from exc
    return Answers.of(load.times, errors=load.errors, seconds=perf_counter() - start)


async def _watch(load: _Load, connections: int, progress: Progress) -> Answers:
    async def look() -> None:
        while True:
            progress.reached(load.times.count)
            await asyncio.sleep(_LOOK)

    looking = asyncio.create_task(look())
    try:
        return await _load(load, connections)
    finally:
        looking.cancel()


async def _keep_connected(load: _Load) -> None:
    """Has one connection, and another when the server ended it, until the end."""
    loop, where = asyncio.get_running_loop(), endpoint(load.address)
    while not load.is_over:
        _, connection = await loop.create_connection(lambda: _Connection(load), *where)
        await connection.over


class _Connection(Exchange):
    def __init__(self, load: _Load) -> None:
        super().__init__()
        self._load = load
        self._start = 0
        """When the request was sent that is not answered yet; 0 when there is none."""

    def opened(self) -> None:
        self._next()

    def answered(self, data: bytes, head: int) -> None:
        load, now = self._load, perf_counter_ns()
        load.times.record(now - self._start)
        self._start = 0
        if is_error(data):
            load.errors += 1
        if now >= load.end or is_last(data, head):
            self.close()
        else:
            self._next()

    def _next(self) -> None:
        request = next(self._load.requests, None)
        if request is None:
            self._load.sent_all = True
            self.close()
            return
        self._start = perf_counter_ns()
        self.send(request)

    def ended(self) -> None:
        self._load.errors += self._start > 0
