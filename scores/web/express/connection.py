"""A connection with the express lane: known requests are answered within `data_received`.

This and `inside` are the only files that know how aiohttp works inside. Rule: the lane is taken between
two messages only, while nothing is being answered, and in order; all else goes to aiohttp untouched.
"""

import asyncio
from collections import deque
from collections.abc import Coroutine
from functools import partial
from itertools import islice
from socket import AF_INET6, inet_pton
from time import monotonic
from typing import Any, Final

from aiohttp import web

from scores.config import Config
from scores.metrics.layout import SHORTEST
from scores.metrics.tally import Tally
from scores.tracing import Trace
from scores.web.access_log import Entry, remote
from scores.web.connection import Connection, Connections
from scores.web.express.answers import Refusal, closing
from scores.web.express.framing import END_OF_HEAD, Framing
from scores.web.express.heads import Head, Heads
from scores.web.pending import Pending

__all__ = ["ExpressConnection", "ExpressConnections"]

_END: Final = len(END_OF_HEAD)

_OK: Final = 200

_TURN: Final = 64
"""Requests of one connection that are answered before others have their turn."""

_MAPPED: Final = bytes(10) + b"\xff\xff"
"""What an address of IPv4 begins with, written as one of IPv6 (RFC 4291, section 2.5.5.2)."""


class ExpressConnections(Connections):
    """Makes connections that share a memory of heads."""

    def __init__(
        self,
        server: web.Server,
        config: Config,
        pending: Pending,
        tally: Tally | None,
        heads: Heads,
    ) -> None:
        super().__init__(server, config, pending, tally)
        self.heads = heads

    def __call__(self) -> Connection:
        return ExpressConnection(self)


