"""A feed server that behaves like the original one, and misbehaves on request.

Rule: what a stream sends next is a function of the options, of the loop's time and of its own seeded
random. Streams share nothing that one of them could hold up: a slow reader is waited for, and an event
is not made before the reader has room for it.
"""

import asyncio
import math
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count, islice
from random import Random
from typing import Final

from aiohttp import web

from scores.errors import ConfigError
from scores.feed.faults import PER_EVENT, RUBBISH, FeedFault
from scores.feed.pace import Pace
from scores.feed.sequence import Announcement, ExamSeries

__all__ = ["SimulatorOptions", "create_simulator"]

_LOOK: Final = 0.5
_MAX_RATE: Final = 1_000_000
_COMMENT: Final = b":\n\n"
_HEADERS: Final = {"Content-Type": "text/event-stream", "Cache-Control": "no-cache"}


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatorOptions:
    """How a simulated feed behaves; times are in seconds. Raises `ConfigError` for what is not allowed."""

    rate: float = 20.0
    """Events a second, up to a million; at 0 as fast as the reader takes them, from the first event on."""
    students: int = 200
    """How many different student ids there are, 25 … 1,000,000."""
    seed: int = 0
    """The same seed gives the same events and the same faults."""
    ids: bool = False
    """Each event has an id, and `Last-Event-ID` goes on after it, also with what was missed meanwhile."""
    count: int | None = None
    """How many events the series has; the connection stays open after the last."""
    faults: Mapping[FeedFault, float] = field(default_factory=dict)
    """The probability of each fault, 0 … 1."""
    delay: float = 2.0
    """How long `FeedFault.SLOW` takes."""
    keepalive: float = 15.0
    """After so long without an event a comment is sent."""

    def __post_init__(self) -> None:
        _check("rate", self.rate, 0 <= self.rate <= _MAX_RATE, allowed=f"a number from 0 to {_MAX_RATE}")
        _check("count", self.count, self.count is None or self.count >= 0, allowed="an integer from 0 on")
        _check("delay", self.delay, 0 <= self.delay < math.inf, allowed="a number of seconds from 0 on")
        _check("keepalive", self.keepalive, self.keepalive > 0, allowed="a number of seconds over 0")
        for fault, probability in self.faults.items():
            _check(fault.value, probability, 0 <= probability <= 1, allowed="a probability from 0 to 1")


def _check(name: str, value: object, valid: bool, /, *, allowed: str) -> None:
    if not valid:
        raise ConfigError(f"{name}={value} is not allowed: it must be {allowed}")


def create_simulator(options: SimulatorOptions) -> web.Application:
    """The application that serves the simulated feed at `GET /scores`; live since its first reader came.

    Raises `ConfigError` unless the options' `students` are a number that `ExamSeries` takes.
    """
    series = ExamSeries(seed=options.seed, students=options.students)

    async def start(app: web.Application) -> None:
        app[_FEED] = _Feed(options, series)

    async def stop(app: web.Application) -> None:
        app[_FEED].stop()

    app = web.Application()
    app.router.add_get("/scores", _subscribe, allow_head=False)
    app.on_startup.append(start)
    app.on_shutdown.append(stop)
    return app


async def _subscribe(request: web.Request) -> web.StreamResponse:
    return await request.app[_FEED].subscribe(request)


class _Feed:
    """A running simulator: the series, since when it is live, and the open streams."""

    def __init__(self, options: SimulatorOptions, series: ExamSeries) -> None:
        self._options = options
        self._series = series
        self._loop = asyncio.get_running_loop()
        self._pace: Pace | None = None
        self._connections = count()
        self._streams: set[_Stream] = set()
        self._stopped = False

    async def subscribe(self, request: web.Request) -> web.StreamResponse:
        # The luck is not the event's: a stream that resumes would be cut at the same event for ever.
        luck = Random(f"{self._options.seed}/{next(self._connections)}")  # noqa: S311  # repeatable, not secret
        stream = _Stream(request, self._options, luck)
        self._streams.add(stream)
        if self._stopped:
            stream.stop()
        try:
            return await self._answer(request, stream)
        finally:
            self._streams.remove(stream)

    def stop(self) -> None:
        """Has every stream end now, also one whose request is still on its way to `subscribe`."""
        self._stopped = True
        for stream in self._streams:
            stream.stop()

    async def _answer(self, request: web.Request, stream: "_Stream") -> web.StreamResponse:
        if stream.strikes(FeedFault.REFUSE):
            return web.Response(status=503, text="refused, as asked for\n")
        if stream.strikes(FeedFault.SLOW):
            await stream.idle(self._options.delay)
        response = web.StreamResponse(headers=_HEADERS)
        # A reader may leave at any time; that is how a stream usually ends.
        with suppress(ConnectionError):
            await response.prepare(request)
            number, pace = self._entry(request.headers.get("Last-Event-ID", ""))
            await stream.send(response, self._series.since(number), number=number, pace=pace)
        return response

    def _entry(self, last_event_id: str) -> tuple[int, Pace]:
        """Where in the series a stream begins, and its pace."""
        now = self._loop.time()
        if self._pace is None:
            # Live since its first reader: whoever starts both misses nothing.
            end = math.inf if self._options.count is None else self._options.count
            self._pace = Pace(self._options.rate, end, now)
        last = self._series.number(last_event_id) if self._options.ids else None
        if last is None:
            return self._pace.next(now), self._pace
        return last + 1, self._pace.resumed(last + 1, now)


