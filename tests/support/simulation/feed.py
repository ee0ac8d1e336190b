"""A feed that misbehaves by seed: what becomes of a connection, of its answer, and of each piece of its stream.

Rule: it keeps every event for whoever says where to go on. Who does not say it is given all of them until a store
knows a position, and from then on what comes from now on: a client that forgets where it was loses events.
"""

import asyncio
from collections.abc import Callable, Iterator
from random import Random
from typing import Final

from support.simulation.plan import Made, Plan
from support.simulation.wire import Wire

__all__ = ["SimulatedFeed"]

_HEAD: Final = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream%b\r\n\r\n"
_EMPTY: Final = b"HTTP/1.1 %b\r\nContent-Length: 0\r\n\r\n"
_ANSWERS: Final = {
    "503": _EMPTY % b"503 Later",
    "503 later": _EMPTY % b"503 Later\r\nRetry-After: 7",
    "500": _EMPTY % b"500 Oops",
    "404": _EMPTY % b"404 No",
    "401": _EMPTY % b"401 Who\r\nWWW-Authenticate: Bearer",
    "html": b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 6\r\n\r\n<html>",
    "rubbish": b"SSH-2.0-OpenSSH_9.2\r\n",
    "204": b"HTTP/1.1 204 No Content\r\n\r\n",
    "circle": _EMPTY % b"307 There\r\nLocation: /scores",
}
_NOISE: Final = (
    b"event: noise\ndata: {}\n\n",
    b"data: hello\n\n",
    b":\n\n",
    b"\n\n\n",
    b"id\x00: no\ndata\n\n",
    b"event: \xff\xfe\n\n",
)
_INVALID: Final = (
    b"event: score\ndata: {\n\n",
    b'event: score\ndata: {"exam":1,"studentId":"x","score":1.5}\n\n',
    b'event: score\ndata: {"exam":1,"score":0.5}\n\n',
    b"event: score\ndata: \xff\n\n",
    b"event: score\ndata: [[[[[[[[[[[[\n\n",
)


class SimulatedFeed:
    """Serves the events of the plan to one wire after another."""

    def __init__(
        self,
        plan: Plan,
        loop: asyncio.AbstractEventLoop,
        *,
        known: Callable[[], bool],
        trace: Callable[..., None],
    ) -> None:
        """`known` says whether a store knows a position."""
        self._plan = plan
        self._loop = loop
        self._known = known
        self._trace = trace
        self._random = Random(f"feed/{plan.seed}")
        self._numbers = {event.id: event.number for event in plan.events}
        self.struck = 0
        """How many faults there were."""

    def fate(self, *faults: str) -> str:
        """Which of these faults there is now; none, more often than not."""
        if self._loop.time() >= self._plan.calm or self._random.random() < 0.5:  # a coin
            return ""
        found = [fault for fault in faults if fault in self._plan.faults]
        self.struck += bool(found)
        return self._random.choice(found) if found else ""

    async def serve(self, wire: Wire) -> None:
        """Answers every request of the connection."""
        while True:
            head = await wire.request()
            fate = self.fate(
                "mute", "drop", "hang up", "half", "redirect", "circle", "204", "503", "503 later", "500", "404",
                "401", "html", "rubbish",
            )  # fmt: skip
            self._trace("asked", wire.number, fate)
            if fate == "mute":
                return
            if fate == "drop":
                wire.reset()
                return
            if fate == "hang up":
                wire.finish()
                return
            if fate == "half":
                wire.put(_HEAD[: self._random.randrange(1, 40)])
                return
            if fate in _ANSWERS:
                wire.put(_ANSWERS[fate])
            elif fate == "redirect":
                closing = self._random.random() < 0.5  # a coin
                wire.put(_EMPTY % (b"302 There\r\nLocation: /x" + b"\r\nConnection: close" * closing))
                if closing:
                    wire.finish()
                    return
            else:
                await _Stream(self._plan, self, wire, self._random).send(self._after(head))
                return

    def _after(self, head: bytes) -> int:
        """The number of the event that this reader has already."""
        for line in head.split(b"\r\n"):
            name, _, value = line.partition(b": ")
            if name.lower() == b"last-event-id":
                return self._numbers[value.decode()]
        if not self._known():
            return 0
        return sum(event.at < self._loop.time() for event in self._plan.events)