class ExpressConnection(Connection):
    """One client's connection."""

    __slots__ = ("_between", "_framing", "_heads", "_held", "_known", "_last", "_pending", "_row")

    def __init__(self, connections: ExpressConnections) -> None:
        super().__init__(connections)
        self._heads = connections.heads
        self._known = connections.heads.get
        self._row = None if connections.tally is None else connections.tally.row
        self._last: Head | None = None
        self._framing = Framing()
        self._between = True
        self._pending: asyncio.Task[bytes] | asyncio.Handle | None = None
        """What has to happen before more bytes are read."""
        self._held = deque[bytes]()
        """What has come meanwhile, cut as it came: the rest of one piece, and at most another."""

    @property
    def busy(self) -> bool:
        return self._pending is not None or super().busy

    @property
    def complete(self) -> bool:
        return self._pending is not None or super().complete

    def data_received(self, data: bytes) -> None:
        waiter = self._waiter
        if self._pending is not None:
            self._hold(data)
        elif (
            self._between
            and waiter is not None  # aiohttp is idle exactly while it waits for a message
            and not waiter.done()
            and not self._paused
            and not self._draining
            and not self._connections.closing
        ):
            self._take(data)
        else:
            self._pass_on(data)

    def _take(self, data: bytes) -> None:  # noqa: C901, PLR0912 - the hot path: a call costs as much as its conditions
        """Answers the requests that the data begins with, and passes on what is left."""
        # The clock of the loop, asked for itself: uvloop's stands still while it calls us.
        now, size, at, taken, counted, head, row = monotonic(), len(data), 0, 0, 0, self._last, self._row
        while taken < _TURN:
            # Most send the same head as the time before, or one of a few.
            if head is None or not data.startswith(head.data, at):
                if head is not None and taken > counted:
                    self._count_passed(head, taken - counted, now)
                    counted = taken
                self._last = head = self._known(data[at : data.find(END_OF_HEAD, at) + _END])
                if head is None:
                    break
            start = at + len(head.data)
            end = start + head.length
            if end > size:
                break
            answer = head.answer(data[start:end])
            if answer is None:
                break
            head.used = True
            taken += 1
            at = end
            if type(answer) is not bytes:
                counted += 1
                if not isinstance(answer, bytes):
                    self._await(answer, head, now)
                    break
                self._note(answer, head, now)
            self._stream.write(answer)
            if self._access is not None:
                self._log(answer, head, now)
            if at == size or self._paused:
                break
        else:
            self._pending = self._loop.call_soon(self._go_on)
        if taken and self._manager is not None:
            self._manager.requests_count += taken
            self._next_keepalive_close_time = now + self._keepalive_timeout
        if row is not None and taken > counted and head is not None:
            if (spent := monotonic() - now) <= SHORTEST and taken == 1:
                # Most come alone, and this is `passed` without a call.
                row[head.cells] += 1.0
                row[head.sum] += spent
            else:
                self._count_passed(head, taken - counted, now)
        if self._pending is not None:
            self._held.appendleft(data[at:])
        elif at < size:
            self._pass_on(data[at:])

    def _pass_on(self, data: bytes) -> None:
        queued = len(self._messages)
        super().data_received(data)
        framing = self._framing
        if framing.certain:
            messages = [message for message, _ in islice(self._messages, queued, None)]
            for head, message in framing.follow(data, messages):
                self._heads.learn(head, message, client=self._client)
            self._between = framing.between

    def _await(self, answer: Coroutine[Any, Any, bytes], head: Head, started: float) -> None:
        if self._tally is not None:
            self._tally.begin()
        self._pending = task = self._loop.create_task(answer)
        task.add_done_callback(partial(self._send_awaited, head, started))

    def _send_awaited(self, head: Head, started: float, task: asyncio.Task[bytes]) -> None:
        ending, self._pending = self._draining or self._connections.closing, None
        if self._tally is not None:
            self._tally.end()
        if self.transport is None or task.cancelled():
            if self._tally is not None:
                self._tally.aborted()
            self.force_close()
        else:
            answer = task.result()
            written = closing(answer) if ending else answer
            self._stream.write(written)
            self._next_keepalive_close_time = self._loop.time() + self._keepalive_timeout
            self._note(answer, head, started)
            if self._access is not None:
                self._log(answer, head, started, size=len(written))
            if ending:
                self.force_close()
            else:
                self._go_on()
                return
        self.answered()

    def _hold(self, data: bytes) -> None:
        self._held.append(data)
        self._stream.pause_reading()

    def _go_on(self) -> None:
        self._pending = None
        if self.transport is None:
            self._held.clear()
            return
        while self._held and self._pending is None:
            if data := self._held.popleft():
                self.data_received(data)
        if not self.busy and not self._messages:
            if self._draining:
                self.close()
            self.answered()
        # aiohttp may have reasons of its own for a pause.
        paused = self._held or self._buffer_paused or self._reading_paused or self._stream.is_closing()
        if not paused and not self._stream.is_reading():
            self._stream.resume_reading()

    def _process_keepalive(self) -> None:
        if self.busy:
            # A client that waits for an answer is not idle.
            self._next_keepalive_close_time = self._loop.time() + self._keepalive_timeout
        super()._process_keepalive()

    def _note(self, answer: bytes, head: Head, started: float) -> None:
        """Counts one answer."""
        if self._tally is None:
            return
        seconds = monotonic() - started
        if isinstance(answer, Refusal):
            self._tally.hit(head.route, head.message.method, answer.status, seconds)
            self._tally.problem(answer.code)
        else:
            self._tally.passed(head.cells, 1, seconds)

    def _count_passed(self, head: Head, answers: int, started: float) -> None:
        """Counts answers that are all 200s to requests with this head."""
        if self._tally is not None:
            self._tally.passed(head.cells, answers, monotonic() - started)

    def _log(self, answer: bytes, head: Head, started: float, *, size: int = 0) -> None:
        if self._access is not None:
            message = head.message
            self._access.write(
                Entry(
                    remote(self.peername),
                    message.method,
                    message.url.raw_path,
                    "HTTP/1.1",
                    head.route,
                    answer.status if isinstance(answer, Refusal) else _OK,
                    size or len(answer),
                    monotonic() - started,
                    answer.trace if isinstance(answer, Refusal) else Trace(),
                )
            )

    @property
    def _client(self) -> str:
        peer = self.peername
        return _network(str(peer[0])) if isinstance(peer, tuple) else ""


def _network(address: str) -> str:
    """The address; of an IPv6 one the first 64 bits, as who has one has all (RFC 4291, section 2.5.4)."""
    if ":" not in address:
        return address
    packed = inet_pton(AF_INET6, address.partition("%")[0])
    return address if packed.startswith(_MAPPED) else packed[:8].hex()