class _Stream:
    """One connection: what it sends, when, and what befalls it."""

    def __init__(self, request: web.Request, options: SimulatorOptions, luck: Random) -> None:
        self._request = request
        self._options = options
        self._luck = luck
        self._eventful = any(options.faults.get(fault) for fault in PER_EVENT)
        self._loop = asyncio.get_running_loop()
        self._stopped: asyncio.Future[None] = self._loop.create_future()

    def strikes(self, fault: FeedFault) -> bool:
        """Whether the fault happens this time."""
        return self._luck.random() < self._options.faults.get(fault, 0)

    def stop(self) -> None:
        """Has the stream end now: after whole events, unless some cannot leave."""
        self._stopped.set_result(None)
        transport = self._request.transport
        if transport is not None and transport.get_write_buffer_size():
            # It may be waiting for a reader that does not read.
            transport.abort()

    async def idle(self, seconds: float) -> None:
        """Waits that long, at least one pass of the loop, or until the stream is over."""
        end = self._loop.time() + seconds
        left = seconds
        while not self._over():
            # aiohttp tells a handler that its reader has left only when it writes; a silent one has to look.
            await asyncio.wait((self._stopped,), timeout=min(left, _LOOK))
            left = end - self._loop.time()
            if left <= 0:
                return

    async def send(
        self, response: web.StreamResponse, events: Iterable[Announcement], *, number: int, pace: Pace
    ) -> None:
        """Sends the events, which begin with that number, each when it is due, until the stream is over."""
        events = iter(events)
        while not self._over():
            batch = list(islice(events, pace.ready(number, self._loop.time())))
            number += len(batch)
            frames, fault = self._frames(batch)
            await response.write(frames)
            if fault:
                await self._end(fault)
            else:
                await self._pause(response, pace.wait(number, self._loop.time()))

    def _frames(self, batch: list[Announcement]) -> tuple[bytes, FeedFault | None]:
        """The batch as it is sent, up to the fault that ends the stream if there is one."""
        if not self._eventful:
            return "".join([self._frame(event) for event in batch]).encode(), None
        frames: list[bytes] = []
        for event in batch:
            frame = self._frame(event).encode()
            if self.strikes(FeedFault.STALL):
                return b"".join(frames), FeedFault.STALL
            if self.strikes(FeedFault.CUT):
                return b"".join((*frames, frame[: len(frame) // 2])), FeedFault.CUT
            frames.append(frame)
            if self.strikes(FeedFault.REPEAT):
                frames.append(frame)
            if self.strikes(FeedFault.GARBAGE):
                frames.append(self._luck.choice(RUBBISH))
        return b"".join(frames), None

    def _frame(self, event: Announcement) -> str:
        if self._options.ids:
            return f"id: {event.id}\nevent: score\ndata: {event.data}\n\n"
        return f"event: score\ndata: {event.data}\n\n"

    async def _end(self, fault: FeedFault) -> None:
        # Before a cut, one pass of the loop lets what was written leave.
        await self.idle(math.inf if fault is FeedFault.STALL else 0)
        transport = self._request.transport
        if transport is not None and fault is FeedFault.CUT:
            transport.abort()

    async def _pause(self, response: web.StreamResponse, seconds: float) -> None:
        if seconds <= self._options.keepalive:
            await self.idle(seconds)
            return
        await self.idle(self._options.keepalive)
        if not self._over():
            await response.write(_COMMENT)

    def _over(self) -> bool:
        transport = self._request.transport
        return self._stopped.done() or transport is None or transport.is_closing()


_FEED: Final = web.AppKey("feed", _Feed)
