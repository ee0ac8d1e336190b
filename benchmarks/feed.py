"""Events of the feed a second: from the bytes to the store in one process, and from a socket to a server.

The rule: the sender is as fast as it is read, and a figure counts only when every event was recorded.
"""

import argparse
import asyncio
import json
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from statistics import median
from time import monotonic, perf_counter, sleep
from typing import Final

from benchmarks.command import EMBEDDED, Command, add_store, positive
from benchmarks.connection import Connection, open_connection
from benchmarks.cores import cores, on_core
from benchmarks.errors import BenchmarkError
from benchmarks.events import event_stream
from benchmarks.reference import REFERENCE, REFERENCE_METHOD, reference
from benchmarks.results import Row
from benchmarks.server import serving
from benchmarks.turns import ratio, run, turns
from scores.errors import InvalidInput
from scores.feed.connection import PIECE
from scores.feed.decoder import Decoder
from scores.feed.parser import parse_events
from scores.models import Repeats
from scores.stores import Store, open_store

__all__ = ["COMMAND", "measure_feed"]

_METHOD: Final = (
    "The same events of the original feed's form each round, most of them with a new result. steps: in one"
    f" process, pieces of {PIECE:,} bytes go through Decoder.runs, parse_events and Store.record, as the"
    " feed's client has them, without a socket; again: the same events once more, all of them known by then,"
    " as when a feed repeats itself. server: `scores serve` with its feed at a socket that sends"
    " as fast as it is read, from the first byte sent until GET /feed states that all is recorded; it is"
    " asked every 10 ms once all is sent. They take turns, in new processes and new stores for server, new"
    " stores for steps; figures are medians of the rounds, low and high the slowest and the fastest."
    f" {REFERENCE_METHOD}"
)

_HOST: Final = "127.0.0.1"
_HEAD: Final = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"
_CONNECT: Final = 30.0
_PATIENCE: Final = 60.0
_LOOK: Final = 0.01

_Measure = Callable[[str, bytes, int], float]


def measure_feed(stores: Sequence[str], *, events: int, rounds: int) -> list[Row]:
    """The figures of each store, both ways."""
    stream = event_stream(events)
    with reference() as refer:
        return [row for store in stores for row in _compare(store, stream, events, rounds, refer)]


def _compare(
    store: str, stream: bytes, events: int, rounds: int, refer: Callable[[], float]
) -> Iterator[Row]:
    taken: dict[str, list[int]] = {name: [] for name in (*_WAYS, REFERENCE)}
    for name in turns(list(taken), rounds):
        measure = _WAYS.get(name)
        taken[name].append(round(refer() if measure is None else events / measure(store, stream, events)))
    beside = taken.pop(REFERENCE)
    for way, rates in taken.items():
        rate = round(median(rates))
        yield {
            "store": store,
            "way": way,
            "events": events,
            "events_per_s": rate,
            "low": min(rates),
            "high": max(rates),
            "us_per_event": round(1e6 / rate, 2),
            "aiohttp_per_s": round(median(beside)),
            "to_aiohttp": ratio(rates, beside),
            "rounds": rates,
        }


def _steps(store: str, stream: bytes, events: int) -> float:
    with on_core(cores().server):
        return run(_in_process(store, stream, events))[0]


def _again(store: str, stream: bytes, events: int) -> float:
    with on_core(cores().server):
        return run(_in_process(store, stream, events))[1]


async def _in_process(url: str, stream: bytes, events: int) -> tuple[float, float]:
    """The seconds that the events take for the first and for the second time."""
    async with open_store(url) as store:
        return await _record(store, stream, events), await _record(store, stream, events)


async def _record(store: Store, stream: bytes, events: int) -> float:
    decoder, recorded, start = Decoder(), 0, perf_counter()
    for position in range(0, len(stream), PIECE):
        runs = decoder.runs(stream[position : position + PIECE])
        results = parse_events([one for run in runs for one in run.data], _refuse)
        if results:
            recorded += len(await store.record(results, repeats=Repeats.LAST))
        await asyncio.sleep(0)
    seconds = perf_counter() - start
    if recorded != events:
        raise BenchmarkError(f"{recorded} of {events} events were recorded")
    return seconds


def _refuse(exc: InvalidInput, data: str) -> None:
    raise BenchmarkError(f"the event {data!r} states no result: {exc}") from exc


def _server(store: str, stream: bytes, events: int) -> float:
    with _listening() as feed:
        port = feed.getsockname()[1]
        with serving(store, SCORES_FEED=f"http://{_HOST}:{port}/scores") as server:
            reader, _ = feed.accept()
            with reader, on_core(cores().client), open_connection(server.address) as connection:
                reader.recv(PIECE)
                start = perf_counter()
                reader.sendall(_HEAD + stream)
                _await_recorded(connection, events)
                return perf_counter() - start


@contextmanager
def _listening() -> Iterator[socket.socket]:
    with socket.create_server((_HOST, 0)) as feed:
        feed.settimeout(_CONNECT)
        try:
            yield feed
        except TimeoutError as exc:
            raise BenchmarkError("the server does not read its feed") from exc


def _await_recorded(connection: Connection, events: int) -> None:
    request, deadline, recorded = connection.request("GET", "/feed"), monotonic() + _PATIENCE, 0
    while monotonic() < deadline:
        recorded = json.loads(connection.ask(request).body)["recorded"]
        if recorded == events:
            return
        sleep(_LOOK)
    raise BenchmarkError(f"{recorded} of {events} events were recorded within {_PATIENCE:g} s")


_WAYS: Final[dict[str, _Measure]] = {"steps": _steps, "again": _again, "server": _server}


def _options(command: argparse.ArgumentParser) -> None:
    add = command.add_argument
    add_store(command)
    add("--events", type=positive, default=200_000, help="events of the feed (%(default)s)")
    add("--rounds", type=positive, default=5, help="turns of each (%(default)s)")


def _run(arguments: argparse.Namespace) -> list[Row]:
    return measure_feed(arguments.store or EMBEDDED, events=arguments.events, rounds=arguments.rounds)


COMMAND: Final = Command(
    name="feed",
    about="events of the feed, decoded to recorded",
    method=_METHOD,
    options=_options,
    run=_run,
    tiny=("--store", "dict", "--events", "2000", "--rounds", "1"),
)