class _Stream:
    """The answer 200: pieces of an event stream, and what befalls them."""

    def __init__(self, plan: Plan, feed: SimulatedFeed, wire: Wire, random: Random) -> None:
        self._plan = plan
        self._feed = feed
        self._wire = wire
        self._random = random
        self._chunked = random.random() < 0.5  # a coin
        self._end_of_line = random.choice((b"\n", b"\n", b"\r\n", b"\r"))
        self._loop = asyncio.get_running_loop()

    async def send(self, last: int) -> None:
        """Sends what follows that event, for ever."""
        field = b"\r\nTransfer-Encoding: chunked" if self._chunked else b"\r\nConnection: close"
        self._wire.put(_HEAD % field)
        if self._random.random() < 0.2:  # now and then
            await self._emit(b"\xef\xbb\xbf")
        while True:
            due = [event for event in self._plan.events[last:] if event.at <= self._loop.time()]
            due = due[: self._random.choice((1, 1, 3, 100))]
            if due:
                last = due[-1].number
                await self._emit(b"".join(self._blocks(due)))
            else:
                await self._rest(last)

    def _blocks(self, due: list[Made]) -> Iterator[bytes]:
        before: list[bytes] = []
        for event in due:
            block = self._block(event)
            yield block
            before.append(block)
            fate = self._feed.fate("repeat", "noise", "invalid", "giant", "flood", "comment")
            if fate == "repeat":
                yield from before[-self._random.randint(1, 3) :]
            elif fate == "noise":
                yield self._random.choice(_NOISE)
            elif fate == "invalid":
                yield self._random.choice(_INVALID)
            elif fate == "giant":
                yield b"event: score\ndata: " + b"g" * self._random.choice((2100, 70_000)) + b"\n\n"
            elif fate == "flood":
                yield b":" + b"c" * 150_000 + b"\n"
            elif fate == "comment":
                yield b": hello\n\n"

    def _block(self, event: Made) -> bytes:
        retry = b""
        if "retry" in self._plan.faults and self._plan.retry:
            retry = b"retry: %d\n" % self._plan.retry
        student, exam, score = event.result
        return b'id: %b\nevent: score\n%bdata: {"studentId":"%b","exam":%d,"score":%r}\n\n' % (
            event.id.encode(),
            retry,
            student.encode(),
            exam,
            score,
        )

    async def _rest(self, last: int) -> None:
        """Waits for the next event, and says now and then that it is there."""
        fate = self._feed.fate("stall", "pause")
        idle = self._plan.settings["feed_idle_timeout"]
        if fate == "stall":
            await asyncio.sleep(idle * 10)
        left = [event.at for event in self._plan.events[last:]]
        wait = min([idle * 0.6, *(at - self._loop.time() for at in left[:1])])
        await asyncio.sleep(max(wait, 0.01) if fate != "pause" else idle * 0.9)
        if not left or left[0] > self._loop.time():
            await self._emit(b":\n\n")

    async def _emit(self, data: bytes) -> None:
        """Sends this, if nothing comes between."""
        data = data.replace(b"\n", self._end_of_line)
        if self._chunked:
            data = b"%x\r\n%b\r\n" % (len(data), data)
        fate = self._feed.fate("cut", "end", "trickle")
        if fate == "cut":
            self._wire.put(data[: self._random.randrange(len(data) + 1)])
            if self._random.random() < 0.5:  # a coin
                # What was sent may be read before the end is seen, or may not.
                await asyncio.sleep(0)
            self._wire.reset()
        elif fate == "end":
            self._wire.put(data[: self._random.randrange(len(data) + 1)])
            self._wire.finish()
        elif fate == "trickle" and len(data) < 1000:  # a slow flood would last for hours
            for at in range(0, len(data), 9):
                self._wire.put(data[at : at + 9])
                if self._loop.time() < self._plan.calm:
                    await asyncio.sleep(self._random.uniform(0.1, 2))
        else:
            cut = self._random.randrange(len(data) + 1)
            self._wire.put(data[:cut])
            if self._random.random() < 0.3:  # now and then
                await asyncio.sleep(0)
            self._wire.put(data[cut:])
        if not self._wire.open:
            await self._loop.create_future()
