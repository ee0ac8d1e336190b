"""A connection with the express lane: known requests are answered within `data_received`.

This and `inside` are the only files that know how aiohttp works inside. Rule: the lane is taken between
two messages only, while nothing is being answered, and in order; all else goes to aiohttp untouched.
"""

import asyncio
from collections import deque
from collections.abc import Coroutine
from functools import partial
from itertools import islice
from typing import Any, Final, NamedTuple, cast

from aiohttp import web
from aiohttp.http import StreamWriter
from aiohttp.streams import EMPTY_PAYLOAD

from scores.config import Config
from scores.web.connection import Connection, Connections
from scores.web.express.answers import closing, status_of
from scores.web.express.framing import END_OF_HEAD, Framing
from scores.web.express.heads import Head, Heads

__all__ = ["ExpressConnection", "ExpressConnections"]

_END: Final = len(END_OF_HEAD)

_TURN: Final = 64
"""Requests of one connection that are answered before others have their turn."""


class ExpressConnections(Connections):
    """Makes connections that share a memory of heads."""

    def __init__(self, server: web.Server, config: Config, heads: Heads) -> None:
        super().__init__(server, config)
        self.heads = heads

    def __call__(self) -> Connection:
        return ExpressConnection(self)


class ExpressConnection(Connection):
    """One client's connection."""

    __slots__ = ("_between", "_framing", "_heads", "_held", "_known", "_last", "_pending")

    def __init__(self, connections: ExpressConnections) -> None:
        super().__init__(connections)
        self._heads = connections.heads
        self._known = connections.heads.get
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

    def _take(self, data: bytes) -> None:  # noqa: C901 - the hot path: a call costs as much as all its conditions
        """Answers the requests that the data begins with, and passes on what is left."""
        now, size, at, taken, head = self._loop.time(), len(data), 0, 0, self._last
        while taken < _TURN:
            # Most send the same head as the time before, or one of a few.
            if head is None or not data.startswith(head.data, at):
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
            if not isinstance(answer, bytes):
                self._await(answer, head, now)
                break
            self._stream.write(answer)
            if self._logging_enabled:
                self._log(answer, head, now)
            if at == size or self._paused:
                break
        else:
            self._pending = self._loop.call_soon(self._go_on)
        if taken and self._manager is not None:
            self._manager.requests_count += taken
            self._next_keepalive_close_time = now + self._keepalive_timeout
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
        self._pending = task = self._loop.create_task(answer)
        task.add_done_callback(partial(self._send_awaited, head, started))

    def _send_awaited(self, head: Head, started: float, task: asyncio.Task[bytes]) -> None:
        ending, self._pending = self._draining or self._connections.closing, None
        if self.transport is None or task.cancelled():
            self.force_close()
        else:
            answer = closing(task.result()) if ending else task.result()
            self._stream.write(answer)
            self._next_keepalive_close_time = self._loop.time() + self._keepalive_timeout
            if self._logging_enabled:
                self._log(answer, head, started)
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

    def _log(self, answer: bytes, head: Head, started: float) -> None:
        writer = StreamWriter(self, self._loop)
        request = cast(Any, self._request_factory)(
            head.message, EMPTY_PAYLOAD, self, writer, self._task_handler
        )
        sent = Sent(status_of(answer), len(answer))
        self.log_access(request, cast(web.StreamResponse, sent), started)

    @property
    def _client(self) -> str:
        peer = self.peername
        return str(peer[0]) if isinstance(peer, tuple) else ""


class Sent(NamedTuple):
    """An answer as the access log sees it."""

    status: int
    body_length: int
    """Bytes, with the head: what aiohttp logs as `%b`."""
