"""One connection in memory: the client's end is a transport of asyncio, the other end is a few methods.

Rule: it does what a TCP connection does. Bytes come in order and in any pieces; a reset loses what has not been
taken yet, an orderly end does not; and who has paused reading is given nothing.
"""

import asyncio
from collections.abc import Callable
from typing import Any

__all__ = ["Wire"]


class Wire(asyncio.Transport):
    """A connection of the client's, from the moment it is made."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, protocol: asyncio.Protocol, left: Callable[["Wire"], None]
    ) -> None:
        """`left` is called when the client closes it."""
        super().__init__()
        self.number = 0
        self.taken_at = loop.time()
        """When the client was last given any byte, or began to read again: while it does not, nobody is silent but itself."""
        self.ended = False
        """Whether the other end has ended it."""
        self._loop = loop
        self._protocol = protocol
        self._left = left
        self._closed = False
        self._paused = False
        self._waiting: list[bytes | None] = []
        self._sent = bytearray()
        self._asked = loop.create_future()

    @property
    def open(self) -> bool:
        """Whether neither end has closed it."""
        return not self._closed and not self.ended

    # The other end.

    async def request(self) -> bytes:
        """The next request's head."""
        while b"\r\n\r\n" not in self._sent:
            self._asked = self._loop.create_future()
            await self._asked
        head, _, rest = bytes(self._sent).partition(b"\r\n\r\n")
        self._sent = bytearray(rest)
        return head

    def put(self, data: bytes) -> None:
        """Sends these bytes to the client."""
        if data:
            self._waiting.append(data)
        self._flow()

    def finish(self) -> None:
        """Sends the end of the stream."""
        self._waiting.append(None)
        self._flow()

    def reset(self) -> None:
        """Breaks the connection."""
        if not self._closed:
            self.ended = True
            self._waiting.clear()
            self._lose(ConnectionResetError(104, "Connection reset by peer"))

    def _flow(self) -> None:
        while self._waiting and not self._paused and not self._closed:
            data = self._waiting.pop(0)
            if data is None:
                self.ended = True
                self._protocol.eof_received()
                self._lose(None)
            else:
                self.taken_at = self._loop.time()
                self._protocol.data_received(data)

    def _lose(self, exc: Exception | None) -> None:
        if not self._closed:
            self._closed = True
            self._loop.call_soon(self._protocol.connection_lost, exc)
            self._left(self)

    # The client's end, as aiohttp uses it.

    def write(self, data: Any) -> None:
        if not self._closed:
            self._sent += data
            if not self._asked.done():
                self._asked.set_result(None)

    def close(self) -> None:
        self._lose(None)

    def abort(self) -> None:
        self._lose(None)

    def is_closing(self) -> bool:
        return self._closed

    def is_reading(self) -> bool:
        return not self._paused

    def pause_reading(self) -> None:
        self._paused = True

    def resume_reading(self) -> None:
        if self._paused:
            self._paused = False
            self.taken_at = self._loop.time()
            self._loop.call_soon(self._flow)

    def get_write_buffer_size(self) -> int:
        return 0

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        assert isinstance(protocol, asyncio.Protocol)
        self._protocol = protocol

    def get_protocol(self) -> asyncio.BaseProtocol:
        return self._protocol
