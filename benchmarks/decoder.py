"""The event-stream decoder against the one inside aiohttp-sse-client 0.2.1.

The rule: both drain an aiohttp StreamReader filled with the same 64 KiB chunks, in turns, in one
process. The library decodes only inside `EventSource.__anext__`, so its response is set by its
attribute; its debug messages are disabled, as is the default. More than half its time goes in
reading lines, so a third contender gives it lines ready made: `ratio` is against that best case.
"""

import argparse
import asyncio
import gc
import statistics
from collections.abc import AsyncIterator, Callable, Coroutine
from time import perf_counter
from types import SimpleNamespace
from typing import Final

from aiohttp import StreamReader
from aiohttp.base_protocol import BaseProtocol
from aiohttp_sse_client.client import EventSource

from benchmarks.command import Command, positive
from benchmarks.events import event_stream
from benchmarks.results import Row
from scores.feed.decoder import Decoder

__all__ = ["COMMAND", "run"]

_METHOD: Final = (
    "Both decoders drain a StreamReader filled with the same 64 KiB chunks, in turns, in one process; every"
    " figure is the median of the rounds. ratio: against the library when its lines are given ready-made,"
    " its best case; ratio as used: against the library reading its lines itself."
)

_CHUNK = 65_536

# Takes the stream and the number of its events; returns seconds and the data of the last event.
_Contender = Callable[[bytes, int], Coroutine[None, None, tuple[float, str]]]


def _reader(stream: bytes) -> StreamReader:
    loop = asyncio.get_running_loop()
    # A limit above the whole stream: there is no connection that could be paused.
    reader = StreamReader(BaseProtocol(loop), len(stream), loop=loop)
    for start in range(0, len(stream), _CHUNK):
        reader.feed_data(stream[start : start + _CHUNK])
    reader.feed_eof()
    return reader


async def _ready(lines: list[bytes]) -> AsyncIterator[bytes]:
    for line in lines:
        yield line


async def _decoder(stream: bytes, _events: int) -> tuple[float, str]:
    reader, decoder, last = _reader(stream), Decoder(), ""
    start = perf_counter()
    async for chunk in reader.iter_chunked(_CHUNK):
        for event in decoder.feed(chunk):
            last = event.data
    return perf_counter() - start, last


async def _library(stream: bytes, events: int) -> tuple[float, str]:
    return await _drain(_reader(stream), events)


async def _library_lines(stream: bytes, events: int) -> tuple[float, str]:
    return await _drain(_ready(stream.splitlines(keepends=True)), events)


async def _drain(content: object, events: int) -> tuple[float, str]:
    source = EventSource("http://feed.invalid/", session=object())
    source._response = SimpleNamespace(status=200, content=content)  # noqa: SLF001 - else it connects
    last = ""
    start = perf_counter()
    # By number: at the end of the stream the library waits and connects again.
    for _ in range(events):
        last = (await anext(source)).data
    return perf_counter() - start, last


_CONTENDERS: dict[str, _Contender] = {
    "scores": _decoder,
    "aiohttp-sse-client": _library,
    "aiohttp-sse-client, lines given": _library_lines,
}


def _round(stream: bytes, events: int) -> dict[str, float]:
    """Return each contender's time per event (ns), once they agree on the last event."""
    times: dict[str, float] = {}
    seen: set[str] = set()
    for name, contender in _CONTENDERS.items():
        gc.collect()
        seconds, last = asyncio.run(contender(stream, events))
        times[name] = seconds / events * 1e9
        seen.add(last)
    if len(seen) != 1:
        raise RuntimeError(f"the contenders disagree on the last event: {seen}")
    return times


def _compare(stream: bytes, *, events: int, rounds: int) -> dict[str, float]:
    taken = [_round(stream, events) for _ in range(rounds)]
    medians = {name: statistics.median(times[name] for times in taken) for name in _CONTENDERS}
    ours, library, lines = medians.values()
    figures = {f"{name} (ns/event)": float(round(median)) for name, median in medians.items()}
    return figures | {"ratio": round(lines / ours, 1), "ratio as used": round(library / ours, 1)}


def run(*, events: int, rounds: int) -> dict[str, object]:
    """Return the median times (ns per event) and ratios, for events without and with an `id`.

    `ratio` is against the library with its lines given, `ratio as used` against it reading them.
    """
    return {
        "events": events,
        "rounds": rounds,
        "plain": _compare(event_stream(events, numbered=False), events=events, rounds=rounds),
        "numbered": _compare(event_stream(events, numbered=True), events=events, rounds=rounds),
    }


def _options(command: argparse.ArgumentParser) -> None:
    add = command.add_argument
    add("--events", type=positive, default=50_000, help="events in the stream (%(default)s)")
    add("--rounds", type=positive, default=9, help="turns that each decoder takes (%(default)s)")


def _run(arguments: argparse.Namespace) -> list[Row]:
    figures = run(events=arguments.events, rounds=arguments.rounds)
    common = {name: value for name, value in figures.items() if not isinstance(value, dict)}
    return [{"stream": name, **common, **value} for name, value in figures.items() if isinstance(value, dict)]


COMMAND: Final = Command(
    name="decoder",
    about="time of a feed's event",
    method=_METHOD,
    options=_options,
    run=_run,
    tiny=("--events", "100", "--rounds", "1"),
)
