"""Live readers: how soon each is told of a score, and what telling them costs the server.

The rule: nothing is left out: every reader has to be told of every score, in order and once, and a
figure counts only when it was.
"""

import argparse
import asyncio
import re
from collections.abc import Sequence
from contextlib import suppress
from time import perf_counter, perf_counter_ns
from typing import Final
from urllib.parse import urlsplit

from benchmarks.command import Command, add_store, positive
from benchmarks.cores import cores, on_core
from benchmarks.errors import BenchmarkError
from benchmarks.histogram import Histogram
from benchmarks.load.messages import post
from benchmarks.results import Row
from benchmarks.server import Server, serving
from benchmarks.turns import run
from benchmarks.usage import cpu_seconds

__all__ = ["COMMAND", "measure_live"]

_METHOD: Final = (
    "One server process has R readers of GET /scores?start=now, all in one client process, and is sent POST"
    " /scores at a steady rate on one connection. Latency: from when a score's answer has come to when a"
    " reader has its event, over all readers and events; lost: events that a reader was not told. cpu_us: the"
    " server's CPU time beyond what the same rate takes without readers, for each event and reader;"
    " server_cpu: the share of a core that the server takes in all. Events that happen while others are sent"
    " go out together, so with more of them one costs less."
)

_READERS: Final = (10, 100, 1000)
_STORES: Final = ("dict",)
_PATIENCE: Final = 30.0
_UUID: Final = "live"

_counts: Final = re.compile(rb'"count":([0-9]+)\}')


def measure_live(stores: Sequence[str], readers: Sequence[int], *, rate: int, seconds: int) -> list[Row]:
    """The figures of each number of readers, each of a new server."""
    rows: list[Row] = []
    for store in stores:
        for count in readers:
            # A limit of its own, however many are asked for.
            limits = {"SCORES_LIVE_READERS": str(count), "SCORES_MAX_CONNECTIONS": str(count + 10)}
            with serving(store, **limits) as server, on_core(cores().client):
                figures = run(_measure(server, count, rate, seconds))
            rows.append({"store": store, "readers": count, "rate_per_s": rate, **figures})
    return rows


async def _measure(server: Server, readers: int, rate: int, seconds: int) -> Row:
    events = rate * seconds
    sent = _Sent()
    alone = await _spend(server, sent, rate, events)
    listening = [await _Reader.open(server.address, sent) for _ in range(readers)]
    sent.first = events + 1
    taken = await _spend(server, sent, rate, events)
    with suppress(TimeoutError):
        async with asyncio.timeout(_PATIENCE):
            for reader in listening:
                await reader.reached(2 * events)
    told = sum(reader.told for reader in listening)
    for reader in listening:
        reader.close()
    lost = readers * events - told
    extra = None if alone is None or taken is None else max(taken.cpu - alone.cpu, 0)
    return {
        "events": events,
        "told": told,
        "lost": lost,
        "p50_ms": sent.latency.percentile(50) / 1e6,
        "p99_ms": sent.latency.percentile(99) / 1e6,
        "max_ms": sent.latency.worst / 1e6,
        "cpu_us": None if extra is None else round(extra / (events * readers) * 1e6, 2),
        "server_cpu": None if taken is None else round(taken.cpu / taken.seconds, 3),
        "passed": not lost and not any(reader.disorder for reader in listening),
    }


class _Spent:
    def __init__(self, cpu: float, seconds: float) -> None:
        self.cpu = cpu
        self.seconds = seconds


async def _spend(server: Server, sent: "_Sent", rate: int, events: int) -> _Spent | None:
    """What the server spends on so many scores, and on telling of them."""
    before, start = cpu_seconds(server.pid), perf_counter()
    await _post(server.address, sent, rate, events)
    # The last events are still on their way.
    await asyncio.sleep(0.2)
    after = cpu_seconds(server.pid)
    return None if before is None or after is None else _Spent(after - before, perf_counter() - start)


async def _post(address: str, sent: "_Sent", rate: int, events: int) -> None:
    url = urlsplit(address)
    reader, writer = await asyncio.open_connection(url.hostname, url.port)
    start = perf_counter()
    for number in range(events):
        if (due := start + number / rate - perf_counter()) > 0:
            await asyncio.sleep(due)
        writer.write(post(address, _UUID, number % 6))
        head = await reader.readuntil(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 200"):
            raise BenchmarkError(f"the server answered {head.splitlines()[0]!r}")
        await reader.readuntil(b"}")
        sent.answered.append(perf_counter_ns())
    writer.close()


class _Sent:
    """When each score was answered, and how long after that readers were told."""

    def __init__(self) -> None:
        self.answered: list[int] = []
        self.first = 1
        """The number of the first score that readers are told of."""
        self.latency = Histogram()


class _Reader(asyncio.Protocol):
    """One open stream."""

    def __init__(self, sent: _Sent) -> None:
        self.told = 0
        self.last = 0
        self.disorder = False
        self.opened = asyncio.get_running_loop().create_future()
        self._sent = sent
        self._rest = b""
        self._news = asyncio.Event()
        self._transport = asyncio.Transport()

    @classmethod
    async def open(cls, address: str, sent: _Sent) -> "_Reader":
        """A reader that has been let in."""
        url = urlsplit(address)
        loop = asyncio.get_running_loop()
        transport, reader = await loop.create_connection(
            lambda: cls(sent), url.hostname or "", url.port or 80
        )
        head = f"GET /scores?start=now HTTP/1.1\r\nHost: {url.netloc}\r\nAccept: text/event-stream\r\n\r\n"
        transport.write(head.encode("ascii"))
        async with asyncio.timeout(_PATIENCE):
            await reader.opened
        reader._transport = transport  # noqa: SLF001  # its own class
        return reader

    def data_received(self, data: bytes) -> None:
        """Counts the events that have come."""
        now = perf_counter_ns()
        if not self.opened.done():
            if not data.startswith(b"HTTP/1.1 200"):
                self.opened.set_exception(BenchmarkError(f"the server answered {data[:100]!r}"))
                return
            self.opened.set_result(None)
        whole, _, self._rest = (self._rest + data).rpartition(b"}")
        answered, first, record = self._sent.answered, self._sent.first, self._sent.latency.record
        for number in map(int, _counts.findall(whole + b"}")):
            if number < first:
                # Of the last scores before: still on its way when the reader came.
                continue
            self.disorder |= number != max(self.last + 1, first)
            self.last = number
            self.told += 1
            self._news.set()
            # A reader may be told before the one who asked: not later than at once.
            record(max(now - answered[number - 1], 0) if number <= len(answered) else 0)

    async def reached(self, number: int) -> None:
        """Returns when it has been told of the score with that number."""
        while self.last < number:
            self._news.clear()
            await self._news.wait()

    def close(self) -> None:
        """Leaves."""
        self._transport.close()


def _options(command: argparse.ArgumentParser) -> None:
    add = command.add_argument
    add_store(command)
    add("--readers", nargs="+", type=positive, default=_READERS, metavar="R", help="how many (10, 100, 1000)")
    add("--rate", type=positive, default=100, help="scores a second (%(default)s)")
    add("--seconds", type=positive, default=10, help="of each turn (%(default)s)")


def _run(arguments: argparse.Namespace) -> list[Row]:
    return measure_live(
        arguments.store or _STORES,
        arguments.readers,
        rate=arguments.rate,
        seconds=arguments.seconds,
    )


COMMAND: Final = Command(
    name="live",
    about="how soon live readers are told, and what it costs",
    method=_METHOD,
    options=_options,
    run=_run,
    tiny=("--readers", "3", "--rate", "50", "--seconds", "1"),
)
