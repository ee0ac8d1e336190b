"""A load at a constant rate, whatever the server does: an open loop.

The rule: a request is due at its time whether or not the ones before it are answered, and its latency
counts from then on. A server that stalls thus makes all wait that come meanwhile, as real clients do.
"""

import asyncio
from collections import deque
from collections.abc import Iterator, Sequence
from time import perf_counter, perf_counter_ns
from typing import Final, NamedTuple

from benchmarks.errors import BenchmarkError
from benchmarks.histogram import Histogram
from benchmarks.load.exchange import Exchange, endpoint, is_error
from benchmarks.turns import run

__all__ = ["Steady", "send_steadily"]

_TICK: Final = 0.001
"""The loop's clock is no finer: what is due sooner is waited for without sleeping."""
_PATIENCE: Final = 30.0


class Steady(NamedTuple):
    """What came of a load, besides its times."""

    errors: int
    """Statuses from 400 on."""
    seconds: float


def send_steadily(
    address: str,
    requests: Iterator[bytes],
    *,
    rate: float,
    connections: int,
    times: Histogram,
) -> Steady:
    """Sends so many of the requests a second, until there is none left, and waits for all answers.

    How long each took is recorded in `times`, in nanoseconds. Raises `BenchmarkError` when the server cannot
    be reached, ends a connection, or does not answer.
    """
    return run(_send(address, _Queue(requests, rate, times), connections))


class _Queue:
    """What is due and not yet sent, the connections that have nothing to do, and the figures."""

    def __init__(self, requests: Iterator[bytes], rate: float, times: Histogram) -> None:
        self._requests = requests
        self._step = 1e9 / rate
        self._next = 0.0
        self.waiting = deque[tuple[int, bytes]]()
        self.idle = deque[_Connection]()
        self.times = times
        self.errors = 0

    def begin(self) -> None:
        """Has the first be due now."""
        self._next = float(perf_counter_ns())

    def fill(self) -> bool:
        """Takes in what has become due; false when nothing is left to come."""
        now = perf_counter_ns()
        while self._next <= now:
            request = next(self._requests, None)
            if request is None:
                return False
            self.waiting.append((int(self._next), request))
            self._next += self._step
        return True

    def dispatch(self) -> None:
        """Has idle connections send what waits."""
        while self.waiting and self.idle:
            self.idle.popleft().take(*self.waiting.popleft())

    @property
    def wait(self) -> float:
        """Seconds that can be slept before something is due."""
        return max((self._next - perf_counter_ns()) / 1e9 - _TICK, 0.0)


async def _send(address: str, queue: _Queue, connections: int) -> Steady:
    try:
        opened = await _open(address, queue, connections)
        start = perf_counter()
        await _drive(queue, opened)
        async with asyncio.timeout(_PATIENCE):
            await _finish(queue, opened)
    except TimeoutError as exc:
        raise BenchmarkError(f"{address} did not answer within {_PATIENCE:g} s") from exc
    except OSError as exc:
        raise BenchmarkError(f"the connection to {address} failed: {exc}") from exc
    return Steady(queue.errors, perf_counter() - start)


async def _open(address: str, queue: _Queue, connections: int) -> "list[_Connection]":
    loop, where = asyncio.get_running_loop(), endpoint(address)
    pairs = [await loop.create_connection(lambda: _Connection(queue), *where) for _ in range(connections)]
    return [connection for _, connection in pairs]


async def _drive(queue: _Queue, opened: "Sequence[_Connection]") -> None:
    """Sends everything at its time."""
    queue.begin()
    while queue.fill():
        queue.dispatch()
        _check(opened)
        await asyncio.sleep(queue.wait)


async def _finish(queue: _Queue, opened: "Sequence[_Connection]") -> None:
    """Returns when everything is answered."""
    while len(queue.idle) < len(opened) or queue.waiting:
        queue.dispatch()
        _check(opened)
        await asyncio.sleep(_TICK)
    for connection in opened:
        connection.close()
    await asyncio.gather(*(connection.over for connection in opened))


def _check(opened: "Sequence[_Connection]") -> None:
    for connection in opened:
        if connection.over.done():
            connection.over.result()
            raise BenchmarkError("the server closed a connection")


class _Connection(Exchange):
    def __init__(self, queue: _Queue) -> None:
        super().__init__()
        self._queue = queue
        self._due = 0

    def take(self, due: int, request: bytes) -> None:
        """Sends the request, which was due then."""
        self._due = due
        self.send(request)

    def opened(self) -> None:
        self._queue.idle.append(self)

    def answered(self, data: bytes, head: int) -> None:  # noqa: ARG002 - the server may end it whenever it likes
        queue = self._queue
        queue.times.record(perf_counter_ns() - self._due)
        queue.errors += is_error(data)
        queue.idle.append(self)
        queue.dispatch()

    def ended(self) -> None:
        pass
